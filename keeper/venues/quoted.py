"""Swaps and sale curves of venues that are known by exact quotes alone: Curve's pools.

A quote may refuse an amount, because the contract would revert.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keeper.maths.curve_stable import NoQuote
from keeper.records.units import Price
from keeper.venues.sampled import SampledCurve

Quote = Callable[[int], int]
"""Amount in -> amount out, rounded down as the contract does; raises ``NoQuote`` where it reverts."""

MOST_ASKED = 1 << 128
"""No larger amount is asked of a quote."""


@dataclass(frozen=True, slots=True)
class QuotedSwaps:
    """``records.ports.Swaps`` of two quotes.

    ``exact_out_up`` answers an input that buys the output while one unit less does not. Where rounding makes a quote
    fall by a wei somewhere, a still smaller input may buy it too.
    """

    sale: Quote
    """Collateral in, debt out."""
    purchase: Quote
    """Debt in, collateral out."""

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Up to the largest amount that the contract quotes."""
        quote = self.sale if sells_collateral else self.purchase
        taken = accepted_down(quote, amount_in)
        return taken, quote(taken) if taken else 0

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Up to what the largest amount buys."""
        quote = self.sale if sells_collateral else self.purchase
        if amount_out <= 0:
            return 0, 0
        low, high = 0, 1
        # A refusal ends it only with a second one beyond: an iteration may fail at a single amount.
        while high < MOST_ASKED and (_accepts(quote, high) or _accepts(quote, 2 * high)):
            if _bought(quote, high) >= amount_out:
                return _cheapest(quote, amount_out, low, high), amount_out
            low, high = high, 2 * high
        most = accepted_down(quote, high)
        given = min(amount_out, _bought(quote, most))
        return (_cheapest(quote, given, 0, most), given) if given else (0, 0)


def quoted_curve(quote: Quote, slope: tuple[int, int], most: int) -> SampledCurve:
    """Sale curve over amounts up to ``most``, as far as they are quoted; no sale above the price before it.

    Parameters
    ----------
    slope
        Price before trade and fee, raw debt per raw collateral, as (numerator, denominator).
    """
    price = Price(*slope)
    return SampledCurve(
        lambda amount: min(_bought(quote, amount), amount * price.numerator // price.denominator),
        price,
        accepted_down(quote, most),
    )


def accepted_down(quote: Quote, amount: int) -> int:
    """The largest amount up to the given one that is quoted; 0 = none."""
    high = min(amount, MOST_ASKED)
    if high <= 0 or _accepts(quote, high):
        return max(0, high)
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _accepts(quote, middle) else (low, middle)
    return low


def _cheapest(quote: Quote, wanted: int, low: int, high: int) -> int:
    """An input that buys ``wanted`` while one unit less does not; ``low`` does not buy it, ``high`` does.

    The chord of a concave quote ends above the input looked for, and close to it; a step back from there is below it.
    """
    below, above = _bought(quote, low), _bought(quote, high)
    while high - low > 1:
        width, chord = high - low, low + (high - low) * (wanted - below) // max(1, above - below)
        for point in (chord, chord - (width >> 8), (low + high) // 2):
            if low < point < high:
                out = _bought(quote, point)
                if out >= wanted:
                    high, above = point, out
                else:
                    low, below = point, out
    return high


def _bought(quote: Quote, amount: int) -> int:
    """What an amount buys; where the contract refuses it, what the next smaller one does that it does not refuse.

    A Newton iteration of a contract can fail at a single amount.
    """
    try:
        return quote(amount) if amount > 0 else 0
    except NoQuote:
        taken = accepted_down(quote, amount)
        return quote(taken) if taken else 0


def _accepts(quote: Quote, amount: int) -> bool:
    try:
        quote(amount)
    except NoQuote:
        return False
    return True
