"""Risk DAO's SmartLTV with a volatility that is one: ``LTV = exp(-c sigma / sqrt(l/d)) - beta`` (models.md 4).

For comparison: selling the size d takes d/l at a rate of l, during which the price moves by sigma; beta is the
liquidation bonus. It subtracts beta where 1 + beta divides, has no cap and averages liquidity instead of stressing it.

Warning: the project's own volatility took the log of a squared ratio for the square of a log; its c fits nothing else.
Reference: Risk DAO ``SmartLTV.sol``; the integers are that contract's, rounded as it does. Twin:
``contracts/src/libraries/SmartLtvMath.sol``.
"""

from math import factorial, isqrt

from keeper.haircuts.bars import bounded, fraction_up, unquotable
from keeper.records.estimates import Waterfall
from keeper.records.settings import ModelSettings
from keeper.records.units import BPS, WAD, YEAR_SECONDS

_SHIFT = 59
_ONE = 1 << _SHIFT
"""1 in the contract's binary fixed point."""
_TERMS = 33
_WHOLE = factorial(_TERMS)
_WEIGHTS = tuple(_WHOLE // factorial(j) for j in range(2, _TERMS + 1))
_LARGEST = 16 << _SHIFT
"""exp(-16), a ten-millionth: nothing may be lent. Below it no product of the Solidity twin exceeds 256 bits."""


def waterfall(model: ModelSettings, sigma_wad: int, q_star: int) -> Waterfall:
    """Haircut of a market under its settings: c = k, beta = bonus, l = what refills in a year, d = the size."""
    if model.size > q_star == 0:
        return unquotable(model.haircut_max_bps)
    slow = model.size * model.t_rep_seconds
    keep = before_bonus_wad(model.k_wad, sigma_wad, q_star * YEAR_SECONDS, slow) if slow else WAD
    move, whole = fraction_up(WAD - keep), fraction_up(WAD - ltv_wad(keep, model.bonus_bps * (WAD // BPS)))
    bars = [("price_move", move), ("liquidation_bonus", whole - move)]
    return bounded(bars, model.haircut_min_bps, model.haircut_max_bps)


def ltv_wad(before_bonus: int, bonus_wad: int) -> int:
    """Loan-to-value in WAD. The original reverts where the bonus eats more than is left; here nothing may be lent."""
    return max(0, before_bonus - bonus_wad)


def before_bonus_wad(c_wad: int, sigma_wad: int, liquidity: int, debt_cap: int) -> int:
    """``exp(-c sigma / sqrt(l/d))`` in WAD, with the contract's 33 terms of the exponential series.

    Parameters
    ----------
    c_wad
        Confidence: how many sigmas.
    sigma_wad
        Volatility per square root of the unit of time in which ``liquidity`` is sold.
    liquidity
        l: what sells per unit of time; at 0 nothing may be lent (the original reverts).
    debt_cap
        d > 0: what has to be sold, same unit as l.
    """
    root = isqrt(WAD * liquidity // debt_cap) * 10**9
    if root == 0:
        return 0
    exponent = (c_wad * sigma_wad // WAD << _SHIFT) // root
    if exponent >= _LARGEST:
        return 0
    power, series = exponent, 0
    for weight in _WEIGHTS:
        power = power * exponent >> _SHIFT
        series += power * weight
    return WAD * _ONE // (series // _WHOLE + exponent + _ONE)
