"""Debt ceiling and premium from depth: known values, directions, and what is asked for when."""

from dataclasses import replace
from fractions import Fraction

import pytest
from factories import make_law, make_live, model_settings
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.maths import ceiling
from keeper.records.estimates import Estimates, SampleDepth
from keeper.records.units import BPS, Price
from keeper.risk.exposure import (
    NO_OPINION,
    Exposure,
    ceiling_down,
    loosens_enough,
    looser,
    premium_up,
    tightenings,
    tighter,
    wanted,
)

LAW = make_law(ceiling_stretch=10)
AMOUNTS = st.integers(0, 2**112)
CEILINGS = st.integers(0, (1 << 20) - 1)
EXPOSURES = st.builds(Exposure, st.integers(0, BPS), CEILINGS)


def estimates(
    q_star: int | None = 10**18, size: int | None = 4 * 10**18, mid: int = 2000, oracle: int = 2100
) -> Estimates:
    depth = SampleDepth(1, 1, q_star, None, None, None)
    return Estimates(
        Price(mid * 10**6, 10**18), Price(oracle * 10**6, 10**18), 1, (), depth, (), True, q_star, None, (), size
    )


MODEL = model_settings(premium_max_bps=800, ceiling_share_bps=5000)


def test_known_values() -> None:
    got = wanted(estimates(), 2500, make_live(), MODEL)
    # A quarter of the size is covered: three quarters of 800. 2,000 USDC less 25 %, half of it.
    assert got == Exposure(600, ceiling.encode_down(750 * 10**6))
    assert 750 * 10**6 - 2**17 < ceiling.decode(got.ceiling) <= 750 * 10**6
    swapped = wanted(estimates(mid=2100, oracle=2000), 2500, make_live(), MODEL)
    assert swapped == got


@pytest.mark.parametrize(
    ("q_star", "size", "want"), [(0, 1, 800), (3, 3, 0), (4, 3, 0), (2, 3, 267), (0, 0, 0), (10**20, 10**20 + 1, 1)]
)
def test_the_premium_is_rounded_up_and_nothing_to_sell_costs_nothing(q_star: int, size: int, want: int) -> None:
    assert premium_up(q_star, size, 800) == want


def test_no_depth_is_a_ceiling_of_one_unit_and_not_none() -> None:
    assert ceiling.decode(ceiling_down(0, Fraction(1), 0, BPS)) == 1
    assert ceiling.decode(ceiling_down(10**18, Fraction(2000), BPS, BPS)) == 1
    assert ceiling.decode(ceiling_down(10**40, Fraction(10**10), 0, BPS)) < 2**140


def test_a_model_without_an_opinion_keeps_what_holds() -> None:
    live = make_live(premium_bps=77, ceiling=1234)
    assert wanted(estimates(), 2500, live, model_settings()) == Exposure(77, NO_OPINION)
    for blind in (estimates(q_star=None), estimates(size=None)):
        assert wanted(blind, 2500, live, MODEL).premium_bps == 77
    assert wanted(estimates(q_star=None), 2500, live, MODEL).ceiling == NO_OPINION


@thorough
@given(q_star=AMOUNTS, more=AMOUNTS, size=AMOUNTS, most=st.integers(0, BPS))
def test_p3_more_depth_never_raises_the_premium_nor_lowers_the_ceiling(
    q_star: int, more: int, size: int, most: int
) -> None:
    assert 0 <= premium_up(q_star + more, size, most) <= premium_up(q_star, size, most) <= most
    price = Fraction(2061 * 10**6, 10**18)
    low, high = (ceiling_down(amount, price, 2500, most) for amount in (q_star, q_star + more))
    assert ceiling.decode(low) <= ceiling.decode(high)


@thorough
@given(q_star=AMOUNTS, size=AMOUNTS, haircut=st.integers(0, BPS), share=st.integers(1, BPS), zeros=st.integers(0, 12))
def test_p4_another_unit_of_the_collateral_changes_neither(
    q_star: int, size: int, haircut: int, share: int, zeros: int
) -> None:
    price, unit = Fraction(2061 * 10**6, 10**18), 10**zeros
    assert premium_up(q_star * unit, size * unit, share) == premium_up(q_star, size, share)
    got = ceiling_down(q_star, price, haircut, share)
    assert ceiling_down(q_star * unit, price / unit, haircut, share) == got
    assert ceiling.decode(got) <= max(1, price * q_star * (BPS - haircut) * share / BPS**2)


def encoded(value: int) -> int:
    return ceiling.encode_down(value)


@pytest.mark.parametrize(
    ("goal", "start", "count"),
    [
        (Exposure(49, 0), Exposure(0, 0), 0),
        (Exposure(50, 0), Exposure(0, 0), 1),
        (Exposure(0, encoded(9000)), Exposure(0, encoded(10000)), 1),
        (Exposure(0, encoded(9002)), Exposure(0, encoded(10000)), 0),
        (Exposure(0, encoded(10**9)), Exposure(0, 0), 1),
        (Exposure(0, 0), Exposure(0, encoded(10)), 0),
        (Exposure(60, encoded(10)), Exposure(0, encoded(10000)), 2),
    ],
)
def test_premium_by_the_band_and_ceiling_by_a_tenth_are_due(goal: Exposure, start: Exposure, count: int) -> None:
    assert len(list(tightenings(goal, start, 50))) == count


def test_a_clause_names_both_values() -> None:
    assert list(tightenings(Exposure(60, encoded(10)), Exposure(0, 0), 50)) == [
        "the premium rises from 0 to 60 bps",
        "the debt ceiling falls from none to 10",
    ]


@given(goal=EXPOSURES, start=EXPOSURES)
def test_tighter_never_loosens_and_looser_never_tightens(goal: Exposure, start: Exposure) -> None:
    up, down = tighter(goal, start), looser(goal, start, LAW)
    assert up.premium_bps >= start.premium_bps >= down.premium_bps
    assert up.ceiling == NO_OPINION or ceiling.is_lower(up.ceiling, start.ceiling)
    assert down.ceiling == NO_OPINION or ceiling.is_lower(start.ceiling, down.ceiling)
    assert {up.premium_bps, down.premium_bps} == {goal.premium_bps, start.premium_bps}


def test_a_ceiling_that_no_report_may_raise_is_not_asked_for() -> None:
    goal, start = Exposure(0, encoded(10**6)), Exposure(0, encoded(10**3))
    assert looser(goal, start, LAW).ceiling == goal.ceiling
    assert looser(goal, start, replace(LAW, ceiling_stretch=0)).ceiling == NO_OPINION
    assert not loosens_enough(goal, start, replace(LAW, ceiling_stretch=0), 100)


@pytest.mark.parametrize(
    ("goal", "start", "want"),
    [
        (Exposure(201, 0), Exposure(300, 0), False),
        (Exposure(200, 0), Exposure(300, 0), True),
        (Exposure(0, 0), Exposure(1, 0), True),
        (Exposure(0, 0), Exposure(0, 0), False),
        (Exposure(0, encoded(10_000)), Exposure(0, encoded(9_002)), False),
        (Exposure(0, encoded(10_000)), Exposure(0, encoded(9_000)), True),
        (Exposure(0, 0), Exposure(0, encoded(9_000)), False),
    ],
)
def test_a_heartbeat_asks_for_enough_and_not_for_crumbs(goal: Exposure, start: Exposure, want: bool) -> None:
    assert loosens_enough(goal, start, LAW, 100) is want
