"""The evidence of a report: one canonical JSON document (RFC 8785) from which it can be recomputed (models.md 1.4).

No floats, no null: what has no value has no key. Amounts, prices and WADs are decimal strings; times, heights, ticks
and bps are integers. Nothing local to one keeper is inside.
"""

import json
from collections.abc import Sequence

import rfc8785

from keeper.records.decision import Decision, Folded
from keeper.records.estimates import Estimates, FeeSample, ImpliedVolatility, SampleDepth, SourceVolatility, Waterfall
from keeper.records.report import Report
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Input, MarketSnapshot, WordInput
from keeper.records.units import BlockRef, Price

SCHEMA_VERSION = 1
MAX_INTEGER = 2**53 - 1
"""Largest magnitude that RFC 8785 takes: beyond it a reader with doubles may take two integers for one (RFC 7493)."""

Json = dict[str, "Json"] | list["Json"] | str | int | bool


def canonical(document: Json) -> bytes:
    """Serialise, RFC 8785.

    Raises
    ------
    ValueError
        When a float, a null or an integer of 2**53 or beyond is inside, or two serialisers disagree.
    """
    _check(document)
    data: bytes = rfc8785.dumps(document)
    compact = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if data != compact:
        raise ValueError("the document has two canonical forms: keys outside the basic plane?")
    return data


def evidence_document(
    folded: Folded,
    snapshots: Sequence[MarketSnapshot],
    report: Report,
    *,
    core_before: bytes,
    market: MarketSettings,
    chain_id: int,
    settings_hash: bytes,
) -> Json:
    """Build the document of one report.

    Parameters
    ----------
    folded
        Result of the fold at the last snapshot.
    snapshots
        Every sample since the base, oldest first.
    report
        What is packed and signed.
    core_before
        Packed core of the base.
    market
        The market's settings.
    chain_id
        EIP-155 id.
    settings_hash
        Hash of the settings in force, 32 bytes.
    """
    return {
        "schemaVersion": SCHEMA_VERSION,
        "chain": f"eip155:{chain_id}",
        "market": {"key": _hex(report.market), "name": market.name, "protocol": market.protocol},
        "block": _block(snapshots[-1].block),
        "settingsHash": _hex(settings_hash),
        "model": market.model.model,
        "base": {"sequence": report.base_sequence, "gapBitmap": str(report.gap_bitmap)},
        "samples": [
            {"block": _block(row.block), "inputs": [_input(entry) for entry in row.inputs]} for row in snapshots
        ],
        "estimates": estimates_document(folded.estimates),
        "coreBefore": _hex(core_before),
        "coreAfter": _hex(folded.decision.core_after),
        "decision": decision_document(folded.decision),
    }


def estimates_document(estimates: Estimates) -> Json:
    """Estimates as JSON; absent keys are "no value", with the reason in ``missing``."""
    depth = estimates.depth
    amounts = {
        "bound": depth.bound,
        "at100Bps": depth.at_100_bps,
        "at200Bps": depth.at_200_bps,
        "at500Bps": depth.at_500_bps,
    }
    document: dict[str, Json] = {
        "sources": [_source(source) for source in estimates.sources],
        "implied": [_implied(row) for row in estimates.implied],
        "depth": {"window": depth.window, "block": depth.block, **_present(amounts), **_fees(depth)},
        "dailyMinima": [str(row) for row in estimates.daily_minima],
        "warm": estimates.warm,
        "missing": list(estimates.missing),
        "oracleDeviationWad": str(estimates.oracle_deviation_wad),
        "scenario": estimates.scenario,
        **_present(
            {
                "sigmaWad": estimates.sigma_wad,
                "realisedWad": estimates.realised_wad,
                "impliedWad": estimates.implied_wad,
                "qStar": estimates.q_star,
                "size": estimates.size,
            }
        ),
    }
    if estimates.liquidation_bps is not None:
        document["liquidationBps"] = estimates.liquidation_bps
    for key, price in (("midPrice", estimates.mid_price), ("oraclePrice", estimates.oracle_price)):
        if price is not None:
            document[key] = _price(price)
    if estimates.waterfall is not None:
        document["waterfall"] = _waterfall(estimates.waterfall)
    return document


def decision_document(decision: Decision) -> Json:
    """Decision as JSON; without targets when there was nothing to report."""
    document: dict[str, Json] = {
        "due": decision.due.value,
        "reasons": list(decision.reasons),
        "predictedHaircutBps": decision.predicted_haircut_bps,
    }
    if decision.targets is not None:
        targets = decision.targets
        document["targets"] = {
            "haircutBps": targets.haircut_bps,
            "liquidationHaircutBps": targets.liquidation_haircut_bps,
            "bonusBps": targets.bonus_bps,
            "premiumBps": targets.premium_bps,
            "ceiling": targets.ceiling,
            "crunchPermille": targets.crunch_permille,
            "regime": targets.regime,
            "decay": targets.decay,
        }
    return document


def _check(value: object) -> None:
    if isinstance(value, dict):
        for row in value.values():
            _check(row)
    elif isinstance(value, list):
        for row in value:
            _check(row)
    elif not isinstance(value, str | bool | int):
        raise ValueError(f"evidence holds a {type(value).__name__}")  # noqa: TRY004 - callers know one error
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError(f"integer beyond 2**53 must be a decimal string: {value}")


def _block(block: BlockRef) -> Json:
    return {"number": block.number, "hash": _hex(block.hash), "timestamp": block.timestamp}


def _input(row: Input) -> Json:
    if isinstance(row, WordInput):
        return {"account": row.account, "slot": _hex(row.slot), "value": _hex(row.value)}
    return {"account": row.account, "calldata": _hex(row.calldata), "ok": row.ok, "answer": _hex(row.answer)}


def _source(source: SourceVolatility) -> Json:
    wads = {"fastWad": source.fast_wad, "slowWad": source.slow_wad, "sigmaWad": source.sigma_wad}
    document: dict[str, Json] = {"pool": source.pool, "reason": source.reason, **_present(wads)}
    if source.adjacent_ticks is not None:
        document["adjacentTicks"] = source.adjacent_ticks
    return document


def _implied(row: ImpliedVolatility) -> Json:
    return {
        "source": row.source,
        "reason": row.reason,
        "weight": str(row.weight),
        **_present({"sigmaWad": row.sigma_wad}),
    }


def _fees(depth: SampleDepth) -> dict[str, Json]:
    """What every pool had earned; an empty object for one without fee growth."""
    rows: list[Json] = [_fee(row) if row else {} for row in depth.fees]
    return {"fees": rows} if rows else {}


def _fee(row: FeeSample) -> Json:
    numbers = {
        "growth0X128": row.growth0_x128,
        "growth1X128": row.growth1_x128,
        "liquidity": row.liquidity,
        "sqrtPriceX96": row.sqrt_price_x96,
    }
    return {"time": row.time, **_present(dict(numbers))}


def _waterfall(waterfall: Waterfall) -> Json:
    return {
        "haircutBps": waterfall.haircut_bps,
        "bars": [[name, bps] for name, bps in waterfall.bars],
        "capped": waterfall.capped,
        "unquotable": waterfall.unquotable,
    }


def _present(amounts: dict[str, int | None]) -> dict[str, Json]:
    return {key: str(value) for key, value in amounts.items() if value is not None}


def _price(price: Price) -> Json:
    return {"numerator": str(price.numerator), "denominator": str(price.denominator)}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
