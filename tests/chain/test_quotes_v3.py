"""Uniswap v3 quotes against the real QuoterV2, SwapRouter and pool: not one wei of difference."""

import random
from collections.abc import Iterator

import pytest
from bench import Bench, build, random_positions, trade
from eth_abi.abi import decode

from keeper.chain.reader import Reader
from keeper.chain.rpc import Reverted, Rpc
from keeper.maths.tick_curve import TickCurve
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.maths.tick_walk import TickRange, stretches, swap
from keeper.records.pools import UniswapV3State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.testing.client import DevChain, calldata
from keeper.testing.uniswap import Position
from keeper.venues import VENUES
from keeper.venues.uniswap_v3 import tick_range

QUOTE_IN = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
QUOTE_OUT = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))"
WHOLE = ReadPlan(harmonic_seconds=1, ring_seconds=(), depth_range_ticks=2_000_000)


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


@pytest.fixture(scope="module", params=[(3000, 60), (500, 10), (10_000, 200)], ids=["30bps", "5bps", "100bps"])
def pool(bench: Bench, request: pytest.FixtureRequest) -> PoolSettings:
    fee, spacing = request.param
    chance = random.Random(fee)
    pool = bench.v3(fee, spacing, random_positions(chance, 100, spacing), ring=10)
    trade(bench, pool, chance, 12)
    return pool


@pytest.fixture
def reader(bench: Bench) -> Iterator[Reader]:
    with Rpc("local", bench.chain.url) as rpc:
        yield Reader(rpc)


def state_of(reader: Reader, pool: PoolSettings, plan: ReadPlan = WHOLE) -> UniswapV3State:
    block = reader.block("latest")
    (reading,) = reader.run([VENUES["uniswap_v3"].read(pool, plan, block)], block)
    assert isinstance(reading, PoolReading)
    assert isinstance(reading.state, UniswapV3State), reading.failure
    return reading.state


def quoted(
    bench: Bench, pool: PoolSettings, signature: str, amounts: list[int], *, zero: bool
) -> list[tuple[int, int] | None]:
    """(amount, price after) by QuoterV2 for each amount; None where it reverts."""
    sold, bought = (bench.token0, bench.token1) if zero else (bench.token1, bench.token0)
    answers: list[tuple[int, int] | None] = []
    with Rpc("quoter", bench.chain.url, deadline_seconds=60) as rpc:
        for amount in amounts:
            data = calldata(signature, (sold, bought, amount, pool.fee_pips, 0))
            call = {"to": bench.uniswap.v3_quoter, "data": "0x" + data.hex(), "gas": hex(200_000_000)}
            try:
                raw = bytes.fromhex(rpc.call("eth_call", [call, "latest"])[2:])
            except Reverted:
                answers.append(None)
                continue
            amount_got, price = decode(["uint256", "uint160"], raw[:64])
            answers.append((amount_got, price))
    return answers


def edge_amounts(known: TickRange, *, zero: bool) -> list[int]:
    """Inputs that end at every initialised tick of the walk, one wei less and one more."""
    initialised = {sqrt_ratio_at_tick(tick) for tick in known.ticks}
    ends = [part.sqrt_to for part in stretches(known, zero_for_one=zero) if part.sqrt_to in initialised]
    assert len(ends) > 30
    exact = {swap(known, 1 << 254, zero_for_one=zero, sqrt_limit_x96=end).amount_in for end in ends}
    return sorted({amount + wei for amount in exact for wei in (-1, 0, 1) if amount + wei > 0})


@pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])
def test_every_tick_edge_is_quoted_to_the_wei(bench: Bench, reader: Reader, pool: PoolSettings, zero: bool) -> None:
    known = tick_range(pool, state_of(reader, pool))
    amounts = edge_amounts(known, zero=zero)
    ours = [swap(known, amount, zero_for_one=zero) for amount in amounts]
    assert [(row.amount_out, row.sqrt_price_x96) for row in ours] == quoted(bench, pool, QUOTE_IN, amounts, zero=zero)
    curve = TickCurve(known, zero_for_one=zero)
    assert [curve.exact_in_down(amount) for amount in amounts] == [(row.amount_in, row.amount_out) for row in ours]


@pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])
def test_500_random_inputs_are_quoted_to_the_wei(bench: Bench, reader: Reader, pool: PoolSettings, zero: bool) -> None:
    known = tick_range(pool, state_of(reader, pool))
    chance = random.Random(f"{pool.fee_pips} {zero}")
    # From one wei to far more than the pool can absorb.
    amounts = [1, 2, 3, (1 << 255) - 1, *(int(10 ** chance.uniform(0, 24)) for _ in range(496))]
    ours = [swap(known, amount, zero_for_one=zero) for amount in amounts]
    assert [(row.amount_out, row.sqrt_price_x96) for row in ours] == quoted(bench, pool, QUOTE_IN, amounts, zero=zero)
    curve = TickCurve(known, zero_for_one=zero)
    assert [curve.exact_in_down(amount) for amount in amounts] == [(row.amount_in, row.amount_out) for row in ours]


@pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])
def test_500_random_outputs_are_quoted_to_the_wei(bench: Bench, reader: Reader, pool: PoolSettings, zero: bool) -> None:
    known = tick_range(pool, state_of(reader, pool))
    chance = random.Random(f"out {pool.fee_pips} {zero}")
    most = swap(known, 1 << 254, zero_for_one=zero).amount_out
    amounts = [1, 2, most - 1, *(int(10 ** chance.uniform(0, len(str(most)) - 1)) for _ in range(497))]
    ours = [swap(known, -amount, zero_for_one=zero) for amount in amounts]
    assert [row.amount_out for row in ours] == amounts
    assert [(row.amount_in, row.sqrt_price_x96) for row in ours] == quoted(bench, pool, QUOTE_OUT, amounts, zero=zero)


def test_real_swaps_move_what_was_quoted(bench: Bench, reader: Reader, pool: PoolSettings) -> None:
    chance = random.Random(pool.fee_pips)
    for _ in range(12):
        zero = chance.random() < 0.5
        amount = int(10 ** chance.uniform(4, 18))
        known = tick_range(pool, state_of(reader, pool))
        expected = swap(known, amount, zero_for_one=zero)
        assert bench.swap_v3(pool, amount, zero_for_one=zero) == (expected.amount_in, expected.amount_out)
        after = state_of(reader, pool)
        assert (after.sqrt_price_x96, after.tick, after.liquidity) == (
            expected.sqrt_price_x96,
            expected.tick,
            expected.liquidity,
        )


@pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])
def test_a_sale_down_to_a_price_is_what_the_pool_does_with_that_limit(
    bench: Bench, reader: Reader, pool: PoolSettings, zero: bool
) -> None:
    chance = random.Random(pool.fee_pips)
    for distance in (1, 40, 333, 2_500, 7_000):
        state = state_of(reader, pool)
        known = tick_range(pool, state)
        tick = state.tick + (-distance if zero else distance + 1)
        limit = sqrt_ratio_at_tick(tick) + chance.randint(0, 10**6) * (-1 if zero else 1)
        expected = TickCurve(known, zero_for_one=zero).to_price(limit)
        snapshot = bench.chain.rpc("evm_snapshot")
        assert bench.swap_v3(pool, 10**29, zero_for_one=zero, limit=limit) == expected
        assert state_of(reader, pool).sqrt_price_x96 == limit
        bench.chain.rpc("evm_revert", snapshot)


@pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])
def test_a_narrow_read_quotes_the_same_until_it_ends(
    bench: Bench, reader: Reader, pool: PoolSettings, zero: bool
) -> None:
    whole = tick_range(pool, state_of(reader, pool))
    narrow = tick_range(pool, state_of(reader, pool, ReadPlan(1, (), 1_500)))
    end = sqrt_ratio_at_tick(narrow.lowest_tick if zero else narrow.highest_tick)
    most = swap(whole, 1 << 254, zero_for_one=zero, sqrt_limit_x96=end)
    curve = TickCurve(narrow, zero_for_one=zero)
    assert curve.exact_in_down(1 << 200) == (most.amount_in, most.amount_out)
    amounts = [most.amount_in * part // 50 for part in range(1, 50)]
    assert [curve.exact_in_down(amount) for amount in amounts] == [
        (amount, answer[0])
        for amount, answer in zip(amounts, quoted(bench, pool, QUOTE_IN, amounts, zero=zero), strict=True)
        if answer is not None
    ]


def test_a_price_outside_all_liquidity_is_walked_like_the_pool_does(chain: DevChain) -> None:
    bench = build(chain)
    # The price lies at tick 10,986; the only positions far above and far below it.
    hole = bench.v3(500, 10, [Position(5_000, 8_000, 10**18), Position(14_000, 20_000, 10**18)])
    with Rpc("local", chain.url) as rpc:
        state = state_of(Reader(rpc), hole)
    assert state.liquidity == 0
    known = tick_range(hole, state)
    for zero in (True, False):
        amounts = [1, 10**6, 10**12, 10**18]
        ours = [swap(known, amount, zero_for_one=zero) for amount in amounts]
        quotes = quoted(bench, hole, QUOTE_IN, amounts, zero=zero)
        assert [(row.amount_out, row.sqrt_price_x96) for row in ours] == quotes
        assert ours[-1].amount_out > 0
    # Liquidity that is not in range has no harmonic mean, so it does not count.
    assert VENUES["uniswap_v3"].curve(hole, state).sell_exact_in_down(10**18) == (0, 0)
