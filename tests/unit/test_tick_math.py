"""Ticks and prices: known answers, the definition, both ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.maths.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)

TICKS = st.integers(MIN_TICK, MAX_TICK)


def test_known_ratios_and_the_ticks_they_lead_back_to() -> None:
    for case in vectors("tick_math"):
        tick, expected = case["inputs"]["tick"], case["expected"]
        ratio = sqrt_ratio_at_tick(tick)
        assert ratio == int(expected["sqrt_price_x96"]), case["id"]
        if isinstance(expected["tick_back"], int):
            assert tick_at_sqrt_ratio(ratio) == expected["tick_back"], case["id"]
        else:
            with pytest.raises(ValueError, match="outside"):
                tick_at_sqrt_ratio(ratio)


def test_both_ends_are_the_published_constants() -> None:
    assert sqrt_ratio_at_tick(MIN_TICK) == MIN_SQRT_RATIO
    assert sqrt_ratio_at_tick(MAX_TICK) == MAX_SQRT_RATIO
    assert sqrt_ratio_at_tick(0) == 1 << 96
    assert tick_at_sqrt_ratio(MAX_SQRT_RATIO - 1) == MAX_TICK - 1


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_a_tick_outside_the_range_is_refused(tick: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        sqrt_ratio_at_tick(tick)


def test_a_price_below_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        tick_at_sqrt_ratio(MIN_SQRT_RATIO - 1)


@given(TICKS.filter(lambda tick: tick < MAX_TICK))
def test_the_tick_of_a_ratio_is_the_tick_and_one_less_below_it(tick: int) -> None:
    ratio = sqrt_ratio_at_tick(tick)
    assert ratio < sqrt_ratio_at_tick(tick + 1)
    assert tick_at_sqrt_ratio(ratio) == tick
    if tick > MIN_TICK:
        assert tick_at_sqrt_ratio(ratio - 1) == tick - 1


@given(st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1))
def test_a_price_lies_between_its_tick_and_the_next(price: int) -> None:
    tick = tick_at_sqrt_ratio(price)
    assert sqrt_ratio_at_tick(tick) <= price < sqrt_ratio_at_tick(tick + 1)
