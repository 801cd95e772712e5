"""The document behind ``keeper providers``: one market, or one of its pools, at one block."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any, cast

from keeper.departures import LOSSES_BPS, Departures
from keeper.errors import RetryLater
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.providers import PositionReader
from keeper.records.ports import ChainReader, SaleCurve
from keeper.records.providers import Provision
from keeper.records.settings import MarketSettings, PoolSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BPS, WAD, Address, BlockRef
from keeper.risk.concentration import Concentration
from keeper.risk.depth import sells
from keeper.risk.outliers import OUTLIER_BPS, off_median_bps
from keeper.risk.windows import window_of
from keeper.venues import VENUES
from keeper.venues.positions import PROVIDED

FALLS_BPS = (100, 200, 500)
"""Falls of the price that are always looked at, beside one day's sigma."""
MOST_SIGMA_BPS = 3_000
"""A larger day's sigma is beyond what is read around the price."""
TOGETHER = (1, 2, 3, 5, 10)
"""How many of the largest leave at once."""
SHOWN = 10
"""Providers whose own departure is worked out."""
DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    market: MarketSettings
    only: PoolSettings | None
    """One pool alone; None = all that count."""
    without: tuple[Address, ...]
    """Accounts whose departure is asked for."""
    falls_bps: tuple[int, ...]


def report(  # noqa: PLR0917 - two readers, whose settings, where, and what
    reader: ChainReader,
    positions: PositionReader,
    settings: Settings,
    contract: Address,
    block: BlockRef,
    question: Question,
) -> dict[str, Any]:
    """Providers, departures, concentration and crowding; amounts as decimal text in raw collateral.

    Raises
    ------
    Refused
        A pool's events do not add up to it.
    RetryLater
        Nothing can be sold at the block, or the node failed.
    """
    market = question.market
    plan = read_plan(b"", market, settings)
    (snapshot,) = cast(
        "list[MarketSnapshot]", reader.run([market_reading(market, settings, plan, contract, block)], block)
    )
    window = window_of(block.number, settings.cadence_blocks)
    estimates = fold_sample(b"", snapshot, window, (), market, settings).estimates
    venues = [row for row in _counted(snapshot, market) if question.only in (None, row[0])]
    prices = [price for price in (estimates.mid_price, estimates.oracle_price) if price is not None]
    if not venues:
        raise RetryLater("; ".join(estimates.missing) or "nothing can be sold there", "see keeper depth")
    reference = max(Fraction(price.numerator, price.denominator) for price in prices)
    whole = Departures(venues, _provisions(positions, snapshot, market, venues), reference)
    return {
        "block": block.number,
        "time": block.timestamp,
        "collateralDecimals": market.collateral_decimals,
        "pools": [_pool(pool) for pool, _ in venues],
        **_departures(whole, question.without),
        "falls": _falls(whole, question.falls_bps, estimates.sigma_wad),
        "missing": list(estimates.missing),
    }


def _counted(snapshot: MarketSnapshot, market: MarketSettings) -> list[tuple[PoolSettings, SaleCurve]]:
    """Venues that sell something, at a price that the others confirm: those that the fold counts."""
    found = []
    for pool, reading in zip(market.pools, snapshot.pools, strict=True):
        curve = None if reading.state is None else VENUES[pool.venue].curve(pool, reading.state)
        if curve is not None and sells(curve):
            found.append((pool, curve))
    off = off_median_bps([curve.mid for _, curve in found])
    return [row for row, bps in zip(found, off, strict=True) if bps <= OUTLIER_BPS]


def _provisions(
    positions: PositionReader,
    snapshot: MarketSnapshot,
    market: MarketSettings,
    venues: Sequence[tuple[PoolSettings, SaleCurve]],
) -> dict[PoolSettings, Provision]:
    states = dict(zip(market.pools, snapshot.pools, strict=True))
    return {
        pool: positions.provision(pool, state, snapshot.block)
        for pool, _ in venues
        if pool.venue in PROVIDED and (state := states[pool].state) is not None
    }


def _departures(whole: Departures, without: Sequence[Address]) -> dict[str, Any]:
    in_range, taken = whole.concentration()
    liquidity, sold = sum(row.in_range for row in whole.providers), sum(row.taken for row in whole.providers)
    accounts = [row.account for row in whole.providers]
    return {
        "depth": _depths(whole.depths),
        "toldBps": _bps(whole.told),
        "shown": SHOWN,
        "providers": [
            {
                "account": row.account,
                "positions": row.positions,
                "inRange": str(row.in_range),
                "inRangeBps": row.in_range * BPS // liquidity if liquidity else 0,
                "takenAt200": str(row.taken),
                "depthBps": row.taken * BPS // sold if sold else 0,
                "depth": _depths(whole.without({row.account})) if place < SHOWN else None,
            }
            for place, row in enumerate(whole.providers)
        ],
        "together": [
            {"count": count, "depth": _depths(whole.without(set(accounts[:count])))}
            for count in TOGETHER
            if count <= len(accounts)
        ],
        "without": [{"account": account, "depth": _depths(whole.without({account}))} for account in without],
        "concentration": {"inRange": _concentration(in_range), "depth": _concentration(taken)},
    }


def _falls(whole: Departures, falls_bps: Sequence[int], sigma_wad: int | None) -> list[dict[str, Any]]:
    """Each fall; among them one day's sigma, where it is known."""
    sigma = 0 if sigma_wad is None else isqrt(sigma_wad * sigma_wad * BPS * BPS // DAYS_A_YEAR) // WAD
    sigma = min(sigma, MOST_SIGMA_BPS)
    found = [whole.after_fall(bps) for bps in sorted({*falls_bps, sigma} - {0})]
    return [
        {
            "fallBps": row.fall_bps,
            "sigma": row.fall_bps == sigma,
            "passedBps": _bps(row.passed),
            "depth": _depths(row.depths),
        }
        for row in found
    ]


def _concentration(figures: Concentration | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    return {
        "count": figures.count,
        "hhi": float(figures.hhi),
        "effectiveN": float(figures.effective_n),
        "top1": float(figures.top1),
        "gini": float(figures.gini),
    }


def _pool(pool: PoolSettings) -> dict[str, Any]:
    said = "its positions add up to the last unit" if pool.venue in PROVIDED else "its providers are not told apart"
    return {"venue": pool.venue, "address": pool.address, "told": pool.venue in PROVIDED, "said": said}


def _depths(amounts: Sequence[int]) -> dict[str, str]:
    return {str(loss): str(amount) for loss, amount in zip(LOSSES_BPS, amounts, strict=True)}


def _bps(share: Fraction | None) -> int | None:
    return None if share is None else int(share * BPS)
