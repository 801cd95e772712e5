"""What every Balancer v2 pool does around its own formula: fee, scaling, and the Vault's limits.

Sold amounts lose the fee first (rounded up) and are scaled then; wanted amounts are scaled, priced, scaled back
(rounded up) and charged the fee last. The scaling factor, 18 decimals, holds the token's decimals and its rate.
Reference: balancer-v2-monorepo ``BaseGeneralPool``, ``BaseMinimalSwapInfoPool``, ``BalanceAllocation``.
"""

from dataclasses import dataclass

from keeper.maths.balancer_fixed import checked, div_down, div_up, mul_down, mul_up
from keeper.maths.fixed import cdiv
from keeper.records.units import WAD

MAX_BALANCE = (1 << 112) - 1
"""Largest balance that the Vault stores, raw units."""


@dataclass(frozen=True, slots=True)
class Token:
    """One side of a swap."""

    balance: int
    """Raw units."""
    scaling: int
    """Scaled = raw * scaling / WAD."""

    @property
    def scaled(self) -> int:
        """The balance as the pool's formula takes it, rounded down."""
        return mul_down(self.balance, self.scaling)

    def up_scaled(self, raw: int) -> int:
        """A raw amount for the formula, rounded down as the contract does in both directions."""
        return mul_down(raw, self.scaling)

    def raw_down(self, scaled: int) -> int:
        """An output of the formula in raw units."""
        return div_down(scaled, self.scaling)

    def raw_up(self, scaled: int) -> int:
        """An input of the formula in raw units."""
        return div_up(scaled, self.scaling)

    @property
    def room(self) -> int:
        """Raw units that the Vault can still take."""
        return MAX_BALANCE - self.balance


def less_fee_down(amount: int, fee_wad: int) -> int:
    """What is left of a sold amount."""
    return amount - mul_up(amount, fee_wad)


def plus_fee_up(amount: int, fee_wad: int) -> int:
    """What has to be sold so that the amount is left."""
    return checked(div_up(amount, WAD - fee_wad))


def most_before_fee(left: int, fee_wad: int) -> int:
    """Largest amount of which, less the fee, no more than ``left`` remains."""
    return cdiv((left + 1) * WAD, WAD - fee_wad) - 1
