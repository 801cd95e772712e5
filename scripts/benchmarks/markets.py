"""Figure 5: a whole sample of 50 markets of 8 pools each: read at one block, estimate, decide."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from benchmarks.measure import BenchError, Effort, Figure, milliseconds, percentile, say
from benchmarks.pools import FEE, SPACING, Floor, code_of, open_floor, positions_of, real_pool, written_pool
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.maths.keccak import keccak
from keeper.records.decision import Folded
from keeper.records.estimates import SampleDepth
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, PoolSettings, Settings, two_token_pool
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address, BlockRef
from keeper.risk.keys import market_key
from keeper.testing import world
from keeper.testing.client import DevChain, Tx, calldata

TICKS = 200
AIM_MS = 2_000
NODE_SECONDS = 60.0
WINDOW = 288 * 40
"""Number of the sampled window: all trailing days lie behind it."""
NEXT_SAMPLE_SECONDS = 300
ONE = 10**18


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that a sample is made of."""

    contract: Address
    settings: Settings
    trailing: tuple[SampleDepth, ...]
    """Depths of a month of windows; every market has as many."""


def run(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - nobody else does this
    """p50 and p95 of whole samples."""
    markets, pools = (2, 2) if effort.quick else (50, 8)
    options = AnvilOptions(no_mining=True, gas_limit=10**9)
    with Anvil.start(options) as node, Rpc("local", node.url, NODE_SECONDS) as rpc:
        say(f"writing {markets} markets of {pools} pools of {TICKS} ticks each")
        floor = open_floor(DevChain(node.url), 1)
        book = build(floor, markets, pools)
        reader = Reader(rpc)
        cores = started(floor, reader, book)
        say("markets: whole samples")
        block = reader.block("latest")
        times = [
            milliseconds(lambda: sample(reader, book, block, cores)) for _ in range(max(effort.repetitions, 2) * 2)
        ]
        calls = reader.eth_calls
        sample(reader, book, block, cores)
        calls = reader.eth_calls - calls
        reading = [milliseconds(lambda: read(reader, book, block, cores)) for _ in range(effort.repetitions)]
        listing = [listed(read(reader, book, block, cores)) for _ in range(effort.repetitions)]
    name = f"sample of {markets} markets, {markets * pools} pools"
    aim = f"<= {AIM_MS:,} on two idle cores"
    return [
        Figure(f"{name}, p50", percentile(times, 0.5), None, "ms", "", f"{len(times)} runs, {calls} eth_call"),
        Figure(f"{name}, p95", percentile(times, 0.95), None, "ms", aim),
        Figure(f"{name}, reading alone, p50", percentile(reading, 0.5), None, "ms"),
        Figure(f"{name}, p50 of what comes on top: inputs for the store", percentile(listing, 0.5), None, "ms"),
    ]


def sample(reader: Reader, book: Book, block: BlockRef, cores: Sequence[bytes]) -> list[Folded]:
    """Read every market at the block and fold it."""
    snapshots = read(reader, book, block, cores)
    return [
        fold_sample(core, snapshot, WINDOW + 1, book.trailing, market, book.settings)
        for core, snapshot, market in zip(cores, snapshots, book.settings.markets, strict=True)
    ]


def read(reader: Reader, book: Book, block: BlockRef, cores: Sequence[bytes]) -> list[MarketSnapshot]:
    """Snapshots of all markets."""
    readings = [
        market_reading(market, book.settings, read_plan(core, market, book.settings), book.contract, block)
        for core, market in zip(cores, book.settings.markets, strict=True)
    ]
    return cast("list[MarketSnapshot]", reader.run(readings, block))


def listed(snapshots: Sequence[MarketSnapshot]) -> float:
    """Time of listing the inputs with their slots, which a cycle needs to keep and to publish a sample."""
    return milliseconds(lambda: [snapshot.inputs for snapshot in snapshots])


def started(floor: Floor, reader: Reader, book: Book) -> list[bytes]:
    """Cores after a first sample, which reads the observation rings; then time goes on to the next sample."""
    block = reader.block("latest")
    empty = [b""] * len(book.settings.markets)
    cores = []
    for core, snapshot, market in zip(empty, read(reader, book, block, empty), book.settings.markets, strict=True):
        folded = fold_sample(core, snapshot, WINDOW, book.trailing, market, book.settings)
        if folded.estimates.missing:
            raise BenchError(f"{market.name}: {folded.estimates.missing[0]}")
        cores.append(folded.decision.core_after)
    floor.chain.wait(NEXT_SAMPLE_SECONDS)
    return cores


def build(floor: Floor, markets: int, pools: int) -> Book:
    """Pools, feeds and listed markets."""
    chance = random.Random(5)  # noqa: S311 - pools, no secrets
    middle = 10_986
    first = real_pool(floor, 0, positions_of(chance, TICKS, middle), middle)
    code = code_of(floor, first)
    feeds = _feeds(floor, [tick_of(number) for number in range(markets)])
    rows = []
    for number in range(markets):
        venues = []
        for at in range(pools):
            # A few ticks apart, as venues of one market are.
            here = tick_of(number) + chance.randint(-20, 20)
            positions = positions_of(chance, TICKS, here)
            pool = written_pool(floor, code, positions, here, number * pools + at)
            venues.append(two_token_pool("uniswap_v3", pool.address, True, FEE, SPACING, price_source=at < 3))
        rows.append(_market(number, tuple(venues), feeds[number]))
    settings = _settings(floor.chain.chain_id, tuple(rows))
    contract = _list_markets(floor, settings)
    amount = 10**18
    trailing = tuple(
        SampleDepth(window, window * 25, amount + window, amount, amount, amount)
        for window in range(WINDOW - settings.trailing_days * settings.windows_per_day, WINDOW)
    )
    return Book(contract, settings, trailing)


def tick_of(number: int) -> int:
    """Where a market trades: far from every other one, so that they share no ticks."""
    return 8_000 * (number - 25)


def _feeds(floor: Floor, ticks: Sequence[int]) -> list[Address]:
    artifact = load("DevFeed", "keeper.testing")
    feeds = floor.chain.deploy_all([(artifact, (f"M{i}", 18)) for i in range(len(ticks))], floor.trader, 2_000_000)
    prices = [round(1.0001**tick * ONE) for tick in ticks]
    floor.chain.run(
        [
            Tx(floor.trader, feed, calldata("push(int256)", price), 200_000)
            for feed, price in zip(feeds, prices, strict=True)
        ]
    )
    return feeds


def _list_markets(floor: Floor, settings: Settings) -> Address:
    chain, admin = floor.chain, floor.trader
    authority = chain.deploy(load("AccessManager"), admin, sender=admin)
    contract = chain.deploy(load("CollateralParameters"), authority, settings.cadence_blocks, sender=admin)
    limits = world.limits_values(world.LIMITS, world.LAW)
    listing = "listMarket(bytes32,uint8,uint16,uint16,uint16)"
    keys = [market_key(settings.chain_id, market) for market in settings.markets]
    calls = [
        calldata(f"setLimits(uint8,{world.LIMITS_ABI})", world.PROFILE, limits),
        *(calldata(listing, key, world.PROFILE, 1_200, 1_000, 500) for key in keys),
    ]
    chain.run([Tx(admin, contract, call) for call in calls])
    return contract


def _market(number: int, pools: tuple[PoolSettings, ...], feed: Address) -> MarketSettings:
    tokens = [Address("0x" + keccak(f"{side} {number}".encode())[12:].hex()) for side in ("collateral", "debt")]
    model = ModelSettings(**world.MODEL, size=100 * ONE)  # type: ignore[arg-type]
    source = FeedSettings("chainlink", feed, 18, 86_400)
    return MarketSettings(f"M{number:02}", "bulkhead", bytes(32), tokens[0], tokens[1], 18, 18, pools, source, model)


def _settings(chain_id: int, markets: tuple[MarketSettings, ...]) -> Settings:
    """design.md's starting values, not the devnet's compressed ones: a month of windows lies behind a sample."""
    return Settings(
        schema=1,
        chain_id=chain_id,
        cadence_blocks=25,
        window_seconds=1_800,
        bootstrap_windows=48,
        bootstrap_min_windows=4,
        half_life_fast_seconds=86_400,
        half_life_slow_seconds=950_400,
        harmonic_seconds=1_800,
        depth_range_ticks=7_000,
        windows_per_day=288,
        trailing_days=30,
        warm_days=3,
        deviation_up_bps=50,
        deviation_down_bps=100,
        margin_bps=50,
        dwell_seconds=21_600,
        max_gap_seconds=7_200,
        heartbeat_seconds=64_800,
        markets=markets,
    )
