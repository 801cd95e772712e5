"""HAR-RV: tomorrow's variance from the last day, week and month of realised variance; the challenger of GJR."""

from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

LAGS = (1, 5, 22)
SCALE = 1e4
"""Daily variances are near 1e-3; the regression is better conditioned near 10."""
LEAST_ROWS = 50
"""Fewest rows of the regression: ten a coefficient and some."""


@dataclass(frozen=True, slots=True)
class Har:
    """A fitted HAR-RV, levels and logs."""

    parameters: tuple[float, ...]
    """Constant (in scaled units), day, week, month."""
    r2: float
    next_rv: float
    """Forecast for the next day, unit of the input; never below the smallest one in sample."""
    log_parameters: tuple[float, ...]
    log_s2: float
    """Residual variance of the log regression, degrees of freedom counted."""
    next_rv_log: float
    """Forecast of the log regression, ``exp(mu + s2/2)``."""
    clipped: bool
    """Whether the levels' forecast was not above 0 and the smallest variance took its place."""
    n: int
    """Rows of the regression."""


@finite
def fit_har(rv: Floats, lags: tuple[int, ...] = LAGS, scale: float = SCALE) -> Har | NoValue:
    """Regress tomorrow's realised variance on its own averages by ordinary least squares.

    ``RV[t+1] = c + bd RV[t] + bw mean5(RV) + bm mean22(RV)``; the log variant takes logs of the averages.

    Parameters
    ----------
    rv
        n realised variances of days that follow one another, per day, above 0.
    lags
        Lengths of the averages in days.
    scale
        Factor by which the regression is conditioned; the forecast is in the unit of ``rv``.

    References
    ----------
    Corsi (2009); models.md 2.2.
    """
    if problem := bad_numbers(rv, max(lags) + LEAST_ROWS, "realised variances"):
        return problem
    if (rv <= 0).any():
        return NoValue("a day's realised variance is not above 0")
    scaled = rv * scale
    sums = np.concatenate(([0.0], np.cumsum(scaled)))
    first = max(lags)
    averages = np.stack([(sums[first:] - sums[first - lag : len(sums) - lag]) / lag for lag in lags], axis=1)
    target = scaled[first:]
    levels = _least_squares(averages[:-1], target)
    logs = _least_squares(np.log(averages[:-1]), np.log(target))
    if isinstance(levels, NoValue):
        return levels
    if isinstance(logs, NoValue):
        return logs
    parameters, r2, _ = levels
    log_parameters, _, log_s2 = logs
    newest = averages[-1]
    forecast = float(parameters[0] + parameters[1:] @ newest) / scale
    in_logs = float(log_parameters[0] + log_parameters[1:] @ np.log(newest))
    return Har(
        parameters=tuple(parameters.tolist()),
        r2=r2,
        next_rv=forecast if forecast > 0 else float(rv.min()),
        log_parameters=tuple(log_parameters.tolist()),
        log_s2=log_s2,
        next_rv_log=float(np.exp(in_logs + log_s2 / 2)) / scale,
        clipped=forecast <= 0,
        n=len(target),
    )


def _least_squares(columns: Floats, target: Floats) -> tuple[Floats, float, float] | NoValue:
    """(coefficients with the constant first, R squared, residual variance)."""
    design = np.column_stack((np.ones(len(target)), columns))
    coefficients, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
    if rank < design.shape[1]:
        return NoValue("the averages do not vary enough to tell them apart")
    residuals = target - design @ coefficients
    squares = float(residuals @ residuals)
    total = float(((target - target.mean()) ** 2).sum())
    return np.asarray(coefficients), 1 - squares / total, squares / (len(target) - design.shape[1])
