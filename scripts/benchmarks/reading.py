"""Figures 1 and 2: pools of 200 ticks read whole, against TickLens through Multicall3 and against plain web3.py."""

import random
from collections.abc import Sequence

from benchmarks.measure import BenchError, Effort, Figure, in_turn, milliseconds, say
from benchmarks.peer import Peer
from benchmarks.pools import (
    SPACING,
    Floor,
    code_of,
    confirm_views,
    open_floor,
    positions_of,
    real_pool,
    written_pool,
)
from benchmarks.tick_lens import TickLens
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.records.pools import UniswapV3State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import BlockRef
from keeper.testing.client import DevChain
from keeper.venues import VENUES

TICKS = 200
PLAN = ReadPlan(harmonic_seconds=60)
"""What a running keeper reads: the ring only where the harmonic mean begins."""
NAIVE_POOLS = 2
"""One call a tick takes minutes for twenty pools: so many are measured and the time is scaled up."""
NODE_SECONDS = 120.0
ROUNDS = 5
"""The reads are short: so many times as many repetitions."""
GAS_AIM, MANY_AIM = 2_700, 50_000_000

Ticks = list[list[tuple[int, int]]]


def run(effort: Effort, *, peers: bool) -> list[Figure]:
    """Both figures on one chain."""
    real, total = (2, 4) if effort.quick else (20, 90)
    with (
        Anvil.start(AnvilOptions(no_mining=True, gas_limit=10**9)) as node,
        Rpc("local", node.url, NODE_SECONDS) as rpc,
    ):
        floor = open_floor(DevChain(node.url), real)
        say(f"opening {real} real pools of {TICKS} ticks each, writing {total - real} more")
        pools = build(floor, real, total)
        floor.chain.mine()
        reader = Reader(rpc)
        block = reader.block("latest")
        lens = TickLens(rpc, floor.uniswap.v3_tick_lens, pools[:real], block, PLAN.depth_range_ticks)
        figures = time_figures(floor, reader, lens, (pools[:real], block), effort)
        if peers:
            figures.append(naive_figure(floor, ticks_of(reader, pools[:NAIVE_POOLS], block), pools[:real], figures[0]))
        return figures + gas_figures(reader, lens, pools, block)


def build(floor: Floor, real: int, total: int) -> list[PoolSettings]:
    """Real pools first, then written ones."""
    chance = random.Random(1)  # noqa: S311 - pools, no secrets
    pools: list[PoolSettings] = []
    for number in range(total):
        middle = 10_986 + 100 * (number % 7)
        positions = positions_of(chance, TICKS, middle)
        if number < real:
            pools.append(real_pool(floor, number, positions, middle))
        else:
            pools.append(written_pool(floor, code_of(floor, pools[0]), positions, middle, number))
    return pools


def ticks_of(reader: Reader, pools: Sequence[PoolSettings], block: BlockRef) -> Ticks:
    """(tick, net) of every pool, by a whole reading of the keeper: parsed, checked, with the evidence's inputs."""
    found: Ticks = []
    for reading in reader.run([VENUES[pool.venue].read(pool, PLAN, block) for pool in pools], block):
        if not isinstance(reading, PoolReading) or not isinstance(reading.state, UniswapV3State):
            raise BenchError(f"a pool could not be read: {getattr(reading, 'failure', reading)}")
        found.append(list(reading.state.ticks))
    return found


def time_figures(
    floor: Floor, reader: Reader, lens: TickLens, what: tuple[Sequence[PoolSettings], BlockRef], effort: Effort
) -> list[Figure]:
    """Figure 1: wall time for the same ticks, ours against two ways of using TickLens."""
    pools, block = what
    ours = ticks_of(reader, pools, block)
    confirm_views(floor, pools[0], ours[0][:5])
    if ours != lens.read() or ours != lens.read(bitmaps=True):
        raise BenchError("TickLens found other ticks than the reader")
    say("reading: ours; TickLens without and with a round for the bitmaps")
    calls = reader.eth_calls
    mine, short, long = in_turn(
        effort.repetitions * ROUNDS,
        lambda: milliseconds(lambda: ticks_of(reader, pools, block)),
        lambda: milliseconds(lens.read),
        lambda: milliseconds(lambda: lens.read(bitmaps=True)),
    )
    trips = (reader.eth_calls - calls) // (effort.repetitions * ROUNDS)
    name = f"read {len(pools)} pools, {sum(map(len, ours))} ticks"
    return [
        Figure(f"{name}: TickLens, 2 rounds", mine, short, "ms", ">= 4 x", f"ours: {trips} eth_call"),
        Figure(f"{name}: TickLens, 3 rounds with bitmaps", mine, long, "ms", ">= 4 x"),
    ]


def naive_figure(floor: Floor, ours: Ticks, pools: Sequence[PoolSettings], mine: Figure) -> Figure:
    """One contract call a tick through web3.py, on a part of the pools."""
    some = [pool.address for pool in pools[: len(ours)]]
    say(f"reading: web3.py, one call a tick, {len(some)} pools")
    with Peer("web3_ticks") as peer:
        answer = peer.ask(url=floor.chain.url, pools=some, spacing=SPACING, reach=PLAN.depth_range_ticks)
    if [[tuple(row) for row in rows] for rows in answer["ticks"]] != ours:
        raise BenchError("web3.py found other ticks than the reader")
    scale = len(pools) / len(some)
    name = mine.name.split(":", maxsplit=1)[0]
    note = f"web3 {answer['version']}, {len(some)} pools measured, times {scale:g}"
    return Figure(f"{name}: web3.py, a call a tick", mine.ours, answer["ms"] * scale, "ms", ">= 1000 x", note)


def gas_figures(reader: Reader, lens: TickLens, pools: Sequence[PoolSettings], block: BlockRef) -> list[Figure]:
    """Figure 2: gas of the raw path a tick, all else included, and of many pools in one call."""
    say("gas: ours, and TickLens by a trace")
    one = ticks_of(reader, pools[:1], block)[0]
    a_tick = reader.last_gas / len(one)
    positions = sorted({tick // SPACING >> 8 for tick, _ in one})
    theirs = sum(lens.gas(0, position) for position in positions) / len(one)
    calls = reader.eth_calls
    ticks = sum(map(len, ticks_of(reader, pools, block)))
    calls = reader.eth_calls - calls
    return [
        Figure("gas a tick, bitmap and all", a_tick, theirs, "gas", f"<= {GAS_AIM}", "peer: TickLens, words only"),
        Figure(
            f"gas of {len(pools)} pools, {ticks} ticks",
            reader.last_gas,
            None,
            "gas",
            f"< {MANY_AIM:,}",
            f"{calls} eth_call",
        ),
    ]
