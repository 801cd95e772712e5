"""The join of the pure rooms: one sampled block in, estimates and one decision out (design.md 2.1).

``read_plan`` says what to fetch, ``market_reading`` fetches it, ``fold_sample`` thinks. Nothing here knows a node, a
clock or a keeper, so every honest keeper gets the same bytes, and ``keeper verify`` is the same function run again.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import cast

from keeper.feeds import FEEDS
from keeper.haircuts import MODELS
from keeper.maths.keccak import source_id
from keeper.protocols import PROTOCOLS
from keeper.records.core import Core, SourceCore, decode_core
from keeper.records.decision import Folded
from keeper.records.estimates import Estimates, SampleDepth, SourceVolatility, Waterfall
from keeper.records.live import ContractWords
from keeper.records.lockstep import together
from keeper.records.settings import MarketSettings, ModelSettings, PoolSettings, Settings
from keeper.records.snapshot import (
    Answer,
    Ask,
    FeedReading,
    Input,
    MarketSnapshot,
    PoolReading,
    PositionsReading,
    ReadPlan,
)
from keeper.records.units import Address, BlockRef, Price
from keeper.risk.counted import Counted, Offer, Way, counted
from keeper.risk.decide import decide
from keeper.risk.depth import Market, daily_minima, measure, oracle_price, sells, stressed_depth
from keeper.risk.keys import market_key
from keeper.risk.positions import sizing_of
from keeper.risk.windows import trailing_windows
from keeper.venues import VENUES
from keeper.volatility import ESTIMATORS

ESTIMATOR = "window_means"
"""The estimator of the published path."""


def read_plan(core_before: bytes, market: MarketSettings, settings: Settings) -> ReadPlan:
    """What to fetch at the next sample: the observation ring only while a price source has not started."""
    core = decode_core(core_before)
    started = {entry.pool for entry in core.sources} if core else set()
    waiting = [pool for pool in market.pools if pool.price_source and _id(pool) not in started]
    ring = range(settings.bootstrap_windows, 0, -1) if waiting else ()
    return ReadPlan(
        harmonic_seconds=settings.harmonic_seconds,
        ring_seconds=tuple(count * settings.window_seconds for count in ring),
        depth_range_ticks=settings.depth_range_ticks,
    )


def market_reading(
    market: MarketSettings, settings: Settings, plan: ReadPlan, contract: Address, block: BlockRef
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], MarketSnapshot]:
    """Read venues, feed, own words and positions in lock step: their calls leave in one batch a round."""
    key = market_key(settings.chain_id, market)
    pools = [VENUES[pool.venue].read(pool, plan, block) for pool in (*market.pools, *market.legs)]
    feed = FEEDS[market.feed.kind].read(market.feed, block)
    words = PROTOCOLS[market.protocol].read(contract, key)
    held = [PROTOCOLS[market.protocol].positions(market)] if plan.positions else []
    count = len(pools)
    values = yield from together([*pools, feed, words, *held])
    venues = cast("list[PoolReading]", values[:count])
    price, own, *positions = values[count:]
    own_words, own_inputs = cast("tuple[ContractWords | None, tuple[Input, ...]]", own)
    direct = len(market.pools)
    return MarketSnapshot(
        key,
        block,
        tuple(venues[:direct]),
        cast("FeedReading", price),
        own_words,
        own_inputs,
        cast("PositionsReading | None", positions[0] if positions else None),
        tuple(venues[direct:]),
    )


def sample_depth(snapshot: MarketSnapshot, window: int, market: MarketSettings, settings: Settings) -> SampleDepth:
    """Depth at one sample: a function of that block alone, under the settings of the report that uses it."""
    _check_market(snapshot, market, settings)
    measured, _ = _measure(snapshot, market)
    return _depth(measured, snapshot, window)


def fold_sample(  # noqa: PLR0917 - the whole input of a step, in the order in which it arises
    core_before: bytes,
    snapshot: MarketSnapshot,
    window: int,
    trailing: Sequence[SampleDepth],
    market: MarketSettings,
    settings: Settings,
) -> Folded:
    """Fold one sample of one market.

    Parameters
    ----------
    core_before
        Packed core after the previous sample; empty at the start.
    snapshot
        What was read at the sampled block.
    window
        Window that the block stands for.
    trailing
        Depths of earlier windows, any order; those outside the trailing days do not count.
    market, settings
        In force at the window's end.

    Raises
    ------
    ValueError
        When the snapshot is another market's, the core is not ours, or the window does not rise.
    """
    _check_market(snapshot, market, settings)
    before = decode_core(core_before)
    if before is not None and window <= before.window:
        raise ValueError(f"window {window} is not after window {before.window}")
    sources, volatility = _volatility(before, snapshot, market, settings)
    estimates = _estimates(snapshot, window, trailing, volatility, market=market, settings=settings)
    decision = decide(estimates, snapshot, before=before, sources=sources, market=market, settings=settings)
    return Folded(estimates, decision)


def _volatility(
    before: Core | None, snapshot: MarketSnapshot, market: MarketSettings, settings: Settings
) -> tuple[tuple[SourceCore, ...], tuple[SourceVolatility, ...]]:
    """Every price source by itself; a source that failed keeps its entry and has no value."""
    entries = {entry.pool: entry for entry in before.sources} if before else {}
    after, said = [], []
    for pool, reading in zip(market.pools, snapshot.pools, strict=True):
        if not pool.price_source:
            continue
        entry = entries.get(_id(pool))
        if reading.state is None:
            result = SourceVolatility(pool.address, None, 0, 0, "the pool could not be read")
        else:
            entry, result = ESTIMATORS[ESTIMATOR](entry, pool, reading.state, snapshot.block, settings)
        said.append(result)
        if entry is not None:
            after.append(entry)
    return tuple(after), tuple(said)


def _estimates(
    snapshot: MarketSnapshot,
    window: int,
    trailing: Sequence[SampleDepth],
    volatility: tuple[SourceVolatility, ...],
    *,
    market: MarketSettings,
    settings: Settings,
) -> Estimates:
    model = market.model
    measured, missing = _measure(snapshot, market)
    missing += [f"volatility: {row.pool}: {row.reason}" for row in volatility if row.sigma_wad is None]
    values = [row.sigma_wad for row in volatility if row.sigma_wad is not None]
    sigma = max([*values, model.sigma_floor_wad]) if values else None
    depth = _depth(measured, snapshot, window)
    first = trailing_windows(window, settings).start
    minima = daily_minima([*(row for row in trailing if first <= row.window < window), depth], settings.windows_per_day)
    q_star = None if depth.bound is None else stressed_depth(depth.bound, minima, model.depth_factor_bps)
    size, doubts = _size(snapshot, market)
    missing += doubts
    return Estimates(
        mid_price=measured.mid,
        oracle_price=measured.oracle,
        sigma_wad=sigma,
        sources=volatility,
        depth=depth,
        daily_minima=minima,
        warm=len(minima) >= settings.warm_days,
        q_star=q_star,
        waterfall=None if sigma is None or q_star is None or size is None else _waterfall(model, sigma, q_star, size),
        missing=tuple(missing),
        size=size,
    )


def _waterfall(model: ModelSettings, sigma_wad: int, q_star: int, size: int) -> Waterfall:
    return MODELS[model.model](replace(model, size=size), sigma_wad, q_star)


def _size(snapshot: MarketSnapshot, market: MarketSettings) -> tuple[int | None, list[str]]:
    """Collateral that must be sold, from positions where they are read; and a line for every doubt."""
    reading = snapshot.positions
    if reading is None:
        return (None, ["positions: not read"]) if market.holders else (market.model.size, [])
    if reading.state is None:
        return None, [f"positions: {reading.failure}"]
    return sizing_of(reading.state, market).size, [f"positions: {line}" for line in reading.doubts]


def _measure(snapshot: MarketSnapshot, market: MarketSettings) -> tuple[Market, list[str]]:
    """Price and depth, and a line for every venue or feed that had none or is not believed."""
    found, oracle = counted_of(snapshot, market), _oracle(snapshot, market)
    missing = list(found.missing)
    if oracle is None:
        missing.append(f"feed: {snapshot.feed.failure}")
    return measure(found.curves, oracle, market.model, found.routes, found.flagged), missing


def counted_of(snapshot: MarketSnapshot, market: MarketSettings) -> Counted:
    """What of the market's venues and counted routes counts."""
    legs, ways = iter(snapshot.legs), []
    for route in market.counted_routes:
        sides = (
            (route.collateral_pools, (market.collateral, route.bridge)),
            (route.debt_pools, (route.bridge, market.debt)),
        )
        first, second = (tuple(_offer(pool, next(legs), tokens, market) for pool in leg) for leg, tokens in sides)
        ways.append(Way(route.bridge, first, second, route.counted_bps))
    pair = (market.collateral, market.debt)
    direct = [_offer(pool, row, pair, market) for pool, row in zip(market.pools, snapshot.pools, strict=True)]
    return counted(direct, ways, _oracle(snapshot, market))


def _oracle(snapshot: MarketSnapshot, market: MarketSettings) -> Price | None:
    answer = snapshot.feed.answer
    return None if answer is None else oracle_price(answer, market)


def _offer(pool: PoolSettings, reading: PoolReading, tokens: tuple[Address, Address], market: MarketSettings) -> Offer:
    flagged = not {pool.address, *tokens}.isdisjoint(market.flagged)
    if reading.state is None:
        return Offer(pool.label, None, reading.failure, flagged)
    curve = VENUES[pool.venue].curve(pool, reading.state)
    if sells(curve):
        return Offer(pool.label, curve, "", flagged)
    fault = f"{pool.label}: nothing can be sold there (no liquidity, or none that has stood long enough)"
    return Offer(pool.label, None, fault, flagged)


def _depth(measured: Market, snapshot: MarketSnapshot, window: int) -> SampleDepth:
    return SampleDepth(window, snapshot.block.number, measured.bound, *measured.at_bps)


def _check_market(snapshot: MarketSnapshot, market: MarketSettings, settings: Settings) -> None:
    if snapshot.market != market_key(settings.chain_id, market):
        raise ValueError(f"the snapshot is not of market {market.name}")


def _id(pool: PoolSettings) -> bytes:
    return source_id(pool.venue, pool.address)
