"""The Uniswap v2 adapter on made-up storage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.pools import UniswapV2State, UniswapV3State
from keeper.records.settings import two_token_pool
from keeper.records.snapshot import Answer, CallInput, PoolReading, ReadPlan, WordInput
from keeper.records.units import Address, BlockRef
from keeper.venues.uniswap_v2 import UniswapV2

POOL = two_token_pool("uniswap_v2", Address("0x" + "02" * 20), True, 3000, 0)
BLOCK = BlockRef(100, bytes(32), 1_700_000_000)
SLOT = (8).to_bytes(32, "big")


def read(answer: Answer) -> PoolReading:
    reading = UniswapV2().read(POOL, ReadPlan(0), BLOCK)
    (ask,) = next(reading)
    assert (ask.to, ask.data, ask.reader) == (POOL.address, SLOT, "uniswap_v2")
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    value = stop.value.value
    assert isinstance(value, PoolReading)
    return value


@given(st.integers(1, (1 << 112) - 1), st.integers(1, (1 << 112) - 1), st.integers(0, (1 << 32) - 1))
def test_reserves_are_cut_out_of_their_word(reserve0: int, reserve1: int, time: int) -> None:
    word = (time << 224 | reserve1 << 112 | reserve0).to_bytes(32, "big")
    assert read(Answer(True, word)) == PoolReading(
        UniswapV2State(reserve0, reserve1), (WordInput(POOL.address, SLOT, word),)
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(False, b""), "the storage could not be read"),
        (Answer(True, b""), "the storage could not be read"),
        (Answer(True, bytes(31)), "the storage could not be read"),
        (Answer(True, bytes(32)), "no reserves"),
        (Answer(True, bytes(31) + b"\x01"), "no reserves"),
    ],
)
def test_garbage_is_the_pairs_own_fault(answer: Answer, reason: str) -> None:
    assert read(answer) == PoolReading(
        None, (CallInput(POOL.address, SLOT, answer.ok, answer.data),), f"{POOL.address}: {reason}"
    )


def test_the_curve_sells_the_collaterals_side() -> None:
    state = UniswapV2State(1000, 4000)
    for token0, sold, bought in ((True, 1000, 4000), (False, 4000, 1000)):
        curve = UniswapV2().curve(two_token_pool("uniswap_v2", POOL.address, token0, 3000, 0), state)
        assert (curve.mid.numerator, curve.mid.denominator) == (bought, sold)
        assert curve.sell_exact_in_down(100) == (100, 99_700 * bought // (sold * 1000 + 99_700))


def test_another_venues_state_is_refused() -> None:
    with pytest.raises(TypeError, match="not the state of a Uniswap v2 pair"):
        UniswapV2().curve(POOL, object.__new__(UniswapV3State))
