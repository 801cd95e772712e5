"""Routes through a third token: composed exactly, never below the best way, one liquidity counted once."""

from dataclasses import replace
from fractions import Fraction
from math import isclose, sqrt

from hypothesis import given, settings
from hypothesis import strategies as st
from test_depth import pair, pool

from keeper.records.ports import SaleCurve
from keeper.records.units import BPS
from keeper.risk.depth import largest_sale, significant_down
from keeper.risk.merged import split
from keeper.risk.routes import RouteCurve, ShareCurve

BTC = 10**8
ETH = 10**18
USD = 10**6
# 60,000 USD a BTC, 3,000 USD an ETH: 20 ETH a BTC.
PRICE = Fraction(60_000 * USD, BTC)


def first(btc: int = 500, fee_pips: int = 3000) -> SaleCurve:
    return pair(btc * BTC, 20 * btc * ETH, fee_pips)


def second(eth: int = 20_000, fee_pips: int = 500) -> SaleCurve:
    return pair(eth * ETH, 3_000 * eth * USD, fee_pips)


def direct(btc: int = 300) -> SaleCurve:
    return pair(btc * BTC, 60_000 * btc * USD)


FIRSTS = st.lists(
    st.builds(first, st.integers(1, 3_000), st.sampled_from([500, 3000, 10_000])), min_size=1, max_size=3
).map(tuple)
SECONDS = st.lists(
    st.builds(second, st.integers(1, 100_000), st.sampled_from([100, 500, 3000])), min_size=1, max_size=3
).map(tuple)
AMOUNTS = st.integers(1, 5_000 * BTC)


def floor_price(loss_bps: int) -> Fraction:
    return PRICE * Fraction(BPS - loss_bps, BPS)


def test_a_route_of_two_pairs_is_the_closed_form_of_their_product() -> None:
    # Two pairs in a row are one pair: y = g1 R1 x / (R0 + g1 x), and then the same once more.
    r0, r1, s0, s1 = 500 * BTC, 10_000 * ETH, 20_000 * ETH, 60_000_000 * USD
    g1, g2, x = 0.997, 0.9995, 40 * BTC
    want = g1 * g2 * r1 * s1 * x / (r0 * s0 + (g1 * s0 + g1 * g2 * r1) * x)
    assert isclose(RouteCurve((first(),), (second(),)).sell_exact_in_down(x)[1], want, rel_tol=1e-9)


def test_one_pool_a_leg_is_the_one_quote_after_the_other_to_the_wei() -> None:
    route = RouteCurve((first(),), (second(),))
    for x in (1, 999, BTC, 123_456_789_012):
        bridged = first().sell_exact_in_down(x)[1]
        assert route.sell_exact_in_down(x) == (x, second().sell_exact_in_down(bridged)[1])


@given(firsts=FIRSTS, seconds=SECONDS, amount=AMOUNTS)
@settings(max_examples=100)
def test_merged_legs_are_the_exact_quotes_of_their_splits_and_never_below_any_way(
    firsts: tuple[SaleCurve, ...], seconds: tuple[SaleCurve, ...], amount: int
) -> None:
    taken, out = RouteCurve(firsts, seconds).sell_exact_in_down(amount)
    assert taken == amount
    to_bridge = split(firsts, amount)
    assert to_bridge.given == sum(
        curve.sell_exact_in_down(part)[1] for curve, (part, _) in zip(firsts, to_bridge.fills, strict=True)
    )
    assert out == split(seconds, to_bridge.given).given
    for leg in firsts:
        bridged = leg.sell_exact_in_down(amount)[1]
        assert all(out >= other.sell_exact_in_down(bridged)[1] for other in seconds)


@given(firsts=FIRSTS, seconds=SECONDS, drop=st.integers(1, 5_000))
@settings(max_examples=100)
def test_a_sale_to_a_price_is_a_sale_of_its_amount_and_ends_at_that_price(
    firsts: tuple[SaleCurve, ...], seconds: tuple[SaleCurve, ...], drop: int
) -> None:
    route = RouteCurve(firsts, seconds)
    price = PRICE * Fraction(BPS - drop, BPS)
    root = int(sqrt(price) * 2**96)
    taken, out = route.sell_to_price(root)
    again, got = route.sell_exact_in_down(taken)
    assert abs(again - taken) <= len(firsts)
    # Each of four pools rounds, a raw BTC is worth 600 raw USD.
    assert abs(got - out) <= 600 * len(firsts) + len(seconds) + (out >> 30)
    assert out * 2**192 >= taken * root * root
    # A hundredth more earns less than the price asked for.
    if taken > 10_000:
        more = taken // 100
        assert route.sell_exact_in_down(taken + more)[1] - got <= more * price * Fraction(1001, 1000) + 4


@given(firsts=FIRSTS, seconds=SECONDS, amount=AMOUNTS, more=AMOUNTS)
@settings(max_examples=100)
def test_selling_more_never_earns_less(
    firsts: tuple[SaleCurve, ...], seconds: tuple[SaleCurve, ...], amount: int, more: int
) -> None:
    route = RouteCurve(firsts, seconds)
    # The splits of both legs may differ by a unit a pool.
    assert route.sell_exact_in_down(amount + more)[1] + 600 * 6 >= route.sell_exact_in_down(amount)[1]
    assert route.sell_exact_in_down(amount)[1] <= amount * PRICE


@given(firsts=FIRSTS, seconds=SECONDS, venue=st.builds(direct, st.integers(1, 1_000)), loss=st.sampled_from([100, 500]))
@settings(max_examples=60)
def test_a_route_or_a_pool_more_never_hurts_and_merging_beats_each_alone(
    firsts: tuple[SaleCurve, ...], seconds: tuple[SaleCurve, ...], venue: SaleCurve, loss: int
) -> None:
    floor = floor_price(loss)
    whole = RouteCurve(firsts, seconds)
    both = largest_sale([venue, whole], floor)
    assert both >= max(largest_sale([venue], floor), largest_sale([whole], floor))
    fewer = RouteCurve(firsts[:1], seconds[:1])
    assert both * 1000 >= largest_sale([venue, fewer], floor) * 990


def test_a_leg_that_two_ways_share_is_there_once() -> None:
    """Through A1 or A2 and then B: two ways priced apart would sell into B twice."""
    shallow = second(2_000)
    floor = floor_price(300)
    apart = sum(largest_sale([RouteCurve((leg,), (shallow,))], floor) for leg in (first(), first()))
    together = largest_sale([RouteCurve((first(), first()), (shallow,))], floor)
    alone = largest_sale([RouteCurve((first(),), (shallow,))], floor)
    assert alone <= together < apart * 6 // 10
    # With a first leg without end the whole is what B takes.
    endless = RouteCurve((first(10**7, 0),), (shallow,))
    ether = largest_sale([shallow], floor / (20 * ETH) * BTC)
    assert isclose(largest_sale([endless], floor) * 20 / BTC, ether / ETH, rel_tol=0.02)


@given(share=st.integers(1, BPS), loss=st.sampled_from([100, 500, 1_000]))
@settings(max_examples=60)
def test_a_share_of_the_second_leg_scales_it_and_never_adds(share: int, loss: int) -> None:
    floor = floor_price(loss) / (20 * ETH) * BTC
    whole, part = largest_sale([second()], floor), largest_sale([ShareCurve(second(), share)], floor)
    assert part <= whole
    assert isclose(part, whole * share / BPS, rel_tol=0.01, abs_tol=10**4)
    less = RouteCurve((first(),), (ShareCurve(second(), share),))
    assert largest_sale([less], floor_price(loss)) <= largest_sale(
        [RouteCurve((first(),), (second(),))], floor_price(loss)
    )
    assert ShareCurve(second(), BPS).sell_exact_in_down(ETH) == second().sell_exact_in_down(ETH)


def test_a_quarter_of_a_venue_sells_a_quarter_of_four_times_the_sale() -> None:
    quarter = ShareCurve(second(), 2_500)
    for amount in (3, 10**15, 500 * ETH):
        assert quarter.sell_exact_in_down(amount) == (amount, second().sell_exact_in_down(4 * amount)[1] // 4)
    most = pool().sell_exact_in_down(10**40)
    assert ShareCurve(pool(), 2_500).sell_exact_in_down(10**40) == (most[0] // 4, most[1] // 4)


def test_where_a_leg_ends_no_more_is_taken_than_it_can_pass_on() -> None:
    ends = pool(10**16)
    most, _ = ends.sell_exact_in_down(10**40)
    feeding = pair(10**30, 10**30, 0)
    taken, out = RouteCurve((feeding,), (ends,)).sell_exact_in_down(10**40)
    assert isclose(feeding.sell_exact_in_down(taken)[1], most, rel_tol=1e-8)
    assert out <= ends.sell_exact_in_down(most)[1]
    assert isclose(out, ends.sell_exact_in_down(most)[1], rel_tol=1e-8)


def test_the_middle_is_what_the_legs_agree_on_and_the_mid_the_best() -> None:
    cheap = replace(first(), debt=10_000 * ETH * 99 // 100)
    route = RouteCurve((first(), cheap, cheap), (second(),))
    assert Fraction(route.mid.numerator, route.mid.denominator) == PRICE
    assert Fraction(route.middle.numerator, route.middle.denominator) == PRICE * Fraction(99, 100)


def test_nothing_is_sold_below_both_fees() -> None:
    route = RouteCurve((first(),), (second(),))
    assert route.sell_to_price(int(sqrt(PRICE) * 2**96)) == (0, 0)
    assert route.sell_to_price(int(sqrt(PRICE * Fraction(9_970, BPS)) * 2**96)) == (0, 0)
    assert route.sell_to_price(int(sqrt(PRICE * Fraction(9_960, BPS)) * 2**96))[0] > 0
    assert significant_down(largest_sale([route], floor_price(30))) == 0
