"""Uniswap v4 pools read from the real PoolManager: words equal to StateView, faults that stay with their pool."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from bench import random_positions
from bench_v4 import BenchV4, build_v4

from keeper.chain.proofs import prove_words
from keeper.chain.reader import Reader
from keeper.chain.routes import Deployless
from keeper.chain.rpc import Rpc
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.pools import UniswapV4State
from keeper.records.settings import DYNAMIC_FEE, PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan, WordInput
from keeper.records.units import Address, BlockRef
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import Position
from keeper.testing.uniswap_v4 import KEY, PoolKey, create_v4_pool, protocol_fee
from keeper.venues import VENUES, VIEW_PLANS

PLAN = ReadPlan(harmonic_seconds=600, ring_seconds=(), depth_range_ticks=7000)
V4 = VENUES["uniswap_v4"]
BEFORE_SWAP, AFTER_SWAP = 1 << 7, 1 << 6
NOTHING_HOOK = "0x5f3560e01c60e01b5f5260605ff3"
"""Answers its own selector and two zero words: it agrees and changes nothing."""


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> BenchV4:
    return build_v4(module_chain)


@pytest.fixture(scope="module")
def keys(bench: BenchV4) -> tuple[PoolKey, PoolKey, PoolKey]:
    chance = random.Random(7)
    wide, fine, native = bench.key(3000, 60), bench.key(500, 10), bench.key(3000, 60, native=True)
    for key in (wide, fine, native):
        # About 200 ticks within 60 % of the price.
        bench.open(key, random_positions(chance, 260, key.tick_spacing))
        bench.trade(key, chance, 5)
    bench.chain.run([protocol_fee(bench.v4, bench.trader, fine, (100, 1000))])
    return wide, fine, native


@pytest.fixture
def reader(bench: BenchV4) -> Iterator[Reader]:
    with Rpc("local", bench.chain.url) as rpc:
        yield Reader(rpc)


def read(reader: Reader, pools: list[PoolSettings], plan: ReadPlan = PLAN) -> tuple[BlockRef, list[PoolReading]]:
    block = reader.block("latest")
    readings = reader.run([V4.read(pool, plan, block) for pool in pools], block)
    assert all(isinstance(reading, PoolReading) for reading in readings)
    return block, readings  # type: ignore[return-value]


def state_of(reader: Reader, pool: PoolSettings, plan: ReadPlan = PLAN) -> UniswapV4State:
    _, (reading,) = read(reader, [pool], plan)
    assert isinstance(reading.state, UniswapV4State), reading.failure
    return reading.state


def check(reader: Reader, pool: PoolSettings, collateral: Address, debt: Address) -> object:
    (problems,) = reader.run([V4.check(pool, collateral, debt)], reader.block("latest"))
    return problems


def test_all_pools_of_the_manager_are_one_eth_call(bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]) -> None:
    _, readings = read(reader, [bench.settings(key) for key in keys])
    assert [reading.failure for reading in readings] == ["", "", ""]
    assert reader.eth_calls == 1
    assert len({reading.state.liquidity for reading in readings if reading.state}) == 3  # type: ignore[union-attr]


def test_raw_words_equal_state_view(bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]) -> None:
    view = bench.v4.state_view
    for key in keys:
        state = state_of(reader, bench.settings(key))
        slot0 = bench.chain.call(view, "getSlot0(bytes32)", key.pool_id, returns="(uint160,int24,uint24,uint24)")
        assert (state.sqrt_price_x96, state.tick) == slot0[:2]
        fees = slot0[2] & 0xFFF, slot0[2] >> 12
        assert fees == ((100, 1000) if key is keys[1] else (0, 0))
        assert slot0[3] == key.fee
        whole = tuple(share + key.fee - share * key.fee // 10**6 for share in fees)
        assert (state.fee0_pips, state.fee1_pips) == whole
        assert state.liquidity == bench.chain.call(view, "getLiquidity(bytes32)", key.pool_id, returns="(uint128)")
        growth = bench.chain.call(view, "getFeeGrowthGlobals(bytes32)", key.pool_id, returns="(uint256,uint256)")
        assert (state.fee_growth0_x128, state.fee_growth1_x128) == growth
        assert all(growth)
        assert len(state.ticks) > 130
        for tick, net in state.ticks:
            seen = bench.chain.call(
                view, "getTickLiquidity(bytes32,int24)", key.pool_id, tick, returns="(uint128,int128)"
            )
            assert seen[0] > 0
            assert seen[1] == net


@pytest.mark.parametrize("spacing", [1, 60, 32_767])
def test_states_and_inputs_are_the_same_bytes_without_placed_code(
    bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...], spacing: int
) -> None:
    views = Reader(reader.rpc, plans=VIEW_PLANS, routes=(Deployless(),))
    pools = [bench.settings(key) for key in (*keys, bench.key(2997, spacing))]
    for range_ticks in (60, 7000):
        plan = ReadPlan(600, (), range_ticks)
        _, raw = read(reader, pools, plan)
        assert [reading.failure != "" for reading in raw] == [False, False, False, True]
        assert read(views, pools, plan)[1] == raw
    # slot0 and liquidity, bitmap words, ticks; twice.
    assert views.eth_calls == 6
    assert check(views, pools[0], bench.token0, bench.token1) == ()
    _, (nobody,) = read(views, [replace(pools[0], address=bench.token0)])
    assert nobody.failure.endswith("the storage could not be read")


def test_every_initialised_tick_of_the_range_is_found_and_none_outside(
    bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]
) -> None:
    state = state_of(reader, bench.settings(keys[1]), ReadPlan(600, (), 4000))
    assert (state.lowest_tick, state.highest_tick) == (state.tick - 4000, state.tick + 4000)
    everything = state_of(reader, bench.settings(keys[1]), ReadPlan(600, (), 2_000_000))
    inside = tuple(row for row in everything.ticks if state.lowest_tick <= row[0] <= state.highest_tick)
    assert state.ticks == inside
    assert len(everything.ticks) > len(inside)
    assert everything.ticks[0][0] == -887_270
    assert sum(net for _, net in everything.ticks) == 0


def test_inputs_are_the_true_storage_words(bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]) -> None:
    block, readings = read(reader, [bench.settings(key) for key in keys])
    inputs = [row for reading in readings for row in reading.inputs]
    calls = []
    for row in inputs:
        assert isinstance(row, WordInput)
        calls.append(("eth_getStorageAt", (row.account, "0x" + row.slot.hex(), hex(block.number))))
    assert [bytes.fromhex(word[2:]) for word in bench.chain.batch(calls)] == [row.value for row in inputs]
    assert len({(row.account, row.slot) for row in inputs}) == len(inputs)
    assert prove_words(reader.rpc, block, [row for row in inputs if isinstance(row, WordInput)]) == len(inputs)


def test_a_tick_costs_less_than_2700_gas(
    bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...], record_property: Callable[[str, object], None]
) -> None:
    pool = bench.settings(keys[0])
    few = state_of(reader, pool, ReadPlan(600, (), 60))
    base = reader.last_gas
    many = state_of(reader, pool, ReadPlan(600, (), 9400))
    ticks = len(many.ticks) - len(few.ticks)
    assert ticks > 150
    # Everything: the ticks and the bitmap words that name them.
    each = (reader.last_gas - base) / ticks
    record_property("figure", f"Uniswap v4: {each:.0f} gas a tick, bitmap words included, over {ticks} ticks")
    assert each <= 2_700


def test_check_finds_nothing_wrong_with_real_pools(bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]) -> None:
    for key in keys[:2]:
        assert check(reader, bench.settings(key), bench.token0, bench.token1) == ()
    flipped = replace(bench.settings(keys[0]), collateral_index=1, debt_index=0)
    assert check(reader, flipped, bench.token1, bench.token0) == ()


def test_the_chains_own_currency_is_sold_as_the_token_that_wraps_it(
    bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]
) -> None:
    weth = bench.chain.deploy(npm_contract("WETH9"))
    pool = bench.settings(keys[2])
    line = f"it holds the chain's own currency, the market needs {weth}, which does not wrap it"
    assert check(reader, pool, weth, bench.token1) == (line,)
    bench.chain.run([Tx(bench.trader, weth, calldata("deposit()"), value=10**18)])
    assert check(reader, pool, weth, bench.token1) == ()
    wrong = check(reader, pool, bench.token0, bench.token1)
    assert wrong == (line.replace(weth, bench.token0),)
    assert check(reader, replace(pool, collateral_index=1, debt_index=0), bench.token1, weth) == ()


def test_check_names_a_manager_that_is_none_and_a_pool_that_is_not_there(
    bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]
) -> None:
    pool = bench.settings(keys[0])
    for nobody in (bench.token0, Address("0x" + "e0" * 20), bench.v4.state_view):
        assert check(reader, replace(pool, address=nobody), bench.token0, bench.token1) == (
            "raw storage: not initialised",
        )
    unborn = bench.settings(bench.key(2999, 60))
    assert check(reader, unborn, bench.token0, bench.token1) == ("raw storage: not initialised",)
    # All words of the pool, at an account that does not know them.
    liar = Address("0x" + "1a" * 20)
    bench.chain.rpc("anvil_setCode", liar, "0x5f5ffd")
    _, (reading,) = read(reader, [pool])
    for row in reading.inputs:
        assert isinstance(row, WordInput)
        bench.chain.rpc("anvil_setStorageAt", liar, "0x" + row.slot.hex(), "0x" + row.value.hex())
    bench.chain.mine()
    assert check(reader, replace(pool, address=liar), bench.token0, bench.token1) == (
        "extsload() disagrees with the raw words: not a Uniswap v4 PoolManager",
        "initialize() does not know the pool: not a Uniswap v4 PoolManager, or another key",
    )


@pytest.mark.parametrize("spacing", [1, 32_767])
@pytest.mark.parametrize("side", ["empty", "below", "above"])
def test_pools_without_liquidity_at_the_price_are_read_and_sell_nothing(
    bench: BenchV4, reader: Reader, spacing: int, side: str
) -> None:
    key = bench.key(600 + ord(side[0]), spacing)
    below, above = Position(-2 * spacing, -spacing, 10**18), Position(spacing, 2 * spacing, 10**18)
    positions = {"empty": [], "below": [below], "above": [above]}[side]
    pool = bench.open(key, positions, price=sqrt_ratio_at_tick(0))
    state = state_of(reader, pool)
    assert (state.tick, state.liquidity) == (0, 0)
    assert V4.curve(pool, state).sell_exact_in_down(10**18) == (0, 0)
    assert V4.curve(pool, state).sell_to_price(1) == (0, 0)
    # What a swap would do is known all the same.
    swaps = V4.swaps(pool, state)
    found = swaps.exact_in_down(10**12, sells_collateral=True)[1] > 0
    assert found == (side == "below" and spacing == 1)


def test_hooks_that_only_watch_leave_quotes_exact_and_must_be_named(bench: BenchV4, reader: Reader) -> None:
    hooks = Address(f"0x{0xAA << 20 | BEFORE_SWAP:040x}")
    bench.chain.rpc("anvil_setCode", hooks, NOTHING_HOOK)
    key = bench.key(3000, 60, hooks=hooks)
    pool = bench.open(key, [Position(-60_000, 60_000, 10**18)])
    assert check(reader, pool, bench.token0, bench.token1) == ()
    quote = V4.swaps(pool, state_of(reader, pool)).exact_in_down(10**15, sells_collateral=True)
    assert quote[1] > 0
    assert bench.swap(key, 10**15, zero_for_one=True) == quote
    unnamed = replace(pool, companion=Address("0x" + "00" * 20))
    problems = check(reader, unnamed, bench.token0, bench.token1)
    assert isinstance(problems, tuple)
    assert problems[0].startswith("its key hashes to 0x")


def test_a_dynamic_fee_is_read_where_hooks_last_set_it(bench: BenchV4, reader: Reader) -> None:
    hooks = Address(f"0x{0xBB << 20 | AFTER_SWAP:040x}")
    # Its answer to afterSwap must be two words, not three.
    bench.chain.rpc("anvil_setCode", hooks, NOTHING_HOOK.replace("6060", "6040"))
    bench.chain.rpc("anvil_impersonateAccount", hooks)
    bench.chain.fund(hooks, 10**18)
    key = bench.key(DYNAMIC_FEE, 60, hooks=hooks)
    pool = bench.open(key, [Position(-60_000, 60_000, 10**18)])
    assert state_of(reader, pool).fee0_pips == 0
    bench.chain.transact(hooks, bench.v4.manager, f"updateDynamicLPFee({KEY},uint24)", key.row, 25_000)
    assert check(reader, pool, bench.token0, bench.token1) == ()
    assert state_of(reader, pool).fee0_pips == 25_000
    quote = V4.swaps(pool, state_of(reader, pool)).exact_in_down(10**15, sells_collateral=True)
    assert bench.swap(key, 10**15, zero_for_one=True) == quote
    bench.chain.transact(hooks, bench.v4.manager, f"updateDynamicLPFee({KEY},uint24)", key.row, 1_000_000)
    _, (reading,) = read(reader, [pool])
    assert reading.failure.endswith("its fee is the whole input")


def test_a_pool_that_was_never_opened_degrades_alone(bench: BenchV4, reader: Reader, keys: tuple[PoolKey, ...]) -> None:
    unborn = bench.settings(bench.key(2998, 60))
    good = bench.settings(keys[0])
    _, (bad, alone) = read(reader, [unborn, good])
    assert bad.failure == f"{bench.v4.manager} pool 0x{unborn.pool_id.hex()}: not initialised"
    assert alone.failure == ""
    create_v4_pool(bench.chain, bench.v4, bench.trader, bench.key(2998, 60), 1 << 96)
    assert state_of(reader, unborn).liquidity == 0
