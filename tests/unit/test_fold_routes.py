"""Routes and flags in the published depth: what counts, what only stands there, what stops a loosening."""

from dataclasses import replace

from factories import (
    CONTRACT,
    USDC,
    V2_POOL,
    WETH,
    feed_reading,
    make_block,
    make_settings,
    make_snapshot,
    market_settings,
    pair_reading,
    pair_settings,
    pool_reading,
)
from test_fold import WINDOW, drive

from keeper.fold import fold_sample, market_reading, read_plan
from keeper.records.decision import Folded
from keeper.records.settings import RouteSettings
from keeper.records.snapshot import Answer, MarketSnapshot, PoolReading
from keeper.records.units import Address
from keeper.store.codec import dumps, loads

BRIDGE = Address("0x" + "b1" * 20)
FIRST, SECOND = (pair_settings(address=Address("0x" + digit * 40)) for digit in "12")
ROUTE = RouteSettings(BRIDGE, 18, (FIRST,), (SECOND,), 5_000)
# 2,061 USDC an ETH; the bridge token is worth half an ETH.
LEGS = pair_reading(5_000 * 10**18, 10_000 * 10**18), pair_reading(10_000 * 10**18, 10_305_000 * 10**6)


def fold(route: RouteSettings | None, legs: tuple[PoolReading, ...] = LEGS, **changes: object) -> Folded:
    market = market_settings(routes=() if route is None else (route,), **changes)
    settings = make_settings(markets=(market,))
    snapshot = replace(make_snapshot(market=market), legs=legs if route and route.counted_bps else ())
    return fold_sample(b"", snapshot, WINDOW, (), market, settings)


def bound(row: Folded) -> int:
    assert row.estimates.depth.bound is not None
    return row.estimates.depth.bound


def test_a_counted_route_adds_depth_and_more_with_a_larger_share() -> None:
    without, quarter, half, whole = (
        bound(fold(row)) for row in (None, *(replace(ROUTE, counted_bps=share) for share in (2_500, 5_000, 10_000)))
    )
    assert without < quarter < half < whole
    assert bound(fold(replace(ROUTE, counted_bps=0))) == without
    # Half of the second leg is less than half of what the whole route adds, for the first leg's cost stays.
    assert (half - without) * 2 > whole - without


def test_a_route_has_no_say_on_the_price() -> None:
    dear = pair_reading(10_000 * 10**18, 10_305_000 * 10**6 * 104 // 100)
    assert fold(ROUTE, (LEGS[0], dear)).estimates.mid_price == fold(None).estimates.mid_price
    assert bound(fold(ROUTE, (LEGS[0], dear))) > bound(fold(ROUTE))


def test_only_the_legs_of_counted_routes_are_read_in_the_same_round() -> None:
    market = market_settings(routes=(ROUTE, replace(ROUTE, counted_bps=0, bridge=V2_POOL)))
    settings = make_settings(markets=(market,))
    reading = market_reading(market, settings, read_plan(b"", market, settings), CONTRACT, make_block())
    rounds, snapshot = drive(reading, Answer(False, b""))
    assert len(rounds) == 1
    asked = [ask.to for ask in rounds[0]]
    assert asked.count(FIRST.address) == asked.count(SECOND.address) == 1
    assert len(snapshot.legs) == 2
    assert len(snapshot.inputs) == 6
    assert loads(MarketSnapshot, dumps(snapshot)) == snapshot


def test_a_leg_that_fails_is_named_takes_the_route_away_and_stops_loosening() -> None:
    row = fold(ROUTE, (pool_reading(failure="the storage could not be read"), LEGS[1]))
    assert bound(row) == bound(fold(None))
    assert len(row.estimates.missing) == 1
    assert "the storage could not be read" in row.estimates.missing[0]
    spare = replace(ROUTE, collateral_pools=(FIRST, replace(FIRST, address=Address("0x" + "3" * 40))))
    two = fold(spare, (pool_reading(failure="gone"), *LEGS))
    assert bound(two) == bound(fold(ROUTE))
    assert len(two.estimates.missing) == 1


def test_a_route_whose_price_is_not_the_markets_is_named_and_not_counted() -> None:
    for factor in (94, 106):
        off = pair_reading(10_000 * 10**18, 10_305_000 * 10**6 * factor // 100)
        row = fold(ROUTE, (LEGS[0], off))
        assert bound(row) == bound(fold(None))
        assert [line for line in row.estimates.missing if f"the route through {BRIDGE}" in line]


def test_a_flagged_pool_sells_nothing_and_stops_nothing() -> None:
    row = fold(None, flagged=(V2_POOL,))
    assert 0 < bound(row) < bound(fold(None))
    assert row.estimates.missing == ()
    # What the flagged pool says of the price is not heard either.
    market = market_settings(flagged=(V2_POOL,))
    mad = replace(make_snapshot(market=market), pools=(pool_reading(), pair_reading(10**18, 10**30)))
    again = fold_sample(b"", mad, WINDOW, (), market, make_settings(markets=(market,)))
    assert again.estimates.mid_price == row.estimates.mid_price


def test_a_flagged_collateral_has_a_price_no_depth_and_the_highest_haircut() -> None:
    for token in (WETH, USDC):
        row = fold(ROUTE, flagged=(token,))
        assert row.estimates.mid_price == fold(None).estimates.mid_price
        assert (row.estimates.depth.bound, row.estimates.depth.at_500_bps, row.estimates.q_star) == (0, 0, 0)
        assert row.estimates.missing == ()
        assert row.estimates.waterfall is not None
        assert row.estimates.waterfall.unquotable
        assert row.decision.targets is not None
        assert row.decision.targets.haircut_bps == market_settings().model.haircut_max_bps


def test_a_flagged_bridge_takes_its_route_alone() -> None:
    row = fold(ROUTE, flagged=(BRIDGE,))
    assert bound(row) == bound(fold(None))
    assert row.estimates.missing == ()


def test_without_a_direct_venue_a_route_is_no_depth() -> None:
    market = market_settings(routes=(ROUTE,))
    dark = tuple(pool_reading(failure="dark") for _ in market.pools)
    snapshot = replace(make_snapshot(market=market, pools=dark, feed=feed_reading()), legs=LEGS)
    row = fold_sample(b"", snapshot, WINDOW, (), market, make_settings(markets=(market,)))
    assert row.estimates.depth.bound is None
    assert row.decision.targets is None
