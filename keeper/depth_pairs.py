"""Pairs of tokens that the settings' pools trade: a market, a market the other way round, or a leg of a route."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from string import hexdigits

from keeper.errors import ConfigError
from keeper.records.settings import MarketSettings, PoolSettings, RouteSettings, Settings
from keeper.records.units import BPS, Address

_ADDRESS_LENGTH = 42


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the settings."""

    address: Address
    decimals: int
    symbol: str
    """From a market's name; the start of the address where none names it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What is sold for what, and where."""

    name: str
    sold: Token
    bought: Token
    pools: tuple[PoolSettings, ...]
    """What is sold stands in ``collateral_index``."""
    routes: tuple[RouteSettings, ...]
    """All of them, shown whole."""
    flagged: tuple[Address, ...]
    market: MarketSettings | None
    """Whose feed tells the price; None for a pair that is no market."""
    backwards: bool
    """The market's debt asset is what is sold."""
    symbols: Mapping[Address, str]
    """Of every token of the settings."""

    @property
    def is_market(self) -> bool:
        """A market as it stands in the settings."""
        return self.market is not None and not self.backwards

    def turned(self) -> "Pair":
        """The same pools the other way round."""
        routes = tuple(_turned_route(route) for route in self.routes)
        return replace(
            self,
            name=f"{self.bought.symbol}/{self.sold.symbol}",
            sold=self.bought,
            bought=self.sold,
            pools=_turned(self.pools),
            routes=routes,
            backwards=not self.backwards,
        )


def pair_of(market: MarketSettings, settings: Settings) -> Pair:
    """A market as a pair."""
    names = tokens_of(settings)
    routes = tuple(replace(route, counted_bps=BPS) for route in market.routes)
    ends = names[market.collateral], names[market.debt]
    symbols = {address: token.symbol for address, token in names.items()}
    return Pair(market.name, *ends, market.pools, routes, market.flagged, market, backwards=False, symbols=symbols)


def find_pair(settings: Settings, sold: str, bought: str) -> Pair:
    """The pair of two tokens, each by symbol or address; a market first, else any pools that trade the two.

    Raises
    ------
    ConfigError
        A token is not known, its symbol is another's too, or no pool trades the two.
    """
    names = tokens_of(settings)
    first, second = (_find_token(names, text) for text in (sold, bought))
    if first == second:
        raise ConfigError(f"{sold} and {bought} are the same token", "name two tokens")
    for market in settings.markets:
        if (market.collateral, market.debt) == (first.address, second.address):
            return pair_of(market, settings)
    for market in settings.markets:
        if (market.debt, market.collateral) == (first.address, second.address):
            return pair_of(market, settings).turned()
    found: dict[tuple[Address, bytes], PoolSettings] = {}
    for ends, pools in _groups(settings):
        if set(ends) == {first.address, second.address}:
            turned = pools if ends[0] == first.address else _turned(pools)
            found |= {(pool.address, pool.pool_id): pool for pool in turned}
    if not found:
        what = f"no pool of the settings trades {first.symbol} for {second.symbol}"
        raise ConfigError(what, "name a market, or the tokens of a market or of a route's leg")
    flagged = tuple(dict.fromkeys(row for market in settings.markets for row in market.flagged))
    name = f"{first.symbol}/{second.symbol}"
    return Pair(name, first, second, tuple(found.values()), (), flagged, None, backwards=False, symbols={})


def tokens_of(settings: Settings) -> dict[Address, Token]:
    """Every token of the settings."""
    symbols: dict[Address, str] = {}
    decimals: dict[Address, int] = {}
    for market in settings.markets:
        ends, parts = (market.collateral, market.debt), market.name.split("/")
        decimals |= dict(zip(ends, (market.collateral_decimals, market.debt_decimals), strict=True))
        decimals |= {route.bridge: route.bridge_decimals for route in market.routes}
        symbols |= dict(zip(ends, parts, strict=True)) if len(parts) == len(ends) else {}
    return {address: Token(address, count, symbols.get(address, address[:8])) for address, count in decimals.items()}


def _find_token(names: dict[Address, Token], text: str) -> Token:
    wanted = text.lower()
    if len(wanted) == _ADDRESS_LENGTH and wanted.startswith("0x") and set(wanted[2:]) <= set(hexdigits):
        found = [names[Address(wanted)]] if wanted in names else []
    else:
        found = [token for token in names.values() if token.symbol.lower() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(token.address for token in found)
        raise ConfigError(f"{text} names {len(found)} tokens, {both}", "give the address")
    known = ", ".join(token.symbol for token in names.values())
    raise ConfigError(f"{text} is no token of the settings", f"choose from: {known}; or give an address")


def _groups(settings: Settings) -> Iterator[tuple[tuple[Address, Address], tuple[PoolSettings, ...]]]:
    for market in settings.markets:
        yield (market.collateral, market.debt), market.pools
        for route in market.routes:
            yield (market.collateral, route.bridge), route.collateral_pools
            yield (route.bridge, market.debt), route.debt_pools


def _turned(pools: tuple[PoolSettings, ...]) -> tuple[PoolSettings, ...]:
    return tuple(replace(pool, collateral_index=pool.debt_index, debt_index=pool.collateral_index) for pool in pools)


def _turned_route(route: RouteSettings) -> RouteSettings:
    return replace(route, collateral_pools=_turned(route.debt_pools), debt_pools=_turned(route.collateral_pools))
