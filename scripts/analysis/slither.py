"""Slither over contracts/src: no finding of high or medium impact that was not reviewed.

Reviewed findings are in contracts/slither.triage.json, each with its reason. A finding is known by detector, file,
function and expression, so it must be reviewed anew when the expression changes, and not when lines move. An entry that
no longer matches is an error too: the list says what holds today.
"""

import argparse
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from analysis.workspace import CONTRACTS, REPORTS, AnalysisError, call, last_words, tool, workspace

TRIAGE = CONTRACTS / "slither.triage.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a detector."""

    impact: str
    """High, Medium, Low, Informational or Optimization."""
    check: str
    """The detector."""
    where: str
    """file:Contract.function"""
    what: str
    """Expressions or names it points at."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What a reviewed finding is recognised by."""
        return (self.check, self.where, self.what)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show-low", action="store_true", help="print the findings of low impact as well")


def run(options: argparse.Namespace) -> int:
    """0 when nothing high or medium is unreviewed."""
    analysed, findings = analyse()
    reviewed = read_triage()
    grave = [finding for finding in findings if finding.impact in {"High", "Medium"}]
    unreviewed = [finding for finding in grave if finding.key not in reviewed]
    stale = set(reviewed) - {finding.key for finding in grave}
    shown = list(unreviewed)
    if options.show_low:
        shown += [finding for finding in findings if finding.impact == "Low"]
    for finding in shown:
        print(f"  {finding.impact}: {finding.check} at {finding.where}: {finding.what}")
    for key in sorted(stale):
        print(f"  {TRIAGE.name} has an entry that matches nothing: {' | '.join(key)}")
    counts = Counter(finding.impact for finding in findings)
    open_ = Counter(finding.impact for finding in unreviewed)
    print(
        f"slither: {analysed} contracts, {counts['High']} high of which {open_['High']} unreviewed, "
        f"{counts['Medium']} medium of which {open_['Medium']} unreviewed, {counts['Low']} low"
    )
    return 1 if unreviewed or stale else 0


def analyse() -> tuple[int, list[Finding]]:
    """Number of contracts looked at, and what was found in contracts/src."""
    with workspace() as project:
        REPORTS.mkdir(exist_ok=True)
        report = REPORTS / "slither.json"
        report.unlink(missing_ok=True)
        answer = call([tool(".venv-slither", "slither"), ".", "--json", str(report)], project)
    counted = re.search(r"analyzed \((\d+) contracts? with", answer.stdout + answer.stderr)
    if not counted or int(counted[1]) == 0 or not report.is_file():
        raise AnalysisError(f"no contract was analysed:\n{last_words(answer)}")
    results = json.loads(report.read_text())
    if not results["success"]:
        raise AnalysisError(f"slither failed: {results['error']}")
    return int(counted[1]), [_finding(row) for row in results["results"].get("detectors", [])]


def read_triage() -> dict[tuple[str, str, str], str]:
    """Reason of each reviewed finding."""
    rows = json.loads(TRIAGE.read_text())
    reviewed = {(row["check"], row["where"], row["what"]): row["reason"] for row in rows}
    missing = [key for key, reason in reviewed.items() if not reason.strip()]
    if missing:
        raise AnalysisError(f"{TRIAGE.name}: no reason for {missing[0]}")
    return reviewed


def _finding(row: dict[str, Any]) -> Finding:
    elements = row["elements"]
    first = elements[0]
    names = [first["name"]] if first["type"] in {"function", "contract"} else []
    parent = first.get("type_specific_fields", {}).get("parent")
    while parent:
        if parent["type"] in {"function", "contract"}:
            names.insert(0, parent["name"])
        parent = parent.get("type_specific_fields", {}).get("parent")
    what = "; ".join(" ".join(part["name"].split()) for part in elements if part["type"] in {"node", "variable"})
    where = f"{first['source_mapping']['filename_relative']}:{'.'.join(names)}"
    return Finding(row["impact"], row["check"], where, what or first["name"])
