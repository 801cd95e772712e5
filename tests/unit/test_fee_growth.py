"""Volatility that fees pay for: the vectors, an upper bound of the real value, wrapping counters, the inverse pair."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from factories import pool_state
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors

from keeper.maths.fee_growth import Growth, lvr_sigma_up
from keeper.maths.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO
from keeper.records.estimates import FeeSample
from keeper.records.pools import UniswapV2State, UniswapV4State
from keeper.records.units import WAD, YEAR_SECONDS
from keeper.volatility.lvr import fee_sample

EARNED = st.integers(0, 2**200)
ROOTS = st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO)
SECONDS = st.integers(1, 30 * 86_400)


def test_it_agrees_with_the_vectors() -> None:
    cases = vectors("lvr_iv")
    assert len(cases) >= 4
    for case in cases:
        given_, want = case["inputs"], case["expected"]["annual_vol"]
        before, after = (tuple(map(int, given_[name])) for name in ("a", "b"))
        got = lvr_sigma_up(before, after, int(given_["sqrt_mean_price_x96"]))
        assert got is not None
        assert math.isclose(got / WAD, want, rel_tol=1e-9), case["id"]


@given(earned0=EARNED, earned1=EARNED, root=ROOTS, seconds=SECONDS)
def test_it_is_never_below_the_real_value_and_within_a_hair_of_it(
    earned0: int, earned1: int, root: int, seconds: int
) -> None:
    got = lvr_sigma_up((0, 0, 0), (earned0, earned1, seconds), root)
    assert got is not None
    rate = Fraction(earned0 * root, 1 << 224) + Fraction(earned1 << 96, root << 128)
    square = 4 * rate * YEAR_SECONDS / seconds * WAD * WAD
    assert got * got >= square
    # Each of the two terms is rounded up to a WAD of a fraction: next to it, two units of the last place.
    slack = 4 * Fraction(2, WAD) * YEAR_SECONDS / seconds * WAD * WAD + 4
    assert (got - 2) ** 2 <= square + slack or got <= 2


@given(earned0=EARNED, earned1=EARNED, at=st.integers(0, 2**256 - 1), time=st.integers(0, 2**32 - 1), seconds=SECONDS)
def test_counters_may_wrap(earned0: int, earned1: int, at: int, time: int, seconds: int) -> None:
    before: Growth = (at, at, time)
    after: Growth = ((at + earned0) % 2**256, (at + earned1) % 2**256, (time + seconds) % 2**32)
    assert lvr_sigma_up(before, after, 1 << 96) == lvr_sigma_up((0, 0, 0), (earned0, earned1, seconds), 1 << 96)


@thorough
@given(earned0=EARNED, earned1=EARNED, shift=st.integers(-40, 40), seconds=SECONDS)
def test_p55_the_inverse_pair_has_the_same_volatility(earned0: int, earned1: int, shift: int, seconds: int) -> None:
    """At prices that are powers of two, where the root of the inverse is exact."""
    root, inverse = 1 << 96 + shift, 1 << 96 - shift
    got = lvr_sigma_up((0, 0, 0), (earned0, earned1, seconds), root)
    assert got == lvr_sigma_up((0, 0, 0), (earned1, earned0, seconds), inverse)


@thorough
@given(earned0=EARNED, earned1=EARNED, more=EARNED, root=ROOTS, seconds=SECONDS)
def test_p2_more_fees_never_imply_less(earned0: int, earned1: int, more: int, root: int, seconds: int) -> None:
    got = lvr_sigma_up((0, 0, 0), (earned0, earned1, seconds), root)
    assert got is not None
    for richer in ((earned0 + more, earned1, seconds), (earned0, earned1 + more, seconds)):
        assert (lvr_sigma_up((0, 0, 0), richer, root) or 0) >= got


@pytest.mark.parametrize("after", [(5, 5, 100), (0, 0, 100)])
def test_no_time_is_no_value(after: Growth) -> None:
    assert lvr_sigma_up((0, 0, 100), after, 1 << 96) is None


def test_pools_with_ticks_keep_fees_and_others_do_not() -> None:
    v3 = pool_state(fee_growth0_x128=5, fee_growth1_x128=6)
    v4 = UniswapV4State(1 << 96, 0, 7, (), -1, 1, 3000, 3000, 2**256 - 1, 4)
    assert fee_sample(v3, 9) == FeeSample(9, 5, 6, v3.liquidity, v3.sqrt_price_x96)
    assert fee_sample(v4, 9) == FeeSample(9, 2**256 - 1, 4, 7, 1 << 96)
    assert fee_sample(UniswapV2State(1, 1), 9) is None
    assert fee_sample(None, 9) is None
    assert fee_sample(replace(v4, sqrt_price_x96=0), 9) is None
