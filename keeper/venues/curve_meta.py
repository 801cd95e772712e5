"""Curve's metapools: a coin against the LP token of a base pool, or through it against one of the base pool's coins.

``companion`` is the base pool. Where ``pool_id`` is zero, the pool's own two coins are traded: 0 the meta coin, 1 the
LP token. Where it is the LP token's address (left-padded), the coins are those of ``get_dy_underlying``: 0 the meta
coin, 1 and up the base pool's. ``rates`` begin with the meta coin's, followed by those of the base pool's coins.
Base pools are those before NG; through a base pool of NG the quotes differ, and the reading says so.
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

from keeper.maths.curve_meta import underlying_out_down, underlying_slope, virtual_price_used
from keeper.maths.curve_stable import NoQuote, out_down, scaled, slope
from keeper.records.pools import CurveMetaState, CurveProduct, CurveStableState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef
from keeper.venues.abi import address_of
from keeper.venues.curve_reads import (
    META_QUOTE,
    STABLE_QUOTE,
    Asked,
    Unusable,
    agrees,
    asked,
    cheap,
    coin_asks,
    coin_problems,
    failed,
    probes,
    refuse_killed,
    views,
)
from keeper.venues.curve_stable import FOREVER, MOST_SHARE, compare_quotes, generations, pool_asks, told_state
from keeper.venues.quoted import QuotedSwaps, quoted_curve
from keeper.venues.sampled import SampledCurve

LIVE, STORED, STORED_AT = "get_virtual_price()", "base_virtual_price()", "base_cache_updated()"
BASE = "base "


class CurveMeta:
    """Adapter of metapools."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pool has no range and no ring
        block: BlockRef,
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """The metapool, its base pool's virtual price and, where it is traded through, the base pool itself."""
        asks = _asks(pool)
        found = asked(asks, (yield tuple(asks.values())))
        try:
            return PoolReading(_state(pool, found, block.timestamp), found.inputs)
        except (Unusable, NoQuote) as error:
            return failed(pool, found, error)

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Coins, base pool and LP token against the settings, then quotes of many sizes, both ways."""
        asks, sides = _asks(pool), {"collateral": pool.collateral_index, "debt": pool.debt_index}
        for name, index in sides.items():
            asks |= coin_asks(*_coin(pool, index), name)
        asks |= coin_asks(pool.address, 1, "LP token")
        found = asked(asks, (yield tuple(asks.values())))
        wanted = {"collateral": collateral, "debt": debt}
        if _through_base(pool):
            wanted["LP token"] = _lp_token(pool)
        problems = coin_problems(found, wanted)
        # A check is of no block: the stored virtual price may or may not have expired.
        try:
            state = _state(pool, found, 0)
        except (Unusable, NoQuote):
            try:
                state = _state(pool, found, FOREVER)
            except (Unusable, NoQuote) as error:
                return (*problems, str(error))
        own = _sizes(pool, state)
        return (*problems, *(yield from compare_quotes(pool, _signature(pool), self.swaps(pool, state), own)))

    def curve(self, pool: PoolSettings, state: PoolState) -> SampledCurve:
        """Sale of collateral."""
        meta = _meta(pool, state)
        quote, price = _quote(meta, pool.collateral_index, pool.debt_index)
        side, coin = meta.pool, pool.collateral_index
        if meta.base is not None and coin:
            side, coin = meta.base, coin - 1
        most = MOST_SHARE * sum(scaled(side)) * 10**18 // side.rates[coin]
        return quoted_curve(quote, price, most)

    def swaps(self, pool: PoolSettings, state: PoolState) -> QuotedSwaps:
        """Both directions by ``get_dy`` or ``get_dy_underlying``."""
        meta = _meta(pool, state)
        sale, _ = _quote(meta, pool.collateral_index, pool.debt_index)
        purchase, _ = _quote(meta, pool.debt_index, pool.collateral_index)
        return QuotedSwaps(sale, purchase)


def _asks(pool: PoolSettings) -> dict[str, Ask]:
    asks = pool_asks(pool.address, 2) | views(pool.address, STORED, STORED_AT) | views(pool.companion, LIVE)
    if _through_base(pool):
        asks |= pool_asks(pool.companion, max(0, len(pool.rates) - 1), BASE)
        asks["supply"] = cheap(_lp_token(pool), "totalSupply()")
    return asks | probes(pool, _signature(pool))


def _state(pool: PoolSettings, found: Asked, now: int) -> CurveMetaState:
    refuse_killed(found)
    if not pool.rates:
        raise Unusable("the settings lack the rate of its coin")
    if pool.collateral_index and pool.debt_index:
        raise Unusable("both coins are of the base pool: count that pool itself")
    price = virtual_price_used(found.one(LIVE), found.maybe(STORED), found.maybe(STORED_AT), now)
    told, own = told_state(found, (pool.rates[0], price)), found.quotes()
    base = told_state(found, pool.rates[1:], BASE) if _through_base(pool) else None
    _refuse_missing_coins(pool, base)
    supply = 0 if base is None else found.one("supply")
    _quote(CurveMetaState(told, base, supply), pool.collateral_index, pool.debt_index)
    if not any(own.values()):
        raise Unusable("it quotes nothing")
    products = (None,) if base is None else sorted(CurveProduct, key=lambda product: product is not base.rules.product)
    for rules_of_base in products:
        side = None if base is None or rules_of_base is None else _under(base, rules_of_base)
        for candidate in generations(told, found, now):
            meta = CurveMetaState(candidate, side, supply)
            quote, _ = _quote(meta, pool.collateral_index, pool.debt_index)
            if agrees(quote, own):
                return meta
    raise Unusable("its own quotes are not those of a known generation")


def _refuse_missing_coins(pool: PoolSettings, base: CurveStableState | None) -> None:
    coins = 2 if base is None else 1 + len(base.rates)
    if max(pool.collateral_index, pool.debt_index) >= coins:
        raise Unusable(f"it has {coins} coins")


def _under(base: CurveStableState, product: CurveProduct) -> CurveStableState:
    return replace(base, rules=replace(base.rules, product=product))


def _quote(meta: CurveMetaState, sold: int, bought: int) -> tuple[Callable[[int], int], tuple[int, int]]:
    """(quote, price before trade and fee)."""
    if meta.base is None:
        return partial(out_down, meta.pool, sold, bought), slope(meta.pool, sold, bought)
    return partial(underlying_out_down, meta, sold, bought), underlying_slope(meta, sold, bought)


def _sizes(pool: PoolSettings, state: CurveMetaState) -> tuple[int, ...]:
    """Balances by index of the coins traded."""
    if state.base is None or not _through_base(pool):
        return state.pool.balances
    return (state.pool.balances[0], *state.base.balances)


def _through_base(pool: PoolSettings) -> bool:
    return any(pool.pool_id)


def _signature(pool: PoolSettings) -> str:
    return META_QUOTE if _through_base(pool) else STABLE_QUOTE


def _lp_token(pool: PoolSettings) -> Address:
    return address_of(int.from_bytes(pool.pool_id, "big"))


def _coin(pool: PoolSettings, index: int) -> tuple[Address, int]:
    """Where and under which number a traded coin is told."""
    return (pool.companion, index - 1) if index and _through_base(pool) else (pool.address, index)


def _meta(pool: PoolSettings, state: PoolState) -> CurveMetaState:
    if not isinstance(state, CurveMetaState):
        raise TypeError(f"{pool.address}: not the state of a Curve metapool")
    return state
