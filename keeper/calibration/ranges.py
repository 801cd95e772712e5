"""Variance of a bar from its open, high, low and close: several times more certain than closes alone.

Highs and lows of discrete trading are biased low. Flat bars give exactly 0.
"""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_prices, finite

_LN2 = math.log(2)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """n bars that follow one another, oldest first, prices of one unit."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    previous_close: Floats
    """Close of the bar before each."""


@finite
def parkinson(bars: Bars) -> float | NoValue:
    """Variance per bar, ``mean((ln H/L)**2) / (4 ln 2)``. Parkinson (1980).

    Warning: the square of the log, never the log of the square (models.md 2.4).
    """
    if problem := _bad(bars, 1):
        return problem
    return float(np.mean(np.log(bars.high / bars.low) ** 2)) / (4 * _LN2)


@finite
def garman_klass(bars: Bars) -> float | NoValue:
    """Variance per bar, ``mean(0.5 (ln H/L)**2 - (2 ln 2 - 1) (ln C/O)**2)``. Garman, Klass (1980)."""
    if problem := _bad(bars, 1):
        return problem
    body = np.log(bars.close / bars.open)
    return float(np.mean(0.5 * np.log(bars.high / bars.low) ** 2 - (2 * _LN2 - 1) * body**2))


@finite
def garman_klass_yang_zhang(bars: Bars) -> float | NoValue:
    """Garman-Klass plus the mean squared step from the previous close to the open, variance per bar."""
    inner = garman_klass(bars)
    if isinstance(inner, NoValue):
        return inner
    return inner + float(np.mean(np.log(bars.open / bars.previous_close) ** 2))


@finite
def rogers_satchell(bars: Bars) -> float | NoValue:
    """Variance per bar, whatever the drift: ``mean(ln(H/C) ln(H/O) + ln(L/C) ln(L/O))``. Rogers, Satchell (1991)."""
    if problem := _bad(bars, 1):
        return problem
    up = np.log(bars.high / bars.close) * np.log(bars.high / bars.open)
    down = np.log(bars.low / bars.close) * np.log(bars.low / bars.open)
    return float(np.mean(up + down))


def yang_zhang_weight(n: int) -> float:
    """Weight of closes in :func:`yang_zhang`, ``0.34 / (1.34 + (n+1)/(n-1))``."""
    return 0.34 / (1.34 + (n + 1) / (n - 1))


@finite
def yang_zhang(bars: Bars) -> float | NoValue:
    """Variance per bar with opening jumps and drift: ``Vo + k Vc + (1-k) RS``. Yang, Zhang (2000).

    Vo and Vc are sample variances (n - 1) of open to previous close and close to open; at least two bars.
    """
    if problem := _bad(bars, 2):
        return problem
    inner = rogers_satchell(bars)
    if isinstance(inner, NoValue):
        return inner
    k = yang_zhang_weight(len(bars.open))
    overnight = float(np.var(np.log(bars.open / bars.previous_close), ddof=1))
    body = float(np.var(np.log(bars.close / bars.open), ddof=1))
    return overnight + k * body + (1 - k) * inner


@finite
def close_to_close(bars: Bars) -> float | NoValue:
    """Sample variance (n - 1) of close-to-close log returns per bar; at least two bars."""
    if problem := _bad(bars, 2):
        return problem
    return float(np.var(np.log(bars.close / bars.previous_close), ddof=1))


def _bad(bars: Bars, least: int) -> NoValue | None:
    for name in ("open", "high", "low", "close", "previous_close"):
        if problem := bad_prices(getattr(bars, name), least, f"bars ({name})"):
            return problem
    inside = (bars.low <= np.minimum(bars.open, bars.close)) & (bars.high >= np.maximum(bars.open, bars.close))
    return None if inside.all() else NoValue("a bar opens or closes outside its own range")
