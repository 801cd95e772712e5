"""Figures 3 and 4: a curve of 100 exact sizes on one pool against degenbot, v3-sdk and QuoterV2; cost by ticks."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import BenchError, Effort, Figure, in_turn, milliseconds, say
from benchmarks.peer import Peer
from benchmarks.pools import FEE, SPACING, Floor, open_floor, positions_of, real_pool
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.maths.tick_curve import TickCurve
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.maths.tick_walk import TickRange
from keeper.records.pools import UniswapV3State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import Address
from keeper.testing.client import DevChain, calldata
from keeper.testing.uniswap import Position
from keeper.venues import VENUES
from keeper.venues.uniswap_v3 import tick_range

SIZES = 100
TICKS = 200
MIDDLE = 10_986
PLAN = ReadPlan(harmonic_seconds=60)
"""The keeper's own range; the pool has no tick outside it."""
NODE_SECONDS = 120.0
QUOTE = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
ROUNDS = 3
"""Milliseconds are short: so many times as many repetitions."""
GROWTH = (50, 200, 1_000, 5_000)


@dataclass(frozen=True, slots=True)
class Subject:
    """One pool, its liquidity as everybody gets it, and the sizes to be quoted."""

    pool: PoolSettings
    tokens: tuple[Address, Address]
    known: TickRange
    gross: tuple[int, ...]
    """liquidityGross of each tick."""
    sizes: tuple[int, ...]


def run(effort: Effort, *, peers: bool) -> list[Figure]:
    """Both figures."""
    options = AnvilOptions(no_mining=True, gas_limit=10**9)
    with Anvil.start(options) as node, Rpc("local", node.url, NODE_SECONDS) as rpc:
        floor = open_floor(DevChain(node.url), 1)
        subject = build(floor, rpc)
        figures = own_figures(subject, rpc, floor, effort)
        if peers:
            figures += degenbot_figures(subject, floor, effort) + sdk_figures(subject, floor, effort)
    return figures


def growth(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - ours alone
    """Figure 4: building a curve and asking it, by the number of ticks."""
    say("growth: curves of " + ", ".join(str(ticks) for ticks in GROWTH) + " ticks")
    figures = []
    for ticks in GROWTH[:2] if effort.quick else GROWTH:
        chance = random.Random(ticks)  # noqa: S311 - pools, no secrets
        reach = max(6_500, ticks * SPACING)
        known = range_of(positions_of(chance, ticks, MIDDLE, reach=reach), reach)
        sizes = even_sizes(known)
        curve = TickCurve(known, zero_for_one=True)
        build_ms, quote_ms = in_turn(
            effort.repetitions * ROUNDS,
            lambda known=known: milliseconds(lambda: TickCurve(known, zero_for_one=True)),
            lambda curve=curve, sizes=sizes: milliseconds(lambda: ask(curve, sizes)),
        )
        figures.append(Figure(f"{ticks} ticks: build a curve", build_ms, None, "ms", "grows with the ticks"))
        figures.append(
            Figure(f"{ticks} ticks: one quote", quote_ms * 1000 / SIZES, None, "us", "grows with log(ticks)")
        )
    return figures


def build(floor: Floor, rpc: Rpc) -> Subject:
    """A real pool as the keeper reads it."""
    chance = random.Random(3)  # noqa: S311 - pools, no secrets
    positions = positions_of(chance, TICKS, MIDDLE)
    pool = real_pool(floor, 0, positions, MIDDLE)
    reader = Reader(rpc)
    block = reader.block("latest")
    (reading,) = reader.run([VENUES[pool.venue].read(pool, PLAN, block)], block)
    if not isinstance(reading, PoolReading) or not isinstance(reading.state, UniswapV3State):
        raise BenchError("the pool could not be read")
    known = tick_range(pool, reading.state)
    gross = dict.fromkeys(known.ticks, 0)
    for row in positions:
        gross[row.tick_lower] += row.liquidity
        gross[row.tick_upper] += row.liquidity
    return Subject(pool, floor.pairs[0], known, tuple(gross.values()), even_sizes(known))


def range_of(positions: Sequence[Position], reach: int) -> TickRange:
    """The same without a chain."""
    nets: dict[int, int] = {}
    for row in positions:
        nets[row.tick_lower] = nets.get(row.tick_lower, 0) + row.liquidity
        nets[row.tick_upper] = nets.get(row.tick_upper, 0) - row.liquidity
    active = sum(row.liquidity for row in positions if row.tick_lower <= MIDDLE < row.tick_upper)
    ticks = tuple(sorted(nets))
    ends = (MIDDLE - reach, MIDDLE + reach)
    price = sqrt_ratio_at_tick(MIDDLE)
    return TickRange(price, MIDDLE, active, ticks, tuple(nets[tick] for tick in ticks), *ends, SPACING, FEE)


def even_sizes(known: TickRange) -> tuple[int, ...]:
    """Evenly spaced up to nine tenths of all that the pool takes down to its last tick."""
    most = TickCurve(known, zero_for_one=True).to_price(sqrt_ratio_at_tick(known.ticks[0]))[0] * 9 // 10
    return tuple(most * (at + 1) // SIZES for at in range(SIZES))


def ask(curve: TickCurve, sizes: Sequence[int]) -> list[int]:
    """Every size once."""
    return [curve.exact_in_down(size)[1] for size in sizes]


def ours(subject: Subject) -> Callable[[], float]:
    """Time of building the curve and asking it, the cache of ratios warm."""
    return lambda: milliseconds(lambda: ask(TickCurve(subject.known, zero_for_one=True), subject.sizes))


def ours_cached(subject: Subject) -> Callable[[], float]:
    """Time of asking a built curve."""
    curve = TickCurve(subject.known, zero_for_one=True)
    return lambda: milliseconds(lambda: ask(curve, subject.sizes))


def ours_cold(subject: Subject) -> Callable[[], float]:
    """Like :func:`ours` with the cache of ratios emptied first."""

    def run() -> float:
        sqrt_ratio_at_tick.cache_clear()
        return ours(subject)()

    return run


def own_figures(subject: Subject, rpc: Rpc, floor: Floor, effort: Effort) -> list[Figure]:
    """Against the chain's own quoter: one request with all sizes in it."""
    say("quotes: ours and QuoterV2")
    expected = ask(TickCurve(subject.known, zero_for_one=True), subject.sizes)
    calls = []
    for size in subject.sizes:
        data = calldata(QUOTE, (*subject.tokens, size, FEE, 0))
        calls.append(("eth_call", [{"to": floor.uniswap.v3_quoter, "data": "0x" + data.hex()}, "latest"]))
    same("QuoterV2", expected, [int(answer[2:66], 16) for answer in rpc.batch(calls)])
    mine, cached, theirs = in_turn(
        effort.repetitions * ROUNDS, ours(subject), ours_cached(subject), lambda: milliseconds(lambda: rpc.batch(calls))
    )
    return [
        Figure(f"{SIZES} sizes, curve built: QuoterV2, one batch", mine, theirs, "ms"),
        Figure(f"{SIZES} sizes, curve at hand: QuoterV2, one batch", cached, theirs, "ms"),
    ]


def degenbot_figures(subject: Subject, floor: Floor, effort: Effort) -> list[Figure]:
    """Against degenbot: its pool object holds the same liquidity; the node is not asked while it quotes."""
    say("quotes: ours and degenbot")
    known = subject.known
    rows = list(zip(known.ticks, subject.gross, known.nets, strict=True))
    with Peer("degenbot_quotes") as peer:
        setting: dict[str, Any] = {"url": floor.chain.url, "pool": subject.pool.address, "spacing": SPACING}
        first = peer.ask(**setting, ticks=rows, sizes=subject.sizes)
        expected = ask(TickCurve(known, zero_for_one=True), subject.sizes)
        same("degenbot", expected, [int(amount) for amount in first["amounts"]])
        mine, warm, cached, theirs = in_turn(
            effort.repetitions * ROUNDS,
            ours(subject),
            lambda: total(peer.ask()),
            ours_cached(subject),
            lambda: float(peer.ask()["quote_ms"]),
        )
        cold, their_cold = in_turn(effort.repetitions * ROUNDS, ours_cold(subject), lambda: total(peer.ask(cold=True)))
    name = f"degenbot {first['version']}"
    note = "same amounts out; both with warm caches of tick ratios"
    return [
        Figure(f"{SIZES} sizes, build and quote: {name}", mine, warm, "ms", ">= 20 x", note),
        Figure(f"{SIZES} sizes, curve at hand: {name}", cached, theirs, "ms", ">= 80 x", note),
        Figure(
            f"{SIZES} sizes, build and quote, caches emptied: {name}", cold, their_cold, "ms", "", "same amounts out"
        ),
    ]


def sdk_figures(subject: Subject, floor: Floor, effort: Effort) -> list[Figure]:
    """Against the official SDK, in JavaScript."""
    say("quotes: ours and v3-sdk")
    known = subject.known
    rows = [
        [tick, str(gross), str(net)] for tick, gross, net in zip(known.ticks, subject.gross, known.nets, strict=True)
    ]
    pool = {
        "chain": floor.chain.chain_id,
        "tokens": subject.tokens,
        "fee": FEE,
        "spacing": SPACING,
        "price": str(known.sqrt_price_x96),
        "liquidity": str(known.liquidity),
        "tick": known.tick,
    }
    with Peer("v3_sdk") as peer:
        first = peer.ask(**pool, ticks=rows, sizes=[str(size) for size in subject.sizes])
        expected = ask(TickCurve(known, zero_for_one=True), subject.sizes)
        same("v3-sdk", expected, [int(amount) for amount in first["amounts"]])
        mine, theirs, cached, quoting = in_turn(
            effort.repetitions * ROUNDS,
            ours(subject),
            lambda: total(peer.ask()),
            ours_cached(subject),
            lambda: float(peer.ask()["quote_ms"]),
        )
    name = f"@uniswap/v3-sdk {first['version']}"
    return [
        Figure(f"{SIZES} sizes, build and quote: {name}", mine, theirs, "ms", "", "same amounts out"),
        Figure(f"{SIZES} sizes, curve at hand: {name}", cached, quoting, "ms", "", "same amounts out"),
    ]


def total(answer: dict[str, Any]) -> float:
    """Building and quoting of a worker."""
    return float(answer["build_ms"]) + float(answer["quote_ms"])


def same(name: str, expected: Sequence[int], got: Sequence[int]) -> None:
    """Speed of something else would be no comparison."""
    if list(expected) != list(got):
        at = next(at for at, pair in enumerate(zip(expected, got, strict=True)) if pair[0] != pair[1])
        raise BenchError(f"{name} answers {got[at]} for size {at}, ours is {expected[at]}")
