"""What a keeper would have decided at every window of the past, from the chain alone, whether or not it reported then.

``replay`` answers whether a report is right; this tells the story in between: which windows tightened, waited or had no
value, and that each report on chain is the step that the story has at its window.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keeper.errors import ConfigError
from keeper.published import History, Published
from keeper.records.core import decode_core
from keeper.records.decision import Folded
from keeper.records.snapshot import MarketSnapshot
from keeper.replay import Replay, Verdict
from keeper.risk.windows import last_ended, window_of


@dataclass(frozen=True, slots=True)
class Step:
    """One window."""

    window: int
    snapshot: MarketSnapshot
    folded: Folded
    verdict: Verdict | None
    """Of the routine report that rests on the window; None where there is none."""


def window_range(history: History, market: bytes, from_block: int | None, to_block: int | None) -> range:
    """Windows of a stretch of blocks; from the listing to the last that has ended where nothing is said.

    Raises
    ------
    ConfigError
        The stretch is empty or lies outside the market's life.
    """
    cadence = history.cadence
    newest = last_ended(history.up_to, cadence)
    last = newest if to_block is None else window_of(to_block, cadence)
    earliest = history.first_window(market, history.up_to)
    first = earliest if from_block is None else window_of(from_block, cadence)
    if not earliest <= first <= last <= newest:
        lived = f"blocks {(earliest - 1) * cadence + 1} to {newest * cadence}"
        raise ConfigError("--from and --to name no stretch of the market's life", f"choose within {lived}")
    return range(first, last + 1)


def replay_windows(replay: Replay, market: bytes, windows: range) -> Iterator[Step]:
    """Fold window after window, from the newest report before them; windows without the market are left out.

    As a keeper does, it goes on from the core that the chain accepted: a report that differs is named in its verdict.
    """
    history = replay.history
    reports = {window: row for row in history.reports if (window := _window(row, market, history.cadence)) is not None}
    before = max((window for window in reports if window < windows.start), default=None)
    core = reports[before].report.core if before is not None else b""
    first = before + 1 if before is not None else history.first_window(market, windows.stop * history.cadence)
    for window in range(first, windows.stop):
        done = replay.step(market, window, core)
        if done is None:
            continue
        snapshot, folded = done
        report = reports.get(window)
        core = report.report.core if report else folded.decision.core_after
        if window >= windows.start:
            yield Step(window, snapshot, folded, replay.verify(report) if report else None)


def _window(row: Published, market: bytes, cadence: int) -> int | None:
    """The window whose sample a routine report rests on; None for another market's and for emergency reports."""
    if row.report.market != market:
        return None
    try:
        core = decode_core(row.report.core)
    except ValueError:
        return None
    window = window_of(row.batch.observed_block, cadence)
    return window if core is not None and core.window == window else None
