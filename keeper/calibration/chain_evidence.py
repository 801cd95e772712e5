"""What an option chain implies: a variance swap for each expiry, the smile, and the 30-day index."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeper.calibration.answers import NoValue
from keeper.calibration.implied import (
    TARGET_MINUTES,
    YEAR_MINUTES,
    ExpiryVariance,
    Quote,
    black_implied,
    expiry_variance,
    index_volatility,
)


@dataclass(frozen=True, slots=True)
class Expiry:
    """One expiry of a chain."""

    years: float
    swap: ExpiryVariance | NoValue
    smile: tuple[tuple[float, float | NoValue], ...]
    """(strike, Black-76 volatility of the option that is out of the money)."""


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """A chain, evaluated."""

    expiries: tuple[Expiry, ...]
    index: float | NoValue
    """Annual volatility over 30 days."""


def evaluate_chain(chain: Mapping[float, Sequence[Quote]], rate: float) -> ChainEvidence:
    """Evaluate every expiry and interpolate the two that enclose 30 days.

    Parameters
    ----------
    chain
        Quotes of each expiry in years, strikes rising.
    rate
        Continuous, annual.
    """
    expiries = tuple(_expiry(years, chain[years], rate) for years in sorted(chain))
    known = [(row.years, row.swap.variance) for row in expiries if not isinstance(row.swap, NoValue)]
    target = TARGET_MINUTES / YEAR_MINUTES
    below = [row for row in known if row[0] <= target]
    above = [row for row in known if row[0] > target]
    if not below or not above:
        return ChainEvidence(expiries, NoValue("no two expiries with a value enclose 30 days"))
    return ChainEvidence(expiries, index_volatility(below[-1], above[0]))


def _expiry(years: float, quotes: Sequence[Quote], rate: float) -> Expiry:
    swap = expiry_variance(quotes, years, rate)
    if isinstance(swap, NoValue):
        return Expiry(years, swap, ())
    growth = math.exp(rate * years)
    smile = []
    for quote in quotes:
        is_call = quote.strike >= swap.forward
        price = growth * (quote.call if is_call else quote.put)
        smile.append((quote.strike, black_implied(swap.forward, quote.strike, years, price, is_call=is_call)))
    return Expiry(years, swap, tuple(smile))
