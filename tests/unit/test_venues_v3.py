"""The Uniswap v3 adapter on made-up storage: what it accepts, what it refuses, what it counts."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from factories import facing
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.pools import Cumulative, UniswapV3State
from keeper.records.settings import two_token_pool
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef
from keeper.venues.tick_words import Garbage
from keeper.venues.uniswap_v3 import UniswapV3
from keeper.venues.uniswap_v3_words import request, split

POOL = two_token_pool("uniswap_v3", Address("0x" + "03" * 20), True, 3000, 60, price_source=True)
NOW = 1_700_000_000
BLOCK = BlockRef(100, bytes(32), NOW)
PLAN = ReadPlan(harmonic_seconds=1800, ring_seconds=(), depth_range_ticks=600)
L = 10**18
GROWN = 7 << 130


def word(value: int) -> bytes:
    return (value % (1 << 256)).to_bytes(32, "big")


def slot0(tick: int = 0, *, price: int | None = None, index: int = 0, cardinality: int = 2, unlocked: int = 1) -> int:
    sqrt_price = sqrt_ratio_at_tick(tick) if price is None else price
    return unlocked << 240 | cardinality << 200 | index << 184 | tick % (1 << 24) << 160 | sqrt_price


def observation(time: int, ticks: int = 0, per_liquidity: int = 0, *, initialized: int = 1) -> int:
    return initialized << 248 | per_liquidity << 88 | ticks % (1 << 56) << 32 | time


def tick_word(gross: int, net: int) -> int:
    return net % (1 << 128) << 128 | gross


NEWEST = observation(NOW - 5)
OLD = observation(NOW - 3600)
BITMAPS = {-1: 1 << 255, 0: 1 << 1}
"""Ticks -60 and 60 at spacing 60."""


def reply(**changes: Any) -> bytes:
    """A healthy pool's reply: price 1, one position [-60, 60), and the pair around 1,800 s ago."""
    parts: dict[str, Any] = {
        "slot0": slot0(),
        "growth": [0, 0],
        "liquidity": L,
        "newest": NEWEST,
        "bitmaps": list(BITMAPS.values()),
        "ticks": [tick_word(L, L), tick_word(L, -L)],
        "ring": [(1, OLD, NEWEST)],
        **changes,
    }
    head = [parts["slot0"], *parts["growth"], parts["liquidity"], parts["newest"], *parts["bitmaps"], *parts["ticks"]]
    return b"".join(word(value) for value in [*head, *(value for row in parts["ring"] for value in row)])


def drive(reading: Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading], answer: Answer) -> PoolReading:
    next(reading)
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    value = stop.value.value
    assert isinstance(value, PoolReading)
    return value


def read(data: bytes, plan: ReadPlan = PLAN, *, ok: bool = True) -> PoolReading:
    return drive(UniswapV3().read(POOL, plan, BLOCK), Answer(ok, data))


def healthy() -> UniswapV3State:
    state = read(reply()).state
    assert isinstance(state, UniswapV3State)
    return state


def test_a_healthy_pool_is_decoded() -> None:
    state = healthy()
    assert (state.tick, state.liquidity, state.ticks) == (0, L, ((-60, L), (60, -L)))
    assert (state.lowest_tick, state.highest_tick) == (-600, 600)
    assert state.last_observation_time == NOW - 5
    assert state.now == Cumulative(NOW, 0, (5 << 128) // L)
    assert state.harmonic == Cumulative(NOW - 1800, 0, 0)
    assert state.ring == ()


def test_the_inputs_are_the_words_the_state_rests_on_each_once() -> None:
    reading = read(reply())
    slots = [row.slot for row in reading.inputs]  # type: ignore[union-attr]
    # slot0, fee growth twice, liquidity, newest observation, two bitmap words, two ticks, the older observation.
    assert len(slots) == len(set(slots)) == 10
    assert [int.from_bytes(slot, "big") for slot in slots[:5]] == [0, 1, 2, 4, 8]
    assert int.from_bytes(slots[-1], "big") == 9


def test_fee_growth_is_the_raw_word_and_touches_nothing_else() -> None:
    grown = read(reply(growth=[GROWN, (1 << 256) - 1]))
    assert isinstance(grown.state, UniswapV3State)
    assert (grown.state.fee_growth0_x128, grown.state.fee_growth1_x128) == (GROWN, (1 << 256) - 1)
    assert replace(grown.state, fee_growth0_x128=0, fee_growth1_x128=0) == read(reply()).state
    assert [row.value for row in grown.inputs[1:3]] == [word(GROWN), b"\xff" * 32]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"slot0": 0}, "not initialised, or locked"),
        ({"slot0": slot0(unlocked=0)}, "not initialised, or locked"),
        ({"slot0": slot0(price=1)}, "price 1 at tick 0 is impossible"),
        ({"slot0": slot0(price=(1 << 160) - 1)}, "at tick 0 is impossible"),
        ({"slot0": slot0(cardinality=0)}, "observation 0 of 0 is impossible"),
        ({"slot0": slot0(index=2)}, "observation 2 of 2 is impossible"),
        ({"slot0": slot0(price=sqrt_ratio_at_tick(2))}, "is not at tick 0"),
        ({"bitmaps": [0, 0]}, "do not fit the pool's own bitmap"),
        ({"ticks": [tick_word(0, 0), tick_word(L, -L)]}, "initialised tick without its liquidity"),
        ({"ticks": [tick_word(L, 2 * L), tick_word(L, -L)]}, "initialised tick without its liquidity"),
        ({"ticks": [tick_word(L, L), tick_word(2 * L, -2 * L)]}, "liquidity does not add up"),
        ({"ticks": [tick_word(2 * L, 2 * L), tick_word(L, -L)]}, "liquidity does not add up"),
        ({"newest": observation(NOW - 5, initialized=0)}, "newest observation"),
        ({"newest": observation(NOW + 5)}, "newest observation"),
        ({"ring": [(1, observation(1, initialized=0), NEWEST)]}, "observation 1 was never written"),
        ({"ring": [(1, OLD, observation(NOW - 2000))]}, "do not enclose the target"),
        ({"ring": [(1, OLD, observation(NOW - 100, initialized=0))]}, "do not enclose the target"),
        ({"ring": [(1, OLD, 0)]}, "observation 1 is not the newest"),
        ({"ring": []}, "do not fit"),
    ],
)
def test_garbage_is_the_pools_own_fault(changes: dict[str, Any], reason: str) -> None:
    data = reply(**changes)
    reading = read(data)
    assert reading.state is None
    assert reason in reading.failure
    assert reading.failure.startswith(POOL.address)
    assert reading.inputs == (CallInput(POOL.address, request(60, 600, (1800,)), True, data),)


def test_a_failed_or_empty_answer_is_the_pools_own_fault() -> None:
    assert read(b"", ok=False).failure == f"{POOL.address}: the storage could not be read"
    assert read(b"").failure == f"{POOL.address}: 0 bytes are not the reader's reply"
    assert read(reply()[:-1]).state is None


@given(st.binary(max_size=1024))
def test_random_bytes_never_raise(data: bytes) -> None:
    assert read(data).state is None


@given(st.integers(0, len(reply()) * 8 - 1))
def test_one_flipped_bit_never_raises(bit: int) -> None:
    data = bytearray(reply())
    data[bit // 8] ^= 1 << bit % 8
    reading = read(bytes(data))
    assert (reading.state is None) == bool(reading.failure)


def test_a_price_on_the_tick_just_crossed_downward_is_lawful() -> None:
    crossed = reply(slot0=slot0(-61, price=sqrt_ratio_at_tick(-60)), liquidity=0)
    state = read(crossed).state
    assert isinstance(state, UniswapV3State)
    assert (state.tick, state.liquidity) == (-61, 0)


def test_ring_targets_beyond_the_ring_are_left_out() -> None:
    plan = replace(PLAN, ring_seconds=(7200, 3600, 60))
    before = (1, OLD, 0)
    state = read(reply(ring=[(1, OLD, NEWEST), before, (1, OLD, NEWEST), (1, OLD, NEWEST)]), plan).state
    assert isinstance(state, UniswapV3State)
    assert [row.time for row in state.ring] == [NOW - 3600, NOW - 60]


def test_a_harmonic_target_beyond_the_ring_needs_a_quarter_of_it() -> None:
    state = read(reply(ring=[(1, OLD, 0)]), replace(PLAN, harmonic_seconds=4 * 3600)).state
    assert isinstance(state, UniswapV3State)
    assert state.harmonic == Cumulative(NOW - 3600, 0, 0)
    state = read(reply(ring=[(1, OLD, 0)]), replace(PLAN, harmonic_seconds=4 * 3600 + 1)).state
    assert isinstance(state, UniswapV3State)
    assert state.harmonic is None


def test_a_range_at_the_ends_of_the_protocol_is_clipped() -> None:
    data = b"".join(word(value) for value in [slot0(-887_272), 0, 0, 0, NEWEST, 0])
    raw = split(data, 60, 600, 0)
    assert (raw.around.lowest_tick, raw.around.highest_tick) == (-887_272, -886_672)
    with pytest.raises(Garbage):
        split(data[:-32], 60, 600, 0)


def capped(harmonic_liquidity: int) -> UniswapV3State:
    """The healthy pool, its liquidity over the last 1,800 s as given."""
    return replace(
        healthy(),
        harmonic=Cumulative(NOW - 1800, 0, 0),
        now=Cumulative(NOW, 0, (1800 << 128) // harmonic_liquidity),
    )


@pytest.mark.parametrize("token0", [True, False])
def test_the_sale_is_scaled_by_the_harmonic_mean(token0: bool) -> None:
    pool = facing(POOL, token0)
    full, half = (UniswapV3().curve(pool, capped(liquidity)) for liquidity in (2 * L, L // 2))
    for amount in (10**12, 10**14, 10**15):
        whole = full.sell_exact_in_down(amount)
        assert whole[0] == amount
        assert half.sell_exact_in_down(amount // 2) == (amount // 2, whole[1] // 2)
    sqrt_price = sqrt_ratio_at_tick(-45)
    taken, given_out = full.sell_to_price(sqrt_price)
    assert taken > 0
    assert half.sell_to_price(sqrt_price) == (-(-taken // 2), given_out // 2)


def test_a_larger_mean_than_now_changes_nothing() -> None:
    pool = UniswapV3()
    assert pool.curve(POOL, capped(L)).sell_exact_in_down(10**16) == pool.curve(POOL, capped(9 * L)).sell_exact_in_down(
        10**16
    )


def test_a_pool_without_a_mean_or_without_liquidity_sells_nothing() -> None:
    for state in (replace(healthy(), harmonic=None), replace(capped(L), liquidity=0)):
        curve = UniswapV3().curve(POOL, state)
        assert curve.sell_exact_in_down(10**18) == (0, 0)
        assert curve.sell_to_price(1) == (0, 0)
        assert (curve.mid.numerator, curve.mid.denominator) == (1 << 192, 1 << 192)


def test_both_orientations_are_mirror_images_at_price_one() -> None:
    state = capped(L)
    zero, one = (UniswapV3().curve(facing(POOL, side), state) for side in (True, False))
    for tick in (-31, -40, -59, -200):
        a, b = zero.sell_to_price(sqrt_ratio_at_tick(tick)), one.sell_to_price(sqrt_ratio_at_tick(tick))
        # Two roundings of the price apart.
        assert a[0] == pytest.approx(b[0], rel=1e-9)
        assert a[1] == pytest.approx(b[1], rel=1e-9)


@given(st.integers(1, 1 << 100), st.booleans())
def test_a_sale_down_to_a_price_earns_at_least_that_price_on_average(sqrt_price: int, token0: bool) -> None:
    curve = UniswapV3().curve(facing(POOL, token0), capped(L // 3))
    taken, given_out = curve.sell_to_price(sqrt_price)
    # out / in >= price after the fee; each scale rounds at most one unit against the seller.
    assert (given_out + 2) << 192 >= (taken - 2) * sqrt_price * sqrt_price
    again = curve.sell_exact_in_down(taken)
    assert abs(again[1] - given_out) <= 2


def test_another_venues_state_is_refused() -> None:
    from keeper.records.pools import UniswapV2State

    with pytest.raises(TypeError, match="not the state of a Uniswap v3 pool"):
        UniswapV3().curve(POOL, UniswapV2State(1, 1))
