"""What selling costs beside the price risk: the spread of a bad day, and the square-root law of market impact."""

import math
from dataclasses import dataclass
from fractions import Fraction

from keeper.calibration.answers import NoValue, finite

IMPACT = 1.0
"""Y of the square-root law; measured between 0.5 and 1 on many markets, 1 is the careful end."""
MEAN_SHARE = 2 / 3
"""Average cost of an order over its peak impact, under the square-root law."""


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
