"""Volatility from cumulative ticks, exact: squared ticks per second in WAD, and the annual square root (models.md 2.3).

All figures are upper bounds: each division rounds up, so sigma is never below the real value and within 1e-14 of it.
"""

from collections.abc import Sequence

from keeper.maths.fixed import cdiv, exp_wad, isqrt_up, mul_up
from keeper.records.units import WAD, YEAR_SECONDS

LN_TICK_UP = 99_995_000_333_309
"""ln(1.0001) in WAD, rounded up."""

LN2 = 693_147_180_559_945_309
"""ln 2 in WAD, rounded down: a half-life decays a hair less than it should, which keeps variance."""

SIGMA_STEP = 10**14
"""1 bp of volatility: sigma is rounded up to it."""

Window = tuple[int, int]
"""(difference of the tick cumulative, seconds > 0)."""


def cumulative_change(old: int, new: int) -> int:
    """Difference of two int56 cumulatives, modulo 2**56, signed."""
    return ((new - old + (1 << 55)) & ((1 << 56) - 1)) - (1 << 55)


def squared_change_up(first: Window, second: Window) -> int:
    """Variance that two adjacent window means suggest: squared ticks per second in WAD, rounded up.

    ``(D2/w2 - D1/w1)**2 / ((w1 + w2)/3)``; the 3 corrects for the averaging inside each window.
    Reference: Working (1960); models.md 2.3.
    """
    (d1, w1), (d2, w2) = first, second
    return cdiv(3 * (d2 * w1 - d1 * w2) ** 2 * WAD, w1 * w1 * w2 * w2 * (w1 + w2))


def equal_weight_total_up(windows: Sequence[Window]) -> int:
    """Sum of :func:`squared_change_up` over all adjacent pairs; divide by their number for the mean."""
    return sum(squared_change_up(windows[i], windows[i + 1]) for i in range(len(windows) - 1))


def decayed_up(variance: int, change: int, seconds: int, half_life_seconds: int) -> int:
    """Time-decayed mean: ``a s2 + (1-a) x``, ``a = 2**(-dt/half_life)``, both products rounded up.

    Parameters
    ----------
    variance
        Mean so far, any unit.
    change
        New value, same unit.
    seconds
        Time between the centres of the last two windows.
    half_life_seconds
        Time after which an observation counts half.
    """
    keep = exp_wad(-(seconds * LN2 // half_life_seconds))
    return mul_up(keep, variance) + mul_up(WAD - keep, change)


def annual_sigma_up(total: int, count: int) -> int:
    """Annual volatility in WAD from ``count`` variances that add up to ``total`` squared ticks per second (WAD)."""
    variance = cdiv(total * YEAR_SECONDS, count)
    return cdiv(LN_TICK_UP * isqrt_up(variance * WAD), WAD)


def to_step_up(sigma_wad: int) -> int:
    """Round up to 1 bp of volatility."""
    return cdiv(sigma_wad, SIGMA_STEP) * SIGMA_STEP
