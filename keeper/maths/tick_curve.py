"""The same swap asked many times: the walk of one direction is summed up once, each answer is a bisection.

A stretch is passed whole exactly when the remaining input is at least its input plus fee:
``floor(r (1e6 - f) / 1e6) >= a`` and ``r >= a + ceil(a f / (1e6 - f))`` are the same condition, so cumulative sums
answer what the contract's loop would.
"""

from bisect import bisect_right

from keeper.maths.concentrated import PIPS, Q96
from keeper.maths.fixed import cdiv, isqrt_down, isqrt_up
from keeper.maths.tick_walk import TickRange, stretches
from keeper.records.units import Price

_UINT256 = 1 << 256


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
        self._sign = -1 if zero_for_one else 1
        self._moved, self._output = (_moved_down, _output_down) if zero_for_one else (_moved_up, _output_up)
        self._stretches = list(stretches(pool, zero_for_one=zero_for_one))
        self._taken = [0]
        """Input before stretch i, fee included; one more than there are stretches."""
        self._given = [0]
        moved, fee, rest = self._moved, pool.fee_pips, PIPS - pool.fee_pips
        taken = given = 0
        for sqrt_from, sqrt_to, liquidity in self._stretches:
            amount_in, amount_out = moved(sqrt_from, sqrt_to, liquidity)
            taken += amount_in - (-amount_in * fee // rest)
            given += amount_out
            self._taken.append(taken)
            self._given.append(given)
        # Distance travelled rises in both directions, so that one bisection serves both.
        self._ends = [self._sign * stretch.sqrt_to for stretch in self._stretches]

    def exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(input taken, output); takes less than asked when the known range ends."""
        at = bisect_right(self._taken, amount_in) - 1
        taken = self._taken[at]
        if taken == amount_in or at == len(self._stretches):
            return taken, self._given[at]
        sqrt_from, _, liquidity = self._stretches[at]
        # Less than the stretch takes, so its end is not reached.
        less_fee = (amount_in - taken) * (PIPS - self._fee) // PIPS
        return amount_in, self._given[at] + self._output(sqrt_from, liquidity, less_fee)

    def to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(input up, output down) until the pool's own price is the given one, or the known range ends."""
        distance = self._sign * sqrt_price_x96
        at = bisect_right(self._ends, distance)
        taken, given = self._taken[at], self._given[at]
        if at == len(self._stretches):
            return taken, given
        sqrt_from, _, liquidity = self._stretches[at]
        if distance <= self._sign * sqrt_from:
            return taken, given
        amount_in, amount_out = self._moved(sqrt_from, sqrt_price_x96, liquidity)
        return taken + amount_in - (-amount_in * self._fee // (PIPS - self._fee)), given + amount_out


# The calls of ``concentrated`` written out, as a curve makes hundreds of them.


def _moved_down(sqrt_from: int, sqrt_to: int, liquidity: int) -> tuple[int, int]:
    """(amount0_delta_up, amount1_delta_down) for a falling price."""
    product = liquidity * (sqrt_from - sqrt_to)
    divided_up = -(-(product << 96) // sqrt_from)
    return -(-divided_up // sqrt_to), product >> 96


def _output_down(sqrt_from: int, liquidity: int, less_fee: int) -> int:
    """Output, rounded down, of an input that makes the price fall within one range."""
    shifted = liquidity << 96
    denominator = shifted + less_fee * sqrt_from
    if denominator < _UINT256:
        after = -(-shifted * sqrt_from // denominator)
    else:
        after = -(-shifted // (shifted // sqrt_from + less_fee))
    return liquidity * (sqrt_from - after) >> 96


def _output_up(sqrt_from: int, liquidity: int, less_fee: int) -> int:
    """Output, rounded down, of an input that makes the price rise within one range."""
    after = sqrt_from + (less_fee << 96) // liquidity
    return ((liquidity * (after - sqrt_from) << 96) // after) // sqrt_from


def _moved_up(sqrt_from: int, sqrt_to: int, liquidity: int) -> tuple[int, int]:
    """(amount1_delta_up, amount0_delta_down) for a rising price."""
    product = liquidity * (sqrt_to - sqrt_from)
    return -(-product >> 96), ((product << 96) // sqrt_to) // sqrt_from
