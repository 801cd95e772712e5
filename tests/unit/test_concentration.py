"""Concentration: the vectors' answers, and what must hold for any amounts."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.risk.concentration import concentration

AMOUNTS = st.lists(st.integers(0, 2**128), min_size=1, max_size=30).filter(any)


def test_vectors() -> None:
    cases = [case for case in vectors("blend_and_concentration") if "amounts" in case["inputs"]]
    assert cases
    for case in cases:
        got = concentration(case["inputs"]["amounts"])
        assert got is not None
        for name, value in case["expected"].items():
            figure = getattr(got, name)
            assert float(figure) == pytest.approx(value, rel=1e-12), (case["id"], name)


def test_nothing_has_no_concentration() -> None:
    assert concentration([]) is None
    assert concentration([0, 0]) is None
    with pytest.raises(ValueError, match="negative"):
        concentration([3, -1])


@given(AMOUNTS)
def test_gini_is_the_mean_difference_written_out(amounts: list[int]) -> None:
    got = concentration(amounts)
    assert got is not None
    differences = sum(abs(a - b) for a in amounts for b in amounts)
    assert got.gini == Fraction(differences, 2 * len(amounts) * sum(amounts))
    assert 0 <= got.gini <= 1 - Fraction(1, len(amounts))


@given(AMOUNTS, st.integers(1, 10**30), st.randoms())
def test_neither_unit_nor_order_matters(amounts: list[int], unit: int, chance: object) -> None:
    other = [amount * unit for amount in amounts]
    chance.shuffle(other)  # type: ignore[attr-defined]
    assert concentration(amounts) == concentration(other)


@given(AMOUNTS)
def test_the_index_lies_between_alike_and_alone(amounts: list[int]) -> None:
    got = concentration(amounts)
    assert got is not None
    held = len([amount for amount in amounts if amount])
    assert Fraction(1, held) <= got.hhi <= got.top1 <= 1
    assert 1 <= got.effective_n <= held


@given(st.integers(1, 2**100), st.integers(1, 50))
def test_alike_amounts_are_as_many_as_they_are(amount: int, count: int) -> None:
    got = concentration([amount] * count)
    assert got is not None
    assert (got.effective_n, got.gini) == (count, 0)
