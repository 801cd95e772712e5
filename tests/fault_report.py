"""The fault matrix as a table: what struck, what happened, how soon it was over, and whether the test held."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

NUMBER = re.compile(r"test_([frs])(\d+)_", re.IGNORECASE)


def write_report(file: Path, ended: Sequence[pytest.TestReport]) -> None:
    """One row a test of tests/faults that says what happened; a failed one without a word gets a row too."""
    rows = [row for report in ended if "faults/" in report.nodeid for row in _rows(report)]
    rows.sort(key=lambda row: (row[0][0], int(re.sub(r"\D", "", row[0]) or 0), row[1]))
    head = ["| fault | test | what happened | recovery, blocks | verdict |", "|---|---|---|---|---|"]
    lines = [*head, *(f"| {' | '.join(row)} |" for row in rows)]
    good = sum(row[-1] == "held" for row in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*lines, "", f"{good} held, {len(rows) - good} did not.", ""]), "utf-8")


def _rows(report: pytest.TestReport) -> list[tuple[str, ...]]:
    name = report.nodeid.rpartition("::")[2]
    verdict = "held" if report.outcome == "passed" else "**did not hold**"
    said = [value for key, value in report.user_properties if key == "fault" and isinstance(value, dict)]
    rows = []
    for row in said:
        blocks = "" if row["recovery_blocks"] is None else str(row["recovery_blocks"])
        rows.append((str(row["fault"]), name, str(row["happened"]), blocks, verdict))
    found = NUMBER.search(name)
    if not said and found and report.outcome != "passed":
        rows.append((found.group(1).upper() + found.group(2), name, "see the test's own output", "", verdict))
    return rows
