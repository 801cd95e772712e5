"""The sampled curve against a venue whose marginal price has a closed form."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.constant_product import amount_in_to_price_down, amount_out_down
from keeper.maths.fixed import isqrt_down
from keeper.records.units import Price
from keeper.venues.sampled import SampledCurve

Q96 = 1 << 96
COLLATERAL, DEBT, FEE = 10**21, 3 * 10**12, 3000


def sampled(most: int = 10**24) -> SampledCurve:
    return SampledCurve(lambda amount: amount_out_down(amount, COLLATERAL, DEBT, FEE), Price(DEBT, COLLATERAL), most)


def root(price: Price) -> int:
    return isqrt_down((price.numerator << 192) // price.denominator)


@given(permille=st.integers(100, 990))
def test_it_goes_as_far_as_the_closed_form_within_a_thousandth(permille: int) -> None:
    limit = root(Price(DEBT * permille, COLLATERAL * 1000))
    taken, out = sampled().sell_to_price(limit)
    exact = amount_in_to_price_down(limit, COLLATERAL, DEBT, FEE)
    assert out == amount_out_down(taken, COLLATERAL, DEBT, FEE)
    assert abs(taken - exact) <= exact // 1000 + COLLATERAL // 10**5


def test_a_price_above_the_first_unit_sells_nothing_and_one_far_below_sells_the_most() -> None:
    assert sampled().sell_to_price(root(Price(DEBT, COLLATERAL)))[0] < COLLATERAL // 10**6
    most, out = sampled(10**20).sell_to_price(1)
    assert (most, out) == (10**20, amount_out_down(10**20, COLLATERAL, DEBT, FEE))


def test_it_takes_no_more_than_can_be_quoted() -> None:
    assert sampled(10**18).sell_exact_in_down(10**19) == (10**18, amount_out_down(10**18, COLLATERAL, DEBT, FEE))
    assert sampled(0).sell_exact_in_down(10**19) == (0, 0)
    assert sampled(0).sell_to_price(1) == (0, 0)
