"""One frame of ``keeper top``."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from keeper.cli.output import percent

if TYPE_CHECKING:
    from rich.console import RenderableType

EVENTS_SHOWN = 12
COIN = 10**18
COLOURS = {True: "green", False: "red"}


def frame(document: dict[str, Any]) -> "RenderableType":
    """Head line, markets, intents, providers, purse, events."""
    from rich.console import Group

    reading = document.get("reading")
    parts = [_head(document, reading)]
    if reading:
        parts += [_markets(reading), _intents(reading), _purse(reading)]
    parts += [_providers(document.get("providers") or {}), _events(document.get("events") or [])]
    return Group(*parts)


def _head(document: dict[str, Any], reading: dict[str, Any] | None) -> "RenderableType":
    from rich.text import Text

    line = Text(f"{document['network']} {document['contract']}", style="bold")
    if document["source"] == "daemon":
        for probe in ("live", "ready", "fresh"):
            reasons = document.get(probe) or []
            line.append(f"  {probe}: {'; '.join(reasons) or 'yes'}", style=COLOURS[not reasons])
    else:
        line.append("  no keeper answers: this is what database and chain show", style="yellow")
    if reading:
        skew = reading["clock_skew_seconds"]
        line.append(f"\nblock {reading['head_block']}, finalized {reading['finalized_block']}, clock {skew:+.1f} s")
    if error := document.get("error"):
        line.append(f"\n{error}", style="red")
    return line


def _markets(reading: dict[str, Any]) -> "RenderableType":
    rows = [
        (
            row["name"],
            percent(row["onchain_bps"]),
            percent(row["proposed_bps"]),
            _deviation(row),
            "-" if row["age_seconds"] is None else f"{row['age_seconds']} s",
            row["regime"],
            row["degraded"] or row["reason"],
        )
        for row in reading["markets"]
    ]
    return _table("markets", ("market", "on chain", "proposed", "deviation", "age", "regime", "note"), rows)


def _deviation(row: dict[str, Any]) -> str:
    if row["onchain_bps"] is None or row["proposed_bps"] is None:
        return "-"
    return f"{row['proposed_bps'] - row['onchain_bps']:+d} bps"


def _intents(reading: dict[str, Any]) -> "RenderableType":
    rows = [
        (
            row["intent"],
            row["purpose"],
            row["state"],
            row["nonce"],
            row["blocks"],
            ", ".join(row["markets"]),
            row["error"],
        )
        for row in reading["intents"]
    ]
    return _table("open intents", ("intent", "purpose", "state", "nonce", "blocks", "markets", "note"), rows)


def _purse(reading: dict[str, Any]) -> "RenderableType":
    key, budget = reading["key"], reading["budget_ratio"]
    left = "-" if budget is None else f"{budget:.0%}"
    if key is None:
        return _table("purse", ("key", "budget left"), [("none: nothing is sent", left)])
    # Six decimals of the coin are enough to see a fee.
    balance = f"{key['balance_wei'] // 10**12 / 10**6:,.6f}"
    rows = [(key["address"], balance, key["emergency_transactions"], key["nonce_chain"], key["nonce_next"], left)]
    return _table("purse", ("key", "coin", "emergencies", "nonce", "next", "budget left"), rows)


def _providers(states: dict[str, str]) -> "RenderableType":
    return _table("providers", ("provider", "state"), sorted(states.items()))


def _events(events: Sequence[dict[str, Any]]) -> "RenderableType":
    rows = []
    for row in list(events)[-EVENTS_SHOWN:][::-1]:
        fields = ", ".join(f"{key} {value}" for key, value in row.items() if key not in {"event", "block"})
        rows.append((row.get("block", ""), row["event"], fields))
    return _table("last events", ("block", "event", "fields"), rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> "RenderableType":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", expand=True, box=None, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="ellipsis", no_wrap=name != columns[-1])
    for row in rows:
        table.add_row(*(escape(_plain(cell)) for cell in row))
    return table


def _plain(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return text if text.isprintable() else ascii(text)
