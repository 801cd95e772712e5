"""Depth over merged venues, with the exact curves of real pool types: never too much, never below the best venue."""

from fractions import Fraction
from itertools import permutations
from math import isclose

import pytest
from factories import MID_TICK, market_settings, model_settings, pair_settings, pool_settings, pool_state
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.estimates import SampleDepth
from keeper.records.pools import UniswapV2State
from keeper.records.ports import SaleCurve
from keeper.records.units import Price
from keeper.risk.depth import (
    _bisect,
    daily_minima,
    largest_sale,
    liquidator_keeps,
    lowest_tenth,
    measure,
    oracle_price,
    sells,
    significant_down,
    stressed_depth,
    upper_median,
)
from keeper.venues import VENUES
from keeper.venues.sampled import SampledCurve

ORACLE = Price(2061 * 10**6, 10**18)


def pair(collateral: int = 5000 * 10**18, debt: int = 10_305_000 * 10**6, fee_pips: int = 3000) -> SaleCurve:
    return VENUES["uniswap_v2"].curve(pair_settings(fee_pips=fee_pips), UniswapV2State(collateral, debt))


def pool(liquidity: int = 10**18, tick: int = MID_TICK, fee_pips: int = 500, **changes: object) -> SaleCurve:
    base = tick // 60 * 60
    state = pool_state(
        tick=tick,
        sqrt_price_x96=sqrt_ratio_at_tick(tick),
        liquidity=liquidity,
        lowest_tick=base - 7020,
        highest_tick=base + 7020,
        ticks=((base - 6000, liquidity // 2), (base - 600, liquidity - liquidity // 2), (base + 6000, -liquidity)),
        **changes,
    )
    return VENUES["uniswap_v3"].curve(pool_settings(fee_pips=fee_pips), state)


CURVES = st.lists(
    st.one_of(
        st.builds(
            pair,
            collateral=st.integers(10**16, 10**23),
            debt=st.integers(10**8, 10**14),
            fee_pips=st.sampled_from([500, 3000, 10_000]),
        ),
        st.builds(
            pool,
            liquidity=st.integers(10**12, 10**20),
            tick=st.integers(MID_TICK - 2000, MID_TICK + 2000),
            fee_pips=st.sampled_from([100, 500, 3000]),
        ),
    ),
    min_size=1,
    max_size=3,
)
LOSSES = st.sampled_from([100, 200, 500, 3000])


def floor_price(loss_bps: int, reference: Price = ORACLE) -> Fraction:
    return Fraction(reference.numerator, reference.denominator) * Fraction(10_000 - loss_bps, 10_000)


def best_out(curves: list[SaleCurve], amount: int) -> int:
    """Most debt for the amount: greedy by halves over the venues, a lower bound of the optimum."""
    best = 0
    for order in permutations(curves):
        for first in range(65):
            left, out = amount, 0
            for index, curve in enumerate(order):
                part = left if index == len(order) - 1 else left * first // 64
                taken, got = curve.sell_exact_in_down(part)
                left, out = left - taken, out + got
            best = max(best, out if not left else 0)
    return best


@given(curves=CURVES, loss=LOSSES)
def test_depth_is_never_below_the_best_single_venue(curves: list[SaleCurve], loss: int) -> None:
    floor = floor_price(loss)
    assert largest_sale(curves, floor) >= max(largest_sale([curve], floor) for curve in curves)


@given(curve=CURVES.map(lambda rows: rows[0]), loss=LOSSES)
def test_one_venue_takes_the_depth_within_the_loss_and_not_noticeably_more(curve: SaleCurve, loss: int) -> None:
    floor = floor_price(loss)
    depth = largest_sale([curve], floor)
    if depth >= 10**12:
        taken, out = curve.sell_exact_in_down(depth)
        assert taken == depth
        assert out >= depth * floor - 1
    more = depth * 102 // 100 + 10**13
    taken, out = curve.sell_exact_in_down(more)
    assert taken < more or out < more * floor


def searched_to_the_end(curves: list[SaleCurve], floor: Fraction) -> int:
    """The depth without the short cut that stops once the digits are settled."""
    best = _bisect(curves, floor, whole=True)
    for curve in curves if len(curves) > 1 else ():
        taken, out = curve.sell_exact_in_down(best + 1)
        if taken > best and out >= taken * floor:
            best = max(best, _bisect((curve,), floor, whole=True))
    return significant_down(best)


def sampled(curve: SaleCurve) -> SaleCurve:
    """The same venue known by its quotes alone."""
    return SampledCurve(lambda amount: curve.sell_exact_in_down(amount)[1], curve.mid, 10**23)


@given(curves=CURVES, more=st.lists(CURVES.map(lambda rows: sampled(rows[0])), max_size=1), loss=LOSSES)
def test_the_search_stops_early_only_where_the_answer_is_settled(
    curves: list[SaleCurve], more: list[SaleCurve], loss: int
) -> None:
    everything, floor = [*curves, *more], floor_price(loss)
    assert largest_sale(everything, floor) == searched_to_the_end(everything, floor)


@given(curves=CURVES, loss=LOSSES)
def test_the_order_of_venues_does_not_matter(curves: list[SaleCurve], loss: int) -> None:
    assert len({largest_sale(rows, floor_price(loss)) for rows in permutations(curves)}) == 1


@given(curves=CURVES, more=CURVES, loss=LOSSES)
def test_another_venue_never_hurts_against_the_same_reference(
    curves: list[SaleCurve], more: list[SaleCurve], loss: int
) -> None:
    # 2**-40 of sqrt(price) may cost the last of three digits.
    with_more = largest_sale([*curves, more[0]], floor_price(loss))
    assert with_more * 1000 >= largest_sale(curves, floor_price(loss)) * 990


@given(curves=CURVES)
def test_a_larger_loss_allows_a_larger_sale(curves: list[SaleCurve]) -> None:
    depths = [largest_sale(curves, floor_price(loss)) for loss in (50, 100, 200, 500, 1000)]
    assert depths == sorted(depths)


def test_merged_depth_beats_the_sum_of_nothing_and_matches_equal_pairs() -> None:
    alone = largest_sale([pair()], floor_price(500))
    both = largest_sale([pair(), pair()], floor_price(500))
    assert abs(both - 2 * alone) <= 2 * 10 ** (len(str(alone)) - 3)


def test_the_closed_form_of_a_pair() -> None:
    # Average price of selling x: g R1 / (R0 + g x) = floor, so x = R1/floor - R0/g.
    gamma, reserve0, reserve1 = 0.997, 5000e18, 10_305_000e6
    want = reserve1 / float(floor_price(500)) - reserve0 / gamma
    assert isclose(largest_sale([pair()], floor_price(500)), want, rel_tol=1e-2)


def test_three_digits_survive_rounding_down() -> None:
    rows = [significant_down(value) for value in (0, 7, 999, 1234, 99_999)]
    assert rows == [0, 7, 999, 1230, 99_900]
    assert largest_sale([pair()], floor_price(500)) % 10**18 == 0


def test_a_price_below_the_reference_has_no_depth() -> None:
    assert largest_sale([pair()], floor_price(0, Price(3000 * 10**6, 10**18))) == 0


def test_the_loss_counts_from_the_higher_of_oracle_and_mid() -> None:
    low, high = Price(1500 * 10**6, 10**18), Price(2100 * 10**6, 10**18)
    model = model_settings()
    assert measure([pair()], low, model).at_bps == measure([pair()], pair().mid, model).at_bps
    lower = measure([pair()], high, model)
    assert lower.at_bps[2] < measure([pair()], low, model).at_bps[2]
    assert lower.at_bps[0] == 0


def test_without_oracle_or_venue_there_is_no_value() -> None:
    no_oracle, no_venue = measure([pair()], None, model_settings()), measure([], ORACLE, model_settings())
    assert (no_oracle.bound, no_oracle.at_bps, no_oracle.mid) == (None, (None,) * 3, pair().mid)
    assert (no_venue.bound, no_venue.at_bps, no_venue.mid) == (None, (None,) * 3, None)


def test_liquidity_that_has_not_stood_sells_nothing_and_has_no_say_on_the_price() -> None:
    assert sells(pool())
    assert sells(pair())
    assert not sells(pool(harmonic=None))
    assert largest_sale([pool(harmonic=None)], floor_price(500)) == 0


def test_the_liquidators_bound_is_the_formula() -> None:
    model = model_settings(
        bonus_bps=500, gas_fraction_wad=10**15, profit_fraction_wad=5 * 10**15, protocol_fee_wad=10**17
    )
    assert liquidator_keeps(model) == Fraction(1006, 1000) / Fraction(1045, 1000)


def test_a_bonus_that_does_not_pay_leaves_no_depth() -> None:
    model = model_settings(bonus_bps=50, gas_fraction_wad=5 * 10**15, profit_fraction_wad=0, protocol_fee_wad=0)
    assert liquidator_keeps(model) == 1
    measured = measure([pair()], ORACLE, model)
    assert measured.bound == 0
    assert measured.at_bps[2] > 0


def test_of_two_middle_prices_the_higher_counts() -> None:
    prices = [Price(3, 1), Price(1, 1), Price(4, 2), Price(10, 4)]
    assert upper_median(prices) == Price(10, 4)
    assert upper_median(prices[:3]) == Price(4, 2)


def test_the_feeds_answer_becomes_a_raw_price() -> None:
    market = market_settings()
    price = oracle_price(2061 * 10**8, market)
    assert Fraction(price.numerator, price.denominator) == Fraction(2061 * 10**6, 10**18)


@pytest.mark.parametrize(("count", "index"), [(1, 0), (9, 0), (10, 0), (11, 1), (20, 1), (21, 2), (30, 2), (31, 3)])
def test_the_tenth_percentile_is_the_lower_neighbour(count: int, index: int) -> None:
    assert lowest_tenth(list(range(count, 0, -1))) == index + 1


def test_stressed_depth_is_the_smaller_of_now_and_the_past() -> None:
    assert stressed_depth(1000, [400, 900], 5000) == 200
    assert stressed_depth(301, [400, 900], 5000) == 150


def test_daily_minima_skip_days_and_samples_without_a_value() -> None:
    rows = [SampleDepth(window, 0, bound, None, None, None) for window, bound in ((9, 5), (8, 7), (25, None), (31, 4))]
    assert daily_minima(rows, 10) == (5, 4)


def test_the_optimal_split_of_the_vectors_is_reached() -> None:
    """Selling the vector's amount loses its optimal average, so the depth at that average is the amount."""
    for case in vectors("optimal_split"):
        amount, want = case["inputs"]["amount_in"], case["expected"]["total_out"]
        curves = [
            pair(round(r0 * 10**18), round(r1 * 10**18), round((1 - gamma) * 10**6))
            for r0, r1, gamma in case["inputs"]["pools_rin_rout_gamma"]
        ]
        depth = largest_sale(curves, Fraction(want / amount))
        assert isclose(depth / 10**18, amount, rel_tol=2e-2), case["id"]
        assert best_out(curves, depth) <= want * 10**18 * (1 + 1e-9)
