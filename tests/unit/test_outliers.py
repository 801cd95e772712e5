"""A venue that the others do not confirm is named and not counted; it can only tighten."""

from dataclasses import replace

import pytest
from factories import (
    MID_TICK,
    V2_POOL,
    feed_reading,
    make_block,
    make_settings,
    make_snapshot,
    market_settings,
    pair_reading,
    pair_settings,
    pool_reading,
    pool_state,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.fold import fold_sample
from keeper.records.decision import Folded
from keeper.records.pools import Cumulative, UniswapV2State
from keeper.records.snapshot import PoolReading
from keeper.records.units import Address, Price
from keeper.risk.outliers import (
    OUTLIER_BPS,
    disagreement_bps,
    off_bps,
    off_median_bps,
    spot_off_mean_ticks,
    unconfirmed,
)

THIRD = Address("0x" + "77" * 20)
DEBT = 10_305_000 * 10**6


def fold(*pools: PoolReading, feed: int | None = 2061 * 10**8) -> Folded:
    market = market_settings()
    third = replace(pair_settings(), address=THIRD)
    market = replace(market, pools=(*market.pools, third)[: len(pools)])
    block = make_block(25_000)
    snapshot = make_snapshot(block=block, pools=pools, market=market, feed=feed_reading(feed))
    return fold_sample(b"", snapshot, 1000, (), market, make_settings(markets=(market,)))


def test_the_venue_off_the_median_is_named_and_its_depth_not_counted() -> None:
    honest = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading(), pair_reading())
    bent = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading(), pair_reading(debt=DEBT * 12 // 10))
    alone = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading())
    assert honest.estimates.missing == ()
    (line,) = bent.estimates.missing
    assert line.startswith(f"price: {THIRD}: ")
    assert line.endswith("bps off the median of 3 venues, not counted")
    assert bent.estimates.depth.at_200_bps == alone.estimates.depth.at_200_bps < honest.estimates.depth.at_200_bps  # type: ignore[operator]


def test_of_two_venues_that_disagree_the_one_off_the_feed_is_named_and_not_counted() -> None:
    alone = fold(pool_reading(pool_state(tick=MID_TICK)))
    for debt in (1, DEBT * 12 // 10, DEBT * 8 // 10, 2**112 - 1):
        apart = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading(debt=debt))
        (line,) = apart.estimates.missing
        assert line.startswith(f"price: {V2_POOL}: ")
        assert line.endswith("bps off the feed, which the other venue is near, not counted")
        assert apart.estimates.depth == alone.estimates.depth
        assert apart.estimates.mid_price == alone.estimates.mid_price


def test_two_venues_that_disagree_far_from_the_feed_are_both_counted_and_nothing_loosens() -> None:
    both = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading(debt=DEBT * 12 // 10), feed=3_000 * 10**8)
    none = fold(pool_reading(pool_state(tick=MID_TICK)), pair_reading(debt=DEBT * 12 // 10), feed=None)
    for apart in (both, none):
        (line,) = [row for row in apart.estimates.missing if row.startswith("price")]
        assert line.startswith("price: the two venues are ")
        assert apart.estimates.mid_price is not None


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=2), st.none() | st.integers(1, 10**6))
def test_the_feed_leaves_out_one_of_two_only_where_it_is_near_the_other(rows: list[int], feed: int | None) -> None:
    prices = [Price(row, 10**3) for row in rows]
    oracle = None if feed is None else Price(feed, 10**3)
    lone = unconfirmed(prices, oracle)
    if lone is None:
        return
    assert oracle is not None
    assert off_bps(prices[lone], oracle) > OUTLIER_BPS >= off_bps(prices[1 - lone], oracle)
    assert disagreement_bps(prices) > OUTLIER_BPS
    assert unconfirmed(prices[::-1], oracle) == 1 - lone


def test_the_bound_itself_is_still_believed() -> None:
    prices = [Price(10_000, 1), Price(10_000, 1), Price(10_000 + OUTLIER_BPS, 1)]
    assert off_median_bps(prices) == (0, 0, OUTLIER_BPS)
    assert off_median_bps([*prices[:2], Price(100_000_000 + OUTLIER_BPS * 10_000 + 1, 10_000)])[2] == OUTLIER_BPS + 1
    assert disagreement_bps(prices[1:]) == OUTLIER_BPS
    assert disagreement_bps(prices) == 0
    assert off_median_bps(prices[1:]) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=3, max_size=9))
def test_more_than_half_are_never_all_outliers_of_a_price_they_share(rows: list[tuple[int, int]]) -> None:
    prices = [Price(*row) for row in rows]
    shared = Price(2061, 1)
    majority = [shared] * (len(prices) + 1)
    assert off_median_bps([*prices, *majority])[len(prices) :] == (0,) * len(majority)


@pytest.mark.parametrize(("mean", "off"), [(MID_TICK, 0), (MID_TICK - 60, 60), (MID_TICK + 7, -7)])
def test_a_push_shows_between_spot_and_mean(mean: int, off: int) -> None:
    state = pool_state(tick=MID_TICK)
    now = state.now
    then = Cumulative(now.time - 1_800, now.tick_cumulative - 1_800 * mean, 0)
    assert spot_off_mean_ticks(replace(state, harmonic=then)) == off
    assert spot_off_mean_ticks(replace(state, harmonic=None)) is None
    assert spot_off_mean_ticks(UniswapV2State(1, 1)) is None
