"""Volatility in exact integers: known answers, the ring, the accumulators, and every way of having no value."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import exp, isclose, log, sqrt

import pytest
from factories import BLOCK_SECONDS, MID_TICK, make_block, make_settings, pool_settings, pool_state
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors

from keeper.maths.fixed import cdiv
from keeper.maths.twap import mean_tick_down
from keeper.maths.variance import (
    annual_sigma_up,
    cumulative_change,
    decayed_up,
    equal_weight_total_up,
    squared_change_up,
    to_step_up,
)
from keeper.records.core import SourceCore
from keeper.records.estimates import SourceVolatility
from keeper.records.pools import Cumulative, UniswapV2State, UniswapV3State
from keeper.records.units import WAD, YEAR_SECONDS
from keeper.volatility.window_means import MAX_VARIANCE, estimate

BLOCK = make_block()
SETTINGS = make_settings()
POOL = pool_settings()
LN_TICK = log(1.0001)

WINDOWS = st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(1, 100_000)), min_size=3, max_size=20)


def run(entry: SourceCore | None, state: UniswapV3State) -> tuple[SourceCore | None, SourceVolatility]:
    return estimate(entry, POOL, state, replace(BLOCK, timestamp=state.now.time), SETTINGS)


def later(entry: SourceCore, seconds: int, ticks: int, wrote: int | None = None) -> UniswapV3State:
    """The pool some seconds after the last close, with a mean tick over them."""
    time = entry.last_time + seconds
    cumulative = (entry.last_tick_cumulative + ticks * seconds + 2**55) % 2**56 - 2**55
    last = time - BLOCK_SECONDS if wrote is None else wrote
    return pool_state(now=Cumulative(time, cumulative, 0), last_observation_time=last)


def start() -> SourceCore:
    entry, _ = run(None, pool_state())
    assert entry is not None
    return entry


def test_equal_weight_agrees_with_the_vectors() -> None:
    for case in vectors("twap_vol"):
        times, cumulatives = case["inputs"]["timestamps"], case["inputs"]["tick_cumulatives"]
        windows = [(c1 - c0, t1 - t0) for (t0, c0), (t1, c1) in pairwise(zip(times, cumulatives, strict=True))]
        sigma = annual_sigma_up(equal_weight_total_up(windows), len(windows) - 1)
        want = case["expected"]["corrected_annual_vol_equal_weight"]
        assert isclose(sigma / 10**18, want, rel_tol=1e-9), case["id"]
        pairs = zip(pairwise(cumulatives), windows, strict=True)
        floors = [mean_tick_down(before, after, seconds) for (before, after), (_, seconds) in pairs]
        assert floors == case["expected"]["mean_tick_floor"], case["id"]


def test_decayed_accumulator_agrees_with_the_vectors() -> None:
    for case in vectors("ewma_irregular"):
        inputs = case["inputs"]
        rows = [
            (round(tick * 10_000) * seconds, seconds)
            for tick, seconds in zip(inputs["mean_tick"], inputs["window_seconds"], strict=True)
        ]
        # Ticks come in ten-thousandths here, so variances carry 10**8.
        variance = round(inputs["initial_variance_per_second"] / LN_TICK**2 * 10**26)
        path = []
        for first, second in pairwise(rows):
            between = (first[1] + second[1]) // 2
            variance = decayed_up(variance, squared_change_up(first, second), between, inputs["half_life_seconds"])
            path.append(annual_sigma_up(variance, 1) / 10**22)
        for got, want in zip(path, case["expected"]["annual_vol_path"], strict=True):
            assert isclose(got, want, rel_tol=1e-9), case["id"]
        assert isclose(path[-1], case["expected"]["annual_vol"], rel_tol=1e-9), case["id"]
        assert isclose(variance * LN_TICK**2 / 10**26, case["expected"]["variance_per_second"], rel_tol=1e-9)


@given(windows=WINDOWS)
def test_sigma_is_never_below_the_real_value_and_hardly_above(windows: list[tuple[int, int]]) -> None:
    exact = sum(
        Fraction(3 * (d2 * w1 - d1 * w2) ** 2, w1**2 * w2**2 * (w1 + w2)) for (d1, w1), (d2, w2) in pairwise(windows)
    )
    total = equal_weight_total_up(windows)
    assert exact <= Fraction(total, WAD) <= exact + Fraction(len(windows), WAD)
    sigma = annual_sigma_up(total, len(windows) - 1)
    real = exact * YEAR_SECONDS / (len(windows) - 1) * Fraction(99_995_000_333_308, 10**18) ** 2
    assert Fraction(sigma, WAD) ** 2 >= real


@thorough
@given(windows=WINDOWS)
def test_p55_the_inverse_pair_has_the_same_sigma(windows: list[tuple[int, int]]) -> None:
    assert equal_weight_total_up([(-d, w) for d, w in windows]) == equal_weight_total_up(windows)


@thorough
@given(windows=WINDOWS)
def test_p56_sigma_does_not_know_the_direction_of_time(windows: list[tuple[int, int]]) -> None:
    assert equal_weight_total_up(windows[::-1]) == equal_weight_total_up(windows)


@given(windows=WINDOWS, shift=st.integers(-500_000, 500_000))
def test_sigma_does_not_depend_on_decimals(windows: list[tuple[int, int]], shift: int) -> None:
    assert equal_weight_total_up([(d + shift * w, w) for d, w in windows]) == equal_weight_total_up(windows)


@given(old=st.integers(-(2**55), 2**55 - 1), change=st.integers(-(2**55), 2**55 - 1))
def test_cumulatives_wrap_like_int56(old: int, change: int) -> None:
    new = (old + change + 2**55) % 2**56 - 2**55
    assert cumulative_change(old, new) == change


def test_the_wrap_of_the_vectors_is_thirty_ticks_over_thirty_seconds() -> None:
    case = next(row for row in vectors("twap_consult") if row["id"] == "int56-wrap")["inputs"]
    assert cumulative_change(int(case["tick_cumulative_old"]), int(case["tick_cumulative_new"])) == 900


def test_sigma_rounds_up_to_a_basis_point_of_volatility() -> None:
    assert [to_step_up(value) for value in (0, 1, 10**14, 10**14 + 1)] == [0, 10**14, 10**14, 2 * 10**14]


def test_a_source_starts_from_the_ring() -> None:
    entry, said = run(None, pool_state())
    assert said.reason == "ring"
    # Mean ticks alternate by 60, so every pair gives 3 * 60**2 / 3600.
    assert entry is not None
    assert entry.fast == entry.slow == 3 * WAD
    assert (entry.window_ticks, entry.window_seconds) == ((MID_TICK - 30) * 1800, 1800)
    assert said.sigma_wad == to_step_up(said.fast_wad)
    assert isclose(said.fast_wad / 10**18, sqrt(3 * YEAR_SECONDS) * LN_TICK, rel_tol=1e-12)


def test_a_ring_that_covers_too_little_has_no_value() -> None:
    entry, said = run(None, pool_state(ring=pool_state().ring[-3:]))
    assert entry is None
    assert said.sigma_wad is None
    assert said.reason == "the ring covers 3 windows, 4 are needed"


def test_only_as_many_windows_as_asked_for_are_taken_from_the_ring() -> None:
    ring = pool_state().ring
    wild = (Cumulative(ring[0].time - 1800, 0, 0), *ring)
    assert run(None, pool_state(ring=wild)) == run(None, pool_state())


def test_an_idle_pool_has_no_value_never_zero() -> None:
    quiet = pool_state(last_observation_time=BLOCK.timestamp - 7200)
    assert run(None, quiet)[1].sigma_wad is None
    entry = start()
    after, said = run(entry, later(entry, 7200, MID_TICK, wrote=entry.last_time))
    assert after == entry
    assert said.reason == "idle: nothing was traded for 7200 seconds"


def test_a_window_stays_open_while_it_is_short_or_the_pool_is_quiet() -> None:
    entry = start()
    for state in (later(entry, 1799, MID_TICK + 500), later(entry, 3600, MID_TICK + 500, wrote=entry.last_time)):
        after, said = run(entry, state)
        assert after == entry
        assert said.reason == "accumulators"
        assert said.sigma_wad is not None


def test_a_closed_window_moves_both_accumulators_by_their_half_lives() -> None:
    entry = start()
    after, said = run(entry, later(entry, 2400, MID_TICK + 200))
    assert after is not None
    change = cdiv(3 * 230**2 * WAD, 4200)
    for got, half_life in ((after.fast, 86_400), (after.slow, 950_400)):
        keep = exp(-2100 * log(2) / half_life)
        assert isclose(got, keep * 3 * WAD + (1 - keep) * change, rel_tol=1e-12)
    assert (after.window_ticks, after.window_seconds) == ((MID_TICK + 200) * 2400, 2400)
    assert said.fast_wad > said.slow_wad
    assert said.sigma_wad == to_step_up(said.fast_wad)


def test_a_constant_price_decays_to_zero_and_is_still_a_value() -> None:
    flat = tuple(Cumulative(row.time, MID_TICK * (row.time - BLOCK.timestamp), 0) for row in pool_state().ring)
    _, said = run(None, pool_state(ring=flat, now=Cumulative(BLOCK.timestamp, 0, 0)))
    assert said.sigma_wad == 0


def test_a_variance_beyond_the_core_is_no_value_and_changes_nothing() -> None:
    entry = replace(start(), fast=MAX_VARIANCE, slow=MAX_VARIANCE)
    after, said = run(entry, later(replace(entry, window_seconds=1), 1800, 2**40))
    assert after == entry
    assert said.sigma_wad is None


def test_the_cumulative_may_wrap_between_two_samples() -> None:
    entry = start()
    wrapped = replace(entry, last_tick_cumulative=-(2**55) + 1000)
    plain, _ = run(entry, later(entry, 1800, MID_TICK))
    after, _ = run(wrapped, later(wrapped, 1800, MID_TICK))
    assert plain is not None
    assert after is not None
    assert (after.fast, after.window_ticks) == (plain.fast, plain.window_ticks)


def test_a_pair_keeps_no_cumulative_that_we_read() -> None:
    assert estimate(None, POOL, UniswapV2State(1, 1), BLOCK, SETTINGS)[1].sigma_wad is None


@pytest.mark.parametrize("seconds", [1800, 5000, 86_400])
def test_the_fast_half_life_forgets_faster(seconds: int) -> None:
    entry = start()
    state = later(entry, seconds, entry.window_ticks // entry.window_seconds)
    after, _ = run(entry, state)
    assert after is not None
    assert after.fast < after.slow <= entry.slow


GAP = SETTINGS.half_life_fast_seconds
HOLE = 166 * 86_400
"""The longest one in our recorded prices."""


def lived(entry: SourceCore, ticks: list[int], seconds: int = 1800) -> list[tuple[SourceCore, SourceVolatility]]:
    """Windows with these mean ticks, one after the other."""
    seen = []
    for tick in ticks:
        after, said = run(entry, later(entry, seconds, tick))
        assert after is not None
        entry = after
        seen.append((entry, said))
    return seen


@pytest.mark.parametrize("seconds", [GAP + 1, HOLE])
def test_after_a_gap_a_source_has_no_value_until_as_many_windows_as_at_a_start_are_in(seconds: int) -> None:
    entry = start()
    after, said = run(entry, later(entry, seconds, MID_TICK))
    assert after is not None
    assert (said.sigma_wad, after.warming) == (None, SETTINGS.bootstrap_min_windows)
    assert said.reason == "not warm since the gap: 4 more windows are needed"
    rows = lived(after, [MID_TICK] * 4)
    assert [row.warming for row, _ in rows] == [3, 2, 1, 0]
    assert [row.reason for _, row in rows[:3]] == [
        f"not warm since the gap: {left} more window{'s are' if left > 1 else ' is'} needed" for left in (3, 2, 1)
    ]
    assert rows[-1][1].reason == "accumulators"


@pytest.mark.parametrize("seconds", [GAP + 1, HOLE])
def test_a_gap_alone_lets_no_volatility_fade(seconds: int) -> None:
    """Before: the first window after 166 days put both accumulators to next to nothing."""
    entry = start()
    after, _ = run(entry, later(entry, seconds, MID_TICK))
    assert after is not None
    assert (after.fast, after.slow) == (entry.fast, entry.slow)
    calm, said = lived(after, [MID_TICK] * 4)[-1]
    # Three changes of half an hour each, all of them zero.
    for got, half_life in ((calm.fast, 86_400), (calm.slow, 950_400)):
        assert isclose(got, 3 * WAD * exp(-3 * 1800 * log(2) / half_life), rel_tol=1e-12)
    assert said.sigma_wad is not None
    assert said.sigma_wad >= start_sigma() * 99 // 100


def test_a_jump_over_a_gap_counts_where_it_raises() -> None:
    entry = start()
    after, _ = run(entry, later(entry, GAP + 1, MID_TICK + 20_000))
    assert after is not None
    change = squared_change_up((entry.window_ticks, entry.window_seconds), ((MID_TICK + 20_000) * (GAP + 1), GAP + 1))
    between = (1800 + GAP + 1) // 2
    assert after.fast == decayed_up(entry.fast, change, between, 86_400) > entry.fast
    assert after.slow == decayed_up(entry.slow, change, between, 950_400) > entry.slow


def test_what_the_price_did_over_the_gap_is_not_taken_for_a_window() -> None:
    """The mean over 166 days is far from any half hour's: the first window after it has nothing to be compared with."""
    entry = start()
    after, _ = run(entry, later(entry, HOLE, MID_TICK))
    assert after is not None
    (first, _), (second, _) = lived(after, [MID_TICK + 30_000, MID_TICK + 30_000])
    assert (first.fast, first.slow) == (after.fast, after.slow)
    assert second.fast < first.fast


def test_a_second_gap_starts_the_warming_anew() -> None:
    entry = start()
    after, _ = run(entry, later(entry, HOLE, MID_TICK))
    assert after is not None
    (half, _) = lived(after, [MID_TICK] * 2)[-1]
    again, said = run(half, later(half, HOLE, MID_TICK))
    assert again is not None
    assert (again.warming, said.sigma_wad) == (4, None)
    assert (again.fast, again.slow) == (half.fast, half.slow)


def test_a_stretch_of_one_half_life_is_still_a_window() -> None:
    entry = start()
    after, said = run(entry, later(entry, GAP, MID_TICK))
    assert after is not None
    assert after.warming == 0
    assert said.sigma_wad is not None


@given(seconds=st.integers(GAP + 1, 2**31), ticks=st.lists(st.integers(-887_272, 887_272), min_size=1, max_size=6))
def test_nothing_speaks_too_early_after_any_gap(seconds: int, ticks: list[int]) -> None:
    entry = start()
    after, said = run(entry, later(entry, seconds, ticks[0]))
    assert after is not None
    assert said.sigma_wad is None
    assert after.fast >= entry.fast
    assert after.slow >= entry.slow
    speaks = [row.sigma_wad is not None for _, row in lived(after, ticks)]
    assert speaks == [number >= 4 for number in range(1, len(ticks) + 1)]


def start_sigma() -> int:
    said = run(None, pool_state())[1].sigma_wad
    assert said is not None
    return said
