"""Halmos over contracts/test/halmos: every check_ proved for all inputs, none refuted, none timed out, at least one.

Prints one line a property with its paths and seconds. With --reach every assertion becomes assert(false), and all must
be refuted: so no property holds only because nothing gets to its assertion.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from analysis.workspace import CONTRACTS, REPORTS, AnalysisError, call, last_words, tool, workspace

# Loops are unrolled so often: the packing of a limits word has 15 fields.
LOOP = 16
_ASSERTION = re.compile(r"\bassert\(.*?\);", re.DOTALL)
# Halmos answers 0 for a proof; its own numbers for the rest.
_VERDICTS = {0: "proved", 1: "REFUTED", 2: "TIMEOUT", 3: "STUCK", 4: "EVERY PATH REVERTS", 5: "EXCEPTION"}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--match", default="", help="only properties whose name matches this regular expression")
    parser.add_argument("--reach", action="store_true", help="show instead that every assertion is reached")
    parser.add_argument("--timeout", default="300s", help="for the solver, a property's assertion (default 300s)")


def run(options: argparse.Namespace) -> int:
    """0 when every property is proved, or with --reach refuted."""
    written = _count_properties()
    REPORTS.mkdir(exist_ok=True)
    report = REPORTS / "halmos.json"
    report.unlink(missing_ok=True)
    with workspace("halmos/**/*.sol") as project:
        if options.reach:
            _break_assertions(project)
        command = [tool(".venv-halmos", "python"), "-P", str(Path(__file__).with_name("halmos_terms.py"))]
        command += ["--loop", str(LOOP), "--json-output", str(report), "--no-status"]
        command += ["--solver", "yices", "--solver-threads", "2", "--solver-timeout-assertion", options.timeout]
        if options.match:
            command += ["--match-test", f"^check_.*({options.match})"]
        answer = call(command, project)
    if not report.is_file():
        raise AnalysisError(f"halmos proved nothing:\n{last_words(answer)}")
    rows = [row for contract in json.loads(report.read_text())["test_results"].values() for row in contract]
    for row in sorted(rows, key=lambda row: row["name"]):
        _print_row(row)
    wanted, verdict = (1, "refuted, so reached") if options.reach else (0, "proved")
    held = sum(1 for row in rows if row["exitcode"] == wanted)
    expected = len(rows) if options.match else written
    print(f"halmos: {held} of {expected} properties {verdict}")
    if held < expected:
        print(last_words(answer, 40))
    return 0 if rows and held == expected else 1


def _break_assertions(project: Path) -> None:
    for path in (project / "test" / "halmos").rglob("*.sol"):
        path.write_text(_ASSERTION.sub("assert(false);", path.read_text()))


def _count_properties() -> int:
    texts = [path.read_text() for path in (CONTRACTS / "test" / "halmos").rglob("*.sol")]
    return sum(text.count("function check_") for text in texts)


def _print_row(row: dict[str, Any]) -> None:
    verdict = _VERDICTS.get(row["exitcode"], f"code {row['exitcode']}")
    paths = (row.get("num_paths") or [0])[0]
    seconds = (row.get("time") or [0.0])[0]
    print(f"  {verdict:10} {row['name'].split('(')[0]} ({paths} paths, {seconds:.1f} s)")
