"""Volatility that a pool's fees pay for: loss-versus-rebalancing at break-even, exact and rounded up (models.md 2.6).

A unit of liquidity loses ``sigma**2 / 4`` of ``2 sqrt(P)`` a year to arbitrage; where fees only just make up for it,
``sigma = 2 sqrt((fg0 sqrt(P) + fg1 / sqrt(P)) / t)``. Neither fee tier nor tick spacing enters, so it also holds for
pools whose fee changes. Reference: Milionis, Moallemi, Roughgarden, Zhang (2022).
"""

from keeper.maths.fixed import cdiv, isqrt_up
from keeper.records.units import WAD, YEAR_SECONDS

_U32 = 1 << 32
_U256 = 1 << 256

Growth = tuple[int, int, int]
"""(fee growth of token 0, of token 1, both times 2**128 modulo 2**256; unix seconds modulo 2**32)."""


def lvr_sigma_up(before: Growth, after: Growth, sqrt_price_x96: int) -> int | None:
    """Annual volatility, WAD, rounded up; None when no time has passed.

    Parameters
    ----------
    before, after
        What the pool had earned at both ends.
    sqrt_price_x96
        Mean sqrt(raw token 1 per raw token 0) between them, times 2**96; above 0.
    """
    earned0, earned1 = (after[0] - before[0]) % _U256, (after[1] - before[1]) % _U256
    seconds = (after[2] - before[2]) % _U32
    if seconds == 0:
        return None
    earned = cdiv(earned0 * sqrt_price_x96 * WAD, 1 << 224) + cdiv(earned1 * WAD << 96, sqrt_price_x96 << 128)
    return 2 * isqrt_up(cdiv(earned * WAD * YEAR_SECONDS, seconds))
