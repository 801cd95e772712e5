"""The tail of one history: which nu, which k, and what extreme-value theory and plain history say beside it."""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue
from keeper.calibration.daily_models import Verdict
from keeper.calibration.student_t import ES_CONFIDENCE, Nu, cornish_fisher_var, fit_nu, student_tail
from keeper.calibration.tails import (
    Risk,
    Tail,
    fit_tail,
    historical_risk,
    standardised_losses,
    tail_count_for,
    tail_risk,
)

NU_FLOOR, NU_CAP = 3.0, 8.0
"""An estimate of nu is floored and capped (models.md 3)."""


@dataclass(frozen=True, slots=True)
class TailEvidence:
    """Tail figures at 99 %, one day; multiples of that day's sigma unless said otherwise."""

    nu: Nu | NoValue
    """From the residuals of the filter that spoke."""
    nu_used: float
    """Floored at 3, capped at 8, or as given."""
    nu_reason: str
    k: float
    """Model's expected shortfall: unit-variance Student-t."""
    tail: Tail | NoValue
    """Generalised Pareto tail of the residuals (McNeil-Frey)."""
    evt: Risk | NoValue
    historical: Risk | NoValue
    """Filtered historical simulation."""
    cornish_fisher: float | NoValue
    """Value at risk, for display only."""
    raw_evt: Risk | NoValue
    """Peaks over threshold of unfiltered daily losses, log returns."""
    evt_ratio: float | None
    """EVT shortfall over k; None without one."""


def measure_tail(returns_pct: Floats, verdict: Verdict, nu_given: float | None) -> TailEvidence | NoValue:
    """Measure the tail of daily returns, filtered by the model that spoke.

    Parameters
    ----------
    returns_pct
        n daily returns in percent, those of the verdict.
    verdict
        Conditional variances of the estimator that speaks.
    nu_given
        Governance's own choice of nu, above 2; None estimates it.
    """
    losses = standardised_losses(returns_pct, verdict.variance)
    nu = fit_nu(-losses)
    chosen = _choose_nu(nu, nu_given)
    if isinstance(chosen, NoValue):
        return chosen
    used, reason = chosen
    model = student_tail(used, ES_CONFIDENCE)
    if isinstance(model, NoValue):
        return model
    count = tail_count_for(len(losses))
    tail = count if isinstance(count, NoValue) else fit_tail(losses, count)
    raw = count if isinstance(count, NoValue) else fit_tail(-returns_pct / 100, count)
    evt = _risk(tail)
    k = model.es_unit_variance
    return TailEvidence(
        nu=nu,
        nu_used=used,
        nu_reason=reason,
        k=k,
        tail=tail,
        evt=evt,
        historical=historical_risk(losses, ES_CONFIDENCE),
        cornish_fisher=_cornish_fisher(-losses),
        raw_evt=_risk(raw),
        evt_ratio=None if isinstance(evt, NoValue) else evt.es / k,
    )


def _choose_nu(nu: Nu | NoValue, given: float | None) -> tuple[float, str] | NoValue:
    if given is not None:
        return given, "as given"
    if isinstance(nu, NoValue):
        return nu
    if nu.value < NU_FLOOR:
        return NU_FLOOR, f"estimate {nu.value:.2f} is below the floor"
    if nu.value > NU_CAP:
        return NU_CAP, f"estimate {nu.value:.2f} is above the cap"
    return nu.value, "maximum likelihood on the residuals"


def _risk(tail: Tail | NoValue) -> Risk | NoValue:
    return tail if isinstance(tail, NoValue) else tail_risk(tail, ES_CONFIDENCE)


def _cornish_fisher(residuals: Floats) -> float | NoValue:
    centred = residuals - residuals.mean()
    spread = math.sqrt(float(np.mean(centred**2)))
    if not spread:
        return NoValue("the residuals are all equal")
    z = centred / spread
    return cornish_fisher_var(float(np.mean(z**3)), float(np.mean(z**4)) - 3, ES_CONFIDENCE)
