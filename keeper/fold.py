"""The join of the pure rooms: one sampled block in, estimates and one decision out (design.md 2.1).

``read_plan`` says what to fetch, ``market_reading`` fetches it, ``fold_sample`` thinks. Nothing here knows a node, a
clock or a keeper, so every honest keeper gets the same bytes, and ``keeper verify`` is the same function run again.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import cast

from keeper.feeds import FEEDS
from keeper.fold_loans import loans_bps, supported_bps
from keeper.fold_volatility import Volatility, fees_of, is_flagged, source_of, volatility_of
from keeper.haircuts import MODELS
from keeper.protocols import PROTOCOLS
from keeper.records.core import decode_core
from keeper.records.decision import Folded
from keeper.records.estimates import Estimates, SampleDepth, Waterfall
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
from keeper.risk.basis import deviation_up, mean_price_down, with_jump_up
from keeper.risk.counted import Counted, Offer, Way, counted
from keeper.risk.decide import decide
from keeper.risk.depth import Market, daily_minima, measure, oracle_price, sells, stressed_depth
from keeper.risk.keys import market_key
from keeper.risk.positions import sizing_of
from keeper.risk.windows import trailing_windows
from keeper.venues import VENUES

PRICE, JUMP = "price", "jump"
"""Name of the scenario in which a pegged asset falls at once."""


def read_plan(core_before: bytes, market: MarketSettings, settings: Settings) -> ReadPlan:
    """What to fetch at the next sample: the observation ring only while a price source has not started."""
    core = decode_core(core_before)
    started = {entry.pool for entry in core.sources} if core else set()
    waiting = [pool for pool in market.pools if pool.price_source and source_of(pool) not in started]
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
    # Of past windows only depth and fees are wanted.
    held = [PROTOCOLS[market.protocol].positions(market)] if plan.whole else []
    others = [FEEDS[other.kind].read(other, block) for other in market.volatility_feeds] if plan.whole else []
    count = len(pools)
    values = yield from together([*pools, feed, words, *others, *held])
    venues = cast("list[PoolReading]", values[:count])
    price, own, *rest = values[count:]
    volatility, positions = rest[: len(others)], rest[len(others) :]
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
        tuple(cast("list[FeedReading]", volatility)),
    )


def sample_depth(snapshot: MarketSnapshot, window: int, market: MarketSettings, settings: Settings) -> SampleDepth:
    """Depth at one sample: a function of that block alone, under the settings of the report that uses it."""
    _check_market(snapshot, market, settings)
    measured, _ = _measure(snapshot, market)
    return _depth(measured, snapshot, window, market)


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
    first = trailing_windows(window, settings).start
    past = sorted((row for row in trailing if first <= row.window < window), key=lambda row: row.window)
    volatility = volatility_of(before, snapshot, past, market, settings)
    estimates = _estimates(snapshot, window, past, volatility, market=market, settings=settings)
    decision = decide(
        estimates,
        snapshot,
        before=before,
        sources=volatility.entries,
        supported_bps=supported_bps(estimates, snapshot, market),
        market=market,
        settings=settings,
    )
    return Folded(estimates, decision)


def _estimates(
    snapshot: MarketSnapshot,
    window: int,
    past: Sequence[SampleDepth],
    volatility: Volatility,
    *,
    market: MarketSettings,
    settings: Settings,
) -> Estimates:
    model = market.model
    measured, missing = _measure(snapshot, market)
    depth = _depth(measured, snapshot, window, market)
    minima = daily_minima([*past, depth], settings.windows_per_day)
    q_star = None if depth.bound is None else stressed_depth(depth.bound, minima, model.depth_factor_bps)
    size, doubts = _size(snapshot, market)
    missing = [*missing, *volatility.missing, *doubts]
    estimates = Estimates(
        mid_price=measured.mid,
        oracle_price=measured.oracle,
        sigma_wad=volatility.sigma_wad,
        sources=volatility.sources,
        depth=depth,
        daily_minima=minima,
        warm=len(minima) >= settings.warm_days,
        q_star=q_star,
        waterfall=None,
        missing=tuple(missing),
        size=size,
        realised_wad=volatility.realised_wad,
        implied_wad=volatility.implied_wad,
        implied=volatility.implied,
        oracle_deviation_wad=_deviation(measured, snapshot, market),
    )
    return _with_haircut(estimates, model)


def _with_haircut(estimates: Estimates, model: ModelSettings) -> Estimates:
    """The larger of the ordinary waterfall and the jump's; and the liquidation haircut, which knows neither.

    That one comes from what prices did, over time: nothing that one block, a forecast or an index says may move it.
    """
    sigma, realised = estimates.sigma_wad, estimates.realised_wad
    q_star, size = estimates.q_star, estimates.size
    if sigma is None or realised is None or q_star is None or size is None:
        return estimates

    sized = replace(model, size=size)
    asked, scenario = asked_haircut(replace(sized, oracle_deviation_wad=estimates.oracle_deviation_wad), sigma, q_star)
    loans = loans_bps(model, size, realised, q_star)
    return replace(estimates, waterfall=asked, scenario=scenario, liquidation_bps=loans)


def asked_haircut(model: ModelSettings, sigma_wad: int, q_star: int) -> tuple[Waterfall, str]:
    """(waterfall, scenario) of new loans: the larger of the ordinary one and the jump's.

    Parameters
    ----------
    model
        Settings with the size and the oracle's deviation that were measured.
    sigma_wad
        Annual volatility, WAD.
    q_star
        Stressed depth, unit of the size.
    """
    asked = MODELS[model.model](model, sigma_wad, q_star)
    if not model.jump_bps:
        return asked, PRICE
    deviation = with_jump_up(model.oracle_deviation_wad, model.jump_bps)
    jump = MODELS[model.model](replace(model, oracle_deviation_wad=deviation), 0, q_star)
    return (jump, JUMP) if jump.haircut_bps > asked.haircut_bps else (asked, PRICE)


def _deviation(measured: Market, snapshot: MarketSnapshot, market: MarketSettings) -> int:
    """What the oracle may be off by: its threshold, and how far pools trade below it where the basis counts."""
    threshold = market.model.oracle_deviation_wad
    if not market.model.basis or measured.oracle is None:
        return threshold
    prices: list[Price | None] = [measured.mid]
    for pool, row in zip(market.pools, snapshot.pools, strict=True):
        if pool.price_source and row.state and not is_flagged(pool, (market.collateral, market.debt), market):
            prices.append(mean_price_down(pool, row.state))
    return deviation_up(threshold, measured.oracle, [price for price in prices if price is not None])


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
    flagged = is_flagged(pool, tokens, market)
    if reading.state is None:
        return Offer(pool.label, None, reading.failure, flagged)
    curve = VENUES[pool.venue].curve(pool, reading.state)
    if sells(curve):
        return Offer(pool.label, curve, "", flagged)
    fault = f"{pool.label}: nothing can be sold there (no liquidity, or none that has stood long enough)"
    return Offer(pool.label, None, fault, flagged)


def _depth(measured: Market, snapshot: MarketSnapshot, window: int, market: MarketSettings) -> SampleDepth:
    at_100, at_200, at_500 = measured.at_bps
    fees = fees_of(snapshot, market)
    return SampleDepth(window, snapshot.block.number, measured.bound, at_100, at_200, at_500, fees)


def _check_market(snapshot: MarketSnapshot, market: MarketSettings, settings: Settings) -> None:
    if snapshot.market != market_key(settings.chain_id, market):
        raise ValueError(f"the snapshot is not of market {market.name}")
