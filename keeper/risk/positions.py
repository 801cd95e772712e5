"""How much collateral must be sold in the reference shock, from the positions of a committed holder list (models.md 4).

``Q = max(sum of the two largest positions, share x collateral that liquidates)``. Of a position that fails the shock
only what a liquidation would seize counts, of others nothing, so a rich account with a dust of debt moves nothing.
Supply that the list does not cover counts fully: as one position, and beyond the share.
"""

from dataclasses import dataclass

from keeper.maths.fixed import cdiv
from keeper.records.positions import Position, Positions
from keeper.records.settings import MarketSettings
from keeper.records.units import BPS, Price


@dataclass(frozen=True, slots=True)
class Sizing:
    """The size and what it is made of; raw units of collateral."""

    size: int
    largest: int
    """The two largest positions together."""
    liquidated: int
    """What all positions that fail the shock would lose."""
    failing: int
    """How many they are."""
    uncovered: int
    """Supply of accounts that are not on the list or could not be read."""
    listed: int
    """The size without them: what nobody off the list can move."""


def sizing_of(positions: Positions, market: MarketSettings) -> Sizing:
    """Size of a market's reference shock under its settings."""
    return size_up(
        positions, shock_bps=market.shock_bps, share_bps=market.shock_share_bps, bonus_bps=market.model.bonus_bps
    )


def size_up(positions: Positions, *, shock_bps: int, share_bps: int, bonus_bps: int) -> Sizing:
    """Size of the reference shock, rounded up.

    Parameters
    ----------
    positions
        As read; the order of holders does not matter.
    shock_bps
        Fall of the price, above 0 and below 10,000.
    share_bps
        Part of what liquidates that is counted (p).
    bonus_bps
        What liquidators get above par.

    Raises
    ------
    ValueError
        When the shock leaves no price.
    """
    counted = [seized_up(row, positions.price, shock_bps=shock_bps, bonus_bps=bonus_bps) for row in positions.holders]
    liquidated, uncovered = sum(counted), positions.uncovered
    share, largest = cdiv(share_bps * liquidated, BPS), sum(sorted([*counted, uncovered])[-2:])
    size, listed = max(largest, share + uncovered), max(sum(sorted(counted)[-2:]), share)
    return Sizing(size, largest, liquidated, sum(row > 0 for row in counted), uncovered, listed)


def seized_up(position: Position, price: Price, *, shock_bps: int, bonus_bps: int) -> int:
    """Collateral that a liquidation of the whole debt takes in the shock: ``min(c, d (1 + bonus) / P)``; 0 if it holds.

    All collateral of the account falls together: what else backs it may well be of the same kind, and nothing is
    known that says it is not.
    """
    if not 0 < shock_bps < BPS:
        raise ValueError(f"a shock of {shock_bps} bps leaves no price, or none falls")
    left = BPS - shock_bps
    if position.backing * left * position.threshold_bps >= position.debt * BPS * BPS:
        return 0
    worth = position.debt * (BPS + bonus_bps) * price.denominator
    return min(position.collateral, cdiv(worth, price.numerator * left))
