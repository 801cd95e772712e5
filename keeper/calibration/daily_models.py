"""The daily forecast: GARCH models fitted by the arch library, judged against EWMA, and who speaks in the end."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite
from keeper.calibration.ewma import ewma
from keeper.calibration.garch import Parameters, backcast, conditional_variance, first_variance, log_likelihood
from keeper.calibration.student_t import Nu, fit_nu

LEAST_RETURNS = 250
"""Below it GARCH parameters are noise; EWMA speaks."""
MAX_PERSISTENCE = 0.9999
MIN_NU = 2.1

DAILY_MODELS: dict[str, dict[str, Any]] = {
    "garch_t": {"vol": "GARCH", "p": 1, "o": 0, "q": 1, "dist": "t"},
    "gjr_t": {"vol": "GARCH", "p": 1, "o": 1, "q": 1, "dist": "t"},
    "egarch_t": {"vol": "EGARCH", "p": 1, "o": 1, "q": 1, "dist": "t"},
}
"""What arch is asked for; ``gjr_t`` is the default, the others stand beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A model fitted to daily returns, seen through our own reference filter."""

    parameters: Parameters
    converged: bool
    log_likelihood: float
    """All constants included, of returns in percent."""
    variance: Floats
    """n + 1 conditional variances, percent squared; the last is the forecast."""
    n: int

    @property
    def next_variance(self) -> float:
        """One-step forecast, percent squared."""
        return float(self.variance[-1])


@dataclass(frozen=True, slots=True, eq=False)
class EwmaFit:
    """The fallback, measured with the same rod: EWMA variance and Student-t innovations."""

    variance: Floats
    """n + 1 conditional variances, percent squared."""
    nu: Nu
    log_likelihood: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which estimator speaks, and why."""

    spoke: str
    """``gjr_t`` or ``ewma``."""
    reasons: tuple[str, ...]
    """Why GJR was rejected; what it won by where it was not."""
    variance: Floats
    """n + 1 conditional variances of the one that speaks, percent squared."""
    fit: Fit | NoValue
    ewma: EwmaFit
    n: int


@finite
def fit_model(returns_pct: Floats, spec: dict[str, Any], before: float | None = None) -> Fit | NoValue:
    """Fit by maximum likelihood with arch (zero mean), then run our own filter with what it found.

    Parameters
    ----------
    returns_pct
        n daily returns in percent, oldest first.
    spec
        ``vol``, ``p``, ``o``, ``q``, ``dist`` of ``arch.arch_model``; dist ``t`` or ``normal``.
    before
        What is believed of the time before, percent squared; by default :func:`~keeper.calibration.garch.backcast`.

    Returns
    -------
    Fit or NoValue
        No value below 250 returns and for a price that did not move.
    """
    from arch import arch_model

    if problem := bad_numbers(returns_pct, LEAST_RETURNS, "daily returns"):
        return problem
    if not np.ptp(returns_pct):
        return NoValue("the returns are all equal")
    start = backcast(returns_pct) if before is None else before
    with warnings.catch_warnings():
        # What arch warns of (scale, convergence) is judged below.
        warnings.simplefilter("ignore")
        result = arch_model(returns_pct, mean="Zero", rescale=False, **spec).fit(
            disp="off", show_warning=False, backcast=math.log(start) if spec["vol"] == "EGARCH" else start
        )
    values = {name: float(value) for name, value in zip(result.params.index, result.params, strict=True)}
    parameters = Parameters(
        omega=values["omega"],
        alpha=values["alpha[1]"],
        gamma=values.get("gamma[1]", 0.0),
        beta=values["beta[1]"],
        nu=values.get("nu"),
        exponential=spec["vol"] == "EGARCH",
    )
    variance = conditional_variance(returns_pct, parameters, first_variance(parameters, start))
    if isinstance(variance, NoValue):
        return variance
    likelihood = log_likelihood(returns_pct, variance[:-1], parameters.nu)
    if isinstance(likelihood, NoValue):
        return likelihood
    return Fit(parameters, result.convergence_flag == 0, likelihood, variance, len(returns_pct))


@finite
def fit_ewma(returns_pct: Floats) -> EwmaFit | NoValue:
    """EWMA with the Student-t that fits its residuals best; at least 100 returns."""
    path = ewma(returns_pct)
    if isinstance(path, NoValue):
        return path
    if not (path.variance > 0).all():
        return NoValue("the price did not move")
    scale = np.sqrt(path.variance)
    nu = fit_nu(returns_pct / scale)
    if isinstance(nu, NoValue):
        return nu
    likelihood = nu.log_likelihood - float(np.log(scale).sum())
    return EwmaFit(np.append(path.variance, path.next_variance), nu, likelihood, len(returns_pct))


def judge(fit: Fit | NoValue, fallback: EwmaFit) -> Verdict:
    """Reject a fit by the rules of models.md 2.2, and name every rule that rejects it."""
    reasons = [fit.reason] if isinstance(fit, NoValue) else _objections(fit, fallback)
    if isinstance(fit, NoValue) or reasons:
        return Verdict("ewma", tuple(reasons), fallback.variance, fit, fallback, fallback.n)
    ahead = fit.log_likelihood - fallback.log_likelihood
    why = f"log-likelihood {fit.log_likelihood:.1f}, {ahead:.1f} above EWMA's; persistence {_shown(fit)}"
    return Verdict("gjr_t", (why,), fit.variance, fit, fallback, fit.n)


def _objections(fit: Fit, fallback: EwmaFit) -> list[str]:
    found = []
    if not fit.converged:
        found.append("the optimiser did not converge")
    if not fit.parameters.persistence < MAX_PERSISTENCE:
        found.append(f"persistence {_shown(fit)} is not below {MAX_PERSISTENCE}")
    if fit.parameters.nu is not None and fit.parameters.nu < MIN_NU:
        found.append(f"nu {fit.parameters.nu:.2f} is below {MIN_NU}")
    if fit.log_likelihood < fallback.log_likelihood:
        found.append(f"log-likelihood {fit.log_likelihood:.1f} is below EWMA's {fallback.log_likelihood:.1f}")
    return found


def _shown(fit: Fit) -> str:
    # Down, so that 0.99996 does not read as 1.0000.
    return f"{math.floor(fit.parameters.persistence * 1e5) / 1e5:.5f}"
