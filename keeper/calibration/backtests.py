"""Whether a risk figure held what it promised: Kupiec, traffic light, Christoffersen, Acerbi-Szekely.

Loss is positive; an exception is a loss above the figure (strict). 0 log 0 is 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

YELLOW, RED = 0.95, 0.9999
"""Cumulative probabilities at which the traffic light changes (Basel Committee 1996)."""


@dataclass(frozen=True, slots=True)
class Kupiec:
    """Whether the number of exceptions fits the promised rate."""

    lr: float
    """Likelihood ratio, chi-squared with one degree."""
    p_value: float
    exact_binomial_two_sided: float
    """Exact, minimum-likelihood method."""
    cum_prob: float
    """P(X <= x) under the promise."""
    traffic_light: str
    """green, yellow or red."""


@dataclass(frozen=True, slots=True)
class Christoffersen:
    """Whether exceptions come alone, and whether rate and independence hold together."""

    n00: int
    """Transitions quiet to quiet; n01 quiet to exception, and so on."""
    n01: int
    n10: int
    n11: int
    lr_ind: float
    p_ind: float
    lr_uc: float
    """Kupiec's ratio over all observations."""
    lr_cc: float
    """lr_uc + lr_ind, chi-squared with two degrees."""
    p_cc: float


@dataclass(frozen=True, slots=True)
class AcerbiSzekely:
    """Whether losses beyond the value at risk are as large as the expected shortfall said. 0 expected, below 0 worse.

    Critical values depend on the tail (models.md 11): at 97.5 % and n = 250 the 5 % level is -0.82 for nu = 3.
    """

    exceptions: int
    z1: float | None
    """None without exceptions."""
    z2: float


@finite
def kupiec(n: int, exceptions: int, p: float) -> Kupiec | NoValue:
    """Proportion of failures: ``LR = -2 ln[(1-p)**(n-x) p**x / ((1-x/n)**(n-x) (x/n)**x)]``. Kupiec (1995).

    Parameters
    ----------
    n
        Observations, at least 1.
    exceptions
        x, from 0 to n.
    p
        Promised rate, in (0, 1).
    """
    from scipy.special import bdtr, chdtrc
    from scipy.stats import binomtest

    if n < 1 or not 0 <= exceptions <= n or not 0 < p < 1:
        return NoValue(f"{exceptions} exceptions of {n} at rate {p} make no test")
    lr = 2 * (_bernoulli(n, exceptions, exceptions / n) - _bernoulli(n, exceptions, p))
    below = float(bdtr(exceptions, n, p))
    light = "red" if below >= RED else "yellow" if below >= YELLOW else "green"
    return Kupiec(
        lr=lr,
        # Rounding can leave a hair below 0.
        p_value=float(chdtrc(1, max(0.0, lr))),
        exact_binomial_two_sided=float(binomtest(exceptions, n, p).pvalue),
        cum_prob=below,
        traffic_light=light,
    )


@finite
def christoffersen(hits: Sequence[bool], p: float) -> Christoffersen | NoValue:
    """Independence of exceptions on the n - 1 transitions, and conditional coverage. Christoffersen (1998).

    Parameters
    ----------
    hits
        Whether each observation was an exception, in order of time, at least two.
    p
        Promised rate, in (0, 1).
    """
    from scipy.special import chdtrc

    if len(hits) < 2:
        return NoValue(f"{len(hits)} observations have no transition")
    coverage = kupiec(len(hits), sum(map(bool, hits)), p)
    if isinstance(coverage, NoValue):
        return coverage
    steps = [(bool(a), bool(b)) for a, b in pairwise(hits)]
    n00, n01 = steps.count((False, False)), steps.count((False, True))
    n10, n11 = steps.count((True, False)), steps.count((True, True))
    after_quiet, after_hit = n00 + n01, n10 + n11
    pooled = _bernoulli(len(steps), n01 + n11, (n01 + n11) / len(steps))
    apart = _bernoulli(after_quiet, n01, n01 / after_quiet if after_quiet else 0.0)
    apart += _bernoulli(after_hit, n11, n11 / after_hit if after_hit else 0.0)
    independence = 2 * (apart - pooled)
    both = coverage.lr + independence
    return Christoffersen(
        n00=n00,
        n01=n01,
        n10=n10,
        n11=n11,
        lr_ind=independence,
        p_ind=float(chdtrc(1, max(0.0, independence))),
        lr_uc=coverage.lr,
        lr_cc=both,
        p_cc=float(chdtrc(2, max(0.0, both))),
    )


@finite
def acerbi_szekely(losses: Floats, var: Floats, es: Floats, confidence: float) -> AcerbiSzekely | NoValue:
    """Backtest an expected shortfall: ``Z2 = 1 - sum(L I / ES) / (n (1-a))``, Z1 over the exceptions alone.

    Parameters
    ----------
    losses
        n losses.
    var, es
        The n figures that were promised for them, same unit, ``es`` above 0.
    confidence
        Level of both.

    References
    ----------
    Acerbi, Szekely (2014).
    """
    for values, what in ((losses, "losses"), (var, "values at risk"), (es, "expected shortfalls")):
        if problem := bad_numbers(values, max(1, len(losses)), what):
            return problem
    if not 0 < confidence < 1 or (es <= 0).any():
        return NoValue("the level is not in (0, 1), or an expected shortfall is not above 0")
    beyond = losses > var
    ratios = losses[beyond] / es[beyond]
    count = int(beyond.sum())
    z2 = 1 - float(ratios.sum()) / (len(losses) * (1 - confidence))
    return AcerbiSzekely(count, 1 - float(np.mean(ratios)) if count else None, z2)


def _bernoulli(n: int, hits: int, p: float) -> float:
    """Log-likelihood of ``hits`` in ``n`` at rate ``p``."""
    return _times_log(n - hits, 1 - p) + _times_log(hits, p)


def _times_log(count: int, p: float) -> float:
    return count * math.log(p) if count else 0.0
