"""Depth curves of a market's snapshot, for people: merged, by venue, in both directions."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from keeper.records.ports import SaleCurve
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Price
from keeper.risk.depth import oracle_price, sells, upper_median
from keeper.risk.merged import Sale, curve_points, split
from keeper.venues import VENUES

LOSSES_BPS = (10, 25, *range(50, 1_050, 50))


def curves_of(market: MarketSettings, snapshot: MarketSnapshot) -> dict[str, Any]:
    """For both directions the largest sale within each average loss, split over the venues; raw units as text."""
    return {
        name: [_point(loss, sale) for loss, sale in zip(LOSSES_BPS, _points(market, snapshot, reverse), strict=False)]
        for name, reverse in (("sell", False), ("buy", True))
    }


def sale_of(market: MarketSettings, snapshot: MarketSnapshot, size: int) -> dict[str, Any] | None:
    """Best split of selling this much collateral, raw units; None without a price."""
    curves, reference = _market(market, snapshot, reverse=False)
    if reference is None:
        return None
    sale = split(_alive(curves), size)
    loss = sale.loss_bps_up(reference)
    return None if loss is None else _point(loss, _spread(sale, curves))


def _points(market: MarketSettings, snapshot: MarketSnapshot, reverse: bool) -> tuple[Sale, ...]:
    curves, reference = _market(market, snapshot, reverse=reverse)
    if reference is None:
        return ()
    return tuple(_spread(sale, curves) for sale in curve_points(_alive(curves), reference, LOSSES_BPS))


def _market(
    market: MarketSettings, snapshot: MarketSnapshot, *, reverse: bool
) -> tuple[list[SaleCurve | None], Fraction | None]:
    """A curve for each venue, None where it sells nothing; and max(oracle, mid) of what is sold."""
    curves: list[SaleCurve | None] = []
    for pool, reading in zip(market.pools, snapshot.pools, strict=True):
        side = replace(pool, collateral_index=pool.debt_index, debt_index=pool.collateral_index) if reverse else pool
        curve = None if reading.state is None else VENUES[pool.venue].curve(side, reading.state)
        curves.append(curve if curve is not None and sells(curve) else None)
    prices = [curve.mid for curve in _alive(curves)]
    if not prices:
        return curves, None
    prices = [upper_median(prices)]
    if snapshot.feed.answer is not None:
        oracle = oracle_price(snapshot.feed.answer, market)
        prices.append(Price(oracle.denominator, oracle.numerator) if reverse else oracle)
    return curves, max(Fraction(price.numerator, price.denominator) for price in prices)


def _alive(curves: list[SaleCurve | None]) -> list[SaleCurve]:
    return [curve for curve in curves if curve is not None]


def _spread(sale: Sale, curves: list[SaleCurve | None]) -> Sale:
    """Fills in the order of all venues, nothing for those that sell nothing."""
    fills = iter(sale.fills)
    return Sale(tuple((0, 0) if curve is None else next(fills) for curve in curves))


def _point(loss: int, sale: Sale) -> dict[str, Any]:
    return {
        "lossBps": loss,
        "taken": str(sale.taken),
        "given": str(sale.given),
        "fills": [[str(taken), str(given)] for taken, given in sale.fills],
    }
