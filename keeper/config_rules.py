"""Rules between settings: what no single key can show."""

from collections.abc import Collection, Iterator, Mapping

from keeper.records.core import MAX_SOURCES
from keeper.records.settings import (
    DYNAMIC_FEE,
    MarketSettings,
    PoolSettings,
    RouteSettings,
    Settings,
    encode_settings,
)
from keeper.records.units import BPS, NO_ADDRESS, WAD, Address
from keeper.risk.wrong_way import is_wrong_way

PIPS = 1_000_000
MAX_HOLDERS = 1_000
"""Accounts of one market: about 100 M gas of reading, in a few calls."""

MAX_VOLATILITY_FEEDS = 4
"""Each costs a call of every sample."""
FEE_GROWTH_VENUES = frozenset({"uniswap_v3", "uniswap_v4"})
"""Venues whose pools say what a unit of liquidity has earned."""

EMERGENCY_FLOAT = 20
"""Emergency transactions at the cap that a reserve must pay (reliability.md B7)."""
TYPICAL_GAS = 300_000
"""Gas of a publish of a few markets, until our own transactions say more."""

Row = tuple[str, str, str]
"""Key, what is wrong, remedy."""


def known(name: str) -> Collection[str]:
    """Words that a key may hold; empty when any text will do."""
    from keeper.feeds import FEEDS
    from keeper.haircuts import MODELS
    from keeper.protocols import PROTOCOLS
    from keeper.venues import VENUES

    registries: dict[str, Collection[str]] = {"venue": VENUES, "kind": FEEDS, "protocol": PROTOCOLS, "model": MODELS}
    return registries.get(name, ())


def consistency(settings: Settings) -> list[Row]:
    """Every contradiction in settings whose single values are all fine."""
    rows = [*_scalars(settings)]
    names = [market.name for market in settings.markets]
    for index, market in enumerate(settings.markets):
        key = f"markets[{index}]"
        if market.name in names[:index]:
            rows.append((f"{key}.name", f"{market.name!r} stands twice", "give every market its own name"))
        rows.extend(_market(key, market))
    if not settings.markets:
        rows.append(("markets", "there is none", "add a [[markets]] table"))
    if not rows:
        from eth_abi.exceptions import EncodingError

        try:
            encode_settings(settings)
        except EncodingError as error:
            rows.append(("settings", f"cannot be encoded: {error}", "make that value smaller"))
    return rows


def money(operator: Mapping[str, int]) -> Iterator[Row]:
    """Contradictions between what transactions may cost; every number of [keeper] by name, gwei."""
    routine, emergency = operator["max_fee_gwei"], operator["emergency_fee_gwei"]
    if emergency < routine:
        yield "keeper.emergency_fee_gwei", f"{emergency} is below max_fee_gwei {routine}", "make it larger: 1500"
    least = EMERGENCY_FLOAT * TYPICAL_GAS * emergency
    if operator["market_reserve_gwei"] < least:
        short = operator["market_reserve_gwei"] * EMERGENCY_FLOAT // least
        what = f"pays {short} emergency transactions a day at the cap of {emergency} gwei, {EMERGENCY_FLOAT} are wanted"
        yield "keeper.market_reserve_gwei", what, f"give {least} at least, or lower emergency_fee_gwei"
    if operator["key_budget_gwei"] < operator["market_budget_gwei"]:
        what = f"{operator['key_budget_gwei']} of all markets is below market_budget_gwei, that of one"
        yield "keeper.key_budget_gwei", what, "make it larger"


def _scalars(settings: Settings) -> Iterator[Row]:
    if settings.bootstrap_min_windows > settings.bootstrap_windows:
        yield "settings.bootstrap_min_windows", "is above bootstrap_windows", "make it smaller"
    if settings.warm_days > settings.trailing_days:
        yield "settings.warm_days", "is above trailing_days, so nothing could ever loosen", "make it smaller"
    if settings.margin_bps > settings.deviation_down_bps:
        yield "settings.margin_bps", "is above deviation_down_bps, so nothing could ever loosen", "make it smaller"
    for name in (
        "window_seconds",
        "half_life_fast_seconds",
        "half_life_slow_seconds",
        "harmonic_seconds",
        "heartbeat_seconds",
    ):
        if getattr(settings, name) == 0:
            yield f"settings.{name}", "is 0", "give whole seconds: half an hour is 1800"


def _market(key: str, market: MarketSettings) -> Iterator[Row]:
    if market.model.haircut_min_bps > market.model.haircut_max_bps:
        yield f"{key}.model.haircut_min_bps", "is above haircut_max_bps", "make it smaller"
    if market.model.model_mult_wad < WAD:
        yield f"{key}.model.model_mult_wad", "is below 1, which would shrink the haircut", "1.15 is 1150000000000000000"
    if market.collateral == market.debt:
        yield f"{key}.debt", "is the collateral itself", "write the address of the token that is borrowed"
    sources = [pool for pool in market.pools if pool.price_source]
    if not market.pools:
        yield f"{key}.pools", "there is none", "add a [[markets.pools]] table"
    elif not 1 <= len(sources) <= MAX_SOURCES:
        yield (
            f"{key}.pools",
            f"{len(sources)} are price sources",
            f"set price_source = true on 1 to {MAX_SOURCES} of them",
        )
    yield from _positions(key, market)
    yield from _risks(f"{key}.model", market)
    yield from _volatility_feeds(key, market)
    for index, pool in enumerate(market.pools):
        yield from _pool(f"{key}.pools[{index}]", pool, market.pools[:index])
    yield from _routes(key, market)


def _risks(key: str, market: MarketSettings) -> Iterator[Row]:
    """Terms of the model that need one another."""
    model = market.model
    if model.implied_seconds and not any(pool.venue in FEE_GROWTH_VENUES for pool in market.pools):
        yield (
            f"{key}.implied_seconds",
            "is set, but no pool keeps fee growth",
            "write 0, or add a Uniswap v3 or v4 pool",
        )
    if model.implied_seconds and not model.implied_min_liquidity:
        remedy = "write the least liquidity() at which a pool's fees mean something"
        yield f"{key}.implied_min_liquidity", "is 0, so a pool of dust would speak", remedy
    together = is_wrong_way(same_issuer=model.same_issuer, coefficient_bps=model.tail_coefficient_bps)
    if together and not model.stressed_sigma_wad:
        remedy = "write the pair's annual volatility under stress: 1.5 is 1500000000000000000"
        yield f"{key}.stressed_sigma_wad", "is 0, but collateral and debt fall together", remedy
    if model.jump_bps == BPS:
        yield f"{key}.jump_bps", "leaves nothing of the price", "make it smaller: 1500 is a fall by 15 %"
    for name in ("jump_bps", "basis"):
        if getattr(model, name) and model.model != "liquidity_adjusted":
            yield f"{key}.{name}", f"{model.model} does not know the oracle's error", "choose liquidity_adjusted"


def _volatility_feeds(key: str, market: MarketSettings) -> Iterator[Row]:
    if len(market.volatility_feeds) > MAX_VOLATILITY_FEEDS:
        remedy = f"keep {MAX_VOLATILITY_FEEDS}"
        yield f"{key}.volatility_feeds", f"{len(market.volatility_feeds)} are named", remedy
    seen = {market.feed.address: "the price feed"}
    for index, feed in enumerate(market.volatility_feeds):
        if feed.address in seen:
            remedy = "name each feed once"
            yield f"{key}.volatility_feeds[{index}].address", f"is {seen[feed.address]}", remedy
        seen[feed.address] = f"that of volatility_feeds[{index}], too"
        if feed.rounds:
            what = "is not 0, but earlier volatilities are not used"
            yield f"{key}.volatility_feeds[{index}].rounds", what, "write 0"


def _routes(key: str, market: MarketSettings) -> Iterator[Row]:
    """Ways through a third token; no liquidity counts twice, in them or beside them."""
    seen, bridges = [*market.pools], {market.collateral: "the collateral", market.debt: "the debt asset"}
    for index, route in enumerate(market.routes):
        place = f"{key}.routes[{index}]"
        if route.bridge in bridges:
            what = bridges[route.bridge]
            remedy = (
                "keep one route for each third token, with all its pools" if "route" in what else "name a third token"
            )
            yield f"{place}.bridge", f"is {what}", remedy
        bridges[route.bridge] = f"that of routes[{index}], too"
        yield from _legs(place, route, seen)
        seen += route.pools


def _legs(place: str, route: RouteSettings, earlier: list[PoolSettings]) -> Iterator[Row]:
    seen = [*earlier]
    for name, pools in (("collateral_pools", route.collateral_pools), ("debt_pools", route.debt_pools)):
        if not pools:
            yield f"{place}.{name}", "there is none", f"add a [[markets.routes.{name}]] table"
        for number, pool in enumerate(pools):
            yield from _pool(f"{place}.{name}[{number}]", pool, tuple(seen))
            seen.append(pool)
            if pool.price_source:
                what = "is true, but a leg's ticks are not the market's price"
                yield f"{place}.{name}[{number}].price_source", what, "set it to false"


def _positions(key: str, market: MarketSettings) -> Iterator[Row]:
    if not 0 < market.shock_bps < BPS:
        yield f"{key}.shock_bps", "must leave a price, and lower it", "write 3000 for a fall by 30 %"
    if market.protocol == "aave_v3" and not 0 < int.from_bytes(market.protocol_market_id, "big") < 1 << 160:
        remedy = "write the PoolAddressesProvider: 0x, 24 zeros and its 40 digits"
        yield f"{key}.protocol_market_id", "is no address", remedy
    if market.holders and market.protocol == "bulkhead":
        yield f"{key}.holders", "nobody borrows from the bare contract", "remove them, or name the lending protocol"
    if len(market.holders) > MAX_HOLDERS:
        yield f"{key}.holders", f"{len(market.holders)} are named", f"keep the largest {MAX_HOLDERS}"
    twice = sorted({row for row in market.holders if market.holders.count(row) > 1})
    if twice:
        yield f"{key}.holders", f"{twice[0]} stands twice", "name every account once"


def _pool(key: str, pool: PoolSettings, earlier: tuple[PoolSettings, ...]) -> Iterator[Row]:
    if (pool.address, pool.pool_id) in {(other.address, other.pool_id) for other in earlier}:
        yield f"{key}.address", f"{pool.label} stands twice in this market", "list each pool once, direct or as a leg"
    elif shared := sorted(_curve_legs(pool) & {leg for other in earlier for leg in _curve_legs(other)}):
        yield f"{key}.address", f"what {shared[0]} holds would count twice", "keep one of the routes through it"
    if pool.collateral_index == pool.debt_index:
        yield (
            f"{key}.debt_index",
            "is the collateral's own",
            "0 and 1 are the tokens of a pair, lower address first",
        )
    if pool.fee_pips >= PIPS and (pool.venue, pool.fee_pips) != ("uniswap_v4", DYNAMIC_FEE):
        yield f"{key}.fee_pips", f"{pool.fee_pips} is not below 1,000,000", "write millionths: 0.3 % is 3000"
    if pool.venue == "uniswap_v4" and not any(pool.pool_id):
        yield f"{key}.pool_id", "is missing", "write the id: keccak of the pool's key"
    if pool.venue == "uniswap_v4" and pool.tick_spacing == 0:
        yield f"{key}.tick_spacing", "is 0", "write the tickSpacing of the pool's key"
    if pool.venue == "uniswap_v3" and pool.tick_spacing == 0:
        yield f"{key}.tick_spacing", "is 0", "write the pool's tickSpacing(): 10 for 0.05 %, 60 for 0.3 %, 200 for 1 %"
    if pool.venue.startswith("balancer_"):
        yield from _balancer(key, pool)
    if pool.price_source and pool.venue != "uniswap_v3":
        yield f"{key}.price_source", f"{pool.venue} keeps no observation ring", "set it to false"


def _curve_legs(pool: PoolSettings) -> set[Address]:
    """Pools whose liquidity a swap uses: a metapool's base pool too, where it is traded through."""
    if not pool.venue.startswith("curve_"):
        return set()
    return {pool.address, pool.companion} if any(pool.pool_id) else {pool.address}


def _balancer(key: str, pool: PoolSettings) -> Iterator[Row]:
    if pool.companion == NO_ADDRESS:
        yield f"{key}.companion", "is the zero address", "write the address of the Vault"
    if pool.pool_id[:20] != bytes.fromhex(pool.address[2:]):
        yield f"{key}.pool_id", "does not begin with the pool's address", "write its getPoolId()"
    if pool.fee_pips:
        yield f"{key}.fee_pips", "is not 0, but the pool's own fee is read", "write 0"
