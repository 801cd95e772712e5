"""Merged venues: the split of a sale, its cost, the curve."""

from fractions import Fraction
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import vectors
from test_depth import CURVES, ORACLE, best_out, pair, pool

from keeper.records.ports import SaleCurve
from keeper.risk.depth import largest_sale
from keeper.risk.merged import Sale, curve_points, split

REFERENCE = Fraction(ORACLE.numerator, ORACLE.denominator)
AMOUNTS = st.integers(1, 10**24)


def test_the_vectors_splits_and_outputs_are_met() -> None:
    for case in vectors("optimal_split"):
        amount = round(case["inputs"]["amount_in"] * 10**18)
        curves = [
            pair(round(r0 * 10**18), round(r1 * 10**18), round((1 - gamma) * 10**6))
            for r0, r1, gamma in case["inputs"]["pools_rin_rout_gamma"]
        ]
        sale = split(curves, amount)
        assert sale.taken == amount
        assert isclose(sale.given, case["expected"]["total_out"] * 10**18, rel_tol=1e-9)
        for (taken, _), want in zip(sale.fills, case["expected"]["split"], strict=True):
            assert isclose(taken, want * 10**18, rel_tol=1e-5, abs_tol=10**13)


@given(curves=CURVES, amount=AMOUNTS)
@settings(max_examples=60)
def test_no_split_is_below_the_best_single_venue_or_a_greedy_one(curves: list[SaleCurve], amount: int) -> None:
    sale = split(curves, amount)
    assert sale.taken <= amount
    # Each venue rounds its own output down by less than a unit.
    assert sale.given * (1 + 1e-9) + len(curves) >= best_out(curves, amount) * (sale.taken == amount)
    for curve, (taken, given_out) in zip(curves, sale.fills, strict=True):
        assert curve.sell_exact_in_down(taken)[1] >= given_out
        alone = curve.sell_exact_in_down(amount)
        assert sale.taken > alone[0] or sale.given >= alone[1]


@given(curves=CURVES, amount=AMOUNTS, extra=st.builds(pair, collateral=st.integers(10**16, 10**23)))
@settings(max_examples=60)
def test_another_venue_never_hurts(curves: list[SaleCurve], amount: int, extra: SaleCurve) -> None:
    less, more = split(curves, amount), split([*curves, extra], amount)
    assert more.taken >= less.taken
    assert more.taken > less.taken or more.given * (1 + 1e-9) + len(curves) >= less.given


@pytest.mark.parametrize("loss", [100, 200, 500])
def test_the_curve_goes_through_the_depths_that_decide(loss: int) -> None:
    curves = [pair(), pool(), pair(fee_pips=500)]
    (sale,) = curve_points(curves, REFERENCE, [loss])
    assert sale.taken == largest_sale(curves, REFERENCE * Fraction(10_000 - loss, 10_000))
    assert loss - 5 <= (sale.loss_bps_up(REFERENCE) or 0) <= loss


def test_two_equal_venues_share_and_nothing_costs_nothing() -> None:
    sale = split([pair(), pair()], 10**20)
    (first, _), (second, _) = sale.fills
    assert abs(first - second) <= 10**20 >> 20
    assert split([pair()], 0) == Sale(((0, 0),))
    assert split([], 5) == Sale(())
    assert Sale(()).loss_bps_up(REFERENCE) is None


def test_a_sale_beyond_all_liquidity_takes_what_there_is() -> None:
    known = pool()
    sale = split([known], 10**40)
    assert 0 <= sale.taken - known.sell_exact_in_down(10**40)[0] <= 1
    assert sale.taken < 10**40
