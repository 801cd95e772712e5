"""Depth of several markets that are sold at the same time, beside what each shows alone; for people."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from keeper.depth_curves import Read, curve_of, is_flagged, leg_readings, side_of
from keeper.records.ports import SaleCurve
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading
from keeper.records.units import BPS, Address
from keeper.risk.depth import largest_sale
from keeper.risk.together import Seller, shared_pools, sold_together

LOSSES_BPS = (25, 50, 100, 200, 300, 500, 700, 1_000)

Key = tuple[Address, bytes, Address, Address]
"""A pool and the direction in which it is traded: contract, id, sold, bought."""


class Pools:
    """Every pool and direction once, whatever number of markets need it."""

    def __init__(self) -> None:
        self.curves: list[SaleCurve] = []
        self.settings: list[PoolSettings] = []
        self._places: dict[Key, int] = {}

    def ways(self, read: Read) -> tuple[tuple[int, ...], ...]:
        """A market's ways to its debt asset, through pools that sell."""
        pair = read.pair
        ways: list[tuple[int, ...]] = []
        for pool, row in zip(pair.pools, read.pools, strict=True):
            place = self._place(read, pool, row, (pair.sold.address, pair.bought.address))
            ways += [] if place is None else [(place,)]
        for route, rows in leg_readings(read):
            count = len(route.collateral_pools)
            legs = ((route.collateral_pools, rows[:count]), (route.debt_pools, rows[count:]))
            ends = ((pair.sold.address, route.bridge), (route.bridge, pair.bought.address))
            places = [
                [self._place(read, pool, row, tokens) for pool, row in zip(pools, found, strict=True)]
                for (pools, found), tokens in zip(legs, ends, strict=True)
            ]
            ways += [(a, b) for a, b in product(*places) if a is not None and b is not None]
        return tuple(ways)

    def _place(self, read: Read, pool: PoolSettings, row: PoolReading, tokens: tuple[Address, Address]) -> int | None:
        key = (pool.address, pool.pool_id, *tokens)
        if is_flagged(read.pair, pool, tokens):
            return None
        if key not in self._places:
            curve = curve_of(read.pair, pool, row, tokens)
            if curve is None:
                return None
            self._places[key] = len(self.curves)
            self.curves.append(curve)
            self.settings.append(pool)
        return self._places[key]


def together_of(reads: Sequence[Read]) -> dict[str, Any]:
    """For each average loss what each market sells alone and with the others; raw units as text.

    Parameters
    ----------
    reads
        Markets, read at one block; each sells in the proportion of its ``model.size``.
    """
    pools = Pools()
    ways = [pools.ways(read) for read in reads]
    sides = [side_of(read) for read in reads]
    points: list[list[dict[str, Any]]] = [[] for _ in reads]
    sellers: list[Seller] = []
    for loss in LOSSES_BPS:
        sellers = []
        for read, side, own in zip(reads, sides, ways, strict=True):
            floor = Fraction(0) if side.reference is None else side.reference * Fraction(BPS - loss, BPS)
            alone = largest_sale(side.alive, floor) if side.reference and side.alive else 0
            sellers.append(Seller(_size(read), alone, floor, own))
        for row, seller, amount in zip(points, sellers, sold_together(pools.curves, sellers), strict=True):
            row.append({"lossBps": loss, "alone": str(seller.alone), "together": str(amount)})
    return {
        "shared": [_shared(pools.settings[at], at, reads, ways) for at in shared_pools(sellers)],
        "markets": [
            {
                "market": read.pair.name,
                "collateralDecimals": read.pair.sold.decimals,
                "size": str(_size(read)),
                "points": rows,
            }
            for read, rows in zip(reads, points, strict=True)
        ],
    }


def _size(read: Read) -> int:
    return read.pair.market.model.size if read.pair.market is not None else 1


def _shared(
    pool: PoolSettings, at: int, reads: Sequence[Read], ways: Sequence[tuple[tuple[int, ...], ...]]
) -> dict[str, Any]:
    users = [read.pair.name for read, own in zip(reads, ways, strict=True) if any(at in way for way in own)]
    return {"venue": pool.venue, "address": pool.address, "markets": users}
