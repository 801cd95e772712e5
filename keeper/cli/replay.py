"""``keeper replay``: what the keeper would have decided at every window of the past, from the chain alone."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from keeper.cli.common import Context, Json, Market, bare_or_configured, find_market, now_settings

if TYPE_CHECKING:
    from keeper.replay_windows import Step

FINDINGS = 3


def replay(  # noqa: PLR0917 - typer makes an option of each
    context: Context,
    market: Market,
    first: Annotated[int | None, typer.Option("--from", help="Block; the listing when not given.", min=0)] = None,
    last: Annotated[int | None, typer.Option("--to", help="Block; the newest when not given.", min=0)] = None,
    rpc: Annotated[str, typer.Option("--rpc", help="URL of an archive node; then no configuration is read.")] = "",
    contract: Annotated[str, typer.Option("--contract", help="CollateralParameters, with --rpc.")] = "",
    as_json: Json = False,
) -> int:
    """Fold every window of a stretch of blocks again, reported or not. Ends with 3 when a report differs."""
    from keeper.cli.output import emit_json
    from keeper.replay import Replay
    from keeper.replay_windows import replay_windows, window_range

    with bare_or_configured(context, rpc, contract) as chain:
        history = chain.history()
        key, chosen = find_market(now_settings(history), market)
        windows = window_range(history, key, first, last)
        steps = list(replay_windows(Replay(history, chain.reader, chain.contract), key, windows))
    rows = [_row(step) for step in steps]
    if as_json:
        emit_json({"contract": chain.contract, "market": chosen.name, "key": key, "windows": rows})
    else:
        _show(rows)
    return 0 if all(step.verdict is None or step.verdict.ok for step in steps) else FINDINGS


def _row(step: "Step") -> dict[str, Any]:
    decision, estimates, words = step.folded.decision, step.folded.estimates, step.snapshot.words
    return {
        "window": step.window,
        "block": step.snapshot.block.number,
        "due": decision.due.value,
        "askedBps": decision.targets.haircut_bps if decision.targets else None,
        "liveBps": words.live.haircut_bps if words else None,
        "sigmaWad": estimates.sigma_wad,
        "qStar": estimates.q_star,
        "reason": decision.reasons[-1],
        "missing": list(estimates.missing),
        "sequence": step.verdict.sequence if step.verdict else None,
        "differs": (step.verdict.differs or None) if step.verdict else None,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from keeper.cli.output import percent, table

    cells = [
        (
            row["window"],
            row["block"],
            percent(row["liveBps"]),
            percent(row["askedBps"]),
            row["due"],
            "" if row["sequence"] is None else f"{row['sequence']}: {row['differs'] or 'same bytes'}",
            row["reason"],
        )
        for row in rows
    ]
    print(table(("window", "block", "live", "asked", "due", "report", "why"), cells))
    reported = [row for row in rows if row["sequence"] is not None]
    same = sum(row["differs"] is None for row in reported)
    print(f"{len(rows)} windows folded again; {same} of {len(reported)} reports have the same bytes")
