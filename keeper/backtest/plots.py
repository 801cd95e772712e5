"""The plots of a backtest as SVG text, each drawn from one table and from nothing else. The same bytes every time."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

from keeper.backtest.evaluate import LATER
from keeper.backtest.tables import Table

_STYLE: Any = {"svg.hashsalt": "bulkhead", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
_SIZE = (10.5, 3.6)


def haircut_plot(daily: Table, name: str) -> str:
    """Our haircut, before and after the law, over the losses that it stood against."""

    def draw(axes: Any) -> None:
        days = _days(daily)
        first = daily.header[4].removesuffix(" model_bps")
        axes.fill_between(
            days, _column(daily, "loss_bps"), color="tab:red", alpha=0.35, label="largest loss of a start"
        )
        axes.plot(days, _column(daily, f"{first} model_bps"), lw=0.8, label=f"{first}, model")
        axes.plot(days, _column(daily, f"{first} published_bps"), lw=0.8, label=f"{first}, published")
        hit = [at for at, count in enumerate(_column(daily, "exceptions")) if count]
        losses = _column(daily, "loss_bps")
        axes.plot([days[at] for at in hit], [losses[at] for at in hit], "x", color="black", ms=5, label="exceptions")
        axes.set_ylim(bottom=0)

    return _svg(f"{name}: haircut and losses, highest of each day, bps", draw)


def others_plot(daily: Table, name: str) -> str:
    """Every candidate's published haircut."""

    def draw(axes: Any) -> None:
        for heading in daily.header:
            if heading.endswith(" published_bps"):
                axes.plot(_days(daily), _column(daily, heading), lw=0.8, label=heading.removesuffix(" published_bps"))
        axes.set_ylim(bottom=0)

    return _svg(f"{name}: published haircuts, highest of each day, bps", draw)


def market_plot(daily: Table, name: str) -> str:
    """Price and volatility."""

    def draw(axes: Any) -> None:
        axes.plot(_days(daily), _column(daily, "close"), lw=0.8, label="price, end of the day")
        axes.set_yscale("log")
        second = axes.twinx()
        second.grid(visible=False)
        second.plot(_days(daily), _column(daily, "sigma"), lw=0.8, color="tab:orange")
        axes.plot([], [], color="tab:orange", label="annual volatility, highest of the day (right)")

    return _svg(f"{name}: price and volatility", draw)


def phases_plot(phases: Table, name: str) -> str:
    """P-values of every phase on the later span."""

    def draw(axes: Any) -> None:
        place = {heading: at for at, heading in enumerate(phases.header)}
        later = [row for row in phases.rows if row[place["span"]] == LATER]
        groups = dict.fromkeys((row[place["multiplier"]], row[place["level"]]) for row in later)
        for group, marker in zip(groups, "osD^v<>*", strict=False):
            rows = [row for row in later if (row[place["multiplier"]], row[place["level"]]) == group]
            for test, filled in (("p_kupiec", True), ("p_coverage", False)):
                axes.plot(
                    [row[place["phase"]] for row in rows],
                    [_number(row[place[test]]) for row in rows],
                    marker,
                    ms=3.5,
                    fillstyle="full" if filled else "none",
                    label=f"{group[0]}, {group[1]}: {'Kupiec' if filled else 'Christoffersen'}",
                )
        axes.axhline(0.05, color="black", lw=0.8)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("phase: readings between the span's start and the first window")

    return _svg(f"{name}: p-values of the VaR layer on the later span; below the line a phase fails", draw)


def _svg(title: str, draw: Callable[[Any], None]) -> str:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
        draw(axes)
        axes.set_title(title)
        axes.legend(loc="upper right", fontsize=7)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return target.getvalue()


def _days(daily: Table) -> list[datetime]:
    return [datetime.fromisoformat(str(row[0])) for row in daily.rows]


def _column(table: Table, heading: str) -> list[float]:
    place = table.header.index(heading)
    return [_number(row[place]) for row in table.rows]


def _number(cell: object) -> float:
    """A hole in a line where there is no value."""
    return float("nan") if cell is None else float(str(cell))
