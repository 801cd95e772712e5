"""The story between the reports: from the newest report before a stretch, window by window, whatever was reported."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from determinism_walk import quiet_pool
from factories import MID_TICK, make_block, make_settings, make_snapshot, market_settings, pair_reading, pool_reading
from test_published import CADENCE, FIRST, MARKET, Chain, core_at, listed, published, settings_set

from keeper.errors import ConfigError
from keeper.fold import fold_sample
from keeper.published import History, Published
from keeper.records.decision import Folded
from keeper.records.snapshot import MarketSnapshot
from keeper.replay import Verdict
from keeper.replay_windows import Step, replay_windows, window_range

SETTINGS, CHOSEN = make_settings(), market_settings()
LISTED = 2
UP_TO = 40 * CADENCE


@dataclass
class Folder:
    """Folds quiet samples in memory, as ``Replay`` does with those of a chain."""

    history: History
    unlisted: tuple[int, ...] = ()
    cores: dict[int, bytes] = field(default_factory=dict)

    def step(self, market: bytes, window: int, core: bytes) -> tuple[MarketSnapshot, Folded] | None:
        self.cores[window] = core
        if window in self.unlisted:
            return None
        block = make_block(CADENCE * window)
        state = quiet_pool(block, MID_TICK, MID_TICK * CADENCE * 12 * window)
        snapshot = make_snapshot(block, pools=(pool_reading(state), pair_reading()))
        assert snapshot.market == market
        return snapshot, fold_sample(core, snapshot, window, (), CHOSEN, SETTINGS)

    def verify(self, row: Published) -> Verdict:
        return Verdict(row.report.market, row.sequence, row.batch.observed_block, True, "", 1)


def folder(*reports: tuple[int, int, bytes], unlisted: tuple[int, ...] = ()) -> Folder:
    """(sequence, observed block, core) of every report."""
    rows = [log for sequence, block, core in reports for log in published(block + 5, block, sequence, core)]
    history = Chain([settings_set(1, 1, FIRST), listed(LISTED), *rows]).history()
    return Folder(replace(history, up_to=UP_TO), unlisted)


def walked(source: Folder, first: int | None = None, last: int | None = None) -> list[Step]:
    windows = window_range(source.history, MARKET, first, last)
    return list(replay_windows(source, MARKET, windows))  # type: ignore[arg-type]


def test_a_whole_history_has_every_window_from_the_listing_on() -> None:
    source = folder()
    rows = walked(source)
    assert [row.window for row in rows] == list(range(2, 41))
    assert source.cores[2] == b""
    for before, row in pairwise(rows):
        assert source.cores[row.window] == before.folded.decision.core_after
    assert {row.verdict for row in rows} == {None}


def test_a_stretch_is_a_part_of_the_whole() -> None:
    whole = {row.window: row for row in walked(folder())}
    part = walked(folder(), 10 * CADENCE, 12 * CADENCE)
    assert [row.window for row in part] == [10, 11, 12]
    assert [whole[row.window] for row in part] == part


def test_it_goes_on_from_the_core_that_the_chain_accepted() -> None:
    core = core_at(10 * CADENCE)
    source = folder((1, 10 * CADENCE, core))
    rows = walked(source, 12 * CADENCE, 12 * CADENCE)
    assert [row.window for row in rows] == [12]
    assert min(source.cores) == 11
    assert source.cores[11] == core
    inside = {row.window: row.verdict for row in walked(folder((1, 10 * CADENCE, core)), 9 * CADENCE, 12 * CADENCE)}
    assert {window: verdict and verdict.sequence for window, verdict in inside.items()} == {
        9: None,
        10: 1,
        11: None,
        12: None,
    }


@pytest.mark.parametrize("core", [b"", b"\x01", core_at(11 * CADENCE)])
def test_an_emergency_report_or_a_foreign_core_is_no_step(core: bytes) -> None:
    source = folder((1, 10 * CADENCE, core))
    assert all(row.verdict is None for row in walked(source))
    assert min(source.cores) == 2


def test_windows_that_do_not_show_the_market_are_left_out_and_lose_no_state() -> None:
    source = folder(unlisted=(5, 6))
    assert [row.window for row in walked(source)] == [2, 3, 4, *range(7, 41)]
    assert source.cores[5] == source.cores[6] == source.cores[7] != b""


@pytest.mark.parametrize(("first", "last"), [(0, None), (None, UP_TO + 1), (30 * CADENCE, 20 * CADENCE)])
def test_a_stretch_outside_the_market_s_life_is_one_line(first: int | None, last: int | None) -> None:
    with pytest.raises(ConfigError, match="no stretch of the market's life") as refused:
        window_range(folder().history, MARKET, first, last)
    assert refused.value.hint == f"choose within blocks {CADENCE + 1} to {UP_TO}"
