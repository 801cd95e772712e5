"""A backtest under the terms of a settings file: which market's, and what of them no price file can feed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from keeper.backtest.assumptions import ONE, market_of
from keeper.config import load_config
from keeper.errors import ConfigError
from keeper.records.settings import MarketSettings, ModelSettings, Settings

_DECIMALS = 18
"""Of both assets of a backtest; amounts of the settings are brought to it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one market's settings say, made ready for a price file."""

    settings: Settings
    """Scalars of the file; its markets do not count."""
    model: ModelSettings
    """Of the market, its size in raw units of 18 decimals; one whole token where positions say the size."""
    said: str
    """One sentence for the report."""
    not_fed: tuple[str, ...]
    """One line for each term that is switched on and that a price file cannot feed."""

    def of(self, name: str, model: ModelSettings) -> tuple[MarketSettings, Settings]:
        """(market, settings) of a walk over a history of this name."""
        market = market_of(name, model)
        return market, replace(self.settings, markets=(market,))


def read_terms(file: Path, name: str) -> Terms:
    """Terms of one market of a settings file, checked as a keeper checks it at its start.

    Parameters
    ----------
    file
        TOML as ``keeper run`` reads it.
    name
        Of the market; empty where the file has only one.

    Raises
    ------
    ConfigError
        The file is not there or has mistakes, or the market cannot be told.
    """
    if not file.is_file():
        raise ConfigError(f"--settings: there is no file {file}", "name a keeper's TOML")
    settings = load_config(file).settings
    names = [market.name for market in settings.markets]
    if not name and len(names) > 1:
        raise ConfigError(f"--settings: {file} has {len(names)} markets", f"choose with --market: {', '.join(names)}")
    market = next((row for row in settings.markets if not name or row.name.lower() == name.lower()), None)
    if market is None:
        raise ConfigError(f"--market: there is no market {name!r} in {file}", f"choose from: {', '.join(names)}")
    size = market.model.size * 10**_DECIMALS // 10**market.collateral_decimals
    model = replace(market.model, size=ONE if market.holders or not size else size)
    return Terms(settings, model, f"terms of {market.name} in {file.name}", tuple(_not_fed(market)))


def _not_fed(market: MarketSettings) -> Iterator[str]:
    """Each names the setting and what it lacks."""
    model = market.model
    if model.implied_seconds:
        yield "implied_seconds: a price file has no growth of pools' fees"
    for feed in market.volatility_feeds:
        yield f"volatility_feeds: a price file has no index of volatility ({feed.address})"
    if model.basis:
        yield "basis: a price file has one price, so nothing trades below the oracle"
    if market.holders:
        yield "holders: a price file has no positions, so one whole token is the size and depth counts in sizes"
    if market.routes:
        yield "routes: depth is assumed or recorded, not read from pools"
    if model.ceiling_share_bps:
        yield "ceiling_share_bps: what is lent is not walked"
    if model.premium_max_bps:
        yield "premium_max_bps: what is lent is not walked"
