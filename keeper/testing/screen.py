"""How the demo looks: a live table on a terminal, plain lines elsewhere, and the summary at the end."""

from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from keeper.protocols.bulkhead_events import PendingActivated, ReportApplied, ReportRefused, StageAdvanced
from keeper.records.units import WAD
from keeper.testing import world
from keeper.testing.judge import Moment, Verdict
from keeper.testing.watch import ChainEvent, MarketView

REGIMES = ("NORMAL", "GUARDED", "STRESSED", "HALTED")
BARS = "▁▂▃▄▅▆▇█"
WIDE = 112
"""Columns from which on two markets stand side by side."""
PLAIN_EVERY = 4
"""Without a terminal, one line every so many steps."""


class Screen:
    """Shows each step as it happens."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console = console
        self._steps = steps
        self._last: dict[bytes, str] = {}
        self._live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, moment: Moment, news: Sequence[ChainEvent], keys: Sequence[bytes]) -> None:
        """One step."""
        for row in news:
            line = describe(row)
            market = getattr(row.event, "market", None)
            if line and market is not None:
                self._last[market] = line
                if not self._live:
                    name = next(
                        view.settings.name for view, key in zip(moment.views, keys, strict=True) if key == market
                    )
                    self._console.print(f"  {name}: {line}", highlight=False, soft_wrap=True)
        if self._live:
            self._live.update(self._frame(moment, keys))
        elif moment.step.index % PLAIN_EVERY == 0:
            self._console.print(plain_line(moment), highlight=False, soft_wrap=True)

    def _frame(self, moment: Moment, keys: Sequence[bytes]) -> RenderableType:
        step = moment.step
        gone = f"providers gone: {step.left}/{world.PROVIDERS}"
        title = f"step {step.index + 1}/{self._steps}  {step.phase}  head {step.head}  {gone}"
        columns = [market_table(view, self._last.get(key, "-")) for view, key in zip(moment.views, keys, strict=True)]
        grid = Table.grid(padding=(0, 3))
        if self._console.width >= WIDE:
            grid.add_row(*columns)
        else:
            for column in columns:
                grid.add_row(column)
        return Panel(grid, title=title, subtitle=f"time is compressed {world.COMPRESSION}-fold", expand=False)


def market_table(view: MarketView, last: str) -> Table:
    """One market's rows."""
    table = Table(title=view.settings.name, show_header=False, box=None, min_width=50)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(max_width=44)
    for name, value in market_rows(view):
        table.add_row(name, value)
    table.add_row("last transaction", last)
    return table


def market_rows(view: MarketView) -> list[tuple[str, str | Text]]:
    """What the table says of a market."""
    live, aux = view.words.live, view.words.aux
    rows: list[tuple[str, str | Text]] = []
    if view.sample and view.folded:
        estimates, decision = view.folded.estimates, view.folded.decision
        rows.append(("sampled block", f"{view.sample.snapshot.block.number} (window {view.sample.window})"))
        rows.append(("price", "-" if view.price is None else f"{view.price:,.0f} USDC"))
        rows.append(("sigma, a year", _percent(estimates.sigma_wad)))
        rows.append(("depth at 1 / 2 / 5 %", " / ".join(_amount(value) for value in view.depth)))
        target = decision.targets.haircut_bps if decision.targets else None
        rows.append(("haircut asked", "no value" if target is None else f"{target / 100:.2f} %  ({decision.due})"))
        if estimates.waterfall:
            rows += [(f"  {name.replace('_', ' ')}", f"{bps / 100:.2f}") for name, bps in estimates.waterfall.bars]
            rows.append(("  buffer", f"{view.settings.model.buffer_bps / 100:.2f}"))
        rows += [("missing", line) for line in estimates.missing]
    rows.append(("live haircut", Text(f"{live.haircut_bps / 100:.2f} %", style="bold")))
    rows.append(("staged", f"{aux.staged_bps / 100:.2f} %" if aux.staged_bps else "-"))
    rows.append(("pending", f"{aux.pending_bps / 100:.2f} %" if aux.pending_time else "-"))
    rows.append(("regime", REGIMES[live.regime]))
    return rows


def describe(row: ChainEvent) -> str:
    """One event in words; empty when it is none of a market's updates."""
    event, where = row.event, f"(block {row.block}, {row.tx_hash[:10]})"
    if isinstance(event, ReportApplied):
        extra = f", staged {event.aux.staged_bps / 100:.2f}" if event.aux.staged_bps else ""
        extra += f", pending {event.aux.pending_bps / 100:.2f}" if event.aux.pending_time else ""
        return f"report {event.sequence}: live {event.live.haircut_bps / 100:.2f} %{extra} {where}"
    if isinstance(event, StageAdvanced):
        return f"stage advanced: live {event.live.haircut_bps / 100:.2f} % {where}"
    if isinstance(event, PendingActivated):
        return f"pending activated: live {event.live.haircut_bps / 100:.2f} % {where}"
    if isinstance(event, ReportRefused):
        return f"report refused: {event.reason.name} {where}"
    return ""


def plain_line(moment: Moment) -> str:
    """One step on one line."""
    parts = [f"{moment.step.index + 1:3} {moment.step.phase:<10} block {moment.step.head}"]
    for view in moment.views:
        sigma = view.folded.estimates.sigma_wad if view.folded else None
        price = "-" if view.price is None else f"{view.price:,.0f}"
        parts.append(
            f"{view.settings.name} {price} sigma {_percent(sigma)} depth {_amount(view.depth[1])} "
            f"live {view.words.live.haircut_bps / 100:.2f} %"
        )
    return " | ".join(parts)


def summary(moments: Sequence[Moment]) -> RenderableType:
    """The haircut's path against price and depth: one row a phase, and a line of bars a market."""
    table = Table(title="What happened (end of each phase)")
    for name in ("phase", "market", "price", "depth at 2 %", "sigma", "asked", "live"):
        table.add_column(name, justify="left" if name in ("phase", "market") else "right")
    ends = [a for a, b in zip(moments, [*moments[1:], None], strict=True) if b is None or a.step.phase != b.step.phase]
    for moment in ends:
        for view in moment.views:
            decision = view.folded.decision if view.folded else None
            asked = decision.targets.haircut_bps / 100 if decision and decision.targets else None
            table.add_row(
                moment.step.phase,
                view.settings.name,
                "-" if view.price is None else f"{view.price:,.0f}",
                _amount(view.depth[1]),
                _percent(view.folded.estimates.sigma_wad if view.folded else None),
                "-" if asked is None else f"{asked:.2f} %",
                f"{view.words.live.haircut_bps / 100:.2f} %",
            )
    lines = []
    for index, view in enumerate(moments[0].views):
        rows = [moment.views[index] for moment in moments]
        lines.append(f"{view.settings.name:<10}price        {spark([row.price for row in rows])}")
        lines.append(f"{'':<10}depth at 2 % {spark([row.depth[1] for row in rows])}")
        lines.append(f"{'':<10}live haircut {spark([row.words.live.haircut_bps for row in rows])}")
    return Group(table, Text("\n".join(lines), no_wrap=True, overflow="ignore"))


def verdict_lines(verdicts: Sequence[Verdict]) -> RenderableType:
    """Every question with its answer."""
    text = Text()
    for row in verdicts:
        text.append("  ok    " if row.ok else "  FAIL  ", style="green" if row.ok else "bold red")
        text.append(f"{row.question}: {row.answer}\n")
    return text


def spark(values: Sequence[float | None]) -> str:
    """Values as a line of bars; a blank where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1
    return "".join(" " if v is None else BARS[round((v - low) / span * (len(BARS) - 1))] for v in values)


def _percent(wad: int | None) -> str:
    return "-" if wad is None else f"{wad * 100 / WAD:,.0f} %"


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
