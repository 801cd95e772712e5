"""Several venues as one: how a sale is split, what it costs, and the curve of both (models.md 4).

Selling is best where all venues end at one after-fee marginal price (water filling); no amount is counted that a venue
would not take, and the merged answer is never below the best single venue's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from keeper.maths.fixed import cdiv, isqrt_up
from keeper.records.ports import SaleCurve
from keeper.records.units import BPS
from keeper.risk.depth import largest_sale

_HALVINGS = 96
_PRECISION = 34
"""Bits of the common sqrt(price); what is left over is sold where it brings most, so its place alone is rounded."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale spread over the venues."""

    fills: tuple[tuple[int, int], ...]
    """(amount in, amount out) of each venue, raw units, in the order of the venues."""

    @property
    def taken(self) -> int:
        """Collateral sold."""
        return sum(taken for taken, _ in self.fills)

    @property
    def given(self) -> int:
        """Debt asset received."""
        return sum(given for _, given in self.fills)

    def loss_bps_up(self, reference: Fraction) -> int | None:
        """Average loss against the reference price; None for nothing sold."""
        if not self.taken:
            return None
        worth = reference * self.taken
        return max(0, cdiv((worth.numerator - self.given * worth.denominator) * BPS, worth.numerator))


def split(curves: Sequence[SaleCurve], amount_in: int) -> Sale:
    """Best split of a sale; sells less than asked when the venues take no more."""
    filled = _filled(curves, amount_in)
    rivals = [filled]
    for index, curve in enumerate(curves if len(curves) > 1 else ()):
        alone = curve.sell_exact_in_down(amount_in)
        rivals.append(Sale(tuple(alone if at == index else (0, 0) for at in range(len(curves)))))
    most = max(sale.taken for sale in rivals)
    return max((sale for sale in rivals if sale.taken == most), key=lambda sale: sale.given)


def curve_points(curves: Sequence[SaleCurve], reference: Fraction, losses_bps: Sequence[int]) -> tuple[Sale, ...]:
    """For each average loss against the reference price the largest sale within it, split over the venues."""
    return tuple(split(curves, largest_sale(curves, reference * Fraction(BPS - loss, BPS))) for loss in losses_bps)


def _filled(curves: Sequence[SaleCurve], amount_in: int) -> Sale:
    """Down to one marginal price as far as the amount reaches, the rest where it brings most."""
    low, high = _bracket(curves, amount_in)
    while high - low > max(1, high >> _PRECISION):
        middle = (low + high) // 2
        if _taken(curves, middle) <= amount_in:
            high = middle
        else:
            low = middle
    fills = [curve.sell_exact_in_down(curve.sell_to_price(high)[0]) for curve in curves]
    rest = amount_in - sum(taken for taken, _ in fills)
    if rest < 0:
        fills, rest = [(0, 0)] * len(curves), amount_in
    while rest > 0:
        more = [curve.sell_exact_in_down(taken + rest) for curve, (taken, _) in zip(curves, fills, strict=True)]
        gains = [(new[1] - old[1], new[0] - old[0], at) for at, (new, old) in enumerate(zip(more, fills, strict=True))]
        _, added, at = max(gains, default=(0, 0, 0))
        if added <= 0:
            break
        fills[at] = more[at]
        rest -= added
    return Sale(tuple(fills))


def _bracket(curves: Sequence[SaleCurve], amount_in: int) -> tuple[int, int]:
    """Sqrt prices between which the total sold passes the amount: (below, above)."""
    best = max((Fraction(curve.mid.numerator, curve.mid.denominator) for curve in curves), default=Fraction(0))
    high = isqrt_up(cdiv(best.numerator << 192, best.denominator))
    for _ in range(_HALVINGS):
        low = high >> 1
        if low <= 1 or _taken(curves, low) > amount_in:
            return max(1, low), high
        high = low
    return high, high


def _taken(curves: Sequence[SaleCurve], sqrt_price_x96: int) -> int:
    return sum(curve.sell_to_price(sqrt_price_x96)[0] for curve in curves)
