"""Who borrows against a collateral: what accounts of a lending protocol hold and owe, as far as the size needs it."""

from dataclasses import dataclass

from keeper.records.units import Address, Price


@dataclass(frozen=True, slots=True)
class Position:
    """One account of a lending protocol, seen from one market."""

    holder: Address
    supplied: int
    """The market's collateral that it supplies, raw units, interest included."""
    pledged: bool
    """Whether that may be seized; else it is supplied without serving as collateral."""
    backing: int
    """All its collateral, of every asset, valued in raw units of the debt asset, rounded down."""
    debt: int
    """All its debt, of every asset, valued in raw units of the debt asset, rounded up."""
    threshold_bps: int
    """Liquidation threshold in force: the mean over its collateral as the protocol counts it, or its category's."""

    @property
    def collateral(self) -> int:
        """What can be seized at most, raw units."""
        return self.supplied if self.pledged else 0


@dataclass(frozen=True, slots=True)
class Positions:
    """The committed holders of one market."""

    supply: int
    """Collateral supplied by everybody, raw units, interest included."""
    price: Price
    """Raw debt per raw collateral, by the protocol's own oracle."""
    holders: tuple[Position, ...]
    """In the settings' order; an account that could not be read is left out, so that its supply counts as uncovered."""

    @property
    def covered(self) -> int:
        """Supply of the accounts above, raw units."""
        return sum(row.supplied for row in self.holders)

    @property
    def uncovered(self) -> int:
        """Supply of everybody else, raw units."""
        return max(0, self.supply - self.covered)
