"""Halmos over contracts/test/halmos: every check_ proved for all inputs, none refuted, none timed out, at least one.

Prints one line a property with its paths and seconds. Loops are unrolled LOOP times; the properties have none longer.
"""

import argparse
import json
from typing import Any

from analysis.workspace import CONTRACTS, REPORTS, AnalysisError, call, last_words, tool, workspace

LOOP = 4
# Halmos answers 0 for a proof; its own numbers for the rest.
_VERDICTS = {0: "proved", 1: "REFUTED", 2: "TIMEOUT", 3: "STUCK", 4: "EVERY PATH REVERTS", 5: "EXCEPTION"}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--match", default="", help="only properties whose name matches this regular expression")
    parser.add_argument("--timeout", default="300s", help="for the solver, a property's assertion (default 300s)")


def run(options: argparse.Namespace) -> int:
    """0 when every property is proved."""
    written = _count_properties()
    REPORTS.mkdir(exist_ok=True)
    report = REPORTS / "halmos.json"
    report.unlink(missing_ok=True)
    with workspace("halmos/**/*.sol") as project:
        command = [tool(".venv-halmos", "halmos"), "--loop", str(LOOP), "--json-output", str(report), "--no-status"]
        command += ["--solver", "yices", "--solver-threads", "2", "--solver-timeout-assertion", options.timeout]
        if options.match:
            command += ["--match-test", f"^check_.*({options.match})"]
        answer = call(command, project)
    if not report.is_file():
        raise AnalysisError(f"halmos proved nothing:\n{last_words(answer)}")
    rows = [row for contract in json.loads(report.read_text())["test_results"].values() for row in contract]
    for row in sorted(rows, key=lambda row: row["name"]):
        _print_row(row)
    proved = sum(1 for row in rows if row["exitcode"] == 0)
    expected = len(rows) if options.match else written
    print(f"halmos: {proved} of {expected} properties proved")
    if proved < expected:
        print(last_words(answer, 40))
    return 0 if rows and proved == expected else 1


def _count_properties() -> int:
    texts = [path.read_text() for path in (CONTRACTS / "test" / "halmos").rglob("*.sol")]
    return sum(text.count("function check_") for text in texts)


def _print_row(row: dict[str, Any]) -> None:
    verdict = _VERDICTS.get(row["exitcode"], f"code {row['exitcode']}")
    paths = (row.get("num_paths") or [0])[0]
    seconds = (row.get("time") or [0.0])[0]
    print(f"  {verdict:10} {row['name'].split('(')[0]} ({paths} paths, {seconds:.1f} s)")
