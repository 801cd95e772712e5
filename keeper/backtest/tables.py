"""A result as tables: what is plotted, what is written as CSV, what goes into the JSON document."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from keeper.backtest.evaluate import Result
from keeper.records.units import BPS, WAD

DAY_SECONDS = 86_400

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings."""

    name: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def csv(self) -> str:
        """As text; empty where there is no value, floats shortest."""
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([["" if cell is None else cell for cell in row] for row in self.rows])
        return target.getvalue()


def walk_table(result: Result) -> Table:
    """Every reading with everything that was said about it."""
    names = [one.name for one in result.candidates]
    header = (
        "time",
        "window",
        "close",
        "low",
        "sigma",
        *_each(names),
        "loss_bps",
        "loss_complete",
        "report",
        "missing",
    )
    rows = []
    for at, row in enumerate(result.history.readings):
        loss = result.losses[at]
        said = [cell for steps in result.steps for cell in (steps[at].model_bps, steps[at].published_bps or None)]
        rows.append(
            (
                row.time,
                row.window,
                _whole(row.close_wad),
                _whole(row.low_wad),
                _whole(row.sigma_wad),
                *said,
                None if loss is None else round(loss.fraction * BPS, 1),
                None if loss is None else int(loss.complete),
                result.steps[0][at].due,
                "; ".join(row.missing),
            )
        )
    return Table("walk", tuple(header), tuple(rows))


def daily_table(result: Result) -> Table:
    """A row a day: the highest of each, which is what a borrower or a lender feels; exceptions of ours counted."""
    names = [one.name for one in result.candidates]
    days: dict[int, list[list[float]]] = {}
    exceptions: dict[int, int] = {}
    for at, row in enumerate(result.history.readings):
        day, loss = row.time // DAY_SECONDS, result.losses[at]
        cells = days.setdefault(day, [[] for _ in range(3 + 2 * len(names))])
        haircut = result.steps[0][at].model_bps
        if loss is not None and haircut and loss.fraction * BPS > haircut:
            exceptions[day] = exceptions.get(day, 0) + 1
        lost = None if loss is None else round(loss.fraction * BPS, 1)
        values = [_whole(row.close_wad), _whole(row.sigma_wad), lost]
        for steps in result.steps:
            values += [steps[at].model_bps, steps[at].published_bps or None]
        for cell, value in zip(cells, values, strict=True):
            if value is not None:
                cell.append(value)
    header = ("day", "close", "sigma", "loss_bps", *_each(names), "exceptions")
    rows = []
    for day, cells in sorted(days.items()):
        highest = [max(cell, default=None) for cell in cells[1:]]
        rows.append((_day(day), cells[0][-1] if cells[0] else None, *highest, exceptions.get(day, 0)))
    return Table("daily", header, tuple(rows))


def record_table(name: str, rows: Sequence[Any]) -> Table:
    """Frozen records, one a row."""
    header = tuple(field.name for field in fields(rows[0])) if rows else ("none",)
    return Table(name, header, tuple(tuple(asdict(row).values()) for row in rows))


def document(result: Result) -> dict[str, Any]:
    """The result without its readings, for JSON."""
    history, model = result.history, result.history.market.model
    return {
        "name": history.name,
        "from": _moment(history.start),
        "to": _moment(history.end),
        "readings": len(history.readings),
        "intervalSeconds": history.interval_seconds,
        "noValue": {
            "absent": history.absent,
            "badRows": len(history.faults),
            "stale": history.stale,
            "volatility": sum(row.sigma_wad is None for row in history.readings),
        },
        "faults": [{"time": fault.time, "reason": fault.reason} for fault in history.faults[:1000]],
        "depth": history.depth,
        "terms": history.terms,
        "notFed": list(history.not_fed),
        "chosenBefore": _moment(result.options.judge_from),
        "options": asdict(result.options),
        "model": {name: str(value) for name, value in asdict(model).items()},
        "candidates": [{"name": one.name, "constants": one.said} for one in result.candidates],
        "spans": [
            {"name": span.name, "from": _moment(history.readings[span.start].time), "readings": span.end - span.start}
            for span in result.spans
        ],
        "coverage": [asdict(row) for row in result.coverage],
        "equalMeanInHindsight": [asdict(row) for row in result.hindsight],
        "procyclicality": [asdict(row) for row in result.moves],
        "phases": [asdict(row) for row in result.phases],
        "acerbiSzekelyZ2": list(result.z2),
        "verdicts": [asdict(row) for row in result.verdicts],
    }


def _each(names: Iterable[str]) -> list[str]:
    return [f"{name} {kind}" for name in names for kind in ("model_bps", "published_bps")]


def _whole(wad: int | None) -> float | None:
    return None if wad is None else wad / WAD


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%Y-%m-%d")


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
