"""What every venue must do: parametrised over ``VENUES``, so that a new one is tested from its first line."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from factories import facing
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.pools import (
    BalancerStableState,
    BalancerWeightedState,
    Cumulative,
    CurveCryptoState,
    CurveMetaState,
    CurveStableState,
    PoolState,
    UniswapV2State,
    UniswapV3State,
    UniswapV4State,
)
from keeper.records.settings import PoolSettings, two_token_pool
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import NO_ADDRESS, WAD, Address, BlockRef
from keeper.venues import VENUES
from keeper.venues.balancer_words import READER
from keeper.venues.uniswap_v4_words import pool_id_of

ADDRESS = Address("0x" + "11" * 20)
BASE = Address("0x" + "ba" * 20)
VAULT = Address("0x" + "22" * 20)
TOKENS = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
NOW = 1_700_000_000
BLOCK = BlockRef(100, bytes(32), NOW)
PLAN = ReadPlan(1800, (600, 300), 7000)
L = 10**21


def v2() -> PoolState:
    return UniswapV2State(10**21, 2 * 10**12)


def v3() -> PoolState:
    bands = [(tick, L // 10 * (1 if tick < -200_000 else -1)) for tick in range(-206_040, -193_980, 1_020)]
    active = sum(net for tick, net in bands if tick <= -200_000)
    return UniswapV3State(
        sqrt_price_x96=sqrt_ratio_at_tick(-200_000),
        tick=-200_000,
        liquidity=active,
        ticks=tuple(bands),
        lowest_tick=-207_000,
        highest_tick=-193_000,
        now=Cumulative(NOW, 0, (1800 << 128) // (active // 2)),
        last_observation_time=NOW,
        harmonic=Cumulative(NOW - 1800, 0, 0),
        ring=(),
        fee_growth0_x128=0,
        fee_growth1_x128=0,
    )


def balancer_weighted() -> PoolState:
    return BalancerWeightedState(
        (10**22, 2 * 10**13, 10**20), (10**18, 10**30, 10**18), (WAD * 2 // 5, WAD * 2 // 5, WAD // 5), 3 * 10**15, True
    )


def balancer_stable() -> PoolState:
    return BalancerStableState((10**22, 11 * 10**21), (10**18, 1_050_000_000_000_000_000), 200_000, 3 * 10**15, 2)


def of_vault(venue: str) -> PoolSettings:
    return replace(
        two_token_pool(venue, ADDRESS, True, 0), pool_id=bytes.fromhex(ADDRESS[2:]) + bytes(12), companion=VAULT
    )


def v4() -> PoolState:
    same = v3()
    assert isinstance(same, UniswapV3State)
    walked = (same.sqrt_price_x96, same.tick, same.liquidity, same.ticks, same.lowest_tick, same.highest_tick)
    return UniswapV4State(*walked, fee0_pips=3000, fee1_pips=3000, fee_growth0_x128=0, fee_growth1_x128=0)


def v4_settings() -> PoolSettings:
    pool_id = pool_id_of(*TOKENS, 3000, 60, NO_ADDRESS)
    return PoolSettings("uniswap_v4", ADDRESS, pool_id, NO_ADDRESS, 0, 1, 3000, 60, (), False)


def stable() -> CurveStableState:
    return CurveStableState((4 * 10**24, 3 * 10**12), (10**18, 10**30), 20_000, 3 * 10**7)


def meta() -> PoolState:
    # Large, so that no test drains it: where hardly anything is left, a quote moves by rounding alone.
    pool = CurveStableState((2 * 10**32, 3 * 10**32), (10**18, 102 * 10**16), 10_000, 28 * 10**6)
    base = CurveStableState((11 * 10**20, 10**33), (10**30, 10**18), 200_000, 2 * 10**6)
    return CurveMetaState(pool, base, 205 * 10**31)


def crypto() -> PoolState:
    return CurveCryptoState(
        balances=(3 * 10**12, 1_450 * 10**18),
        precisions=(10**12, 1),
        price_scale=(2_000 * 10**18,),
        ann=400_000,
        multiplier=10_000,
        gamma=145 * 10**12,
        d=5_899_797_276_724_740_663_327_119,
        mid_fee=3 * 10**7,
        out_fee=3 * 10**7,
        fee_gamma=23 * 10**13,
    )


RATES = (10**18, 10**30)
CURVE = PoolSettings("curve_stable", ADDRESS, bytes(32), NO_ADDRESS, 0, 1, 0, 0, RATES, False)

EXAMPLES: dict[str, tuple[PoolSettings, Callable[[], PoolState]]] = {
    "balancer_stable": (of_vault("balancer_stable"), balancer_stable),
    "balancer_weighted": (of_vault("balancer_weighted"), balancer_weighted),
    "curve_crypto": (replace(CURVE, venue="curve_crypto", rates=RATES[::-1]), crypto),
    "curve_meta": (
        replace(
            CURVE,
            venue="curve_meta",
            pool_id=bytes(12) + b"\x1b" * 20,
            companion=BASE,
            rates=(10**18, 10**30, 10**18),
        ),
        meta,
    ),
    "curve_stable": (CURVE, stable),
    "uniswap_v2": (two_token_pool("uniswap_v2", ADDRESS, True, 3000, 0), v2),
    "uniswap_v3": (two_token_pool("uniswap_v3", ADDRESS, True, 3000, 60, price_source=True), v3),
    "uniswap_v4": (v4_settings(), v4),
}
"""A lawful state of each venue; a venue without one fails the first test."""

COARSE = {"balancer_stable": 4_000, "uniswap_v2": 1}
"""Raw units that a venue's contract rounds against the trader on top of its last unit."""

ORIENTED = [(venue, token0) for venue in VENUES for token0 in (True, False)]


def settings(venue: str, *, token0: bool = True) -> PoolSettings:
    return facing(EXAMPLES[venue][0], token0)


@cache
def curve(venue: str, *, token0: bool):  # type: ignore[no-untyped-def]
    return VENUES[venue].curve(settings(venue, token0=token0), EXAMPLES[venue][1]())


def test_every_venue_has_an_example() -> None:
    assert set(EXAMPLES) == set(VENUES)


@pytest.mark.parametrize("venue", VENUES)
def test_reading_is_one_round_to_the_pool_and_what_stands_beside_it(venue: str) -> None:
    asks = next(VENUES[venue].read(settings(venue), PLAN, BLOCK))
    own = {ADDRESS, settings(venue).companion, Address("0x" + settings(venue).pool_id[-20:].hex()), READER}
    assert {ADDRESS} <= {ask.to for ask in asks} <= own
    assert all(isinstance(ask, Ask) and 0 < ask.gas < 50_000_000 for ask in asks)


@pytest.mark.parametrize("venue", VENUES)
@given(data=st.binary(max_size=400), ok=st.booleans())
def test_garbage_is_a_failure_with_its_input_and_never_an_exception(venue: str, data: bytes, ok: bool) -> None:
    reading = VENUES[venue].read(settings(venue), PLAN, BLOCK)
    count = len(next(reading))
    with pytest.raises(StopIteration) as stop:
        reading.send((Answer(ok, data),) * count)
    value = stop.value.value
    assert isinstance(value, PoolReading)
    assert (value.state is None) == bool(value.failure)
    assert value.inputs


@pytest.mark.parametrize("venue", VENUES)
@given(answers=st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), min_size=1, max_size=3))
def test_check_finds_fault_with_garbage_and_never_raises(venue: str, answers: list[tuple[bool, bytes]]) -> None:
    check = VENUES[venue].check(settings(venue), *TOKENS)
    asks = next(check)
    problems = None
    try:
        while True:
            asks = check.send(tuple(Answer(*answers[i % len(answers)]) for i in range(len(asks))))
    except StopIteration as stop:
        problems = stop.value
    assert problems


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
@given(amount=st.integers(1, 10**26), more=st.integers(1, 10**24))
def test_selling_more_never_earns_less_and_never_takes_more_than_asked(
    venue: str, token0: bool, amount: int, more: int
) -> None:
    sale = curve(venue, token0=token0)
    (taken, out), (taken_more, out_more) = sale.sell_exact_in_down(amount), sale.sell_exact_in_down(amount + more)
    assert 0 <= taken <= amount
    assert taken <= taken_more
    assert 0 <= out <= out_more


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
@given(amount=st.integers(1, 10**26))
def test_no_sale_earns_more_than_the_mid_price(venue: str, token0: bool, amount: int) -> None:
    sale = curve(venue, token0=token0)
    taken, out = sale.sell_exact_in_down(amount)
    # One unit of rounding of the scaled amount.
    assert out * sale.mid.denominator <= (taken + 1) * sale.mid.numerator


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
@given(drop=st.integers(1, 9_000), further=st.integers(0, 900))
def test_a_sale_to_a_price_is_a_sale_of_its_amount(venue: str, token0: bool, drop: int, further: int) -> None:
    sale = curve(venue, token0=token0)
    top = int_sqrt((sale.mid.numerator << 192) // sale.mid.denominator)
    taken, out = sale.sell_to_price(top * (10_000 - drop) // 10_000)
    again_taken, again_out = sale.sell_exact_in_down(taken)
    assert abs(again_taken - taken) <= 1
    # One raw unit in, at the mid price, and the roundings of the scale.
    assert abs(again_out - out) <= sale.mid.numerator // sale.mid.denominator + 2
    lower = sale.sell_to_price(top * (10_000 - drop - further) // 10_000)
    assert lower[0] >= taken
    assert lower[1] >= out


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
def test_nothing_is_sold_to_a_price_that_the_fee_already_forbids(venue: str, token0: bool) -> None:
    sale = curve(venue, token0=token0)
    top = int_sqrt((sale.mid.numerator << 192) // sale.mid.denominator)
    assert sale.sell_to_price(top) == (0, 0)
    assert sale.sell_to_price(top * 2) == (0, 0)
    # The fee is 0.3 %: its square root is where selling starts.
    assert sale.sell_to_price(top * 9_986 // 10_000) == (0, 0)
    assert sale.sell_to_price(top * 9_980 // 10_000)[0] > 0


def int_sqrt(n: int) -> int:
    from math import isqrt

    return isqrt(n)


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
@pytest.mark.parametrize("sells", [True, False])
@given(share=st.integers(1, 10_000))
def test_what_an_exact_input_buys_costs_no_more_than_it_by_exact_output(
    venue: str, token0: bool, sells: bool, share: int
) -> None:
    swaps = VENUES[venue].swaps(settings(venue, token0=token0), EXAMPLES[venue][1]())
    taken, out = swaps.exact_in_down(share * 10**15, sells_collateral=sells)
    assert 0 < taken <= share * 10**15
    paid, given_out = swaps.exact_out_up(out, sells_collateral=sells)
    assert given_out == out
    assert paid <= taken + COARSE.get(venue, 0)
    # One unit less than the price of an output does not buy it.
    if out > 0:
        assert swaps.exact_in_down(paid - 1 - COARSE.get(venue, 0), sells_collateral=sells)[1] <= out


@pytest.mark.parametrize(("venue", "token0"), ORIENTED)
@given(share=st.integers(1, 10_000))
def test_there_and_back_never_pays(venue: str, token0: bool, share: int) -> None:
    swaps = VENUES[venue].swaps(settings(venue, token0=token0), EXAMPLES[venue][1]())
    taken, out = swaps.exact_in_down(share * 10**12, sells_collateral=True)
    assert swaps.exact_in_down(out, sells_collateral=False)[1] <= taken
