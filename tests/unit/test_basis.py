"""The oracle's error: pools below it and a jump add to the threshold, everything else leaves it alone."""

from dataclasses import replace

import pytest
from factories import MID_TICK, facing, pool_settings, pool_state
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.records.pools import Cumulative, UniswapV2State
from keeper.records.units import BPS, WAD, Price
from keeper.risk.basis import deviation_up, mean_price_down, with_jump_up

THRESHOLD = 5 * 10**15
PRICES = st.builds(Price, st.integers(0, 10**30), st.integers(1, 10**30))
ORACLES = st.builds(Price, st.integers(1, 10**30), st.integers(1, 10**30))
FRACTIONS = st.integers(0, WAD - 1)


@pytest.mark.parametrize(
    ("pools", "want"),
    [
        ([], THRESHOLD),
        ([Price(1000, 1)], THRESHOLD),
        ([Price(1001, 1)], THRESHOLD),
        ([Price(900, 1)], WAD - 995 * 900 * 10**12),
        ([Price(990, 1), Price(900, 1), Price(2000, 1)], WAD - 995 * 900 * 10**12),
        ([Price(0, 1)], WAD),
        ([Price(999, 3), Price(1000, 1)], WAD - 995 * 333 * 10**12),
    ],
)
def test_the_lowest_pool_below_the_oracle_counts(pools: list[Price], want: int) -> None:
    assert deviation_up(THRESHOLD, Price(1000, 1), pools) == want


def test_the_basis_is_rounded_up() -> None:
    got = deviation_up(THRESHOLD, Price(3, 1), [Price(2, 1)])
    assert got == WAD - 995 * 10**15 * 2 // 3
    assert (WAD - got) * 3 <= 995 * 10**15 * 2 < (WAD - got + 1) * 3


@thorough
@given(threshold=FRACTIONS, oracle=ORACLES, pools=st.lists(PRICES, max_size=4), other=PRICES)
def test_p2_a_lower_pool_never_lowers_the_deviation_nor_does_another_pool(
    threshold: int, oracle: Price, pools: list[Price], other: Price
) -> None:
    got = deviation_up(threshold, oracle, pools)
    assert threshold <= got <= WAD
    assert deviation_up(threshold, oracle, [*pools, other]) >= got
    assert deviation_up(threshold, oracle, pools[::-1]) == got
    lower = [Price(price.numerator, price.denominator + 1) for price in pools]
    assert deviation_up(threshold, oracle, lower) >= got


@pytest.mark.parametrize(("jump", "want"), [(0, THRESHOLD), (1000, WAD - 8955 * 10**14), (BPS, WAD)])
def test_a_jump_multiplies(jump: int, want: int) -> None:
    assert with_jump_up(THRESHOLD, jump) == want


@thorough
@given(deviation=FRACTIONS, jump=st.integers(0, BPS - 1))
def test_p2_a_larger_jump_never_lowers_the_deviation(deviation: int, jump: int) -> None:
    assert deviation <= with_jump_up(deviation, jump) <= with_jump_up(deviation, jump + 1) <= WAD


@pytest.mark.parametrize("is_token0", [True, False])
@pytest.mark.parametrize("mean", [MID_TICK, MID_TICK - 500, 7, 0])
def test_the_mean_tick_price_is_the_collateral_s_and_rounded_down(mean: int, is_token0: bool) -> None:
    base, pool = pool_state(), facing(pool_settings(), is_token0)
    # A cumulative that is no multiple of the seconds: the mean lies between two ticks.
    then = Cumulative(base.now.time - 1800, base.now.tick_cumulative - 1800 * mean - 900, 0)
    got = mean_price_down(pool, replace(base, harmonic=then))
    assert got is not None
    exact = 1.0001 ** ((mean + 0.5) * (1 if is_token0 else -1))
    value = got.numerator / got.denominator
    assert exact / 1.0001 < value < exact


def test_a_pool_without_observations_has_no_mean_price() -> None:
    assert mean_price_down(pool_settings(), replace(pool_state(), harmonic=None)) is None
    assert mean_price_down(pool_settings(), UniswapV2State(1, 1)) is None
