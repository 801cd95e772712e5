"""``keeper history`` and ``keeper limits``: what the contract did and what it may do, from the chain alone."""

from typing import Annotated, Any, cast

import typer

from keeper.cli.common import Chain, Context, Json, Market, configuration, find_market, now_settings, open_chain

NEWEST = 50


def history(
    context: Context,
    market: Market,
    limit: Annotated[int, typer.Option(help="Newest changes shown.", min=1)] = NEWEST,
    as_json: Json = False,
) -> int:
    """Show every change of a market's haircut."""
    from keeper.cli.output import emit_json, percent, table

    config = configuration(context)
    key, chosen = find_market(config.settings, market)
    with open_chain(config) as chain:
        chain.require_ours()
        rows = _changes(chain, key)[-limit:]
    if as_json:
        emit_json({"market": chosen.name, "key": key, "changes": rows})
        return 0
    shown = [
        (
            row["block"],
            row["change"],
            row["sequence"],
            percent(row["haircutBps"]),
            percent(row["stagedBps"] or None),
            percent(row["pendingBps"]),
            "0x" + row["transaction"].hex()[:12],
        )
        for row in rows
    ]
    print(table(("block", "change", "sequence", "haircut", "staged", "pending", "transaction"), shown))
    return 0


def limits(context: Context, as_json: Json = False) -> int:
    """Show what the contract allows, what is used up, and what waits."""
    from keeper.cli.output import emit_json

    config = configuration(context)
    with open_chain(config) as chain:
        rows = _limits(chain)
    if as_json:
        emit_json({"contract": config.operator.contract, "markets": rows})
        return 0
    for row in rows:
        _show_limits(row)
    return 0


def _changes(chain: Chain, key: bytes) -> list[dict[str, Any]]:
    from keeper.protocols.bulkhead_events import (
        MarketListed,
        PendingActivated,
        ReportApplied,
        StageAdvanced,
        decode_event,
    )
    from keeper.records.live import AuxWord

    names = {
        MarketListed: "listed",
        ReportApplied: "report",
        StageAdvanced: "stage step",
        PendingActivated: "loosening",
    }
    rows = []
    for log in chain.node.logs(chain.start_block, chain.reader.block("latest").number):
        event = decode_event(log.topics, log.data)
        if not isinstance(event, (MarketListed, ReportApplied, StageAdvanced, PendingActivated)) or event.market != key:
            continue
        aux = AuxWord() if isinstance(event, MarketListed) else event.aux
        rows.append(
            {
                "block": log.block_number,
                "change": names[type(event)],
                "sequence": event.live.sequence,
                "haircutBps": event.live.haircut_bps,
                "stagedBps": aux.staged_bps,
                "pendingBps": aux.pending_bps if aux.pending_time else None,
                "observedBlock": event.live.observed_block,
                "transaction": log.tx_hash,
            }
        )
    return rows


def _limits(chain: Chain) -> list[dict[str, Any]]:
    from keeper.protocols import PROTOCOLS
    from keeper.records.live import ContractWords
    from keeper.risk import limits as twin
    from keeper.risk.keys import market_key

    settings = now_settings(chain.history())
    head = chain.reader.block("latest")
    markets = [(market_key(settings.chain_id, row), row) for row in settings.markets]
    readings = [PROTOCOLS[row.protocol].read(chain.contract, key) for key, row in markets]
    answers = cast("list[tuple[ContractWords | None, object]]", chain.reader.run(readings, head))
    rows: list[dict[str, Any]] = []
    for (key, market), (words, _) in zip(markets, answers, strict=True):
        row: dict[str, Any] = {"market": market.name, "key": key, "listed": words is not None}
        if words is not None:
            bounds, pending = words.limits, words.aux.pending_time != 0
            row |= {
                "haircutBps": words.live.haircut_bps,
                "liquidationBps": words.live.liquidation_haircut_bps,
                "floorBps": bounds.floor_bps,
                "capBps": bounds.cap_bps,
                "stepUpBps": bounds.step_up_bps,
                "stageSeconds": bounds.stage_seconds,
                "stagedBps": words.aux.staged_bps,
                "pendingBps": words.aux.pending_bps if pending else None,
                "pendingMatureTime": twin.mature_time(words.aux, bounds) if pending else None,
                "pendingExpiryTime": twin.expiry_time(words.aux, bounds) if pending else None,
                "looseningNowBps": twin.available_bps(words.aux, bounds, head.timestamp),
                "looseningPerDayBps": twin.daily_budget_bps(bounds),
                "disputeSeconds": bounds.dispute_seconds,
            }
        rows.append(row)
    return rows


def _show_limits(row: dict[str, Any]) -> None:
    from keeper.cli.output import percent

    print(row["market"])
    if not row["listed"]:
        print("  not listed")
        return
    print(f"  haircut {percent(row['haircutBps'])}, between {percent(row['floorBps'])} and {percent(row['capBps'])}")
    print(f"  tightens by at most {percent(row['stepUpBps'])} at once, then every {row['stageSeconds']} s")
    budget = percent(row["looseningPerDayBps"])
    print(f"  loosens by at most {budget} in any 24 h, {percent(row['looseningNowBps'])} of it now,")
    print(f"  each after {row['disputeSeconds']} s in which it can be disputed")
    if row["stagedBps"]:
        print(f"  staged: {percent(row['stagedBps'])}")
    if row["pendingBps"] is not None:
        print(f"  pending: {percent(row['pendingBps'])}, from time {row['pendingMatureTime']} on")
    print(f"  liquidation haircut {percent(row['liquidationBps'])}: no report moves it")
