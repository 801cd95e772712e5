"""The fold's volatility: every price source by itself, pools' fees, volatility feeds, and one figure of them all.

A price source without a value is a missing input. A pool that implies nothing is not: it may only raise, so its
silence takes nothing away that was there. A feed that governance named and that is silent stops all loosening.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeper.maths.keccak import source_id
from keeper.records.core import Core, SourceCore
from keeper.records.estimates import FeeSample, ImpliedVolatility, SampleDepth, SourceVolatility, feed_fault
from keeper.records.settings import MarketSettings, PoolSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.risk.adjacent import adjacent_ticks_up, doubts
from keeper.risk.sigma import haircut_sigma_up, implied_sigma, of_feed
from keeper.volatility import ESTIMATORS, IMPLIED
from keeper.volatility.lvr import fee_sample

ESTIMATOR = "window_means"
"""The estimator of the published path."""
IMPLIED_ESTIMATOR = "lvr"
"""Likewise of pools' fees."""


@dataclass(frozen=True, slots=True)
class Volatility:
    """What one sample says about volatility."""

    entries: tuple[SourceCore, ...]
    """Price sources after this sample."""
    sources: tuple[SourceVolatility, ...]
    implied: tuple[ImpliedVolatility, ...]
    """Pools, then feeds."""
    realised_wad: int | None
    """Largest over the sources."""
    implied_wad: int | None
    """Of the pools together."""
    sigma_wad: int | None
    """Of the haircut."""
    missing: tuple[str, ...]


def volatility_of(
    before: Core | None,
    snapshot: MarketSnapshot,
    past: Sequence[SampleDepth],
    market: MarketSettings,
    settings: Settings,
) -> Volatility:
    """Everything about volatility at one sample; ``past`` are its trailing samples, oldest first."""
    entries, sources = _realised(before, snapshot, market, settings)
    realised = max((row.sigma_wad for row in sources if row.sigma_wad is not None), default=None)
    pools = _implied(snapshot, past, market)
    feeds = tuple(map(of_feed, market.volatility_feeds, snapshot.volatility))
    together = None if realised is None else implied_sigma(pools, realised)
    missing = [f"volatility: {row.pool}: {row.reason}" for row in sources if row.sigma_wad is None]
    missing += [feed_fault(row.source, row.reason) for row in feeds if row.sigma_wad is None]
    if snapshot.words is not None:
        missing += doubts(sources, snapshot.words.live.haircut_bps)
    return Volatility(
        entries=entries,
        sources=sources,
        implied=(*pools, *feeds),
        realised_wad=realised,
        implied_wad=together,
        sigma_wad=None if realised is None else haircut_sigma_up(realised, together, feeds, market.model),
        missing=tuple(missing),
    )


def fees_of(snapshot: MarketSnapshot, market: MarketSettings) -> tuple[FeeSample | None, ...]:
    """What every pool had earned, for later samples; nothing where pools imply no volatility."""
    if not market.model.implied_seconds:
        return ()
    return tuple(fee_sample(row.state, snapshot.block.timestamp) for row in snapshot.pools)


def is_flagged(pool: PoolSettings, tokens: tuple[Address, Address], market: MarketSettings) -> bool:
    """Whether the settings flag the pool or a token that it trades."""
    return not {pool.address, *tokens}.isdisjoint(market.flagged)


def source_of(pool: PoolSettings) -> bytes:
    """How the packed core names a price source."""
    return source_id(pool.venue, pool.address)


def _realised(
    before: Core | None, snapshot: MarketSnapshot, market: MarketSettings, settings: Settings
) -> tuple[tuple[SourceCore, ...], tuple[SourceVolatility, ...]]:
    """Every price source by itself; a source that failed keeps its entry and has no value."""
    entries = {entry.pool: entry for entry in before.sources} if before else {}
    after, said = [], []
    for pool, reading in zip(market.pools, snapshot.pools, strict=True):
        if not pool.price_source:
            continue
        entry = entries.get(source_of(pool))
        if reading.state is None:
            result = SourceVolatility(pool.address, None, 0, 0, "the pool could not be read")
        else:
            apart = adjacent_ticks_up(entry, reading.state)
            entry, result = ESTIMATORS[ESTIMATOR](entry, pool, reading.state, snapshot.block, settings)
            result = replace(result, adjacent_ticks=apart)
        said.append(result)
        if entry is not None:
            after.append(entry)
    return tuple(after), tuple(said)


def _implied(
    snapshot: MarketSnapshot, past: Sequence[SampleDepth], market: MarketSettings
) -> tuple[ImpliedVolatility, ...]:
    """Every pool of the market by itself, but for flagged ones; nothing where pools imply no volatility."""
    rows = []
    for index, (pool, now) in enumerate(zip(market.pools, fees_of(snapshot, market), strict=False)):
        if is_flagged(pool, (market.collateral, market.debt), market):
            continue
        earlier = [row.fees[index] for row in past if row.fees]
        known = [row for row in earlier if row is not None]
        rows.append(IMPLIED[IMPLIED_ESTIMATOR](pool.label, now, known, market.model))
    return tuple(rows)
