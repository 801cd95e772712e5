"""Exact quotes of a Balancer v2 pool: fee, scaling and the Vault's limits around the formula of the pool's kind."""

from dataclasses import dataclass
from typing import Protocol

from keeper.maths.balancer_log_exp import OutOfBounds
from keeper.maths.balancer_swap import Token, less_fee_down, most_before_fee, plus_fee_up
from keeper.maths.fixed import cdiv
from keeper.records.units import Price
from keeper.venues.sampled import SampledCurve


class Formula(Protocol):
    """Scaled amounts, without the fee; raises ``OutOfBounds`` where the contract reverts."""

    def most_in(self, *, sells_collateral: bool) -> int | None:
        """Largest input that the pool takes; None = the Vault's limit comes first."""

    def most_out(self, *, sells_collateral: bool) -> int:
        """Largest output that the pool gives."""

    def out_down(self, amount_in: int, *, sells_collateral: bool) -> int:
        """Output for an input."""

    def in_up(self, amount_out: int, *, sells_collateral: bool) -> int:
        """Input for an output."""


@dataclass(frozen=True, slots=True)
class BalancerSwaps:
    """``records.ports.Swaps`` of a pool. A swap that the contract refuses moves nothing."""

    collateral: Token
    debt: Token
    fee_wad: int
    formula: Formula

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """(amount taken, amount out)."""
        sold, bought = self._sides(sells_collateral)
        try:
            taken = min(amount_in, self.most_in(sells_collateral=sells_collateral))
            if taken <= 0:
                return 0, 0
            left = sold.up_scaled(less_fee_down(taken, self.fee_wad))
            return taken, bought.raw_down(self.formula.out_down(left, sells_collateral=sells_collateral))
        except OutOfBounds:
            return 0, 0

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """(amount in, amount given)."""
        sold, bought = self._sides(sells_collateral)
        try:
            most = bought.raw_down(self.formula.most_out(sells_collateral=sells_collateral))
            given = min(amount_out, most, bought.balance)
            if given <= 0:
                return 0, 0
            needed = self.formula.in_up(bought.up_scaled(given), sells_collateral=sells_collateral)
            paid = plus_fee_up(sold.raw_up(needed), self.fee_wad)
        except OutOfBounds:
            return 0, 0
        return (paid, given) if paid <= sold.room else (0, 0)

    def most_in(self, *, sells_collateral: bool) -> int:
        """Largest amount that the pool and the Vault take, fee included."""
        sold, _ = self._sides(sells_collateral)
        left = self.formula.most_in(sells_collateral=sells_collateral)
        if left is None:
            return sold.room
        return min(most_before_fee(sold.raw_down(left), self.fee_wad), sold.room)

    def curve(self, mid: Price, most: int, rounding: int) -> SampledCurve:
        """Sale of collateral, found by quotes.

        Parameters
        ----------
        mid
            Price before any trade and fee.
        most
            Largest amount that the curve looks at.
        rounding
            Units of the debt asset by which the formula's own rounding may flatter a part of a sale.
        """
        # The fee of a part is rounded to whole units of the collateral, too.
        unit = cdiv(mid.numerator, mid.denominator)
        return SampledCurve(self._sold, mid, most, 2 + unit + rounding)

    def _sold(self, amount: int) -> int:
        return self.exact_in_down(amount, sells_collateral=True)[1]

    def _sides(self, sells_collateral: bool) -> tuple[Token, Token]:
        return (self.collateral, self.debt) if sells_collateral else (self.debt, self.collateral)
