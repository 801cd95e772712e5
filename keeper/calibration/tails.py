"""Tails from data: peaks over a threshold, the same on filtered residuals (McNeil-Frey), filtered history.

Loss is positive; a confidence is an exact fraction.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

TAIL_SHARE = Fraction(3, 40)
"""Share of the losses that counts as tail: 7.5 %, the middle of 5-10 %."""
MIN_TAIL, MAX_TAIL_SHARE = 50, Fraction(1, 10)
LEAST_TAIL = 30
"""A tail of fewer losses has no value."""
HEAVIEST = 0.9
"""At and above this shape the mean of the tail is next to infinite: no value."""
LIGHTEST = -0.5
"""Below this shape maximum likelihood is not regular (Smith 1985)."""
_NEAR_ZERO = 1e-8
"""Shapes closer to 0 than this use the exponential limit."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A generalised Pareto tail above a threshold."""

    threshold: float
    """u, the (k+1)-th largest loss."""
    xi: float
    """Shape."""
    beta: float
    """Scale, unit of the losses."""
    negative_log_likelihood: float
    tail_count: int
    """k, losses above the threshold."""
    n: int


@dataclass(frozen=True, slots=True)
class Risk:
    """Value at risk and expected shortfall at one level, unit of the losses."""

    var: float
    es: float


def tail_count_for(n: int) -> int | NoValue:
    """How many of n losses are the tail: 7.5 %, at least 50, at most 10 %."""
    count = max(MIN_TAIL, int(n * TAIL_SHARE))
    if count > n * MAX_TAIL_SHARE:
        return NoValue(f"{n} losses have no tail of {MIN_TAIL}; {int(MIN_TAIL / MAX_TAIL_SHARE)} are needed")
    return count


@finite
def fit_tail(losses: Floats, tail_count: int) -> Tail | NoValue:
    """Fit a generalised Pareto distribution to the largest losses by maximum likelihood.

    The likelihood is profiled in ``theta = xi / beta`` (Grimshaw 1993): given theta,
    ``xi = mean ln(1 + theta y)``, so one dimension is left and no start value matters.

    Parameters
    ----------
    losses
        n losses, any unit.
    tail_count
        k, at least 30, below n.

    References
    ----------
    Pickands (1975); McNeil, Frey (2000); models.md 3.
    """
    if tail_count < LEAST_TAIL:
        return NoValue(f"a tail of {tail_count} losses, {LEAST_TAIL} are needed")
    if problem := bad_numbers(losses, tail_count + 1, "losses"):
        return problem
    largest = np.sort(losses)[::-1]
    threshold = float(largest[tail_count])
    excesses = largest[:tail_count] - threshold
    mean = float(excesses.mean())
    if mean <= 0 or not math.isfinite(mean):
        return NoValue("the largest losses are all equal")
    theta = _best_theta(excesses / mean) / mean
    xi = float(np.log1p(theta * excesses).mean())
    beta = mean if abs(xi) < _NEAR_ZERO else xi / theta
    if xi >= HEAVIEST:
        return NoValue(f"the tail's shape is {xi:.2f}: its mean is next to infinite")
    if xi <= LIGHTEST:
        return NoValue(f"the tail's shape is {xi:.2f}: it ends where maximum likelihood is not regular")
    cost = tail_count * (math.log(beta) + 1 + (0.0 if abs(xi) < _NEAR_ZERO else xi))
    return Tail(threshold, xi, beta, cost, tail_count, len(losses))


@finite
def tail_risk(tail: Tail, confidence: Fraction) -> Risk | NoValue:
    """Value at risk and expected shortfall of a fitted tail.

    ``VaR = u + beta/xi ((n/k (1-a))**-xi - 1)``, ``ES = (VaR + beta - xi u)/(1 - xi)``.
    """
    share = float(Fraction(tail.n, tail.tail_count) * (1 - confidence))
    if share > 1:
        return NoValue(f"level {float(confidence)} lies below the threshold of the tail")
    if abs(tail.xi) < _NEAR_ZERO:
        var = tail.threshold - tail.beta * math.log(share)
    else:
        var = tail.threshold + tail.beta / tail.xi * (share**-tail.xi - 1)
    return Risk(var, (var + tail.beta - tail.xi * tail.threshold) / (1 - tail.xi))


def exceedance(tail: Tail, losses: Floats) -> Floats:
    """Share of all losses that lie above each of these, which lie above the threshold."""
    scaled = (losses - tail.threshold) / tail.beta
    if abs(tail.xi) < _NEAR_ZERO:
        return np.asarray(tail.tail_count / tail.n * np.exp(-scaled))
    # A tail of negative shape ends; beyond its end nothing is left.
    return np.asarray(tail.tail_count / tail.n * np.maximum(1 + tail.xi * scaled, 1e-12) ** (-1 / tail.xi))


def standardised_losses(returns: Floats, variance: Floats) -> Floats:
    """Losses in standard deviations of their own day: n returns, at least n variances of the squared unit."""
    return np.asarray(-returns / np.sqrt(variance[: len(returns)]))


@finite
def historical_risk(losses: Floats, confidence: Fraction) -> Risk | NoValue:
    """Historical simulation: with ``m = floor(n (1-a)) + 1``, VaR is the m-th worst and ES the mean of the m worst.

    On :func:`standardised_losses`, times the next sigma, it is filtered historical simulation.
    """
    if problem := bad_numbers(losses, math.ceil(1 / (1 - confidence)), "losses"):
        return problem
    worst = np.sort(losses)[::-1][: math.floor(len(losses) * (1 - confidence)) + 1]
    return Risk(float(worst[-1]), float(worst.mean()))


def _best_theta(excesses: Floats) -> float:
    """Theta of the largest profile likelihood, for excesses of mean 1."""
    from scipy.optimize import minimize_scalar

    def cost(theta: float) -> float:
        xi = float(np.log1p(theta * excesses).mean())
        if abs(xi) < _NEAR_ZERO:
            return 1.0
        # The penalty keeps the search away from the corner where the likelihood is unbounded.
        return math.log(xi / theta) + xi + 1 + (1e3 * (LIGHTEST - xi) if xi < LIGHTEST else 0.0)

    lowest = -1 / float(excesses.max())
    grid = np.concatenate((lowest * (1 - np.geomspace(1e-6, 1, 60)[:-1]), [0.0], np.geomspace(1e-4, 1e3, 141)))
    costs = [cost(float(theta)) for theta in grid]
    at = int(np.argmin(costs))
    bounds = (float(grid[max(0, at - 1)]), float(grid[min(len(grid) - 1, at + 1)]))
    best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return float(best.x)
