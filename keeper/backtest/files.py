"""Writes a backtest: one self-contained HTML page, and CSV and JSON beside it. Nothing in them says when or where."""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from keeper.backtest import plots
from keeper.backtest.evaluate import Result
from keeper.backtest.tables import Table, daily_table, document, record_table, walk_table
from keeper.backtest.verdicts import Verdict
from keeper.errors import ConfigError

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.15em .6em;border-bottom:1px solid #ddd;"
    "text-align:left;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}.no{color:#b00}.yes{color:#070}"
)

_LEGEND = (
    "A start is a paper liquidation at a reading. Its loss is 1 - lowest price until it is sold / price at the start, "
    "times what the sale left. An exception is a loss above the haircut. Published: after the buffer and the update "
    "law. VaR here is a loss quantile of one window's return."
)


def write(results: Sequence[Result], pooled: Sequence[Verdict], folder: Path) -> list[Path]:
    """Write ``report.html``, ``report.json`` and the tables of every asset; the paths written.

    Raises
    ------
    ConfigError
        The folder cannot be written.
    """
    pages, files = [], {}
    for result in results:
        name = result.history.name
        daily, phases = daily_table(result), record_table("phases", result.phases)
        coverage = record_table("coverage", result.coverage)
        moves = record_table("moves", result.moves)
        for table in (walk_table(result), daily, phases, coverage, moves):
            files[f"{name}-{table.name}.csv"] = table.csv()
        pages.append(_section(result, daily, phases, (coverage, moves, record_table("hindsight", result.hindsight))))
    files["report.json"] = dumps(results, pooled)
    files["report.html"] = _page(pages, pooled)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}", "choose another folder with --out") from None
    return [folder / file for file in files]


def dumps(results: Sequence[Result], pooled: Sequence[Verdict]) -> str:
    """The JSON document, with a new line at its end."""
    return json.dumps(whole(results, pooled), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def whole(results: Sequence[Result], pooled: Sequence[Verdict]) -> dict[str, Any]:
    """Everything but the readings."""
    shown = record_table("pooled", pooled)
    return {
        "assets": [document(result) for result in results],
        "pooled": [dict(zip(shown.header, row, strict=True)) for row in shown.rows] if pooled else [],
    }


def _section(result: Result, daily: Table, phases: Table, tables: Sequence[Table]) -> str:
    name, said = result.history.name, document(result)
    pictures = (
        (plots.haircut_plot(daily, name), daily),
        (plots.others_plot(daily, name), daily),
        (plots.market_plot(daily, name), daily),
        (plots.phases_plot(phases, name), phases),
    )
    facts = [
        ("history", f"{said['from']} to {said['to']}, {said['readings']} readings, {said['intervalSeconds']} s apart"),
        ("no value", ", ".join(f"{what} {count}" for what, count in said["noValue"].items())),
        ("depth", said["depth"]),
        ("terms", said["terms"]),
        *(("not fed by this history", line) for line in said["notFed"]),
        ("chosen", f"everything is chosen before {said['chosenBefore']} and judged after it"),
        *((row["name"], row["constants"]) for row in said["candidates"]),
    ]
    seen = [(row.question, _word(row), row.seen) for row in result.verdicts]
    parts = [f"<h2>{escape(name)}</h2>", _html(Table("facts", ("what", "which"), tuple(facts)))]
    parts.append(_html(Table("verdicts", ("figure", "holds", "seen"), tuple(seen))))
    parts += [f"<figure>{_inline(svg)}{_link(table, name)}</figure>" for svg, table in pictures]
    titles = ("haircut layer, bps", "procyclicality, bps and days", "the others at our mean haircut, in hindsight")
    parts += [f"<h3>{title}</h3>{_html(table)}" for title, table in zip(titles, tables, strict=True)]
    bad = [(fault.time, fault.reason) for fault in result.history.faults[:200]]
    parts += ["<h3>rows without a value</h3>", _html(Table("faults", ("time", "reason"), tuple(bad)))] if bad else []
    return "".join(parts)


def _page(sections: Sequence[str], pooled: Sequence[Verdict]) -> str:
    together = Table(
        "pooled", ("figure", "holds", "seen"), tuple((row.question, _word(row), row.seen) for row in pooled)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest</title><style>{_STYLE}</style>'
        f"<h1>Backtest</h1><p>{_LEGEND}</p>"
        f"{_html(together) if pooled else ''}{''.join(sections)}</html>\n"
    )


def _html(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in table.rows)
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(cell: object) -> str:
    text = "-" if cell is None else f"{cell:,.1f}" if isinstance(cell, float) else str(cell)
    kind = f' class="{text}"' if text in {"yes", "no"} else ""
    return f"<td{kind}>{escape(text)}</td>"


def _inline(svg: str) -> str:
    return svg[svg.index("<svg") :]


def _link(table: Table, name: str) -> str:
    data = base64.b64encode(table.csv().encode()).decode()
    file = f"{name}-{table.name}.csv"
    return f'<figcaption><a download="{escape(file)}" href="data:text/csv;base64,{data}">its numbers</a></figcaption>'


def _word(verdict: Verdict) -> str:
    return "-" if verdict.holds is None else "yes" if verdict.holds else "no"
