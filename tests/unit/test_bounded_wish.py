"""Under a bounded profile no single price source, and no account off the holder list, moves the liquidation haircut."""

from dataclasses import replace
from functools import cache

import pytest
from factories import (
    MID_TICK,
    USDC,
    WETH,
    make_block,
    make_limits,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    model_settings,
    pair_reading,
    pool_reading,
    pool_settings,
    pool_state,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.cli.explain import explained
from keeper.fold import fold_sample
from keeper.records.decision import Folded
from keeper.records.estimates import SampleDepth
from keeper.records.pools import Cumulative
from keeper.records.positions import Position, Positions
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import PoolReading, PositionsReading
from keeper.records.units import Address, Price
from keeper.store.samples import StoredSample

WINDOW, SETTINGS, NOW, ETHER = 1000, make_settings(), make_block().timestamp, 10**18
WARM = tuple(SampleDepth(WINDOW - 288 * day, 0, 10**22, None, None, None) for day in range(1, 4))
CALM, WILD = 30, 90
"""By how many ticks a source's means go back and forth: about 50 and 150 % a year."""
WHALE = 10**5 * ETHER


@cache
def source(ticks: int) -> PoolReading:
    """A price source whose past half-hours moved by so many ticks; the newest two agree."""
    moves = [ticks * (ago // 1800 % 2) * 1800 if ago > 3600 else 0 for ago in range(86_400, 0, -1800)]
    rows = zip(range(86_400, 0, -1800), moves, strict=True)
    ring = tuple(Cumulative(NOW - ago, MID_TICK * (86_400 - ago) + move, 0) for ago, move in rows)
    return pool_reading(pool_state(ring=ring))


def market_of(count: int, **changes: object) -> MarketSettings:
    others = [pool_settings(address=Address("0x" + f"{at:040x}")) for at in range(1, count)]
    base = market_settings(model=model_settings(sigma_floor_wad=0), **changes)
    return replace(base, pools=(*base.pools, *others))


def stored(ticks: list[int], live_bps: int = 0, uncovered: int | None = None, bounded: int = 1) -> StoredSample:
    """A fold over sources that moved by so many ticks, and supply off the list where positions are read."""
    listed = {} if uncovered is None else {"protocol": "aave_v3", "holders": (WETH,)}
    market, positions = market_of(len(ticks), **listed), None
    if uncovered is not None:
        held = Position(USDC, 500 * ETHER, True, 500 * 2061 * 10**6, 500 * 1600 * 10**6, 8000)
        rows = Positions(500 * ETHER + uncovered, Price(2061 * 10**6, ETHER), (held,))
        positions = PositionsReading(rows, ())
    live = make_live(haircut_bps=5000, liquidation_target_bps=live_bps, ramp_from_bps=live_bps)
    words = make_words(replace(live, observed_time=NOW - 600), limits=make_limits(bounded=bounded))
    first, *others = map(source, ticks)
    pools = (first, pair_reading(), *others)
    snapshot = replace(make_snapshot(pools=pools, words=words, market=market), positions=positions)
    folded = fold_sample(b"", snapshot, WINDOW, WARM, market, SETTINGS)
    return StoredSample(snapshot.market, WINDOW, 1, b"", snapshot, folded)


def fold(ticks: list[int], live_bps: int = 0, uncovered: int | None = None, bounded: int = 1) -> Folded:
    return stored(ticks, live_bps, uncovered, bounded).folded


def wish(folded: Folded) -> int:
    assert folded.decision.targets is not None, folded.estimates.missing
    assert folded.estimates.missing_for_loans == ()
    return folded.decision.targets.liquidation_haircut_bps


def asked(folded: Folded) -> int:
    """What all inputs ask for open loans."""
    assert folded.estimates.liquidation_bps is not None
    return folded.estimates.liquidation_bps


REST = asked(fold([CALM, CALM, CALM]))
"""Liquidation haircut at which calm sources leave the market."""


def test_the_echo_of_a_push_in_one_source_moves_no_wish() -> None:
    echo = fold([CALM, CALM, WILD], REST)
    assert asked(echo) > REST + 500
    assert wish(echo) == REST
    (line,) = [line for line in echo.decision.reasons if line.startswith("no move of the liquidation haircut")]
    assert f"all inputs ask for {asked(echo)} bps" in line
    assert f"the second-highest price source and the holders on the list alone for {REST} bps" in line


def test_two_sources_that_both_rose_raise_it_and_as_far_as_the_lower_of_them_supports() -> None:
    both, unequal = fold([CALM, WILD, WILD], REST), fold([CALM, WILD - 20, WILD], REST)
    assert wish(both) == asked(both) > REST + 500
    assert wish(unequal) == asked(fold([WILD - 20] * 2)) < asked(unequal)
    assert any(f"is wished at {wish(unequal)} bps" in line for line in unequal.decision.reasons)


def test_it_falls_only_to_what_the_highest_source_asks_for() -> None:
    high = asked(fold([WILD] * 2))
    assert wish(fold([CALM, CALM, CALM], high)) == REST
    assert wish(fold([CALM, CALM, WILD - 20], high)) == asked(fold([WILD - 20] * 2)) < high
    assert wish(fold([CALM, CALM, WILD], high)) == high


def test_a_fake_whale_off_the_list_moves_no_wish_and_stops_a_fall() -> None:
    listed = wish(fold([CALM, CALM], uncovered=0))
    whale = fold([CALM, CALM], listed, uncovered=WHALE)
    assert asked(whale) > listed + 500
    assert wish(whale) == listed
    above = listed + 400
    assert wish(fold([CALM, CALM], above, uncovered=0)) == listed
    assert wish(fold([CALM, CALM], above, uncovered=WHALE)) == above


@pytest.mark.parametrize(("ticks", "uncovered"), [([CALM, WILD], None), ([CALM, CALM], WHALE)])
def test_an_advisory_profile_wishes_for_what_all_inputs_ask(ticks: list[int], uncovered: int | None) -> None:
    got = fold(ticks, REST, uncovered, bounded=0)
    assert wish(got) == asked(got) != REST
    assert not any("liquidation haircut" in line for line in got.decision.reasons)


def test_explain_names_what_held_the_wish() -> None:
    echo, both = stored([CALM, CALM, WILD], REST), stored([CALM, WILD, WILD], REST)
    (rule,) = [row for row in explained(echo, market_of(3))["rules"] if row["rule"] == "loans"]
    assert rule["sentence"] in echo.folded.decision.reasons
    assert "alone for" in rule["sentence"]
    assert not any(row["rule"] == "loans" for row in explained(both, market_of(3))["rules"])


TICKS = st.integers(0, 40).map(lambda step: 10 * step)


@cache
def rest(ticks: int) -> int:
    """Where two sources that move by so much leave the market."""
    return asked(fold([ticks] * 2))


@given(others=st.lists(TICKS, min_size=1, max_size=3), one=TICKS, at=st.integers(0, 3), live=st.integers(0, 6000))
def test_no_single_source_moves_the_wish(others: list[int], one: int, at: int, live: int) -> None:
    """However one source is changed, the wish leaves what holds only towards what another source asks for too."""
    ticks = [*others[:at], one, *others[at:]]
    supported = rest(max(others))
    assert min(live, supported) <= wish(fold(ticks, live)) <= max(live, supported)
    # Where the others have left the market, one source alone moves nothing, either way.
    assert wish(fold(ticks, supported)) == supported


@given(
    ticks=st.lists(TICKS, min_size=2, max_size=4), order=st.randoms(use_true_random=False), live=st.integers(0, 6000)
)
def test_the_order_of_the_sources_does_not_matter(ticks: list[int], order: object, live: int) -> None:
    mixed = list(ticks)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert wish(fold(mixed, live)) == wish(fold(ticks, live))


@given(uncovered=st.integers(0, 10**6), live=st.integers(0, 6000))
def test_no_supply_off_the_list_moves_the_wish_from_where_the_list_left_it(uncovered: int, live: int) -> None:
    listed = wish(fold([CALM, CALM], uncovered=0))
    assert wish(fold([CALM, CALM], listed, uncovered * ETHER)) == listed
    assert min(live, listed) <= wish(fold([CALM, CALM], live, uncovered * ETHER)) <= max(live, listed)
