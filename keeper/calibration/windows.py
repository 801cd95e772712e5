"""Volatility from means over windows: the float twin of the published estimator, run over candles.

The published sigma is made from mean ticks of half-hour windows. Differences of means are smoother than prices; the
factor here undoes that (models.md 2.3). It says what the keeper would have published on this history.
"""

from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_prices, finite

OVERLAP_CORRELATION = 1 / 4
"""Neighbouring differences of means share a window: correlation 1/4, so their squares 1/16 on either side."""


@dataclass(frozen=True, slots=True)
class DifferenceFactor:
    """Variance of the difference of two window means of a random walk."""

    discrete: float
    """Exact, for means of points."""
    continuous: float
    """Limit of many points: ``(a + b)/3 + gap``."""
    shrink_vs_centres: float
    """Discrete figure over the time between the centres: what a naive estimator loses."""


def difference_factor(
    points_first: int, points_second: int, gap_points: int, step_variance: float = 1.0
) -> DifferenceFactor:
    """Variance of the difference of two means of a random walk's points.

    Parameters
    ----------
    points_first, points_second
        Points in each window, at least 1.
    gap_points
        Points between the windows.
    step_variance
        Variance of one step of the walk.

    References
    ----------
    Working (1960); models.md 2.3. Equal adjacent windows of m points: ``(2 m**2 + 1) / (3 m)``.
    """
    a, b = points_first, points_second
    discrete = _inside(a) + _inside(b) + gap_points + 1
    centres = (a + b) / 2 + gap_points
    continuous = (a + b) / 3 + gap_points
    return DifferenceFactor(step_variance * discrete, step_variance * continuous, discrete / centres)


@finite
def window_mean_squares(prices: Floats, points: int) -> Floats | NoValue:
    """Squared differences of adjacent window means over what one step of the walk would give: variances per step.

    Parameters
    ----------
    prices
        Prices at equal spacing without a hole; a last window that is not full is left out.
    points
        Prices in a window.

    Returns
    -------
    Floats or NoValue
        One estimate of the variance per step for each pair of neighbours.
    """
    if problem := bad_prices(prices, 2 * points):
        return problem
    count = len(prices) // points
    # The newest windows are whole: the rest that is left out is the oldest.
    logs = np.log(prices)[len(prices) - count * points :]
    means = logs.reshape(count, points).mean(axis=1)
    return np.asarray(np.diff(means) ** 2 / difference_factor(points, points, 0).discrete)


def _inside(points: int) -> float:
    """Sum of the squared weights of the steps inside one window."""
    return (points - 1) * (2 * points - 1) / (6 * points)
