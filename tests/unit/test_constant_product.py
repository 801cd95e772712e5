"""Constant product: known answers and the properties of every sale."""

from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.maths.constant_product import amount_in_to_price_down, amount_in_up, amount_out_down
from keeper.venues.uniswap_v2 import PairCurve

RESERVE = st.integers(1, (1 << 112) - 1)
AMOUNT = st.integers(0, 1 << 112)
FEE = st.sampled_from([0, 100, 500, 2500, 3000, 10_000])


def test_known_outputs_and_the_input_that_moves_the_price_by_one_percent() -> None:
    for case in vectors("amm_v2"):
        inputs, expected = case["inputs"], case["expected"]
        sold, bought, fee = int(inputs["reserve_in"]), int(inputs["reserve_out"]), inputs["fee_bps"] * 100
        assert amount_out_down(int(inputs["amount_in"]), sold, bought, fee) == int(expected["amount_out"]), case["id"]
        # Marginal price after the fee, one percent down.
        target = (bought << 192) * (10**6 - fee) * 99 // (sold * 10**8)
        amount = amount_in_to_price_down(int_sqrt(target), sold, bought, fee)
        assert abs(amount - int(expected["amount_in_for_1pct_marginal"])) <= 1, case["id"]


def int_sqrt(n: int) -> int:
    from math import isqrt

    return isqrt(n)


@given(AMOUNT, RESERVE, RESERVE, FEE)
def test_quote_never_exceeds_the_reserve_nor_shrinks_the_product(x: int, r0: int, r1: int, fee: int) -> None:
    out = amount_out_down(x, r0, r1, fee)
    assert 0 <= out < r1
    assert (r0 + x) * (r1 - out) >= r0 * r1


@given(AMOUNT, AMOUNT, RESERVE, RESERVE, FEE)
def test_output_never_falls_with_input(x: int, more: int, r0: int, r1: int, fee: int) -> None:
    assert amount_out_down(x, r0, r1, fee) <= amount_out_down(x + more, r0, r1, fee)


@given(st.integers(1, 1 << 100), st.integers(1, 1 << 100), RESERVE, RESERVE)
def test_selling_in_two_parts_on_one_curve_never_beats_the_whole(x: int, y: int, r0: int, r1: int) -> None:
    first = amount_out_down(x, r0, r1, 0)
    second = amount_out_down(y, r0 + x, r1 - first, 0)
    assert first + second <= amount_out_down(x + y, r0, r1, 0)


@given(RESERVE, st.integers(2, (1 << 112) - 1), st.data(), FEE)
def test_the_input_for_an_output_buys_at_least_it(r0: int, r1: int, data: st.DataObject, fee: int) -> None:
    wanted = data.draw(st.integers(1, r1 - 1))
    amount = amount_in_up(wanted, r0, r1, fee)
    assert amount_out_down(amount, r0, r1, fee) >= wanted


@given(RESERVE, RESERVE, FEE, st.integers(1, 1 << 160))
def test_a_sale_to_a_price_stops_at_the_last_unit_that_earns_it(r0: int, r1: int, fee: int, sqrt_price: int) -> None:
    amount, out = PairCurve(r0, r1, fee).sell_to_price(sqrt_price)
    assert out == amount_out_down(amount, r0, r1, fee)

    def earns(x: int) -> bool:
        g = 10**6 - fee
        return g * 10**6 * r0 * r1 << 192 >= ((r0 * 10**6 + g * x) * sqrt_price) ** 2

    assert not earns(amount + 1)
    assert amount == 0 or earns(amount)


@given(RESERVE, RESERVE, FEE, st.integers(1, 1 << 160), st.integers(0, 1 << 150))
def test_a_lower_price_never_sells_less(r0: int, r1: int, fee: int, sqrt_price: int, higher: int) -> None:
    curve = PairCurve(r0, r1, fee)
    low, high = curve.sell_to_price(sqrt_price), curve.sell_to_price(sqrt_price + higher)
    assert low[0] >= high[0]
    assert low[1] >= high[1]
