"""Figure 7: one decision from a ready snapshot, and one step of the decayed volatility however long the history was."""

import statistics
from dataclasses import replace

from benchmarks.measure import BenchError, Effort, Figure, milliseconds, percentile, say
from keeper.fold import fold_sample
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.core import SourceCore
from keeper.records.estimates import SampleDepth
from keeper.records.live import FLAG_LISTED, AuxWord, ContractWords, GuardWord, LiquidationWord, LiveWord
from keeper.records.pools import Cumulative, UniswapV3State
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, Settings, two_token_pool
from keeper.records.snapshot import FeedReading, MarketSnapshot, PoolReading
from keeper.records.units import Address, BlockRef
from keeper.risk.keys import market_key
from keeper.testing import world
from keeper.volatility import ESTIMATORS

AIM_MS = 5
TICKS, SPACING = 200, 60
POOLS = 2
TIME, WINDOW = 1_700_000_000, 20_000
LIQUIDITY = 10**21
SHORT, LONG = 48, 4_800
"""Windows folded before the step that is timed: a day, and a hundred days."""
BATCH = 1_000
"""Steps timed together: one is too short for a clock."""


def run(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - nobody else does this
    """p50 and p95 of a decision; microseconds of an update after a short and after a long history."""
    say("decision: folding a ready snapshot")
    market, settings, snapshot = _ready()
    trailing = tuple(SampleDepth(WINDOW - 1 - at, 0, LIQUIDITY, 1, 1, 1) for at in range(4 * 288))
    core = b""  # the ring is folded too: the dearest sample of all

    def once() -> object:
        return fold_sample(core, snapshot, WINDOW, trailing, market, settings)

    folded = fold_sample(core, snapshot, WINDOW, trailing, market, settings)
    if folded.estimates.missing or folded.decision.targets is None:
        raise BenchError(f"the sample is not whole: {folded.decision.reasons}")
    times = [milliseconds(once) for _ in range(4 if effort.quick else 200)]
    say("decision: one update of the volatility after two histories")
    short, long = (_update_us(settings, market, count, effort.repetitions) for count in (SHORT, LONG))
    name = f"decision from a ready snapshot, {POOLS} pools of {TICKS} ticks"
    return [
        Figure(f"{name}, p50", percentile(times, 0.5), None, "ms", f"<= {AIM_MS} on an idle core"),
        Figure(f"{name}, p95", percentile(times, 0.95), None, "ms", "", f"{len(times)} runs"),
        Figure(f"volatility update after {SHORT} windows", short, None, "µs"),
        Figure(f"volatility update after {LONG:,} windows", long, None, "µs", "as the line above: O(1)"),
    ]


def _update_us(settings: Settings, market: MarketSettings, windows: int, repetitions: int) -> float:
    """Median microseconds of the step that closes one more window."""
    pool, estimator = market.pools[0], ESTIMATORS["window_means"]
    entry: SourceCore | None = None
    for step in range(windows):
        entry, _ = estimator(entry, pool, _pool(step), _block(step), settings)
    state, block = _pool(windows), _block(windows)

    def steps() -> None:
        for _ in range(BATCH):
            estimator(entry, pool, state, block, settings)

    return statistics.median(milliseconds(steps) * 1000 / BATCH for _ in range(repetitions))


def _block(step: int) -> BlockRef:
    return BlockRef(WINDOW * 25 + step * 150, bytes(32), TIME + step * 1_800)


def _pool(step: int) -> UniswapV3State:
    """A pool with many ticks whose mean ticks alternate."""
    block, cumulative = _block(step), 60 * 1_800 * (step // 2)
    growth = (block.timestamp << 128) // LIQUIDITY
    ends = [SPACING * at for at in range(-TICKS // 2, TICKS // 2)]
    net = [LIQUIDITY // TICKS * (1 if tick < 0 else -1) for tick in ends]
    now = Cumulative(block.timestamp, cumulative, growth)
    ring = [
        Cumulative(now.time - ago, cumulative - 30 * ago, growth - (ago << 128) // LIQUIDITY)
        for ago in range(21_600, 0, -1_800)
    ]
    return UniswapV3State(
        sqrt_price_x96=sqrt_ratio_at_tick(0),
        tick=0,
        liquidity=LIQUIDITY // 2,
        ticks=tuple(zip(ends, net, strict=True)),
        lowest_tick=ends[0] - SPACING,
        highest_tick=ends[-1] + SPACING,
        now=now,
        last_observation_time=now.time - 12,
        harmonic=ring[-1],
        ring=tuple(ring),
        fee_growth0_x128=0,
        fee_growth1_x128=0,
    )


def _ready() -> tuple[MarketSettings, Settings, MarketSnapshot]:
    tokens = [Address("0x" + pair * 20) for pair in ("aa", "bb")]
    pools = tuple(
        two_token_pool("uniswap_v3", Address(f"0x{at:040x}"), True, 3_000, SPACING, price_source=True)
        for at in range(1, POOLS + 1)
    )
    model = ModelSettings(**world.MODEL, size=10**20)  # type: ignore[arg-type]
    feed = FeedSettings("chainlink", Address("0x" + "fe" * 20), 18, 86_400)
    market = MarketSettings("A/B", "bulkhead", bytes(32), tokens[0], tokens[1], 18, 18, pools, feed, model)
    settings = replace(world.compressed_settings(1, (market,)), cadence_blocks=25, windows_per_day=288)
    readings = tuple(PoolReading(_pool(0), ()) for _ in pools)
    live = LiveWord(haircut_bps=5_000, observed_time=TIME - 600, observed_block=1, sequence=1, flags=FLAG_LISTED)
    words = ContractWords(live, AuxWord(), LiquidationWord(), GuardWord(), world.LIMITS, world.LAW)
    snapshot = MarketSnapshot(market_key(1, market), _block(0), readings, FeedReading(10**18, TIME, ()), words, ())
    return market, settings, snapshot
