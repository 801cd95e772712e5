"""How much a haircut moves: what borrowers feel, whatever the coverage."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from keeper.backtest.records import Series, Span

DAY_SECONDS = 86_400
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Procyclicality:
    """One haircut on one span, bps and days."""

    name: str
    series: str
    span: str
    peak_to_trough_bps: int | None
    """Largest difference between two haircuts at most a year apart."""
    rise_1d_bps: int | None
    rise_5d_bps: int | None
    rise_30d_bps: int | None
    days: int
    days_at_cap: int
    days_with_a_move: int


def procyclicality(series: Series, span: Span, interval_seconds: int, cap_bps: int) -> Procyclicality:
    """Measure the moves of a haircut; readings without one are left out."""
    rows = [value or None for value in series.bps[span.start : span.end]]

    def days(count: int) -> int:
        return max(1, count * DAY_SECONDS // interval_seconds)

    moved, capped, seen = set(), set(), set()
    before = None
    for at, value in enumerate(rows):
        if value is None:
            continue
        day = at * interval_seconds // DAY_SECONDS
        seen.add(day)
        if value >= cap_bps:
            capped.add(day)
        if before is not None and value != before:
            moved.add(day)
        before = value
    return Procyclicality(
        series.name,
        series.kind,
        span.name,
        largest_gap(rows, days(YEAR_DAYS)),
        largest_rise(rows, days(1)),
        largest_rise(rows, days(5)),
        largest_rise(rows, days(30)),
        len(seen),
        len(capped),
        len(moved),
    )


def largest_rise(values: Sequence[int | None], width: int) -> int | None:
    """Largest rise from any value to one at most ``width`` places later; None without values."""
    return _largest(values, width, 1)


def largest_gap(values: Sequence[int | None], width: int) -> int | None:
    """Largest difference, up or down, between two values at most ``width`` places apart; None without values."""
    gaps = [gap for sign in (1, -1) if (gap := _largest(values, width, sign)) is not None]
    return max(gaps) if gaps else None


def _largest(values: Sequence[int | None], width: int, sign: int) -> int | None:
    """``max(sign (later - earlier))`` by a queue of falling candidates: every value enters and leaves once."""
    lowest: deque[tuple[int, int]] = deque()
    best = None
    for at, raw in enumerate(values):
        if raw is None:
            continue
        value = sign * raw
        while lowest and lowest[0][0] < at - width:
            lowest.popleft()
        while lowest and lowest[-1][1] >= value:
            lowest.pop()
        lowest.append((at, value))
        best = max(best or 0, value - lowest[0][1])
    return best
