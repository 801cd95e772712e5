"""Swaps of a Balancer v2 weighted pool, in balances scaled to 18 decimals and without the fee.

out = b_out (1 - (b_in / (b_in + in))**(w_in / w_out)); the power is rounded against the trader, by up to 1e-14 of it.
A swap may not exceed 30 % of a balance; beyond, the contract reverts and these raise.
Reference: balancer-v2-monorepo ``WeightedMath`` (20210418, 20220908-v2, 20230206-v3 agree but for the power).
"""

from dataclasses import dataclass

from keeper.maths.balancer_fixed import checked, complement, div_down, div_up, mul_down, mul_up, pow_up
from keeper.maths.balancer_log_exp import OutOfBounds
from keeper.records.units import WAD

MAX_RATIO = 3 * WAD // 10
"""Largest part of a balance that one swap may move, 18 decimals."""

MIN_WEIGHT = WAD // 100


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tokens of a pool, sold and bought."""

    balance_in: int
    weight_in: int
    """1 = WAD."""
    balance_out: int
    weight_out: int
    shortcuts: bool
    """Exponents 1, 2 and 4 are multiplied out (pools since version 2)."""


def most_in(pair: Pair) -> int:
    """Largest input that the contract takes."""
    return mul_down(pair.balance_in, MAX_RATIO)


def most_out(pair: Pair) -> int:
    """Largest output that the contract gives."""
    return mul_down(pair.balance_out, MAX_RATIO)


def out_given_in_down(pair: Pair, amount_in: int) -> int:
    """Output for an input.

    Raises
    ------
    OutOfBounds
        When the contract reverts.
    """
    if amount_in > most_in(pair):
        raise OutOfBounds("more than 30 % of the balance")
    base = div_up(pair.balance_in, pair.balance_in + amount_in)
    power = pow_up(base, div_down(pair.weight_in, pair.weight_out), shortcuts=pair.shortcuts)
    return mul_down(pair.balance_out, complement(power))


def in_given_out_up(pair: Pair, amount_out: int) -> int:
    """Input for an output.

    Raises
    ------
    OutOfBounds
        When the contract reverts.
    """
    if amount_out > most_out(pair):
        raise OutOfBounds("more than 30 % of the balance")
    base = div_up(pair.balance_out, pair.balance_out - amount_out)
    power = pow_up(base, div_up(pair.weight_out, pair.weight_in), shortcuts=pair.shortcuts)
    return mul_up(pair.balance_in, checked(power - WAD))
