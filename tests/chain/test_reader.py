"""The reader against real pools: one call a snapshot, words equal to views, faults that stay where they are."""

import random
from collections.abc import Callable, Generator, Iterator

import pytest
from bench import Bench, build, random_positions, trade

from keeper.chain.anvil import Anvil
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.errors import ConfigError, RetryLater
from keeper.feeds.chainlink import Chainlink
from keeper.records.pools import UniswapV2State, UniswapV3State
from keeper.records.settings import FeedSettings, PoolSettings, two_token_pool
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan, WordInput
from keeper.records.units import Address, BlockRef
from keeper.testing.client import DevChain
from keeper.venues import VENUES
from keeper.venues.tick_words import tick_liquidity
from keeper.venues.uniswap_v3_words import observation_of, slot0_of

PLAN = ReadPlan(harmonic_seconds=600, ring_seconds=(500, 400, 300, 200, 100))
EOA = Address("0x" + "e0" * 20)
REVERTS = "0x60006000fd"
SPINS = "0x5b600056"
REVERTS_WITH_64_KIB = "0x620100006000fd"
RETURNS_256_KIB = "0x620400006000f3"


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


@pytest.fixture(scope="module")
def pools(bench: Bench) -> tuple[PoolSettings, PoolSettings, PoolSettings]:
    chance = random.Random(7)
    wide = bench.v3(3000, 60, random_positions(chance, 60, 60), ring=20)
    fine = bench.v3(500, 10, random_positions(chance, 60, 10), ring=200)
    pair = bench.v2(10**21, 3 * 10**21)
    trade(bench, wide, chance, 40)
    trade(bench, fine, chance, 25)
    return wide, fine, pair


@pytest.fixture
def reader(bench: Bench) -> Iterator[Reader]:
    with Rpc("local", bench.chain.url) as rpc:
        yield Reader(rpc)


def read(reader: Reader, pools: tuple[PoolSettings, ...], plan: ReadPlan = PLAN) -> tuple[BlockRef, list[PoolReading]]:
    block = reader.block("latest")
    readings = reader.run([VENUES[pool.venue].read(pool, plan, block) for pool in pools], block)
    assert all(isinstance(reading, PoolReading) for reading in readings)
    return block, readings  # type: ignore[return-value]


def test_a_snapshot_of_all_pools_is_one_eth_call(reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    _, readings = read(reader, pools)
    assert [reading.failure for reading in readings] == ["", "", ""]
    assert reader.eth_calls == 1
    # The header, once the question which way of reading the node allows, and the call; nothing else.
    assert reader.rpc.requests == 3
    read(reader, pools)
    assert (reader.eth_calls, reader.rpc.requests) == (2, 5)


def test_raw_words_equal_the_pools_own_views(bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    _, (wide, fine, pair) = read(reader, pools)
    for settings, reading in zip(pools[:2], (wide, fine), strict=True):
        state = reading.state
        assert isinstance(state, UniswapV3State)
        slot0 = bench.chain.call(settings.address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")
        assert (state.sqrt_price_x96, state.tick) == slot0[:2]
        assert state.liquidity == bench.chain.call(settings.address, "liquidity()", returns="(uint128)")
        names = ("feeGrowthGlobal0X128()", "feeGrowthGlobal1X128()")
        growth = [bench.chain.call(settings.address, name, returns="(uint256)") for name in names]
        assert [state.fee_growth0_x128, state.fee_growth1_x128] == growth
        assert all(growth)
        assert len(state.ticks) > 50
        for tick, net in state.ticks:
            view = bench.chain.call(
                settings.address,
                "ticks(int24)",
                tick,
                returns="(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)",
            )
            assert (net, True) == (view[1], view[7])
    assert isinstance(pair.state, UniswapV2State)
    reserves = bench.chain.call(pools[2].address, "getReserves()", returns="(uint112,uint112,uint32)")
    assert (pair.state.reserve0, pair.state.reserve1) == reserves[:2]


def test_every_initialised_tick_of_the_range_is_found_and_none_outside(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    fine = pools[1]
    _, (reading,) = read(reader, (fine,), ReadPlan(600, (), 4000))
    state = reading.state
    assert isinstance(state, UniswapV3State)
    assert (state.lowest_tick, state.highest_tick) == (state.tick - 4000, state.tick + 4000)
    _, (everything,) = read(reader, (fine,), ReadPlan(600, (), 2_000_000))
    assert isinstance(everything.state, UniswapV3State)
    inside = tuple(row for row in everything.state.ticks if state.lowest_tick <= row[0] <= state.highest_tick)
    assert state.ticks == inside
    assert len(everything.state.ticks) > len(inside)
    assert everything.state.ticks[0][0] == -887_270
    assert sum(net for _, net in everything.state.ticks) == 0


def test_inputs_are_the_true_storage_words(bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    block, readings = read(reader, pools)
    inputs = [row for reading in readings for row in reading.inputs]
    calls = []
    for row in inputs:
        assert isinstance(row, WordInput)
        calls.append(("eth_getStorageAt", (row.account, "0x" + row.slot.hex(), hex(block.number))))
    assert [bytes.fromhex(word[2:]) for word in bench.chain.batch(calls)] == [row.value for row in inputs]
    assert len({(row.account, row.slot) for row in inputs}) == len(inputs)


@pytest.mark.parametrize("which", [0, 1])
def test_ring_readings_equal_observe(bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...], which: int) -> None:
    pool = pools[which]
    slot0 = bench.chain.call(pool.address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")
    # One ring has gone round, the other is not yet full.
    assert slot0[3] == (20, 200)[which]
    block = reader.block("latest")
    chance = random.Random(which)
    ages = tuple(sorted({chance.randint(1, 9000) for _ in range(300)} | set(range(1, 60)), reverse=True))
    _, (reading,) = read(reader, (pool,), ReadPlan(1, ages))
    state = reading.state
    assert isinstance(state, UniswapV3State)
    covered = [block.timestamp - row.time for row in state.ring]
    assert 100 < len(covered) < len(ages)
    assert covered == list(ages[-len(covered) :])
    ticks, per_liquidity = bench.chain.call(
        pool.address, "observe(uint32[])", [*covered, 0], returns="(int56[],uint160[])", block=hex(block.number)
    )
    readings = [*state.ring, state.now]
    assert [row.tick_cumulative for row in readings] == list(ticks)
    assert [row.seconds_per_liquidity_x128 for row in readings] == list(per_liquidity)
    with pytest.raises(Exception, match="OLD"):
        bench.chain.call(pool.address, "observe(uint32[])", [ages[-len(covered) - 1]], returns="(int56[],uint160[])")


def test_a_harmonic_target_beyond_the_ring_answers_the_oldest_observation_or_nothing(
    reader: Reader, bench: Bench, pools: tuple[PoolSettings, ...]
) -> None:
    block, (reading,) = read(reader, pools[:1], ReadPlan(100_000_000, ()))
    assert isinstance(reading.state, UniswapV3State)
    assert reading.state.harmonic is None
    slot0 = bench.chain.call(pools[0].address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")
    oldest = bench.chain.call(
        pools[0].address, "observations(uint256)", (slot0[2] + 1) % slot0[3], returns="(uint32,int56,uint160,bool)"
    )
    age = block.timestamp - oldest[0]
    _, (reading,) = read(reader, pools[:1], ReadPlan(4 * age, ()))
    assert isinstance(reading.state, UniswapV3State)
    harmonic = reading.state.harmonic
    assert harmonic is not None
    assert (harmonic.time, harmonic.tick_cumulative, harmonic.seconds_per_liquidity_x128) == oldest[:3]
    _, (reading,) = read(reader, pools[:1], ReadPlan(4 * age + 1, ()))
    assert isinstance(reading.state, UniswapV3State)
    assert reading.state.harmonic is None


def test_a_tick_costs_less_than_2700_gas(reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    _, (few,) = read(reader, pools[:1], ReadPlan(600, (), 60))
    base = reader.last_gas
    _, (many,) = read(reader, pools[:1], ReadPlan(600, (), 9000))
    assert isinstance(few.state, UniswapV3State)
    assert isinstance(many.state, UniswapV3State)
    ticks = len(many.state.ticks) - len(few.state.ticks)
    words = len(many.inputs) - len(few.inputs) - ticks
    assert ticks > 50
    assert reader.last_gas - base <= 2_700 * (ticks + words)


def test_faulty_pools_degrade_only_themselves(bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    reverting = bench.install(REVERTS)
    bench.chain.mine()
    block, alone = read(Reader(reader.rpc), pools)
    faulty = tuple(
        two_token_pool(venue, address, True, 3000, 60)
        for venue in ("uniswap_v2", "uniswap_v3")
        for address in (EOA, bench.token0, reverting)
        if (venue, address) != ("uniswap_v2", bench.token0)
    )
    wanted = [*pools, *faulty[:2]]
    mixed = reader.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in wanted], block)
    assert mixed[:3] == alone
    assert [row.failure for row in mixed[3:]] == [f"{pool.address}: no reserves" for pool in faulty[:2]]  # type: ignore[attr-defined]
    for pool in faulty[2:]:
        rows = reader.run([VENUES[row.venue].read(row, PLAN, block) for row in (*pools, pool)], block)
        assert rows[:3] == alone
        failed = rows[3]
        assert isinstance(failed, PoolReading)
        assert failed.state is None
        assert failed.failure == f"{pool.address}: not initialised, or locked"
        assert [type(row) for row in failed.inputs] == [CallInput]


def test_hostile_code_spends_its_own_stipend_and_nothing_else(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    addresses = [bench.install(code) for code in (REVERTS, SPINS, REVERTS_WITH_64_KIB, RETURNS_256_KIB)]
    bench.chain.mine()
    block, alone = read(Reader(reader.rpc), pools)
    for address in addresses:
        feed = FeedSettings("chainlink", address, 8, 3600)
        readings = [Chainlink().read(feed, block), *(VENUES[row.venue].read(row, PLAN, block) for row in pools)]
        hostile, *others = reader.run(readings, block)
        assert hostile.failure == f"{feed.address}: the feed reverted"  # type: ignore[attr-defined]
        assert others == alone
    assert reader.eth_calls == 4


def test_a_read_beyond_the_gas_cap_is_split_and_answers_the_same(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    block, whole = read(reader, pools)
    small = Reader(reader.rpc, gas_cap=2_700_000)
    assert small.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in pools], block) == whole
    # All three, the first alone, the others together, each of them alone.
    assert small.eth_calls == 5
    tiny = Reader(reader.rpc, gas_cap=2_400_000)
    with pytest.raises(RetryLater, match="more than 2400000 gas"):
        tiny.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in pools], block)


def test_a_round_that_was_split_is_asked_in_parts_at_once_the_next_time(
    reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    block, whole = read(reader, pools[:2])
    small = Reader(reader.rpc, gas_cap=2_800_000)
    calls = []
    for _ in range(3):
        before = small.eth_calls
        assert small.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in pools[:2]], block) == whole
        calls.append(small.eth_calls - before)
    assert calls == [3, 2, 2]


def test_a_pool_that_needs_its_whole_stipend_gets_it_at_once_the_next_time(
    reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    block, whole = read(reader, pools)
    modest = Reader(reader.rpc, first_gas=100_000)
    calls = []
    for _ in range(2):
        before = modest.eth_calls
        assert modest.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in pools], block) == whole
        calls.append(modest.eth_calls - before)
    assert calls == [2, 1]


def test_answers_that_fill_the_memory_are_fetched_in_parts(bench: Bench, reader: Reader) -> None:
    full = bench.install("0x620200006000f3")
    bench.chain.mine()
    asks = tuple(Ask(full, bytes([number]), gas=300_000) for number in range(60))

    def everything() -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[Answer, ...]]:
        return (yield asks)

    (answers,) = reader.run([everything()], reader.block("latest"))
    assert answers == (Answer(ok=True, data=bytes(131_072)),) * 60
    assert reader.eth_calls > 1


def test_the_ring_is_read_across_the_overflow_of_its_clock(start_anvil: Callable[..., Anvil]) -> None:
    chain = DevChain(start_anvil(no_mining=True, timestamp=2**32 - 1200).url)
    chain.set_interval(12)
    bench, chance = build(chain), random.Random(4)
    pool = bench.v3(3000, 60, random_positions(chance, 10, 60), ring=300)
    while chain.block().timestamp < 2**32 + 600:
        trade(bench, pool, chance, 5)
    with Rpc("local", chain.url) as rpc:
        reader = Reader(rpc)
        block = reader.block("latest")
        ages = tuple(range(block.timestamp - 2**32 + 300, 0, -7))
        (reading,) = reader.run([VENUES["uniswap_v3"].read(pool, ReadPlan(600, ages), block)], block)
    assert isinstance(reading, PoolReading)
    state = reading.state
    assert isinstance(state, UniswapV3State)
    assert [row.time for row in state.ring] == [block.timestamp - age for age in ages]
    assert state.ring[0].time < 2**32 < block.timestamp
    ticks, per_liquidity = chain.call(
        pool.address, "observe(uint32[])", [*ages, 0], returns="(int56[],uint160[])", block=hex(block.number)
    )
    readings = [*state.ring, state.now]
    assert [row.tick_cumulative for row in readings] == list(ticks)
    assert [row.seconds_per_liquidity_x128 for row in readings] == list(per_liquidity)


def test_two_ways_of_reading_one_address_at_once_are_refused(reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    block = reader.block("latest")
    feed = FeedSettings("chainlink", pools[0].address, 8, 3600)
    with pytest.raises(ConfigError, match="its own code and uniswap_v3"):
        reader.run([VENUES["uniswap_v3"].read(pools[0], PLAN, block), Chainlink().read(feed, block)], block)


def test_the_same_ask_of_two_markets_is_made_once(reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    block = reader.block("latest")
    one, two = reader.run([VENUES["uniswap_v3"].read(pools[0], PLAN, block) for _ in range(2)], block)
    once = reader.last_gas
    reader.run([VENUES["uniswap_v3"].read(pools[0], PLAN, block)], block)
    assert one == two
    assert reader.last_gas == once


def test_an_orphaned_block_is_a_transport_failure(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    snapshot = bench.chain.rpc("evm_snapshot")
    bench.chain.mine(1)
    orphan = reader.block("latest")
    bench.chain.rpc("evm_revert", snapshot)
    bench.chain.transact(bench.trader, bench.token0, "mint(address,uint256)", EOA, 1)
    assert reader.block(orphan.number).hash != orphan.hash
    with pytest.raises(RetryLater):
        reader.run([VENUES["uniswap_v3"].read(pools[0], PLAN, orphan)], orphan)


def test_check_finds_nothing_wrong_with_real_pools(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    block = reader.block("latest")
    checks = [VENUES[pool.venue].check(pool, bench.token0, bench.token1) for pool in pools]
    assert reader.run(checks, block) == [(), (), ()]


def test_check_names_wrong_settings(bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    block = reader.block("latest")
    wide, _, pair = pools
    wrong = two_token_pool("uniswap_v3", wide.address, False, 500, 10, price_source=True)
    v3, v2 = reader.run(
        [
            VENUES["uniswap_v3"].check(wrong, bench.token0, bench.token1),
            VENUES["uniswap_v2"].check(pair, EOA, bench.token1),
        ],
        block,
    )
    # With a wrong spacing the words are not where they are looked for, which the layout check adds.
    assert v3[:4] == (  # type: ignore[index]
        f"token0 is {bench.token0}, the market needs {bench.token1}",
        f"token1 is {bench.token1}, the market needs {bench.token0}",
        "fee() is 3000, the settings say 500",
        "tickSpacing() is 60, the settings say 10",
    )
    assert v2 == (f"token0 is {bench.token0}, the market needs {EOA}",)


def test_check_finds_a_pool_whose_storage_is_not_what_its_views_say(
    bench: Bench, reader: Reader, pools: tuple[PoolSettings, ...]
) -> None:
    real = pools[0]
    target = real.address[2:]
    # Forwards every call to the real pool: honest views over storage of its own.
    forward = f"0x365f5f375f5f365f73{target}5afa3d5f5f3e3d5ff3"
    liar = bench.install(forward)
    _, (reading,) = read(reader, (real,))
    for row in reading.inputs:
        assert isinstance(row, WordInput)
        value = int.from_bytes(row.value, "big")
        # Everything copied, but ten times the liquidity.
        lie = value * 10 if int.from_bytes(row.slot, "big") == 4 else value
        bench.chain.rpc("anvil_setStorageAt", liar, "0x" + row.slot.hex(), f"0x{lie:064x}")
    bench.chain.mine(1)
    block = reader.block("latest")
    settings = two_token_pool("uniswap_v3", liar, True, 3000, 60, price_source=True)
    (problems,) = reader.run([VENUES["uniswap_v3"].check(settings, bench.token0, bench.token1)], block)
    assert problems == ("liquidity() disagrees with the raw words: another storage layout",)


def test_a_block_of_another_time_is_not_believed(reader: Reader, pools: tuple[PoolSettings, ...]) -> None:
    block = reader.block("latest")
    wrong = BlockRef(block.number, block.hash, block.timestamp + 1)
    with pytest.raises(RetryLater, match="instead of"):
        reader.run([VENUES["uniswap_v2"].read(pools[2], PLAN, wrong)], wrong)


def test_a_silent_reading_needs_no_call(reader: Reader) -> None:
    def silent():  # type: ignore[no-untyped-def]
        if False:
            yield ()
        return 5

    assert reader.run([silent()], reader.block("latest")) == [5]
    assert reader.eth_calls == 0


def test_an_own_word_reader_answers_slots_in_order(bench: Bench, reader: Reader) -> None:
    def slots():  # type: ignore[no-untyped-def]
        answers = yield (Ask(bench.token0, bytes(31) + b"\x02" + bytes(32), "uniswap_v2"),)
        return answers[0].data

    (data,) = reader.run([slots()], reader.block("latest"))
    assert isinstance(data, bytes)
    supply = bench.chain.call(bench.token0, "totalSupply()", returns="(uint256)")
    assert int.from_bytes(data[:32], "big") == supply
    assert data[32:] == bytes(32)


def test_decoders_read_the_layout_of_the_pool() -> None:
    slot0 = slot0_of((1 << 240) | (9 << 200) | (5 << 184) | ((-7 % (1 << 24)) << 160) | (1 << 96))
    assert (slot0.sqrt_price_x96, slot0.tick, slot0.index, slot0.cardinality) == (1 << 96, -7, 5, 9)
    seen = observation_of((1 << 248) | (3 << 88) | ((-2 % (1 << 56)) << 32) | 77)
    assert (seen.time, seen.tick_cumulative, seen.seconds_per_liquidity_x128, seen.initialized) == (77, -2, 3, True)
    assert tick_liquidity(((-4 % (1 << 128)) << 128) | 6) == (6, -4)
