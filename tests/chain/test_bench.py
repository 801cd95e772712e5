"""The harness of the figures works; it says nothing here about how quick anything is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "scripts/bench.py"), "--quick", "--no-peers", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "part", ["reading", "quotes", "growth", "markets", "decision", "backtest", "devnet", "rebuild"]
)
def test_every_part_gives_figures_without_peers(part: str) -> None:
    done = run("--json", "--only", part)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["machine"]["before"]["load"]) == 3
    assert document["results"]
    for row in document["results"]:
        assert {"name", "ours", "peer", "ratio", "unit"} <= set(row)
        assert row["ours"] > 0
        assert (row["peer"] is None) == (row["ratio"] is None)


def test_people_get_a_table_and_progress_goes_to_stderr() -> None:
    done = run("--only", "growth")
    assert "build a curve" in done.stdout
    assert "load before" in done.stdout
    assert "== growth" in done.stderr
