"""What a market's depth hangs on: who provides it, what is left when they leave, and what a fall leaves behind.

Losses are measured against the same max(oracle, mid) before and after a departure, and against the fallen one after a
fall. Pools whose providers their events do not tell (Curve, Balancer) stay as they are in every departure, and are not
counted after a fall.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from keeper.records.ports import SaleCurve
from keeper.records.providers import LOCKED, Provision
from keeper.records.settings import PoolSettings
from keeper.records.units import BPS, Address
from keeper.risk.concentration import Concentration, concentration
from keeper.risk.depth import largest_sale, sells
from keeper.risk.merged import split
from keeper.venues.positions import PROVIDED

LOSSES_BPS = (100, 200, 500)
"""Average losses that depth is stated at."""

SHARE_LOSS_BPS = 200
"""The sale that is shared out among those who take it."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One account over all pools of the market."""

    account: Address
    in_range: int
    """Liquidity at the price, sqrt(x y), raw units; the same unit in every pool of a pair of tokens."""
    taken: int
    """What it takes of the sale at a loss of 2 %, raw collateral."""
    positions: int


@dataclass(frozen=True, slots=True)
class Crowding:
    """A fall of the collateral's price and the ranges that end on the way."""

    fall_bps: int
    passed: Fraction
    """Share of the liquidity at the price whose range ends before the fallen price."""
    depths: tuple[int, ...]
    """At :data:`LOSSES_BPS` against the fallen reference, nobody having moved a position."""


class Departures:
    """A market at one block, with some of its providers.

    Parameters
    ----------
    venues
        What counts, with its sale curve.
    provisions
        Of the pools whose providers are known.
    reference
        max(oracle, mid), raw debt per raw collateral.
    """

    def __init__(
        self,
        venues: Sequence[tuple[PoolSettings, SaleCurve]],
        provisions: Mapping[PoolSettings, Provision],
        reference: Fraction,
    ) -> None:
        self._venues, self._provisions, self._reference = venues, provisions, reference
        self.depths = self._depths([curve for _, curve in venues], reference)
        """Everybody present, at :data:`LOSSES_BPS`."""
        self.fills = split([curve for _, curve in venues], self.depths[LOSSES_BPS.index(SHARE_LOSS_BPS)]).fills
        """The sale at a loss of 2 %, venue by venue."""
        self.providers = self._accounts()
        """Largest part of that sale first; what is locked for good is left out."""

    @property
    def told(self) -> Fraction | None:
        """Share of the sale at 2 % that goes to pools whose providers are known; None without a sale."""
        total = sum(taken for taken, _ in self.fills)
        known = sum(taken for (pool, _), (taken, _) in zip(self._venues, self.fills, strict=True) if self._of(pool))
        return Fraction(known, total) if total else None

    def concentration(self) -> tuple[Concentration | None, Concentration | None]:
        """By liquidity at the price, by part of the sale at 2 %; of those who have any."""
        by_range = [row.in_range for row in self.providers if row.in_range]
        return concentration(by_range), concentration([row.taken for row in self.providers if row.taken])

    def without(self, leaving: Collection[Address]) -> tuple[int, ...]:
        """Depth at :data:`LOSSES_BPS` after these accounts took out every position; what is locked stays."""
        able = set(leaving) - LOCKED
        curves = []
        for pool, curve in self._venues:
            whole = self._of(pool)
            leaves = [row.provider in able for row in whole.positions] if whole else []
            if whole is None or not any(leaves):
                curves.append(curve)
                continue
            kind = PROVIDED[pool.venue]
            left = kind.curve(whole, kind.rest(whole, leaves))
            if left is not None and sells(left):
                curves.append(left)
        return self._depths(curves, self._reference)

    def after_fall(self, fall_bps: int) -> Crowding:
        """What a fall of the price leaves behind when nobody moves a position."""
        passed = total = 0
        curves = []
        for pool, _ in self._venues:
            if (whole := self._of(pool)) is None:
                continue
            kind = PROVIDED[pool.venue]
            amounts, ends = kind.in_range(whole), kind.ends_within(whole, fall_bps)
            total += sum(amounts)
            passed += sum(amount for amount, out in zip(amounts, ends, strict=True) if out)
            fallen = kind.curve(whole, kind.moved(pool, whole.state, fall_bps))
            if fallen is not None and sells(fallen):
                curves.append(fallen)
        share = Fraction(passed, total) if total else Fraction(0)
        return Crowding(fall_bps, share, self._depths(curves, self._reference * Fraction(BPS - fall_bps, BPS)))

    def _accounts(self) -> tuple[Provider, ...]:
        sums: defaultdict[Address, list[int]] = defaultdict(lambda: [0, 0, 0])
        for (pool, _), (sold, _) in zip(self._venues, self.fills, strict=True):
            if (whole := self._of(pool)) is None:
                continue
            kind = PROVIDED[pool.venue]
            rows = zip(whole.positions, kind.in_range(whole), kind.taken_by(whole, sold), strict=True)
            for position, in_range, taken in rows:
                row = sums[position.provider]
                row[0], row[1], row[2] = row[0] + in_range, row[1] + taken, row[2] + 1
        found = [Provider(account, *row) for account, row in sums.items() if account not in LOCKED]
        return tuple(sorted(found, key=lambda row: (-row.taken, -row.in_range, row.account)))

    def _depths(self, curves: Sequence[SaleCurve], reference: Fraction) -> tuple[int, ...]:
        if not curves:
            return (0,) * len(LOSSES_BPS)
        return tuple(largest_sale(curves, reference * Fraction(BPS - loss, BPS)) for loss in LOSSES_BPS)

    def _of(self, pool: PoolSettings) -> Provision | None:
        return self._provisions.get(pool)
