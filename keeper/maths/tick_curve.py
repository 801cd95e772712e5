"""The same swap asked many times: the walk of one direction is summed up once, each answer is a bisection.

A stretch is passed whole exactly when the remaining input is at least its input plus fee:
``floor(r (1e6 - f) / 1e6) >= a`` and ``r >= a + ceil(a f / (1e6 - f))`` are the same condition, so cumulative sums
answer what the contract's loop would.
"""

from bisect import bisect_right
from collections.abc import Callable

from keeper.maths.concentrated import (
    PIPS,
    Q96,
    amount0_delta_down,
    amount0_delta_up,
    amount1_delta_down,
    amount1_delta_up,
    swap_step,
)
from keeper.maths.fixed import cdiv, isqrt_down, isqrt_up
from keeper.maths.tick_walk import Stretch, TickRange, stretches
from keeper.records.units import Price


def mid_price(sqrt_price_x96: int, *, zero_for_one: bool) -> Price:
    """Price of what is sold, before any trade and fee."""
    squared = sqrt_price_x96 * sqrt_price_x96
    return Price(squared, Q96 * Q96) if zero_for_one else Price(Q96 * Q96, squared)


def price_before_fee(sqrt_price_x96: int, fee_pips: int, *, zero_for_one: bool) -> int:
    """The pool's own sqrt price at which its marginal price after the fee is the given one, on the near side.

    Parameters
    ----------
    sqrt_price_x96
        sqrt(raw out per raw in) * 2**96, after the fee.
    """
    after_fee = PIPS - fee_pips
    squared = sqrt_price_x96 * sqrt_price_x96
    if zero_for_one:
        return isqrt_up(cdiv(squared * PIPS, after_fee))
    return isqrt_down(Q96**4 * after_fee // (squared * PIPS))


class TickCurve:
    """Exact-input swaps of one direction through a pool as far as it is known."""

    def __init__(self, pool: TickRange, *, zero_for_one: bool) -> None:
        self._fee = pool.fee_pips
        self._zero = zero_for_one
        self._input_up: Callable[[int, int, int], int] = amount0_delta_up if zero_for_one else amount1_delta_up
        self._output_down: Callable[[int, int, int], int] = amount1_delta_down if zero_for_one else amount0_delta_down
        self._stretches: list[Stretch] = []
        self._taken = [0]
        """Input before stretch i, fee included; one more than there are stretches."""
        self._given = [0]
        for stretch in stretches(pool, zero_for_one=zero_for_one):
            taken, given = self._moved(stretch, stretch.sqrt_to)
            self._stretches.append(stretch)
            self._taken.append(self._taken[-1] + taken)
            self._given.append(self._given[-1] + given)
        # Distance travelled rises in both directions, so that one bisection serves both.
        self._ends = [self._distance(stretch.sqrt_to) for stretch in self._stretches]

    def exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(input taken, output); takes less than asked when the known range ends."""
        at = bisect_right(self._taken, amount_in) - 1
        taken, given = self._taken[at], self._given[at]
        if at == len(self._stretches) or taken == amount_in:
            return taken, given
        part = self._stretches[at]
        step = swap_step(part.sqrt_from, part.sqrt_to, part.liquidity, amount_in - taken, self._fee)
        return amount_in, given + step.amount_out

    def to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(input up, output down) until the pool's own price is the given one, or the known range ends."""
        distance = self._distance(sqrt_price_x96)
        at = bisect_right(self._ends, distance)
        if at == len(self._stretches):
            return self._taken[at], self._given[at]
        part = self._stretches[at]
        if distance <= self._distance(part.sqrt_from):
            return self._taken[at], self._given[at]
        taken, given = self._moved(part, sqrt_price_x96)
        return self._taken[at] + taken, self._given[at] + given

    def _distance(self, sqrt_price_x96: int) -> int:
        return -sqrt_price_x96 if self._zero else sqrt_price_x96

    def _moved(self, part: Stretch, sqrt_to: int) -> tuple[int, int]:
        amount_in = self._input_up(part.sqrt_from, sqrt_to, part.liquidity)
        fee = cdiv(amount_in * self._fee, PIPS - self._fee)
        return amount_in + fee, self._output_down(part.sqrt_from, sqrt_to, part.liquidity)
