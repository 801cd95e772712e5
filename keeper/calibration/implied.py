"""Volatility that options imply: Black-76 inversion, and the variance swap of a whole chain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keeper.calibration.answers import NoValue, finite

YEAR_MINUTES = 525_600
TARGET_MINUTES = 43_200
"""30 days."""
ZERO_BIDS = 2
"""Strikes beyond this many neighbours without a bid are not looked at (Cboe)."""
_HIGHEST_SD = 50.0
"""Total standard deviation at which every price within the bounds has been passed."""
_TOLERANCE = 1e-15


@dataclass(frozen=True, slots=True)
class Quote:
    """One strike of one expiry."""

    strike: float
    call: float
    """Mid price."""
    put: float
    call_bid: float = math.inf
    """Bid; infinite where the source does not tell: no strike is dropped then."""
    put_bid: float = math.inf


@dataclass(frozen=True, slots=True)
class ExpiryVariance:
    """Variance swap of one expiry."""

    variance: float
    """Annual."""
    forward: float
    k0: float
    """Largest strike at or below the forward."""
    strikes: int
    """How many contributed."""


def black_price(forward: float, strike: float, sd: float, is_call: bool) -> float:
    """Undiscounted Black-76 price; ``sd`` is volatility times the root of time, above 0."""
    from scipy.special import ndtr

    d1 = math.log(forward / strike) / sd + sd / 2
    sign = 1.0 if is_call else -1.0
    return sign * (forward * float(ndtr(sign * d1)) - strike * float(ndtr(sign * (d1 - sd))))


@finite
def black_implied(
    forward: float, strike: float, expiry_years: float, price: float, *, is_call: bool
) -> float | NoValue:
    """Annual volatility at which Black-76 gives the price.

    Parameters
    ----------
    forward, strike
        Above 0, one unit.
    expiry_years
        Above 0.
    price
        Undiscounted, the unit of the strike.
    is_call
        A call, or a put.

    Returns
    -------
    float or NoValue
        No value outside the bounds of arbitrage and on them, where every volatility or none fits.

    References
    ----------
    Black (1976); the quantity of Jaeckel (2015), by bracketing, which is enough for reports.
    """
    from scipy.optimize import brentq

    numbers = (forward, strike, expiry_years, price)
    if not all(math.isfinite(number) and number > 0 for number in (forward, strike, expiry_years)):
        return NoValue(f"forward, strike and expiry must be above 0: {numbers[:3]}")
    intrinsic = max(0.0, forward - strike if is_call else strike - forward)
    most = forward if is_call else strike
    if not price > intrinsic:
        return NoValue(f"the price {price} is not above the intrinsic value {intrinsic}")
    if not price < most:
        return NoValue(f"the price {price} is not below {most}, the most an option can be worth")
    # The out-of-the-money side has no intrinsic value that swallows digits.
    out_is_call = strike >= forward
    target = price if out_is_call == is_call else price - intrinsic

    def miss(sd: float) -> float:
        return black_price(forward, strike, sd, out_is_call) - target

    low = 1e-12
    if miss(low) > 0:
        return NoValue("the price is too close to the intrinsic value to be inverted")
    return float(brentq(miss, low, _HIGHEST_SD, xtol=_TOLERANCE, rtol=4 * _TOLERANCE)) / math.sqrt(expiry_years)


@finite
def expiry_variance(quotes: Sequence[Quote], expiry_years: float, rate: float) -> ExpiryVariance | NoValue:
    """Replicate a variance swap from one expiry's out-of-the-money options.

    ``s2 = 2/T sum dK/K**2 e**(rT) Q(K) - (F/K0 - 1)**2 / T``.

    Parameters
    ----------
    quotes
        Strikes rising, at least three.
    expiry_years
        T, above 0.
    rate
        Continuous, annual.

    References
    ----------
    Cboe Volatility Index methodology; Demeterfi, Derman, Kamal, Zou (1999); models.md 2.7.
    """
    strikes = [quote.strike for quote in quotes]
    if len(strikes) < 3 or sorted(set(strikes)) != strikes or strikes[0] <= 0:
        return NoValue(f"{len(strikes)} strikes; three or more are needed, above 0 and rising")
    if not expiry_years > 0:
        return NoValue(f"the expiry {expiry_years} is not in the future")
    growth = math.exp(rate * expiry_years)
    closest = min(quotes, key=lambda quote: abs(quote.call - quote.put))
    forward = closest.strike + growth * (closest.call - closest.put)
    if forward < strikes[0]:
        return NoValue(f"the forward {forward:.6g} lies below every strike")
    middle = max(index for index, strike in enumerate(strikes) if strike <= forward)
    chosen = _out_of_the_money(quotes, middle)
    if len(chosen) < 3:
        return NoValue("fewer than three strikes have a bid")
    k0 = strikes[middle]
    total = 0.0
    for at, (strike, price) in enumerate(chosen):
        low, high = chosen[max(0, at - 1)][0], chosen[min(len(chosen) - 1, at + 1)][0]
        # Half the distance between the neighbours; at the ends the whole distance to the only one.
        width = (high - low) / 2 if 0 < at < len(chosen) - 1 else high - low
        total += width / strike**2 * growth * price
    variance = 2 / expiry_years * total - (forward / k0 - 1) ** 2 / expiry_years
    if variance <= 0:
        return NoValue("the chain's variance is not above 0")
    return ExpiryVariance(variance, forward, k0, len(chosen))


@finite
def index_volatility(
    near: tuple[float, float], later: tuple[float, float], target_minutes: float = TARGET_MINUTES
) -> float | NoValue:
    """Volatility over the target time: total variance of two expiries, linear in minutes.

    Parameters
    ----------
    near, later
        (expiry in years, annual variance); the target lies between them.
    """
    t1, t2 = near[0] * YEAR_MINUTES, later[0] * YEAR_MINUTES
    if not t1 <= target_minutes <= t2 or t1 == t2:
        return NoValue(f"expiries of {t1:.0f} and {t2:.0f} minutes do not enclose {target_minutes:.0f}")
    share = (t2 - target_minutes) / (t2 - t1)
    total = near[0] * near[1] * share + later[0] * later[1] * (1 - share)
    return math.sqrt(total * YEAR_MINUTES / target_minutes)


def _out_of_the_money(quotes: Sequence[Quote], middle: int) -> list[tuple[float, float]]:
    """(strike, price) that contribute: puts below, calls above, their mean in the middle."""
    puts = _until_two_zero_bids([(q.strike, q.put, q.put_bid) for q in reversed(quotes[:middle])])
    calls = _until_two_zero_bids([(q.strike, q.call, q.call_bid) for q in quotes[middle + 1 :]])
    centre = (quotes[middle].strike, (quotes[middle].call + quotes[middle].put) / 2)
    return [*reversed(puts), centre, *calls]


def _until_two_zero_bids(wing: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    kept, zeros = [], 0
    for strike, price, bid in wing:
        if bid > 0:
            kept.append((strike, price))
            zeros = 0
            continue
        zeros += 1
        if zeros == ZERO_BIDS:
            break
    return kept
