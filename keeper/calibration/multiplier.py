"""The model multiplier: how far the published sigma may lie below the truth because it rests on few windows."""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite
from keeper.calibration.candles import DAY_SECONDS, History, runs
from keeper.calibration.sigmas import PUBLISHED_WINDOWS, effective_pairs, kurtosis_of_squares, window_shape
from keeper.calibration.windows import window_mean_squares

Z_90 = 1.2816
"""90 % quantile of the standard normal, one-sided, as models.md 2.8 writes it."""
LEAST_PAIRS = 200


@dataclass(frozen=True, slots=True)
class Multiplier:
    """``1 + 1.2816 sqrt((kurt - 1) / (4 n_eff))``."""

    value: float
    scaled_kurtosis: float
    """Of window differences over the volatility of the day before them."""
    raw_kurtosis: float
    """Of the differences as they are. The larger of the two counts."""
    n_effective: float
    """Independent observations behind a sigma of 48 windows."""
    pairs: int
    window_seconds: int


@finite
def measure_multiplier(history: History) -> Multiplier | NoValue:
    """Multiplier from the kurtosis of differences of window means, the observations of the published estimator."""
    points, seconds = window_shape(history)
    found = []
    for start, end in runs(history.candles.times, history.interval_seconds):
        if end - start >= 2 * points:
            squares = window_mean_squares(history.candles.close[start:end], points)
            if isinstance(squares, NoValue):
                return squares
            found.append(squares)
    squares = np.concatenate(found) if found else np.empty(0)
    if problem := bad_numbers(squares, LEAST_PAIRS, f"pairs of {seconds} s windows"):
        return problem
    day = DAY_SECONDS // seconds
    ratios = _over_the_day_before(squares, day)
    if not ratios.any():
        return NoValue("the price did not move")
    scaled, raw = kurtosis_of_squares(ratios), kurtosis_of_squares(squares)
    independent = effective_pairs(PUBLISHED_WINDOWS - 1)
    value = 1 + Z_90 * math.sqrt(max(0.0, max(scaled, raw) - 1) / (4 * independent))
    return Multiplier(value, scaled, raw, independent, len(squares), seconds)


def _over_the_day_before(squares: Floats, day: int) -> Floats:
    """Each square over an exponential mean of those before it, half-life one day; the first day only warms up."""
    keep = 0.5 ** (1 / day)
    current = float(squares[:day].mean())
    ratios = []
    for square in squares.tolist():
        # A stretch without any move has no scale; its zeros say nothing about the shape.
        ratios.append(square / current if current > 0 else 0.0)
        current = keep * current + (1 - keep) * square
    return np.array(ratios[day:])
