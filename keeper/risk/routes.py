"""A way through a third token as one venue: the pools of each leg merged, then both legs in a row (models.md 4).

A sale earns most when the pools of a leg end at one marginal price, and what the first leg buys the second sells. So
the composed curve needs one parameter: a price of the first leg fixes what it buys and, with the price asked for the
whole, how far the second may go. Every amount comes from exact quotes of the legs' own pools; a pool that several ways
share is one curve in one leg, and so counted once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from keeper.maths.fixed import cdiv, isqrt_up
from keeper.records.ports import SaleCurve
from keeper.records.units import BPS, Price
from keeper.risk.merged import split

_PRECISION = 32
"""The search for the first leg's price ends at this many bits; what that costs of the output is its square."""

_NEAR = 20
"""A leg that would take this many bits more than is there is split anew: its price jumps."""

_Q96 = 1 << 96


@dataclass(frozen=True, slots=True)
class ShareCurve:
    """A venue of which only a share of the liquidity is there: others sell into the rest at the same time."""

    curve: SaleCurve
    share_bps: int
    """Above 0, at most 10,000."""

    @property
    def mid(self) -> Price:
        """The venue's own."""
        return self.curve.mid

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out), both rounded down."""
        asked = amount_in * BPS // self.share_bps
        taken, given = self.curve.sell_exact_in_down(asked)
        return amount_in if taken == asked else taken * self.share_bps // BPS, given * self.share_bps // BPS

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in up, amount out down)."""
        taken, given = self.curve.sell_to_price(sqrt_price_x96)
        return cdiv(taken * self.share_bps, BPS), given * self.share_bps // BPS


@dataclass(frozen=True, slots=True)
class RouteCurve:
    """``records.ports.SaleCurve`` of selling through a third token."""

    first: tuple[SaleCurve, ...]
    """Sales of the collateral for the third token, each pool once."""
    second: tuple[SaleCurve, ...]
    """Sales of the third token for the debt asset."""

    @property
    def mid(self) -> Price:
        """Best price before any trade and fee: no sale earns more."""
        return _product(max(map(_mid, self.first)), max(map(_mid, self.second)))

    @property
    def middle(self) -> Price:
        """Price that both legs' pools agree on: the product of the upper medians."""
        return _product(_upper_median(self.first), _upper_median(self.second))

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out); takes less than asked where either leg ends."""
        taken, bridged = _sold(self.first, amount_in)
        room, given = _sold(self.second, bridged)
        if room == bridged:
            return taken, given
        taken = self._within(taken, room)
        return taken, _sold(self.second, _sold(self.first, taken)[1])[1]

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in up, amount out down) down to the after-fee marginal price of the whole way."""
        high = _root_up(max(map(_mid, self.first)))
        low = cdiv(sqrt_price_x96 * _Q96, _root_up(max(map(_mid, self.second))))
        if low >= high:
            return 0, 0
        while high - low > max(1, high >> _PRECISION):
            middle = (low + high) // 2
            bought = _to_price(self.first, middle)[1]
            # The second leg's price rounded up: it is asked for less than it may sell.
            if bought <= _to_price(self.second, cdiv(sqrt_price_x96 * _Q96, middle))[0]:
                high = middle
            else:
                low = middle
        taken, bridged = _to_price(self.first, high)
        return taken, _sold_about(self.second, cdiv(sqrt_price_x96 * _Q96, high), bridged)

    def _within(self, taken: int, room: int) -> int:
        """Largest sale that buys at most ``room`` of the third token, but for a 2**-32 of it."""
        low, high = 0, taken
        while high - low > max(1, high >> _PRECISION):
            middle = (low + high) // 2
            low, high = (middle, high) if _sold(self.first, middle)[1] <= room else (low, middle)
        return low


def _sold(leg: Sequence[SaleCurve], amount_in: int) -> tuple[int, int]:
    """(amount taken, amount out) of the best split of a leg."""
    if len(leg) == 1:
        return leg[0].sell_exact_in_down(amount_in)
    sale = split(leg, amount_in)
    return sale.taken, sale.given


def _sold_about(leg: Sequence[SaleCurve], sqrt_price_x96: int, amount_in: int) -> int:
    """Output of an amount that takes the leg to about this price, and no further."""
    fills = [curve.sell_to_price(sqrt_price_x96)[0] for curve in leg]
    over = sum(fills) - amount_in
    largest = max(range(len(fills)), key=fills.__getitem__)
    if not 0 <= over <= amount_in >> _NEAR or over > fills[largest]:
        return _sold(leg, amount_in)[1]
    fills[largest] -= over
    return sum(curve.sell_exact_in_down(part)[1] for curve, part in zip(leg, fills, strict=True))


def _to_price(leg: Sequence[SaleCurve], sqrt_price_x96: int) -> tuple[int, int]:
    rows = [curve.sell_to_price(sqrt_price_x96) for curve in leg]
    return sum(taken for taken, _ in rows), sum(given for _, given in rows)


def _mid(curve: SaleCurve) -> Fraction:
    return Fraction(curve.mid.numerator, curve.mid.denominator)


def _upper_median(leg: Sequence[SaleCurve]) -> Fraction:
    return sorted(map(_mid, leg))[len(leg) // 2]


def _product(first: Fraction, second: Fraction) -> Price:
    both = first * second
    return Price(both.numerator, both.denominator)


def _root_up(price: Fraction) -> int:
    return isqrt_up(cdiv(price.numerator << 192, price.denominator))
