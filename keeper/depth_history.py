"""Depth over a stretch of blocks, from the keeper's samples or from the chain: how low it went, how it came back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from keeper.fold import market_reading, read_plan, sample_depth
from keeper.records.estimates import SampleDepth
from keeper.records.ports import ChainReader
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.refill import DEFAULT_RULES, Rules, Shock, refill, shocks
from keeper.risk.depth import lowest_tenth
from keeper.risk.windows import window_of
from keeper.store.samples import StoredSample

LOSSES = {"100": "at_100_bps", "200": "at_200_bps", "500": "at_500_bps", "liquidator": "bound"}
"""What a depth is asked at -> field of :class:`SampleDepth`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Depth at one block."""

    time: int
    """Unix seconds."""
    depth: SampleDepth


def of_samples(rows: Sequence[StoredSample]) -> list[Seen]:
    """What the keeper saw when it sampled."""
    return [Seen(row.snapshot.block.timestamp, row.folded.estimates.depth) for row in rows]


def of_blocks(  # noqa: PLR0917 - what is read, under which settings, where
    reader: ChainReader,
    settings: Settings,
    market: MarketSettings,
    contract: Address,
    blocks: Sequence[int],
    progress: Callable[[str, int, int], None],
) -> list[Seen]:
    """Depth at these blocks, read from the chain, each in one call at its hash."""
    plan = replace(read_plan(b"", market, settings), ring_seconds=())
    found = []
    for done, number in enumerate(blocks, start=1):
        block = reader.block(number)
        (snapshot,) = reader.run([market_reading(market, settings, plan, contract, block)], block)
        window = window_of(number, settings.cadence_blocks)
        found.append(Seen(block.timestamp, sample_depth(cast("MarketSnapshot", snapshot), window, market, settings)))
        progress(market.name, done, len(blocks))
    return found


def describe(seen: Sequence[Seen], loss: str, rules: Rules = DEFAULT_RULES) -> dict[str, Any]:
    """Lowest, 10th percentile and median at every loss; shocks and half-lives at one of them."""
    measured = [(row.time, float(value)) for row in seen if (value := _at(row, loss)) is not None]
    found = shocks(measured, rules)
    fitted = refill(found)
    return {
        "blocks": len(seen),
        "firstBlock": seen[0].depth.block,
        "lastBlock": seen[-1].depth.block,
        "withoutValue": len(seen) - len(measured),
        "levels": {name: _levels(seen, name) for name in LOSSES},
        "loss": loss,
        "series": [
            {
                "block": row.depth.block,
                "time": row.time,
                "depth": None if (value := _at(row, loss)) is None else str(value),
            }
            for row in seen
        ],
        "shocks": [_shock(row) for row in found],
        "refill": fitted
        and {
            "count": fitted.count,
            "medianSeconds": _seconds(fitted.median_seconds),
            "p90Seconds": _seconds(fitted.p90_seconds),
        },
    }


def _levels(seen: Sequence[Seen], loss: str) -> dict[str, Any] | None:
    values = [(value, row.depth.block) for row in seen if (value := _at(row, loss)) is not None]
    if not values:
        return None
    amounts = sorted(value for value, _ in values)
    lowest, block = min(values)
    return {
        "lowest": str(lowest),
        "lowestBlock": block,
        "tenth": str(lowest_tenth(amounts)),
        "median": str(amounts[(len(amounts) - 1) // 2]),
    }


def _shock(row: Shock) -> dict[str, Any]:
    return {
        "start": row.start,
        "lowest": row.lowest,
        "end": row.end,
        "normal": str(int(row.normal)),
        "missingBps": int(row.missing * 10_000),
        "halfLifeSeconds": None if row.half_life_seconds is None else _seconds(row.half_life_seconds),
        "recovered": row.recovered,
    }


def _seconds(value: float) -> int | str:
    """Whole seconds, up; JSON knows no infinity."""
    return "never" if math.isinf(value) else math.ceil(value)


def _at(row: Seen, loss: str) -> int | None:
    return cast("int | None", getattr(row.depth, LOSSES[loss]))
