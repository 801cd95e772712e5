"""What of a market's venues counts: those that sell, whose price the others confirm, and that nobody has flagged.

Everything else is named in a line, and a line stops all loosening; but a flag is the settings' own word, so it takes
the depth away and says nothing more (decision 19).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.records.ports import SaleCurve
from keeper.records.units import BPS, Address, Price
from keeper.risk.depth import upper_median
from keeper.risk.outliers import OUTLIER_BPS, disagreement_bps, off_bps, off_median_bps, unconfirmed
from keeper.risk.routes import RouteCurve, ShareCurve


@dataclass(frozen=True, slots=True)
class Offer:
    """One venue of the settings as it was read."""

    label: str
    """What messages call it."""
    curve: SaleCurve | None
    """None: it could not be read, or sells nothing."""
    fault: str = ""
    """Why there is no curve."""
    flagged: bool = False
    """The settings flag it, or a token it trades."""


@dataclass(frozen=True, slots=True)
class Way:
    """One route of the settings as it was read."""

    bridge: Address
    first: tuple[Offer, ...]
    second: tuple[Offer, ...]
    share_bps: int
    """Share of the second leg that counts."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a market's depth rests on."""

    curves: tuple[SaleCurve, ...]
    """Direct venues; they alone say what the price is."""
    routes: tuple[RouteCurve, ...]
    flagged: tuple[Price, ...]
    """Prices of flagged venues, for a market that has no others: it has a price then, and no depth."""
    missing: tuple[str, ...]


def counted(direct: Sequence[Offer], ways: Sequence[Way] = (), oracle: Price | None = None) -> Counted:
    """Sort out what counts; the order of the settings is kept. The oracle speaks where two direct venues disagree."""
    curves, missing = _leg(direct, oracle)
    routes = []
    for way in ways:
        route, lines = _route(way, [curve.mid for curve in curves])
        missing += lines
        if route is not None:
            routes.append(route)
    flagged = tuple(row.curve.mid for row in direct if row.flagged and row.curve is not None)
    return Counted(tuple(curves), tuple(routes), flagged, tuple(missing))


def believed(found: Sequence[tuple[str, SaleCurve]], oracle: Price | None = None) -> tuple[list[SaleCurve], list[str]]:
    """Curves whose price the others (of two: the oracle) confirm, and a line for every doubt.

    Parameters
    ----------
    found
        What messages call each venue, and its curve.
    oracle
        Raw debt per raw collateral; None = nobody breaks the tie between two.
    """
    prices = [curve.mid for _, curve in found]
    lone = unconfirmed(prices, oracle)
    if lone is not None and oracle is not None:
        off = off_bps(prices[lone], oracle)
        line = f"price: {found[lone][0]}: {off} bps off the feed, which the other venue is near, not counted"
        return [curve for at, (_, curve) in enumerate(found) if at != lone], [line]
    curves, doubts = [], []
    for (label, curve), off in zip(found, off_median_bps(prices), strict=True):
        if off > OUTLIER_BPS:
            doubts.append(f"price: {label}: {off} bps off the median of {len(found)} venues, not counted")
        else:
            curves.append(curve)
    if (apart := disagreement_bps(prices)) > OUTLIER_BPS:
        doubts.append(f"price: the two venues are {apart} bps apart")
    return curves, doubts


def _leg(offers: Sequence[Offer], oracle: Price | None = None) -> tuple[list[SaleCurve], list[str]]:
    """Curves of the venues that are believed, and a line for each other one that is not flagged."""
    offers = [row for row in offers if not row.flagged]
    missing = [f"depth: {row.fault}" for row in offers if row.curve is None]
    curves, doubts = believed([(row.label, row.curve) for row in offers if row.curve is not None], oracle)
    return curves, missing + doubts


def _route(way: Way, prices: Sequence[Price]) -> tuple[RouteCurve | None, list[str]]:
    """The route, unless a leg is empty or its price is not the direct venues'."""
    first, missing = _leg(way.first)
    second, more = _leg(way.second)
    missing += more
    if not first or not second:
        return None, missing
    whole = way.share_bps == BPS
    shares = second if whole else [ShareCurve(curve, way.share_bps) for curve in second]
    route = RouteCurve(tuple(first), tuple(shares))
    if prices and (off := off_bps(route.middle, upper_median(prices))) > OUTLIER_BPS:
        return None, [*missing, f"price: the route through {way.bridge}: {off} bps off the direct venues, not counted"]
    return route, missing
