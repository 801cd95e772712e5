"""Curve's CryptoSwap pools of two and three coins, before NG. ``rates`` say the coins' decimals: 1e30 for one of 6.

Pools of CryptoSwap-NG solve the invariant in closed form with other roundings; ``MATH()`` gives them away, and they are
refused.
"""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from keeper.maths.curve_crypto import fee_at, invariant, out_down, scaled, slope
from keeper.maths.curve_stable import FEE_DENOMINATOR, PRECISION, NoQuote
from keeper.records.pools import CurveCryptoState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef
from keeper.venues.curve_reads import (
    CRYPTO_QUOTE,
    Asked,
    Unusable,
    agrees,
    asked,
    cheap,
    coin_asks,
    coin_problems,
    failed,
    indexed,
    probes,
    refuse_killed,
    views,
)
from keeper.venues.curve_stable import MOST_SHARE, compare_quotes
from keeper.venues.quoted import QuotedSwaps, quoted_curve
from keeper.venues.sampled import SampledCurve

COINS = (2, 3)


class CurveCrypto:
    """Adapter of pools without a peg."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pool has no range and no ring
        block: BlockRef,  # noqa: ARG002 - the pool itself says what A and gamma are at its block
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Balances, price scale, A, gamma, D, fees, and a few of the pool's own quotes."""
        asks = _asks(pool)
        found = asked(asks, (yield tuple(asks.values())))
        try:
            return PoolReading(_state(pool, found), found.inputs)
        except (Unusable, NoQuote) as error:
            return failed(pool, found, error)

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Coins against the settings, then quotes of many sizes, both ways."""
        asks = _asks(pool)
        asks |= coin_asks(pool.address, pool.collateral_index, "collateral")
        asks |= coin_asks(pool.address, pool.debt_index, "debt")
        found = asked(asks, (yield tuple(asks.values())))
        problems = coin_problems(found, {"collateral": collateral, "debt": debt})
        try:
            state = _state(pool, found)
        except (Unusable, NoQuote) as error:
            return (*problems, str(error))
        return (*problems, *(yield from compare_quotes(pool, CRYPTO_QUOTE, self.swaps(pool, state), state.balances)))

    def curve(self, pool: PoolSettings, state: PoolState) -> SampledCurve:
        """Sale of collateral."""
        own, sold, bought = _crypto(pool, state), pool.collateral_index, pool.debt_index
        unit = own.precisions[sold] * (PRECISION, *own.price_scale)[sold]
        most = MOST_SHARE * own.d * PRECISION // unit
        return quoted_curve(partial(out_down, own, sold, bought), slope(own, sold, bought), most)

    def swaps(self, pool: PoolSettings, state: PoolState) -> QuotedSwaps:
        """Both directions by ``get_dy``."""
        own, sold, bought = _crypto(pool, state), pool.collateral_index, pool.debt_index
        return QuotedSwaps(partial(out_down, own, sold, bought), partial(out_down, own, bought, sold))


def _asks(pool: PoolSettings) -> dict[str, Ask]:
    names = ("A()", "A_precise()", "gamma()", "D()", "mid_fee()", "out_fee()", "fee_gamma()", "future_A_gamma_time()")
    asks = views(pool.address, *names, "MATH()", "is_killed()")
    asks |= indexed(pool.address, "balances(uint256)", len(pool.rates))
    if len(pool.rates) == 2:
        asks["price_scale 0"] = cheap(pool.address, "price_scale()")
    else:
        asks |= {f"price_scale {k}": cheap(pool.address, "price_scale(uint256)", k) for k in range(len(pool.rates) - 1)}
    return asks | probes(pool, CRYPTO_QUOTE)


def _state(pool: PoolSettings, found: Asked) -> CurveCryptoState:
    refuse_killed(found)
    if found.maybe("MATH()") is not None:
        raise Unusable("a pool of CryptoSwap-NG, whose closed form is not known here")
    state = _told(pool, found)
    if found.one("future_A_gamma_time()"):
        # A ramp has begun, and no swap has closed it since: the contract itself computes D anew for each quote.
        state = replace(state, d=invariant(state))
    sold, bought, own = pool.collateral_index, pool.debt_index, found.quotes()
    fee_at(state, scaled(state, state.balances))
    slope(state, sold, bought)
    if not any(own.values()):
        raise Unusable("it quotes nothing")
    if not agrees(partial(out_down, state, sold, bought), own):
        raise Unusable("its own quotes are not those of a known generation")
    return state


def _told(pool: PoolSettings, found: Asked) -> CurveCryptoState:
    n = len(pool.rates)
    if n not in COINS or any(rate < PRECISION or rate % PRECISION for rate in pool.rates):
        raise Unusable(f"the settings give {n} rates; it needs one of 1e18 or a multiple for each of its 2 or 3 coins")
    if max(pool.collateral_index, pool.debt_index) >= n:
        raise Unusable(f"it has {n} coins")
    balances = found.row(f"balances(uint256) {k}" for k in range(n))
    prices = found.row(f"price_scale {k}" for k in range(n - 1))
    if balances is None or prices is None:
        raise Unusable("its balances or price scale are not told")
    precise = found.maybe("A_precise()")
    state = CurveCryptoState(
        balances,
        tuple(rate // PRECISION for rate in pool.rates),
        prices,
        found.one("A()") if precise is None else precise,
        10_000 if precise is None else 100,
        found.one("gamma()"),
        found.one("D()"),
        found.one("mid_fee()"),
        found.one("out_fee()"),
        found.one("fee_gamma()"),
    )
    if not state.mid_fee <= state.out_fee <= FEE_DENOMINATOR or not all(prices):
        raise Unusable("impossible fees or prices")
    return state


def _crypto(pool: PoolSettings, state: PoolState) -> CurveCryptoState:
    if not isinstance(state, CurveCryptoState):
        raise TypeError(f"{pool.address}: not the state of a CryptoSwap pool")
    return state
