"""Readings from a chain: every past window of a contract's market, sampled and folded as the keeper does it.

The haircut then walks under the twin of that contract's law, from the words that it had at the first window. The price
path is the pools' and the feed's own. Needs an archive node.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from keeper.backtest.records import History, Reading
from keeper.errors import ConfigError
from keeper.fold import counted_of, fold_sample
from keeper.records.estimates import Estimates
from keeper.records.live import FLAG_LISTED, AuxWord, ContractWords, GuardWord, LiquidationWord, LiveWord
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BPS, WAD, Price
from keeper.risk.merged import split
from keeper.sampling import NO_CORE, Sampler

MIN_WINDOWS = 20

Progress = Callable[[str, int, int], None]


def chain_history(sampler: Sampler, key: bytes, windows: range, progress: Progress) -> History:
    """Sample and fold windows of one market.

    Parameters
    ----------
    sampler
        Of the chain, under the settings to be judged.
    key
        The market.
    windows
        Rising, without holes; the last one must show the market listed.

    Raises
    ------
    ConfigError
        Too few windows, or the market is not listed at the last one.
    RetryLater
        The node does not hold blocks that old.
    """
    market, settings = sampler.markets[key], sampler.settings
    if len(windows) < MIN_WINDOWS:
        raise ConfigError(f"{len(windows)} windows are too few to judge", f"name at least {MIN_WINDOWS} with --blocks")
    empty = dict.fromkeys(sampler.markets, NO_CORE)
    last = sampler.observe(windows[-1], empty)[key].words
    if last is None:
        raise ConfigError(f"{market.name} is not listed at window {windows[-1]}", "end --blocks after its listing")
    words, core, readings = None, NO_CORE, []
    for done, window in enumerate(windows):
        snapshot = sampler.observe(window, empty | {key: core})[key]
        # Before the listing, the law of the later contract holds over a market that never had a report.
        words = words or snapshot.words or _unlisted(last)
        seen = replace(snapshot, words=snapshot.words or words)
        folded = fold_sample(core, seen, window, sampler.trailing(window, key), market, settings)
        core = folded.decision.core_after
        readings.append(_reading(market, snapshot, folded.estimates, window))
        progress(f"{market.name}: reading windows", done + 1, len(windows))
    span = readings[-1].time - readings[0].time
    return History(
        name=market.name.replace("/", "-"),
        readings=tuple(readings),
        interval_seconds=max(1, span // (len(readings) - 1)),
        market=market,
        settings=settings,
        words=words or last,
        depth="depth and price of every window as the chain had them; sold in parts of at most Q* along that depth",
    )


def _unlisted(words: ContractWords) -> ContractWords:
    live = LiveWord(flags=FLAG_LISTED, profile=words.live.profile)
    return replace(words, live=live, aux=AuxWord(), liquidation=LiquidationWord(), guard=GuardWord())


def _reading(market: MarketSettings, snapshot: MarketSnapshot, estimates: Estimates, window: int) -> Reading:
    sigmas = [row.sigma_wad for row in estimates.sources if row.sigma_wad is not None]
    prices = [price for price in (estimates.mid_price, estimates.oracle_price) if price is not None]
    return Reading(
        block=snapshot.block,
        window=window,
        close_wad=max((_wad(price, market) for price in prices), default=None),
        low_wad=None if estimates.mid_price is None else _wad(estimates.mid_price, market),
        sigma_wad=max(sigmas, default=None),
        q_star=estimates.q_star,
        cost=_cost(market, snapshot, estimates),
        warm=estimates.warm,
        missing=estimates.missing,
    )


def _cost(market: MarketSettings, snapshot: MarketSnapshot, estimates: Estimates) -> float:
    """Loss of selling the size in equal parts of at most Q*, against max(oracle, mid), rounded up to a basis point."""
    prices = [price for price in (estimates.mid_price, estimates.oracle_price) if price is not None]
    if not estimates.q_star or estimates.size is None or not prices:
        return 1.0
    if not estimates.size:
        return 0.0
    parts = -(-estimates.size // estimates.q_star)
    found = counted_of(snapshot, market)
    sale = split([*found.curves, *found.routes], -(-estimates.size // parts))
    loss = sale.loss_bps_up(max(Fraction(price.numerator, price.denominator) for price in prices))
    # The mid is below max(oracle, mid): the low of a reading has that gap already, so the cost counts it twice at most.
    return 1.0 if loss is None else loss / BPS


def _wad(price: Price, market: MarketSettings) -> int:
    """Whole debt per whole collateral, WAD, rounded down; at least one unit."""
    more: int = 10**market.collateral_decimals
    less: int = 10**market.debt_decimals
    return max(1, price.numerator * WAD * more // (price.denominator * less))
