"""Constant product (Uniswap v2 and forks): swaps exactly as the pair and its library compute them.

The library's 997/1000 is the fraction (1e6 - fee_pips) / 1e6 at 3,000 pips; both floor to the same integer.
Reference: v2-periphery ``UniswapV2Library``; models.md 4.
"""

from math import isqrt

PIPS = 1_000_000
Q96 = 1 << 96


def amount_out_down(amount_in: int, reserve_in: int, reserve_out: int, fee_pips: int) -> int:
    """Largest output that the pair allows for ``amount_in``, raw units.

    ``floor(x g R1 / (R0 1e6 + x g))`` with ``g = 1e6 - fee_pips``.
    """
    after_fee = amount_in * (PIPS - fee_pips)
    return after_fee * reserve_out // (reserve_in * PIPS + after_fee)


def amount_in_up(amount_out: int, reserve_in: int, reserve_out: int, fee_pips: int) -> int:
    """Input that the library asks for ``amount_out``: ``floor(R0 y 1e6 / ((R1 - y) g)) + 1``.

    Raises
    ------
    ValueError
        When the output is not below the reserve.
    """
    if amount_out >= reserve_out:
        raise ValueError(f"output {amount_out} is not below the reserve {reserve_out}")
    return reserve_in * amount_out * PIPS // ((reserve_out - amount_out) * (PIPS - fee_pips)) + 1


def amount_in_to_price_down(sqrt_price_x96: int, reserve_in: int, reserve_out: int, fee_pips: int) -> int:
    """Largest input after which the next unit still earns at least the given price after the fee.

    The marginal price after the fee is ``g R0 R1 / (R0 + g x)**2`` with ``g = (1e6 - fee_pips) / 1e6``, so
    ``x = floor((sqrt(g R0 R1) 2**96 / sqrt_price_x96 - R0) / g)``.

    Parameters
    ----------
    sqrt_price_x96
        sqrt(raw out per raw in) * 2**96.
    """
    g = PIPS - fee_pips
    # (R0 + g x / 1e6) 1e6, squared: g R0 R1 1e6 2**192 / price**2.
    pushed = isqrt(g * PIPS * reserve_in * reserve_out * Q96 * Q96 // (sqrt_price_x96 * sqrt_price_x96))
    return max(0, (pushed - reserve_in * PIPS) // g)
