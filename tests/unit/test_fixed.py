"""Fixed-point twins: solady's known answers, bounds of the approximations, rounding by name."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.maths.fixed import cdiv, exp_wad, isqrt_down, isqrt_up, ln_up, ln_wad, mul_down, mul_up, tdiv
from keeper.records.units import WAD

POSITIVE = st.integers(1, (1 << 256) - 1)


def test_every_known_answer_of_solady_is_reproduced() -> None:
    cases = vectors("fixed_point")
    for case in cases:
        inputs, expected = case["inputs"], case["expected"]
        x = int(inputs["x"])
        if inputs["fn"] == "mulWad/mulWadUp":
            y = int(inputs["y"])
            got = {"down": str(mul_down(x, y)), "up": str(mul_up(x, y))}
            assert got == {name: expected[name] for name in got}, case["id"]
        else:
            function = {"expWad": exp_wad, "lnWad": ln_wad, "sqrt": isqrt_down}[inputs["fn"]]
            assert function(x) == int(expected["result"]), case["id"]
    assert len(cases) == 19


def test_solady_s_own_published_values() -> None:
    assert exp_wad(-41446531673892822312) == 1
    assert exp_wad(-41446531673892822313) == 0
    assert exp_wad(-WAD) == 367879441171442321
    assert exp_wad(0) == WAD
    assert exp_wad(WAD) == 2718281828459045235
    assert ln_wad(WAD) == 0
    assert ln_wad(2718281828459045235) == 999999999999999999
    assert ln_wad(1) == -41446531673892822313
    assert ln_wad((1 << 255) - 1) == 135305999368893231589


def test_arguments_outside_the_twins_domain_are_refused() -> None:
    with pytest.raises(OverflowError):
        exp_wad(135305999368893231589)
    with pytest.raises(OverflowError):
        ln_wad(1 << 255)
    for x in (0, -1):
        with pytest.raises(ValueError, match="not defined"):
            ln_wad(x)


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**30))
def test_cdiv_is_the_least_integer_not_below_the_quotient(a: int, b: int) -> None:
    assert cdiv(a, b) - 1 < Fraction(a, b) <= cdiv(a, b)


@given(st.integers(-(10**40), 10**40), st.integers(-(10**30), 10**30).filter(bool))
def test_tdiv_truncates_toward_zero_as_solidity_does(a: int, b: int) -> None:
    quotient = Fraction(a, b)
    assert tdiv(a, b) == (quotient.__floor__() if quotient >= 0 else quotient.__ceil__())


@given(st.integers(0, (1 << 256) - 1))
def test_roots_enclose_the_square_root(n: int) -> None:
    down, up = isqrt_down(n), isqrt_up(n)
    assert down * down <= n <= up * up
    assert up - down == (down * down != n)


@given(POSITIVE, POSITIVE)
def test_products_enclose_the_real_one(a: int, b: int) -> None:
    assert mul_down(a, b) <= Fraction(a * b, WAD) <= mul_up(a, b) <= mul_down(a, b) + 1


@given(st.integers(-42 * WAD, 134 * WAD), st.integers(0, WAD))
def test_exp_is_monotone(x: int, step: int) -> None:
    assert exp_wad(x) <= exp_wad(x + step)


@given(st.integers(WAD, 1 << 254))
def test_ln_up_is_above_and_ln_is_within_two_units_below(x: int) -> None:
    # exp of a bound brackets x: 2 units of ln are far more than exp's own error here.
    assert ln_up(x) == ln_wad(x) + 2
    below, above = exp_wad(ln_wad(x) - 2), exp_wad(ln_wad(x) + 4)
    assert below <= x <= above + above // WAD
