"""Means of cumulatives in the pool's wrapping integers."""

from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.maths.twap import extrapolated, harmonic_mean_liquidity_down, interpolated, mean_tick_down, wrap56

I56 = st.integers(-(1 << 55), (1 << 55) - 1)
U160 = st.integers(0, (1 << 160) - 1)


def test_known_means() -> None:
    for case in vectors("twap_consult"):
        inputs, expected = case["inputs"], case["expected"]
        if "spl_old" in inputs:
            mean = harmonic_mean_liquidity_down(int(inputs["spl_old"]), int(inputs["spl_new"]), inputs["seconds"])
            assert mean == int(expected["harmonic_mean_liquidity"]), case["id"]
        else:
            then, now = int(inputs["tick_cumulative_old"]), int(inputs["tick_cumulative_new"])
            tick = mean_tick_down(then, now, inputs["seconds"])
            assert tick == expected["mean_tick"], case["id"]
            assert sqrt_ratio_at_tick(tick) == int(expected["sqrt_price_x96"]), case["id"]


def test_no_time_accumulated_is_no_mean() -> None:
    assert harmonic_mean_liquidity_down(5, 5, 60) is None


def test_interpolation_divides_first_and_truncates_toward_zero() -> None:
    # dC = -7 over 2 s: -3 a second, not -4.
    assert interpolated((100, 0, 0), (102, -7, 9), 101) == (-3, 4)
    assert interpolated((100, 5, 6), (102, -7, 9), 100) == (5, 6)
    assert interpolated((100, 5, 6), (102, -7, 9), 102) == (-7, 9)


def test_times_and_cumulatives_wrap_around_like_the_pool_s() -> None:
    last_second, top = (1 << 32) - 1, (1 << 55) - 1
    assert extrapolated((last_second, top, (1 << 160) - 1), 1, 1, 1 << 128) == (-(1 << 55) + 1, 1)
    ticks, per_liquidity = interpolated((last_second, top, (1 << 160) - 2), (3, -(1 << 55) + 3, 2), 1)
    assert (ticks, per_liquidity) == (-(1 << 55) + 1, 0)


@given(I56, I56)
def test_a_difference_survives_the_wrap(then: int, difference: int) -> None:
    assert wrap56(wrap56(then + difference) - then) == difference


@given(I56, U160, st.integers(1, 10**6), st.integers(-887272, 887272), st.integers(1, 1 << 120))
def test_a_constant_tick_and_liquidity_are_their_own_means(
    cumulative: int, per_liquidity: int, seconds: int, tick: int, liquidity: int
) -> None:
    start = 1_700_000_000
    ticks, after = extrapolated((start, cumulative, per_liquidity), start + seconds, tick, liquidity)
    assert mean_tick_down(cumulative, ticks, seconds) == tick
    mean = harmonic_mean_liquidity_down(per_liquidity, after, seconds)
    assert mean is not None
    # seconds / liquidity was rounded down in 2**-128, so the mean is at most a little above.
    assert liquidity <= mean + 1
    assert mean - liquidity <= 1 + liquidity * liquidity // (seconds << 127)
