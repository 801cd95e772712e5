"""Tail multipliers: Student-t VaR and ES, degrees of freedom from residuals, Cornish-Fisher with its domain.

Loss is positive. A confidence is an exact fraction, so that ``n (1 - a)`` never flips an integer (models.md 3).
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite

ES_CONFIDENCE = Fraction(99, 100)
"""Level of the published tail multiplier: 99 % expected shortfall (models.md 3)."""
NU_LOW, NU_HIGH = 2.05, 200.0
"""Where degrees of freedom are looked for; 200 is as good as normal."""
_HALF_CHI2_95 = 1.920729410347062
"""Half the 95 % quantile of chi-squared with one degree: drop of log-likelihood that bounds a 95 % interval."""


@dataclass(frozen=True, slots=True)
class StudentTail:
    """VaR and ES of ``sigma`` times a Student-t."""

    var_scale_t: float
    """``sigma`` multiplies a standard t."""
    es_scale_t: float
    var_unit_variance: float
    """``sigma`` is the standard deviation: times sqrt((nu-2)/nu)."""
    es_unit_variance: float


@dataclass(frozen=True, slots=True)
class Nu:
    """Degrees of freedom and how sure they are."""

    value: float
    low: float
    """95 % likelihood interval."""
    high: float
    log_likelihood: float
    """Of the standardised residuals."""
    n: int


@finite
def student_tail(nu: float, confidence: Fraction, sigma: float = 1.0) -> StudentTail | NoValue:
    """Value at risk and expected shortfall, loss positive, in the unit of ``sigma``.

    ``ES = f(q)/(1-a) (nu+q**2)/(nu-1)`` with the t's own density and quantile.

    Parameters
    ----------
    nu
        Degrees of freedom, above 2.
    confidence
        Level of both, in (1/2, 1).
    sigma
        Scale or standard deviation; both answers are given.

    References
    ----------
    McNeil, Frey, Embrechts (2015), 2.2.4; models.md 3.
    """
    from scipy.special import poch, stdtrit

    if nu <= 2:
        return NoValue(f"nu {nu} has no variance; it must be above 2")
    quantile = float(stdtrit(nu, float(confidence)))
    # poch(nu/2, 1/2) = Gamma((nu+1)/2) / Gamma(nu/2) without the cancellation that two lgammas suffer at large nu.
    peak = float(poch(nu / 2, 0.5)) / math.sqrt(nu * math.pi)
    density = peak * math.exp(-(nu + 1) / 2 * math.log1p(quantile**2 / nu))
    shortfall = density / float(1 - confidence) * (nu + quantile**2) / (nu - 1)
    unit = math.sqrt((nu - 2) / nu)
    return StudentTail(sigma * quantile, sigma * shortfall, sigma * quantile * unit, sigma * shortfall * unit)


@finite
def fit_nu(residuals: Floats, least: int = 100) -> Nu | NoValue:
    """Degrees of freedom by maximum likelihood from residuals of unit variance.

    Parameters
    ----------
    residuals
        n standardised residuals, without unit.
    least
        Fewest that answer.
    """
    from scipy.optimize import brentq, minimize_scalar

    from keeper.calibration.garch import log_likelihood

    if problem := bad_numbers(residuals, least, "residuals"):
        return problem
    if not residuals.any():
        return NoValue("every residual is 0")
    ones = np.ones(len(residuals))

    def value_at(nu: float) -> float:
        answer = log_likelihood(residuals, ones, nu)
        return -math.inf if isinstance(answer, NoValue) else answer

    # In 1/nu the likelihood is close to a parabola, and normal innovations lie at 0.
    best = minimize_scalar(
        lambda inverse: -value_at(1 / inverse),
        bounds=(1 / NU_HIGH, 1 / NU_LOW),
        method="bounded",
        options={"xatol": 1e-10},
    )
    nu = 1 / float(best.x)
    peak = value_at(nu)

    def drop(inverse: float) -> float:
        return peak - value_at(1 / inverse) - _HALF_CHI2_95

    high = NU_HIGH if drop(1 / NU_HIGH) <= 0 else 1 / float(brentq(drop, 1 / NU_HIGH, 1 / nu))
    low = NU_LOW if drop(1 / NU_LOW) <= 0 else 1 / float(brentq(drop, 1 / nu, 1 / NU_LOW))
    return Nu(nu, low, high, peak, len(residuals))


def cornish_fisher_quantile(skew: float, excess_kurtosis: float, confidence: Fraction) -> float:
    """Quantile of the loss side of the expansion, whether or not it is one: below 0 for a loss.

    ``z + (z**2-1) S/6 + (z**3-3z) K/24 - (2z**3-5z) S**2/36`` with ``z = Phi^-1(1-a)``.
    """
    from scipy.special import ndtri

    z = float(ndtri(float(1 - confidence)))
    skewed = (z**2 - 1) * skew / 6 - (2 * z**3 - 5 * z) * skew**2 / 36
    return z + skewed + (z**3 - 3 * z) * excess_kurtosis / 24


def cornish_fisher_is_valid(skew: float, excess_kurtosis: float) -> bool:
    """Whether the expansion rises everywhere, so that it is a quantile function at all (Maillard 2012)."""
    a = excess_kurtosis / 8 - skew**2 / 6
    b = skew / 3
    c = 1 - excess_kurtosis / 8 + 5 * skew**2 / 36
    if a == 0:
        return b == 0 and c > 0
    return a > 0 and b * b < 4 * a * c


@finite
def cornish_fisher_var(skew: float, excess_kurtosis: float, confidence: Fraction) -> float | NoValue:
    """Value at risk in standard deviations, loss positive; no value outside the domain. For display only."""
    if not cornish_fisher_is_valid(skew, excess_kurtosis):
        return NoValue(f"skew {skew:.2f} and excess kurtosis {excess_kurtosis:.2f} lie outside Cornish-Fisher's domain")
    return -cornish_fisher_quantile(skew, excess_kurtosis, confidence)
