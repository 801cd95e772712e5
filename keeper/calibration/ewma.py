"""Exponentially weighted variance (RiskMetrics): the fallback of every daily forecast."""

from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

LAMBDA = 0.94
"""Weight of the past for daily returns; half-life 11.2 days. RiskMetrics (1996)."""
SEED_RETURNS = 20
"""The start is the mean square of this many returns, never a single one (models.md 2.1)."""
EFFECTIVE = (1 + LAMBDA) / (1 - LAMBDA)
"""Equally weighted observations that would be as certain: 32."""


@dataclass(frozen=True, slots=True, eq=False)
class EwmaPath:
    """What the filter believed, day by day."""

    variance: Floats
    """n values; ``variance[t]`` is the forecast for t made at t-1, ``variance[0]`` the start."""
    next_variance: float
    """Forecast after the last return."""


@finite
def ewma(returns: Floats, lam: float = LAMBDA, initial_variance: float | None = None) -> EwmaPath | NoValue:
    """Variance by exponential weights, ``s2[t+1] = lam s2[t] + (1 - lam) r[t]**2``.

    Parameters
    ----------
    returns
        n returns of zero mean, any unit, n >= 1, or >= 20 when no start is given.
    lam
        Weight of the past, in (0, 1).
    initial_variance
        Start, the unit of ``returns`` squared; by default the mean square of the first 20.

    Returns
    -------
    EwmaPath or NoValue
        Variances in the unit of ``returns`` squared.

    References
    ----------
    RiskMetrics Technical Document (1996); models.md 2.1.
    """
    if problem := bad_numbers(returns, SEED_RETURNS if initial_variance is None else 1, "returns"):
        return problem
    current = float(np.mean(returns[:SEED_RETURNS] ** 2)) if initial_variance is None else initial_variance
    path = np.empty(len(returns))
    for at, value in enumerate(returns.tolist()):
        path[at] = current
        current = lam * current + (1 - lam) * value * value
    return EwmaPath(path, current)
