"""``keeper history``: every change of a market that the contract made, from the chain alone."""

from typing import Annotated, Any

import typer

from keeper.cli.common import Chain, Context, Json, Market, configuration, find_market, open_chain

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
            row["regime"],
            percent(row["stagedBps"] or None),
            percent(row["pendingBps"]),
            "0x" + row["transaction"].hex()[:12],
        )
        for row in rows
    ]
    print(table(("block", "change", "sequence", "haircut", "regime", "staged", "pending", "transaction"), shown))
    return 0


def _changes(chain: Chain, key: bytes) -> list[dict[str, Any]]:
    from keeper.protocols.bulkhead_events import (
        LiquidationMoved,
        MarketListed,
        MarketSet,
        MarketStopped,
        PendingActivated,
        RegimeRaised,
        ReportApplied,
        StageAdvanced,
        decode_event,
    )
    from keeper.records.live import AuxWord
    from keeper.risk.regime import NAMES

    names: dict[type[object], str] = {
        MarketListed: "listed",
        MarketSet: "set by governance",
        ReportApplied: "report",
        StageAdvanced: "stage step",
        PendingActivated: "loosening",
        LiquidationMoved: "liquidation haircut moved",
        RegimeRaised: "regime raised",
        MarketStopped: "stopped by a dispute",
    }
    rows = []
    for log in chain.node.logs(chain.start_block, chain.reader.block("latest").number):
        event: Any = decode_event(log.topics, log.data)
        if type(event) not in names or event.market != key:
            continue
        aux = getattr(event, "aux", AuxWord())
        rows.append(
            {
                "block": log.block_number,
                "change": names[type(event)],
                "sequence": event.live.sequence,
                "haircutBps": event.live.haircut_bps,
                "dayHighestBps": event.live.day_highest_bps,
                "liquidationBps": event.live.liquidation_target_bps,
                "regime": NAMES[event.live.regime],
                "stagedBps": aux.staged_bps,
                "pendingBps": aux.pending_bps if aux.pending_time else None,
                "observedBlock": event.live.observed_block,
                "transaction": log.tx_hash,
            }
        )
    return rows
