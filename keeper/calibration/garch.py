"""GARCH, GJR and EGARCH with given parameters, written to be read: the reference beside the library's fast filter.

Returns are in percent and of zero mean; Student-t innovations are standardised to unit variance.
"""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

BACKCAST_RETURNS = 75
BACKCAST_WEIGHT = 0.94
_ABS_NORMAL = math.sqrt(2 / math.pi)
"""E|z| of a standard normal; EGARCH subtracts it also for Student-t innovations, as arch does."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Order of the literature: omega, alpha, [gamma], beta, [nu]."""

    omega: float
    alpha: float
    gamma: float
    """Extra weight of losses (GJR), of the sign (EGARCH); 0 without asymmetry."""
    beta: float
    nu: float | None
    """Degrees of freedom; None for normal innovations."""
    exponential: bool = False
    """EGARCH: the recursion runs on the log variance."""

    @property
    def persistence(self) -> float:
        """How much of a shock to the variance is left a day later."""
        return self.beta if self.exponential else self.alpha + self.gamma / 2 + self.beta


def backcast(returns_pct: Floats) -> float:
    """Weighted mean square of the first returns: what is believed of the time before them, percent squared."""
    head = returns_pct[:BACKCAST_RETURNS]
    weights = BACKCAST_WEIGHT ** np.arange(len(head))
    return float(weights @ head**2 / weights.sum())


def first_variance(parameters: Parameters, before: float) -> float:
    """Variance of the first day from a :func:`backcast`, percent squared."""
    if parameters.exponential:
        return math.exp(parameters.omega + parameters.beta * math.log(before))
    return parameters.omega + parameters.persistence * before


@finite
def conditional_variance(returns_pct: Floats, parameters: Parameters, first: float) -> Floats | NoValue:
    """Run the filter.

    ``s2' = omega + alpha e**2 + gamma e**2 1(e < 0) + beta s2``; EGARCH
    ``ln s2' = omega + alpha (|z| - sqrt(2/pi)) + gamma z + beta ln s2`` with ``z = e / s``.

    Parameters
    ----------
    returns_pct
        n returns in percent.
    parameters
        For returns in percent.
    first
        Variance of the first day, percent squared, above 0.

    Returns
    -------
    Floats or NoValue
        n + 1 variances, percent squared; the last is the forecast for the day after the last return.

    References
    ----------
    Glosten, Jagannathan, Runkle (1993); Nelson (1991); models.md 2.2.
    """
    if problem := bad_numbers(returns_pct, 1, "returns"):
        return problem
    if first <= 0:
        return NoValue("the first variance is not above 0")
    step = _egarch_step if parameters.exponential else _gjr_step
    path = np.empty(len(returns_pct) + 1)
    path[0] = current = first
    for at, value in enumerate(returns_pct.tolist()):
        current = step(value, current, parameters)
        path[at + 1] = current
    return path


@finite
def log_likelihood(returns_pct: Floats, variance: Floats, nu: float | None) -> float | NoValue:
    """Log-likelihood with all constants.

    Parameters
    ----------
    returns_pct
        n returns in percent.
    variance
        Their n conditional variances, percent squared.
    nu
        Degrees of freedom of unit-variance Student-t innovations, above 2; None for normal ones.
    """
    if (variance <= 0).any():
        return NoValue("a conditional variance is not above 0")
    squares = returns_pct**2 / variance
    if nu is None:
        return float(-0.5 * (math.log(2 * math.pi) + np.log(variance) + squares).sum())
    constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
    return float((constant - 0.5 * np.log(variance) - (nu + 1) / 2 * np.log1p(squares / (nu - 2))).sum())


@finite
def forecast_variance(parameters: Parameters, next_variance: float, horizon: int) -> Floats | NoValue:
    """Variance of each of the next ``horizon`` days, percent squared.

    ``s2bar + persistence**(h-1) (s2_1 - s2bar)``. EGARCH has a closed form for the first day only.
    """
    if parameters.exponential and horizon > 1:
        return NoValue("EGARCH has no closed forecast beyond one day")
    if parameters.exponential:
        return np.array([next_variance])
    powers = parameters.persistence ** np.arange(horizon)
    # The sum of the powers instead of s2bar, so that a persistence of 1 needs no case of its own.
    sums = np.concatenate(([0.0], np.cumsum(powers)[:-1]))
    return np.asarray(powers * next_variance + parameters.omega * sums)


def _gjr_step(value: float, variance: float, parameters: Parameters) -> float:
    weight = parameters.alpha + (parameters.gamma if value < 0 else 0.0)
    return parameters.omega + weight * value * value + parameters.beta * variance


def _egarch_step(value: float, variance: float, parameters: Parameters) -> float:
    z = value / math.sqrt(variance)
    shock = parameters.alpha * (abs(z) - _ABS_NORMAL) + parameters.gamma * z
    return math.exp(parameters.omega + shock + parameters.beta * math.log(variance))
