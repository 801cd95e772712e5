"""Sale curve of a venue whose marginal price has no closed form: found by exact quotes alone.

What is sold to a price is one of the venue's own quotes, so nothing is made up between two of them; only how far to go
is searched, and the search stops on the side that sells less.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from keeper.records.units import Price

_Q192 = 1 << 192
_GRID_BITS = 3
"""Points of the grid for each doubling of the amount: 2**3."""
_DOUBLINGS = 40
"""The grid begins at 2**-40 of the most."""
_REFINEMENTS = 14
_PROBE_SHIFT = 12


@dataclass(slots=True)
class SampledCurve:
    """``records.ports.SaleCurve`` of a concave exact quote."""

    out_of: Callable[[int], int]
    """Exact output, rounded down, of selling an amount; never falls, and grows ever more slowly."""
    mid: Price
    """Price before any trade and fee."""
    most: int
    """Largest amount that can be quoted; 0 = the venue sells nothing."""
    rounding: int = 2
    """Units of the output by which the venue's rounding may flatter a part of it."""
    _grid: list[tuple[int, int]] = field(init=False, default_factory=list)
    """(amount, its output), rising; built at first use."""

    def __post_init__(self) -> None:
        # Searches for neighbouring prices halve the same stretches of the grid.
        self.out_of = cache(self.out_of)

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out)."""
        taken = min(amount_in, self.most)
        return taken, self.out_of(taken) if taken > 0 else 0

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in, amount out) at the last amount whose last 4,096th still earned the price after the fee."""
        if self.most <= 0:
            return 0, 0
        price = Price(sqrt_price_x96 * sqrt_price_x96, _Q192)
        grid = self._points()
        # From the far end: parts of a few units earn nothing by rounding, whatever the price.
        last = next((i for i in range(len(grid) - 1, 0, -1) if self._earns(grid[i - 1], grid[i], price)), 0)
        # What earns on average over a part does so at its start, and what does not, does not at its end.
        return self._refined(grid[max(0, last - 1)], grid[min(last + 1, len(grid) - 1)], price)

    def _points(self) -> list[tuple[int, int]]:
        """Amounts from 1 to the most, each about 9 % above the last."""
        if not self._grid:
            amounts = {0, self.most}
            for power in range(max(0, self.most.bit_length() - _DOUBLINGS), self.most.bit_length()):
                step = (1 << power) >> _GRID_BITS
                amounts |= {(1 << power) + part * step for part in range(1 << _GRID_BITS)}
            amounts = {amount for amount in amounts if amount <= self.most}
            self._grid = [(amount, self.out_of(amount) if amount else 0) for amount in sorted(amounts)]
        return self._grid

    def _refined(self, low: tuple[int, int], high: tuple[int, int], price: Price) -> tuple[int, int]:
        """The last amount between two, the first of which earns the price at the margin."""
        if self._earns_at(high, price):
            return high
        for _ in range(_REFINEMENTS):
            middle = (low[0] + high[0]) // 2
            if middle == low[0]:
                break
            point = (middle, self.out_of(middle))
            if self._earns_at(point, price):
                low = point
            else:
                high = point
        return low

    def _earns_at(self, point: tuple[int, int], price: Price) -> bool:
        before = point[0] - max(1, point[0] >> _PROBE_SHIFT)
        return self._earns((before, self.out_of(before) if before > 0 else 0), point, price)

    def _earns(self, before: tuple[int, int], after: tuple[int, int], price: Price) -> bool:
        """Whether the part between two points brings the price on average, even if rounding flattered it."""
        earned = after[1] - before[1] - self.rounding
        return earned * price.denominator >= (after[0] - before[0]) * price.numerator
