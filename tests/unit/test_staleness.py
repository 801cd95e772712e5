"""Widening with age: known answers and the properties of models.md 6.1."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors

from keeper.maths.fixed import cdiv, mul_up
from keeper.maths.staleness import MAX_KS_WAD, MAX_LATE_SECONDS, widened_bps
from keeper.records.units import BPS, WAD, YEAR_SECONDS

GRACE = 3_600
CAP = 9_000
HAIRCUTS = st.integers(0, BPS)
SPEEDS = st.integers(0, 60).flatmap(lambda bits: st.integers(0, (1 << bits + 20) - 1))
AGES = st.integers(0, 40).flatmap(lambda bits: st.integers(0, (1 << bits) - 1))


def test_every_vector_comes_out_to_the_unit() -> None:
    cases = vectors("staleness")
    for case in cases:
        raw = case["inputs"]
        ks = mul_up(int(raw["k_wad"]), int(raw["sigma_wad"]))
        got = widened_bps(raw["h_bps"], ks, raw["age"], raw["grace"], raw["h_max_bps"])
        assert got == case["expected"]["h_bps"], case["id"]
    assert len(cases) == 3


def test_the_example_of_the_specification() -> None:
    """models.md 6.1: sigma 80 %, k 3, grace 1 h; 24 h of silence (after the grace) make 25.00 % to 34.23 %."""
    assert widened_bps(2_500, 24 * WAD // 10, 24 * 3_600, GRACE, CAP) == 3_423


@thorough
@given(haircut=HAIRCUTS, ks=SPEEDS, age=st.integers(0, GRACE), cap=HAIRCUTS)
def test_p15_nothing_widens_up_to_the_grace(haircut: int, ks: int, age: int, cap: int) -> None:
    assert widened_bps(haircut, ks, age, GRACE, cap) == haircut


@thorough
@given(haircut=HAIRCUTS, ks=SPEEDS, age=AGES, later=AGES, cap=HAIRCUTS)
def test_p16_it_never_shrinks_with_age(haircut: int, ks: int, age: int, later: int, cap: int) -> None:
    early, late = (widened_bps(haircut, ks, when, GRACE, cap) for when in sorted((age, later)))
    assert haircut <= early <= late


@thorough
@given(haircut=HAIRCUTS, ks=SPEEDS)
def test_p17_the_first_second_adds_one_second_of_widening_and_no_jump(haircut: int, ks: int) -> None:
    got = widened_bps(haircut, ks, GRACE + 1, GRACE, BPS) - haircut
    # sqrt(1 / YEAR_SECONDS) < 0.0001781; one basis point for the last rounding, one unit of a WAD for each inside.
    assert 0 <= got <= cdiv((BPS - haircut) * (ks * 1781 // 10**7 + 2), WAD) + 1


@thorough
@given(haircut=HAIRCUTS, ks=st.integers(WAD // 100, 1 << 80), cap=HAIRCUTS)
def test_p18_it_reaches_the_cap_and_stays(haircut: int, ks: int, cap: int) -> None:
    # With ks of 1 % the linear law is at 1 after 10,000 years.
    ages = [GRACE + years * YEAR_SECONDS for years in (10_001, 10_002, 20_000)]
    assert [widened_bps(haircut, ks, age, GRACE, cap) for age in ages] == [max(haircut, cap)] * 3


@thorough
@given(haircut=HAIRCUTS, ks=SPEEDS, age=AGES, cap=HAIRCUTS)
def test_p20_a_haircut_above_the_cap_is_not_lowered(haircut: int, ks: int, age: int, cap: int) -> None:
    got = widened_bps(haircut, ks, age, GRACE, cap)
    assert haircut <= got <= max(haircut, cap)
    assert widened_bps(min(cap + 1, BPS), ks, age, GRACE, cap) == min(cap + 1, BPS)


@given(haircut=HAIRCUTS, ks=st.integers(0, 20 * WAD), late=st.integers(1, YEAR_SECONDS))
def test_it_is_never_below_the_exact_law(haircut: int, ks: int, late: int) -> None:
    with localcontext() as context:
        context.prec = 60
        x = Decimal(ks) / WAD * (Decimal(late) / YEAR_SECONDS).sqrt()
        exact = BPS - (BPS - haircut) * (-x).exp()
    assert widened_bps(haircut, ks, GRACE + late, GRACE, BPS) >= exact


@pytest.mark.parametrize(
    ("ks", "late", "want"),
    [
        (MAX_KS_WAD, 1, CAP),
        (MAX_KS_WAD - 1, 1, CAP),
        (0, MAX_LATE_SECONDS, CAP),
        (0, MAX_LATE_SECONDS - 1, 2_500),
    ],
)
def test_what_is_beyond_the_formula_is_endless_silence(ks: int, late: int, want: int) -> None:
    assert widened_bps(2_500, ks, GRACE + late, GRACE, CAP) == want
