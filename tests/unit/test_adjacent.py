"""Adjacent windows: a price that moved between them stops loosening, and nothing else."""

from dataclasses import replace
from math import log

import pytest
from factories import (
    MID_TICK,
    make_block,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    pair_reading,
    pool_reading,
    pool_state,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.fold import fold_sample
from keeper.maths.tick_math import MAX_TICK
from keeper.records.core import Core, SourceCore, decode_core, encode_core
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth, SourceVolatility
from keeper.records.pools import Cumulative, UniswapV2State, UniswapV3State
from keeper.records.units import Address
from keeper.risk.adjacent import FARTHEST, adjacent_ticks_up, doubts, most_ticks_down
from keeper.risk.evidence import estimates_document

POOL = Address("0x" + "03" * 20)
NOW = make_block().timestamp


def entry(ticks: int, seconds: int, ago: int, cumulative: int = 0) -> SourceCore:
    """A window that closed so long ago with a mean of ticks / seconds."""
    return SourceCore(b"source!", NOW - ago, cumulative, ticks, seconds, 0, 0)


def at(cumulative: int) -> UniswapV3State:
    return replace(pool_state(), now=Cumulative(NOW, cumulative, 0))


@pytest.mark.parametrize(
    ("bps", "most"), [(0, 0), (100, 8), (1_000, 87), (2_500, 239), (5_000, 577), (9_000, 1_918), (9_999, 7_675)]
)
def test_the_most_is_a_twelfth_of_the_reserve_in_ticks(bps: int, most: int) -> None:
    assert most_ticks_down(bps) == most
    assert most <= log(10_000 / (10_000 - bps)) / log(1.0001) / 12 < most + 1


def test_a_haircut_of_the_whole_has_a_most() -> None:
    assert most_ticks_down(10_000) == most_ticks_down(9_999)


@given(st.integers(0, 9_998))
def test_a_larger_haircut_never_allows_less(bps: int) -> None:
    assert most_ticks_down(bps) <= most_ticks_down(bps + 1)


def test_the_open_window_is_compared_with_the_one_that_closed_last() -> None:
    before = entry(ticks=100 * 1_800, seconds=1_800, ago=900, cumulative=7)
    assert adjacent_ticks_up(before, at(7 + 100 * 900)) == 0
    assert adjacent_ticks_up(before, at(7 + 340 * 900)) == 240
    assert adjacent_ticks_up(before, at(7 - 140 * 900)) == 240


def test_a_part_of_a_tick_counts_as_a_whole_one() -> None:
    assert adjacent_ticks_up(entry(0, 1_800, 900), at(1)) == 1
    assert adjacent_ticks_up(entry(0, 1_800, 900), at(900)) == 1
    assert adjacent_ticks_up(entry(0, 1_800, 900), at(901)) == 2


def test_without_an_entry_the_rings_newest_two_windows_are_compared() -> None:
    ring = (Cumulative(NOW - 5_400, 0, 0), Cumulative(NOW - 3_600, 0, 0), Cumulative(NOW - 1_800, 60 * 1_800, 0))
    state = replace(at(60 * 1_800 - 40 * 1_800), ring=ring)
    assert adjacent_ticks_up(None, state) == 100
    assert adjacent_ticks_up(None, replace(state, ring=ring[:1])) is None
    assert adjacent_ticks_up(None, UniswapV2State(1, 1)) is None


def test_windows_without_a_length_are_none() -> None:
    assert adjacent_ticks_up(entry(5, 0, 900), at(9)) is None
    assert adjacent_ticks_up(entry(5, 1_800, 0), at(9)) is None


@given(
    st.integers(-(2**55), 2**55 - 1),
    st.integers(-(2**55), 2**55 - 1),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
)
def test_whatever_the_words_the_distance_fits_into_evidence(ticks: int, cumulative: int, length: int, ago: int) -> None:
    found = adjacent_ticks_up(entry(ticks, length, ago), at(cumulative))
    assert found is not None
    assert 0 <= found <= FARTHEST < 2**53


@given(
    st.integers(-MAX_TICK, MAX_TICK),
    st.integers(-MAX_TICK, MAX_TICK),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(-(2**55), 2**55 - 1),
)
def test_constant_ticks_in_both_windows_are_told_exactly_also_for_the_inverse_pair_and_across_the_wrap(
    first: int, second: int, length: int, ago: int, start: int
) -> None:
    def wrapped(value: int) -> int:
        return (value + 2**55) % 2**56 - 2**55

    for sign in (1, -1):
        before = entry(sign * first * length, length, ago, wrapped(sign * start))
        state = at(wrapped(sign * (start + second * ago)))
        assert adjacent_ticks_up(before, state) == abs(first - second)


def source(sigma: int | None, ticks: int | None) -> SourceVolatility:
    return SourceVolatility(POOL, sigma, 0, 0, "accumulators", ticks)


def test_exactly_the_most_is_no_doubt_and_one_tick_more_is() -> None:
    assert not [*doubts([source(1, 239)], 2_500)]
    (line,) = doubts([source(1, 240)], 2_500)
    moved = "its mean moved 240 ticks from one window to the next"
    assert line == f"price: {POOL}: {moved}, more than the 239 of a haircut of 2500 bps"


def test_a_source_that_is_silent_has_its_own_line_and_one_without_windows_is_a_doubt() -> None:
    assert not [*doubts([source(None, 10**6)], 2_500)]
    assert [*doubts([source(1, None)], 2_500)] == [f"price: {POOL}: no two windows to compare"]


WINDOW = 1_000


def fold(shift: int, haircut_bps: int = 2_500, core: bytes = b"", trailing: tuple[SampleDepth, ...] = ()) -> Folded:
    """A sample whose newest ring window lies ``shift`` ticks off the one before, spot where it was."""
    state = pool_state()
    flat = tuple(replace(row, tick_cumulative=MID_TICK * (row.time - NOW)) for row in state.ring)
    moved = replace(state, ring=flat, now=replace(state.now, tick_cumulative=shift * 1_800))
    assert state.harmonic is not None
    then = moved.now.tick_cumulative - MID_TICK * 1_800
    harmonic = replace(state.harmonic, tick_cumulative=then)
    words = make_words(make_live(haircut_bps=haircut_bps, observed_time=NOW - 600))
    pools = (pool_reading(replace(moved, harmonic=harmonic)), pair_reading())
    snapshot = make_snapshot(pools=pools, words=words)
    return fold_sample(core, snapshot, WINDOW, trailing, market_settings(), make_settings())


@pytest.mark.parametrize(("shift", "said"), [(0, 0), (239, 0), (-239, 0), (240, 1), (-240, 1)])
def test_the_fold_names_a_push_between_windows_as_missing(shift: int, said: int) -> None:
    folded = fold(shift)
    lines = [line for line in folded.estimates.missing if "from one window to the next" in line]
    assert len(lines) == said
    document = estimates_document(folded.estimates)
    assert document["sources"][0]["adjacentTicks"] == abs(shift)  # type: ignore[index,call-overload]
    # It never takes the value itself away: tightening goes on.
    assert folded.decision.targets is not None


def test_the_live_haircut_says_how_much_is_too_much() -> None:
    assert not [line for line in fold(240, 5_000).estimates.missing if "window" in line]
    assert [line for line in fold(240, 1_000).estimates.missing if "window" in line]


@pytest.mark.parametrize(
    ("shift", "due"), [(0, Due.LOOSEN), (1_918, Due.LOOSEN), (1_919, Due.NONE), (-1_919, Due.NONE)]
)
def test_a_loosening_that_has_waited_long_enough_stops_at_a_push_and_its_clock_starts_again(
    shift: int, due: Due
) -> None:
    since = NOW - 30_000
    core = encode_core(Core(WINDOW - 1, NOW - 300, since, ()))
    depth = fold(0).estimates.depth
    trailing = tuple(replace(depth, window=WINDOW - 288 * day) for day in range(1, 4))
    folded = fold(shift, 9_000, core, trailing)
    assert folded.decision.due is due
    after = decode_core(folded.decision.core_after)
    assert after is not None
    assert after.dwell_since == (since if due is Due.LOOSEN else 0)
