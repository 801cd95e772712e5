"""Swaps of a Balancer v2 composable stable pool, in balances scaled to 18 decimals and rates, without the fee.

``A n S + D = A n D + D**(n+1) / (n**n P)`` with n tokens (the pool's own share is none of them), S their sum and P
their product; A, the amplification, counts thousandths. D comes from Newton's method and is rounded down, a balance
from Newton's method and is rounded up; both stop at a step of at most one unit, so the result depends on every
rounding on the way and is one or two units away from the root.
Reference: balancer-v2-monorepo ``StableMath`` of 20220906-composable-stable-pool and later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from keeper.maths.balancer_fixed import checked
from keeper.maths.balancer_log_exp import OutOfBounds
from keeper.maths.fixed import cdiv

AMP_PRECISION = 1000
MIN_AMP, MAX_AMP = 1 * AMP_PRECISION, 5000 * AMP_PRECISION
MAX_TOKENS = 5

_MOST_ROUNDS = 255


@dataclass(frozen=True, slots=True)
class StablePool:
    """What a swap needs to know."""

    amp: int
    """Amplification in thousandths."""
    balances: tuple[int, ...]
    """Scaled, without the pool's own share."""
    invariant: int
    """``invariant_down`` of the two."""


def invariant_down(amp: int, balances: Sequence[int]) -> int:
    """D.

    Parameters
    ----------
    amp
        Amplification in thousandths.
    balances
        Scaled, without the pool's own share.

    Raises
    ------
    OutOfBounds
        When the contract reverts: a balance of zero beside others, an overflow, no convergence.
    """
    count, total = len(balances), checked(sum(balances))
    if total == 0:
        return 0
    amp_total = amp * count
    invariant = total
    for _ in range(_MOST_ROUNDS):
        product = invariant
        for balance in balances:
            product = checked(product * invariant) // _divisor(checked(balance * count))
        before = invariant
        above = checked(checked(amp_total * total) // AMP_PRECISION + checked(product * count))
        below = checked((amp_total - AMP_PRECISION) * before) // AMP_PRECISION + checked((count + 1) * product)
        invariant = checked(above * before) // _divisor(checked(below))
        if abs(invariant - before) <= 1:
            return invariant
    raise OutOfBounds("the invariant does not converge")


def out_given_in_down(pool: StablePool, index_in: int, index_out: int, amount_in: int) -> int:
    """Output for an input, one unit less than the balances allow.

    Raises
    ------
    OutOfBounds
        When the contract reverts; also for inputs so small that they earn nothing.
    """
    after = list(pool.balances)
    after[index_in] = checked(after[index_in] + amount_in)
    left = balance_up(pool, after, index_out)
    return checked(pool.balances[index_out] - left - 1)


def in_given_out_up(pool: StablePool, index_in: int, index_out: int, amount_out: int) -> int:
    """Input for an output, one unit more than the balances need.

    Raises
    ------
    OutOfBounds
        When the contract reverts.
    """
    after = list(pool.balances)
    after[index_out] = checked(after[index_out] - amount_out)
    needed = balance_up(pool, after, index_in)
    return checked(needed - pool.balances[index_in]) + 1


def balance_up(pool: StablePool, balances: Sequence[int], index: int) -> int:
    """The balance at ``index`` that the pool's invariant asks for beside the other ``balances``.

    Raises
    ------
    OutOfBounds
        When the contract reverts.
    """
    count, amp_total, invariant = len(balances), pool.amp * len(balances), pool.invariant
    product = checked(balances[0] * count)
    for balance in balances[1:]:
        product = checked(checked(product * balance) * count) // _divisor(invariant)
    others = checked(sum(balances)) - balances[index]
    squared = checked(invariant * invariant)
    ratio = cdiv(squared, _divisor(checked(amp_total * product)))
    c = checked(checked(ratio * AMP_PRECISION) * balances[index])
    b = checked(others + checked(invariant // amp_total * AMP_PRECISION))
    y = cdiv(checked(squared + c), _divisor(checked(invariant + b)))
    for _ in range(_MOST_ROUNDS):
        before = y
        y = cdiv(checked(checked(y * y) + c), _divisor(checked(checked(checked(2 * y) + b) - invariant)))
        if abs(y - before) <= 1:
            return y
    raise OutOfBounds("the balance does not converge")


def price(pool: StablePool, index_in: int, index_out: int) -> tuple[int, int]:
    """(numerator, denominator) of scaled output per scaled input before any trade.

    The ratio of the invariant's derivatives, ``x_out (A n x_in + K) / (x_in (A n x_out + K))`` with
    ``K = D**(n+1) / (n**n P)``; exact up to the rounding of D.
    """
    count = len(pool.balances)
    sold, bought = pool.balances[index_in], pool.balances[index_out]
    # A n and K over the common denominator AMP_PRECISION n**n P.
    amp_part = pool.amp * count * count**count * prod(pool.balances)
    rest = AMP_PRECISION * pool.invariant ** (count + 1)
    return bought * (amp_part * sold + rest), sold * (amp_part * bought + rest)


def _divisor(value: int) -> int:
    if value == 0:
        raise OutOfBounds("division by zero")
    return value
