"""The Uniswap v4 adapter on made-up storage: what it accepts, what it refuses, what it counts, what it checks."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from factories import facing
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.concentrated import swap_fee_pips_up
from keeper.maths.keccak import keccak
from keeper.maths.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, sqrt_ratio_at_tick
from keeper.records.pools import UniswapV4State
from keeper.records.settings import DYNAMIC_FEE, PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan
from keeper.records.units import NO_ADDRESS, Address, BlockRef
from keeper.venues.uniswap_v4 import UniswapV4, never_counts
from keeper.venues.uniswap_v4_words import first_slot, pool_id_of, request

MANAGER = Address("0x" + "04" * 20)
COLLATERAL, DEBT = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
BLOCK = BlockRef(100, bytes(32), 1_700_000_000)
PLAN = ReadPlan(harmonic_seconds=1800, ring_seconds=(), depth_range_ticks=600)
L = 10**18
TAKEN = keccak(b"PoolAlreadyInitialized()")[:4]
BEFORE_INITIALIZE, AFTER_ADD, BEFORE_SWAP, AFTER_SWAP = 1 << 13, 1 << 10, 1 << 7, 1 << 6
BEFORE_SWAP_DELTA, AFTER_SWAP_DELTA = 1 << 3, 1 << 2


def pool_settings(
    fee: int = 3000, spacing: int = 60, hooks: int = 0, tokens: tuple[Address, Address] | None = None
) -> PoolSettings:
    companion = Address(f"0x{hooks:040x}")
    pool_id = pool_id_of(*(tokens or (COLLATERAL, DEBT)), fee, spacing, companion)
    return PoolSettings("uniswap_v4", MANAGER, pool_id, companion, 0, 1, fee, spacing, (), False)


POOL = pool_settings()


def word(value: int) -> bytes:
    return (value % (1 << 256)).to_bytes(32, "big")


def slot0(tick: int = 0, *, price: int | None = None, lp: int = 3000, protocol: tuple[int, int] = (0, 0)) -> int:
    sqrt_price = sqrt_ratio_at_tick(tick) if price is None else price
    return lp << 208 | protocol[1] << 196 | protocol[0] << 184 | tick % (1 << 24) << 160 | sqrt_price


def tick_word(gross: int, net: int) -> int:
    return net % (1 << 128) << 128 | gross


def reply(**changes: Any) -> bytes:
    """A healthy pool's reply: price 1, one position [-60, 60)."""
    parts: dict[str, Any] = {
        "slot0": slot0(),
        "growth": [5 << 128, 3 << 128],
        "liquidity": L,
        "bitmaps": [1 << 255, 1 << 1],
        "ticks": [tick_word(L, L), tick_word(L, -L)],
        **changes,
    }
    head = [parts["slot0"], *parts["growth"], parts["liquidity"]]
    return b"".join(word(value) for value in [*head, *parts["bitmaps"], *parts["ticks"]])


def drive(reading: Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading], answer: Answer) -> PoolReading:
    next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    value = stop.value.value
    assert isinstance(value, PoolReading)
    return value


def read(data: bytes, pool: PoolSettings = POOL, plan: ReadPlan = PLAN, *, ok: bool = True) -> PoolReading:
    return drive(UniswapV4().read(pool, plan, BLOCK), Answer(ok, data))


def state_of(data: bytes, pool: PoolSettings = POOL) -> UniswapV4State:
    reading = read(data, pool)
    assert isinstance(reading.state, UniswapV4State), reading.failure
    return reading.state


def test_a_healthy_pool_is_decoded() -> None:
    state = state_of(reply(slot0=slot0(protocol=(1000, 250))))
    assert (state.tick, state.liquidity, state.ticks) == (0, L, ((-60, L), (60, -L)))
    assert (state.lowest_tick, state.highest_tick) == (-600, 600)
    assert (state.fee_growth0_x128, state.fee_growth1_x128) == (5 << 128, 3 << 128)
    # 1000 + 3000 - 3 and 250 + 3000 - floor(0.75).
    assert (state.fee0_pips, state.fee1_pips) == (3997, 3250)


def test_the_inputs_are_words_of_the_manager_at_the_pools_own_slots() -> None:
    reading = read(reply())
    assert {row.account for row in reading.inputs} == {MANAGER}
    slots = [int.from_bytes(row.slot, "big") for row in reading.inputs]  # type: ignore[union-attr]
    # slot0, fee growth twice, liquidity, two bitmap words, two ticks.
    assert len(slots) == len(set(slots)) == 8
    base = int.from_bytes(keccak(POOL.pool_id + word(6)), "big")
    assert slots[:4] == [base, base + 1, base + 2, base + 3]
    assert base == first_slot(POOL.pool_id)
    assert slots[4] == int.from_bytes(keccak(word(-1) + word(base + 5)), "big")
    assert slots[6] == int.from_bytes(keccak(word(-60) + word(base + 4)), "big")


def test_the_pool_id_is_that_of_a_pool_on_mainnet() -> None:
    # ETH/USDC 0.05 %, spacing 10, no hooks.
    usdc = Address("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
    pool_id = pool_id_of(NO_ADDRESS, usdc, 500, 10, NO_ADDRESS)
    assert pool_id.hex() == "21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"slot0": 0}, "not initialised"),
        ({"slot0": slot0(price=1)}, "price 1 at tick 0 is impossible"),
        ({"slot0": slot0(price=(1 << 160) - 1)}, "at tick 0 is impossible"),
        ({"slot0": slot0(MAX_TICK - 1, price=MAX_SQRT_RATIO)}, "is impossible"),
        ({"slot0": slot0(price=sqrt_ratio_at_tick(2))}, "is not at tick 0"),
        ({"slot0": slot0(lp=1_000_001)}, "fees of 1000001 and 0 millionths, top bits 0x0: impossible"),
        ({"slot0": slot0(protocol=(1001, 0))}, "fees of 3000 and 1001 millionths"),
        ({"slot0": slot0(protocol=(0, 1001))}, "fees of 3000 and 1001 millionths"),
        ({"slot0": slot0() | 1 << 232}, "top bits 0x1: impossible"),
        ({"slot0": slot0(lp=1_000_000)}, "its fee is the whole input"),
        ({"slot0": slot0(lp=999_999, protocol=(0, 1000))}, "its fee is the whole input"),
        ({"slot0": slot0(lp=500)}, "its fee is 500, the settings say 3000"),
        ({"bitmaps": [0, 0]}, "do not fit the pool's own bitmap"),
        ({"ticks": [tick_word(L, L)]}, "do not fit the pool's own bitmap"),
        ({"ticks": [tick_word(0, 0), tick_word(L, -L)]}, "initialised tick without its liquidity"),
        ({"ticks": [tick_word(L, 2 * L), tick_word(L, -L)]}, "initialised tick without its liquidity"),
        ({"ticks": [tick_word(L, L), tick_word(2 * L, -2 * L)]}, "liquidity does not add up"),
        ({"ticks": [tick_word(2 * L, 2 * L), tick_word(L, -L)]}, "liquidity does not add up"),
    ],
)
def test_garbage_is_the_pools_own_fault(changes: dict[str, Any], reason: str) -> None:
    data = reply(**changes)
    reading = read(data)
    assert reading.state is None
    assert reason in reading.failure
    assert reading.failure.startswith(f"{MANAGER} pool 0x{POOL.pool_id.hex()}: ")
    assert reading.inputs == (CallInput(MANAGER, request(POOL.pool_id, 60, 600), True, data),)


def test_a_failed_or_short_answer_is_the_pools_own_fault() -> None:
    assert read(b"", ok=False).failure.endswith("the storage could not be read")
    assert read(b"").failure.endswith("0 bytes are not the reader's reply")
    assert read(reply()[:-1]).failure.endswith("bytes are not the reader's reply")
    assert read(reply(), replace(POOL, tick_spacing=0)).failure.endswith("the settings give no tick spacing")


@given(words=st.lists(st.integers(0, (1 << 256) - 1), max_size=12), spacing=st.sampled_from([0, 1, 60, 32_767]))
def test_words_of_any_kind_are_a_state_that_can_be_sold_into_or_a_reason(words: list[int], spacing: int) -> None:
    pool = pool_settings(spacing=spacing)
    reading = read(b"".join(word(value) for value in words), pool)
    assert (reading.state is None) == bool(reading.failure)
    if reading.state is not None:
        UniswapV4().curve(pool, reading.state).sell_exact_in_down(10**18)


@given(
    tick=st.one_of(st.integers(MIN_TICK, MAX_TICK - 1), st.sampled_from([MIN_TICK, MAX_TICK - 1])),
    spacing=st.sampled_from([1, 60, 200, 32_767]),
    token0=st.booleans(),
    amount=st.integers(0, 1 << 255),
)
def test_an_empty_pool_sells_nothing_at_any_price(tick: int, spacing: int, token0: bool, amount: int) -> None:
    pool = facing(pool_settings(spacing=spacing), token0)
    low, high = max(MIN_TICK, tick - 600), min(MAX_TICK, tick + 600)
    count = (high // spacing >> 8) - (-(-low // spacing) >> 8) + 1
    state = state_of(reply(slot0=slot0(tick), liquidity=0, bitmaps=[0] * count, ticks=[]), pool)
    curve, swaps = UniswapV4().curve(pool, state), UniswapV4().swaps(pool, state)
    assert curve.mid.numerator > 0
    assert curve.sell_exact_in_down(amount) == curve.sell_to_price(1) == (0, 0)
    for sells in (True, False):
        assert swaps.exact_in_down(amount, sells_collateral=sells) == (0, 0)
        assert swaps.exact_out_up(amount, sells_collateral=sells) == (0, 0)


def test_the_lowest_price_of_all_is_a_price() -> None:
    state = state_of(reply(slot0=slot0(MIN_TICK, price=MIN_SQRT_RATIO), liquidity=0, bitmaps=[0], ticks=[]))
    assert (state.lowest_tick, state.highest_tick) == (MIN_TICK, MIN_TICK + 600)
    assert UniswapV4().swaps(POOL, state).exact_in_down(10**9, sells_collateral=True) == (0, 0)


def test_each_direction_pays_its_own_fee() -> None:
    state = state_of(reply(slot0=slot0(lp=0, protocol=(1000, 0))), pool_settings(fee=0))
    swaps = UniswapV4().swaps(pool_settings(fee=0), state)
    assert swaps.exact_in_down(10**6, sells_collateral=True) == (10**6, 998_999)
    assert swaps.exact_in_down(10**6, sells_collateral=False) == (10**6, 999_999)
    selling1 = facing(pool_settings(fee=0), False)
    assert UniswapV4().curve(selling1, state).sell_exact_in_down(10**6) == (10**6, 999_999)
    assert UniswapV4().curve(POOL, state).sell_exact_in_down(10**6) == (10**6, 998_999)


@given(lp=st.integers(0, 10**6), protocol=st.integers(0, 1000))
def test_the_swap_fee_is_what_two_fees_leave_rounded_up(lp: int, protocol: int) -> None:
    fee = swap_fee_pips_up(lp, protocol)
    left = (10**6 - protocol) * (10**6 - lp)
    assert 10**6 - fee == left // 10**6
    assert max(lp, protocol) <= fee <= 10**6


@pytest.mark.parametrize(
    ("fee", "flags", "reason"),
    [
        (3000, 0, ""),
        (3000, BEFORE_INITIALIZE | AFTER_ADD, ""),
        (3000, BEFORE_SWAP | AFTER_SWAP, ""),
        (DYNAMIC_FEE, AFTER_SWAP, ""),
        (3000, BEFORE_SWAP | BEFORE_SWAP_DELTA, "take part in the amounts of every swap"),
        (3000, AFTER_SWAP | AFTER_SWAP_DELTA, "take part in the amounts of every swap"),
        (DYNAMIC_FEE, BEFORE_SWAP, "may choose the fee of every swap"),
    ],
)
def test_named_hooks_count_unless_words_alone_cannot_say_what_a_swap_yields(fee: int, flags: int, reason: str) -> None:
    pool = pool_settings(fee=fee, hooks=0xABCDEF << 20 | flags)
    assert reason in never_counts(pool)
    assert bool(never_counts(pool)) == bool(reason)
    reading = read(reply(), pool)
    assert (reading.state is None) == bool(reason)
    assert reason in reading.failure
    assert bool(reading.inputs)


def test_a_dynamic_fee_is_the_pools_own() -> None:
    pool = pool_settings(fee=DYNAMIC_FEE, hooks=0xAB << 20)
    assert state_of(reply(slot0=slot0(lp=12_345)), pool).fee0_pips == 12_345


WORDS = 2
"""Bitmap words of spacing 60 around tick 0 within the plan's usual range."""
PROBED = ("slot0", "growth0", "growth1", "liquidity", "bitmap", "tick")


def check(pool: PoolSettings = POOL, data: bytes | None = None, **changes: Answer) -> tuple[str, ...]:
    """Problems when the manager answers honestly but for ``changes``."""
    data = reply() if data is None else data
    running = UniswapV4().check(pool, COLLATERAL, DEBT)
    first = next(running)
    held = changes.pop("held", Answer(True, word(1000)))
    try:
        asks = running.send((Answer(True, data), held)[: len(first)])
        honest = [Answer(True, data[at : at + 32]) for at in (0, 32, 64, 96, 128, 128 + 32 * WORDS)]
        answers = [
            *honest,
            changes.get("initialize", Answer(False, TAKEN)),
            changes.get("supply", Answer(True, word(1000))),
        ]
        for at, name in enumerate(PROBED):
            answers[at] = changes.get(name, answers[at])
        running.send(tuple(answers[: len(asks)]))
    except StopIteration as stop:
        return tuple(stop.value)
    raise AssertionError("the check asked a third time")


def test_check_finds_nothing_wrong_with_an_honest_pool() -> None:
    assert check() == ()


def test_check_compares_the_pool_id_with_the_key() -> None:
    for wrong in (
        replace(POOL, pool_id=b"\x01" * 32),
        facing(POOL, False),
        replace(POOL, tick_spacing=10),
        replace(POOL, companion=Address("0x" + "00" * 17 + "010000")),
    ):
        problems = check(wrong)
        assert problems[0].startswith("its key hashes to 0x")
    assert check(replace(POOL, fee_pips=500))[-1] == "raw storage: its fee is 3000, the settings say 500"


def test_check_refuses_a_key_whose_currencies_are_out_of_order() -> None:
    swapped = pool_settings(tokens=(DEBT, COLLATERAL))
    assert check(facing(swapped, False)) == ("currency 0 is not the lower address",)


@pytest.mark.parametrize("name", PROBED)
@pytest.mark.parametrize("answer", [Answer(True, word(7)), Answer(False, b""), Answer(True, b"")])
def test_check_compares_raw_words_with_extsload(name: str, answer: Answer) -> None:
    assert check(**{name: answer}) == ("extsload() disagrees with the raw words: not a Uniswap v4 PoolManager",)


@pytest.mark.parametrize("answer", [Answer(True, word(0)), Answer(False, b""), Answer(False, b"abcd")])
def test_check_asks_the_manager_whether_it_knows_the_key(answer: Answer) -> None:
    line = "initialize() does not know the pool: not a Uniswap v4 PoolManager, or another key"
    assert check(initialize=answer) == (line,)
    # Hooks that are asked first may refuse in their own words.
    assert check(pool_settings(hooks=0xAB << 20 | BEFORE_INITIALIZE), initialize=answer) == ()


def test_check_names_hooks_that_never_count() -> None:
    pool = pool_settings(hooks=0xAB << 20 | AFTER_SWAP | AFTER_SWAP_DELTA)
    assert check(pool) == (never_counts(pool),)


def test_the_chains_own_currency_stands_for_the_token_that_wraps_it() -> None:
    pool = pool_settings(tokens=(NO_ADDRESS, DEBT))
    asks = next(UniswapV4().check(pool, COLLATERAL, DEBT))
    assert [(ask.to, ask.reader) for ask in asks] == [(MANAGER, "uniswap_v4")] * 2
    assert asks[1].data.hex() == COLLATERAL[2:]
    assert check(pool) == ()
    line = f"it holds the chain's own currency, the market needs {COLLATERAL}, which does not wrap it"
    assert check(pool, held=Answer(True, word(999))) == (line,)
    assert check(pool, supply=Answer(True, word(0))) == (line,)
    assert check(pool, supply=Answer(False, b"")) == (line,)
    # Where no code can be placed, nobody tells a balance.
    assert check(pool, held=Answer(False, b"")) == ()


def test_the_chains_own_currency_is_never_the_upper_one() -> None:
    assert "its key hashes to" in check(pool_settings(tokens=(COLLATERAL, NO_ADDRESS)))[0]


def test_a_wrong_kind_of_state_is_refused() -> None:
    with pytest.raises(TypeError, match="not the state of a Uniswap v4 pool"):
        UniswapV4().curve(POOL, object())  # type: ignore[arg-type]
