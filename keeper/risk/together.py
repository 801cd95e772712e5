"""Several collaterals sold at the same time: pools that more than one of them needs are there once (models.md 4).

Each market's depth is measured as if nobody else sold. In a crash all sell, and a pool on two markets' ways (WETH for
USDC, on WBTC's way through WETH too) serves both. Here the markets sell in turn, slice by slice, in the proportions of
their stressed sizes; each slice goes where it brings most after everything sold before it, as a liquidator would send
it, and a market stops when its own average loss reaches the bound. Every output is the real pool's exact quote, so what
is answered can be sold; a cleverer joint plan might sell a little more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from keeper.records.ports import SaleCurve

SLICES = 256
"""Slices of the market that is the first to be sold out alone; a venue smaller than one is hardly used."""

_HALVINGS = 8
"""How often the last slice is halved before a market stops."""


@dataclass(frozen=True, slots=True)
class Seller:
    """One market of those that sell."""

    size: int
    """Collateral that must be sold in the reference shock, raw units: its proportion."""
    alone: int
    """What it sells within the bound when nobody else does, raw units."""
    lowest_average: Fraction
    """Raw debt per raw collateral that its sale must bring on average."""
    ways: tuple[tuple[int, ...], ...]
    """Its ways to the debt asset: indexes of the pools passed, one for a direct venue, two for a route."""


@dataclass(slots=True)
class _Pool:
    curve: SaleCurve
    taken: int = 0
    given: int = 0
    sales: int = 0

    def more(self, amount_in: int) -> int:
        """What this much more brings; 0 where the pool does not take it all."""
        taken, given = self.curve.sell_exact_in_down(self.taken + amount_in)
        return given - self.given if taken == self.taken + amount_in else 0

    def fill(self, amount_in: int, amount_out: int) -> None:
        self.taken, self.given, self.sales = self.taken + amount_in, self.given + amount_out, self.sales + 1


@dataclass(slots=True)
class _Sold:
    seller: Seller
    rests: bool = False
    taken: int = 0
    given: int = 0
    asked: dict[tuple[tuple[int, ...], int], tuple[tuple[int, ...], int]] = field(default_factory=dict)
    """(way, amount) -> (sales its pools had seen then, what it brought): most ways are as they were a slice ago."""

    def brings(self, way: tuple[int, ...], amount: int, pools: Sequence[_Pool]) -> int:
        seen = tuple(pools[pool].sales for pool in way)
        known = self.asked.get((way, amount))
        if known is None or known[0] != seen:
            out = amount
            for pool in way:
                out = pools[pool].more(out) if out else 0
            self.asked[way, amount] = known = (seen, out)
        return known[1]


def sold_together(curves: Sequence[SaleCurve], sellers: Sequence[Seller]) -> tuple[int, ...]:
    """What each of the markets still sells within its bound when all sell at once.

    Parameters
    ----------
    curves
        Every pool and direction once, nothing sold yet.
    sellers
        The markets; ``ways`` are indexes of ``curves``.

    Returns
    -------
    tuple of int
        Raw collateral, in the order of the sellers: never more than ``alone``, and exactly that where no other market
        needs any of its pools.
    """
    pools = [_Pool(curve) for curve in curves]
    rows = [_Sold(seller) for seller in sellers]
    for at, row in enumerate(rows):
        row.rests = not row.seller.alone or not _meets_others(at, sellers)
    while active := [row for row in rows if not row.rests]:
        unit = min(Fraction(row.seller.alone, row.seller.size * SLICES) for row in active)
        while all(not row.rests for row in active):
            for row in active:
                _sell(row, max(1, int(unit * row.seller.size)), pools)
    others = [_meets_others(at, sellers) for at in range(len(sellers))]
    return tuple(row.taken if met else row.seller.alone for row, met in zip(rows, others, strict=True))


def shared_pools(sellers: Sequence[Seller]) -> tuple[int, ...]:
    """Indexes of the pools that more than one market needs, rising."""
    users = [{pool for way in seller.ways for pool in way} for seller in sellers]
    pools = set().union(*users)
    return tuple(sorted(pool for pool in pools if sum(pool in row for row in users) > 1))


def _meets_others(at: int, sellers: Sequence[Seller]) -> bool:
    own = {pool for way in sellers[at].ways for pool in way}
    return any(pool in own for other, row in enumerate(sellers) if other != at for way in row.ways for pool in way)


def _sell(row: _Sold, amount: int, pools: Sequence[_Pool]) -> None:
    """One slice, or as much of it as the bound allows; then the market rests."""
    step = min(amount, row.seller.alone - row.taken)
    for _ in range(_HALVINGS):
        if step <= 0:
            break
        given, way = max(((row.brings(way, step, pools), way) for way in row.seller.ways), default=(0, ()))
        if given and (row.given + given) >= (row.taken + step) * row.seller.lowest_average:
            _commit(way, step, pools)
            row.taken, row.given = row.taken + step, row.given + given
            row.rests = row.taken >= row.seller.alone
            if step == amount or row.rests:
                return
        step //= 2
    row.rests = True


def _commit(way: tuple[int, ...], amount: int, pools: Sequence[_Pool]) -> None:
    for pool in way:
        given = pools[pool].more(amount)
        pools[pool].fill(amount, given)
        amount = given
