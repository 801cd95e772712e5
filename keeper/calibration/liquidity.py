"""What selling costs beside the price risk: the spread of a bad day, and the square-root law of market impact."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from keeper.calibration.answers import NoValue, finite
from keeper.calibration.candles import DAY_SECONDS, History
from keeper.calibration.student_t import ES_CONFIDENCE
from keeper.records.units import YEAR_SECONDS

IMPACT = 1.0
"""Y of the square-root law; measured between 0.5 and 1 on many markets, 1 is the careful end."""
MEAN_SHARE = 2 / 3
"""Average cost of an order over its peak impact, under the square-root law."""
SHARES = (Fraction(1, 100), Fraction(1, 10), Fraction(1, 2))
"""Orders shown, as shares of the median daily volume."""
BAD_SPREADS = 3.0
"""Standard deviations to a bad day's spread; Bangia et al. say 2 to 4.5."""


@dataclass(frozen=True, slots=True)
class LiquidityVar:
    """Loss positive, unit of the price."""

    price_var: float
    liquidity_cost: float
    lvar: float


@dataclass(frozen=True, slots=True)
class Impact:
    """Fractions of the price."""

    peak_impact: float
    mean_cost: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Quoted spread over the mid price, fractions."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What selling costs on the venue of the candles; beside the depth of the pools, never instead of it."""

    median_daily_volume: float
    """Whole units of the asset."""
    impacts: tuple[tuple[Fraction, Impact], ...]
    """(share of that volume, cost of selling it in a day)."""
    lvar: LiquidityVar | None
    """99 %, one day, of one unit of value; None when no spread was given."""


@finite
def measure_costs(history: History, sigma_annual: float, spread: Spread | None) -> Costs | NoValue:
    """Square-root law for orders of the venue's own volume, and the spread-adjusted value at risk."""
    volume = float(np.median(history.days.volume))
    sigma = sigma_annual * math.sqrt(DAY_SECONDS / YEAR_SECONDS)
    impacts = []
    for share in SHARES:
        impact = square_root_impact(sigma, float(share) * volume, volume)
        if isinstance(impact, NoValue):
            return impact
        impacts.append((share, impact))
    lvar = None
    if spread is not None:
        answer = liquidity_var(1.0, sigma, ES_CONFIDENCE, spread.mean, spread.sd, BAD_SPREADS)
        if isinstance(answer, NoValue):
            return answer
        lvar = answer
    return Costs(volume, tuple(impacts), lvar)


@finite
def liquidity_var(  # noqa: PLR0917 - the formula's own arguments
    price: float,
    sigma: float,
    confidence: Fraction,
    mean_relative_spread: float,
    sd_relative_spread: float,
    spread_multiple: float,
) -> LiquidityVar | NoValue:
    """Value at risk with half a bad day's spread: ``P (1 - e**(-z s)) + P/2 (mean + k sd)``.

    Parameters
    ----------
    price
        Above 0.
    sigma
        Standard deviation of the log return over the horizon, at least 0.
    confidence
        Level, of a normal return.
    mean_relative_spread, sd_relative_spread
        Of the quoted spread over the mid price, fractions.
    spread_multiple
        How many standard deviations a bad spread is away, 2 to 4.5.

    References
    ----------
    Bangia, Diebold, Schuermann, Stroughair (1999).
    """
    from scipy.special import ndtri

    if price <= 0 or min(sigma, mean_relative_spread, sd_relative_spread) < 0:
        return NoValue("the price must be above 0, sigma and spreads at least 0")
    price_var = -price * math.expm1(-float(ndtri(float(confidence))) * sigma)
    cost = price / 2 * (mean_relative_spread + spread_multiple * sd_relative_spread)
    return LiquidityVar(price_var, cost, price_var + cost)


@finite
def square_root_impact(sigma: float, quantity: float, daily_volume: float, impact: float = IMPACT) -> Impact | NoValue:
    """Cost of selling by the square-root law, ``I = Y sigma sqrt(Q/V)``; the mean cost is two thirds of it.

    Parameters
    ----------
    sigma
        Daily volatility.
    quantity, daily_volume
        Same unit, the volume above 0.
    impact
        Y.
    """
    if quantity < 0 or daily_volume <= 0 or sigma < 0:
        return NoValue("the volume must be above 0, quantity and sigma at least 0")
    peak = impact * sigma * math.sqrt(quantity / daily_volume)
    return Impact(peak, MEAN_SHARE * peak)
