"""Curve's metapools: one coin against the LP token of a base pool, and through it against the base pool's coins.

Reference: the metapool template and its factory form, ``get_dy`` and ``get_dy_underlying``.
"""

from keeper.maths.curve_stable import (
    FEE_DENOMINATOR,
    PRECISION,
    NoQuote,
    balance_of,
    mint_slope,
    minted_down,
    out_down,
    paid_down,
    scaled,
    slope,
    swap_fee,
    withdrawn_down,
)
from keeper.records.pools import CurveMetaState, CurveStableState

CACHE_SECONDS = 600
"""How long an old metapool uses the virtual price it has stored."""


def virtual_price_used(live: int, stored: int | None, stored_at: int | None, now: int) -> int:
    """The stored virtual price until it expires, the live one after that or where nothing is stored."""
    if stored is None or stored_at is None or now > stored_at + CACHE_SECONDS:
        return live
    return stored


def underlying_out_down(meta: CurveMetaState, sold: int, bought: int, amount_in: int) -> int:
    """Quote ``get_dy_underlying``, raw units. Coin 0 is the meta coin, 1 and up are the base pool's.

    A deposit into the base pool is charged half its swap fee, as the metapool estimates it; a withdrawal what it costs.

    Raises
    ------
    NoQuote
        When the contract reverts, unless for an output that rounds below nothing.
    """
    pool, base, xp = meta.pool, _base(meta), scaled(meta.pool)
    if sold and bought:
        return out_down(base, sold - 1, bought - 1, amount_in)
    if sold:
        worth = minted_down(base, meta.base_supply, sold - 1, amount_in) * pool.rates[1] // PRECISION
        pushed = xp[1] + worth - worth * base.fee // (2 * FEE_DENOMINATOR)
    else:
        pushed = xp[0] + amount_in * pool.rates[0] // PRECISION
    entry, exit_ = (1, 0) if sold else (0, 1)
    left = balance_of(pool, xp, entry, exit_, pushed)
    gross = xp[exit_] - left - 1
    if gross <= 0:
        return 0
    paid = paid_down(pool, exit_, gross, swap_fee(pool, xp[entry] + pushed >> 1, xp[exit_] + left >> 1))
    return paid if sold else withdrawn_down(base, meta.base_supply, bought - 1, paid)


def underlying_slope(meta: CurveMetaState, sold: int, bought: int) -> tuple[int, int]:
    """Price before all fees, raw bought per raw sold, as (numerator, denominator)."""
    base = _base(meta)
    if sold and bought:
        return slope(base, sold - 1, bought - 1)
    above, below = slope(meta.pool, 1 if sold else 0, 0 if sold else 1)
    tokens, coins = mint_slope(base, meta.base_supply, (sold or bought) - 1)
    return (above * tokens, below * coins) if sold else (above * coins, below * tokens)


def _base(meta: CurveMetaState) -> CurveStableState:
    if meta.base is None:
        raise NoQuote("the base pool was not read")
    return meta.base
