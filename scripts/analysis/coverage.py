"""Coverage of contracts/src by the forge tests: lines >= 98 %, branches >= 95 %.

Left out: the readers that no Solidity test imports. They are no part of the deployment; they run as code overrides
inside eth_call, and tests/chain compares what they answer on Anvil with plain calls. Tests of gas are left out too: the
code that is measured is not optimised.
"""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path

from analysis.workspace import (
    REPORTS,
    STACK_TOO_DEEP,
    AnalysisError,
    call,
    drop_ir,
    drop_unused_readers,
    forge,
    last_words,
    workspace,
)

MIN_LINES = 98.0
MIN_BRANCHES = 95.0
_EXCLUDED = "(^|/)(test|devnet|node_modules)/"
# Lines are reached by any number of runs; the long ones belong to the tests' own step.
_RUNS = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "8", "FOUNDRY_INVARIANT_DEPTH": "100"}


@dataclass(slots=True)
class File:
    """Coverage of one source file."""

    lines: dict[int, int] = field(default_factory=dict)
    """Hits by line."""
    branches: dict[tuple[int, str], int] = field(default_factory=dict)
    """Hits by line and branch."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ir", action="store_true", help="compile through the IR from the start")


def run(options: argparse.Namespace) -> int:
    """0 when both bounds hold."""
    report = REPORTS / "lcov.info"
    with workspace("**/*.sol") as project:
        drop_unused_readers(project)
        drop_ir(project)
        measure(project, report, through_ir=options.ir)
    files = parse(report.read_text())
    if not files:
        raise AnalysisError("no source file was measured")
    for path, file in sorted(files.items()):
        _print_file(path, file)
    lines = [hits for file in files.values() for hits in file.lines.values()]
    branches = [hits for file in files.values() for hits in file.branches.values()]
    line_share, branch_share = _percent(lines), _percent(branches)
    print(
        f"coverage: lines {line_share:.2f} % of {len(lines)} (at least {MIN_LINES:.0f}), "
        f"branches {branch_share:.2f} % of {len(branches)} (at least {MIN_BRANCHES:.0f})"
    )
    return 0 if line_share >= MIN_LINES and branch_share >= MIN_BRANCHES else 1


def measure(project: Path, report: Path, *, through_ir: bool) -> None:
    """Run forge coverage; where unoptimised code does not fit the stack, through the IR."""
    command = [str(forge()), "coverage", "--report", "lcov", "--report-file", str(report)]
    command += ["--no-match-coverage", _EXCLUDED, "--no-match-contract", "^Gas"]
    REPORTS.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    answer = call([*command, *(["--ir-minimum"] if through_ir else [])], project, _RUNS)
    if answer.returncode != 0 and STACK_TOO_DEEP in answer.stdout + answer.stderr and not through_ir:
        print("  unoptimised code is too deep for the stack: compiling through the IR, its lines are less exact")
        answer = call([*command, "--ir-minimum"], project, _RUNS)
    if answer.returncode != 0 or not report.is_file():
        raise AnalysisError(f"forge coverage failed:\n{last_words(answer)}")


def parse(lcov: str) -> dict[str, File]:
    """Files of an lcov report that have any line."""
    files: dict[str, File] = {}
    current = File()
    for row in lcov.splitlines():
        kind, _, rest = row.partition(":")
        if kind == "SF":
            current = files.setdefault(rest, File())
        elif kind == "DA":
            line, hits = rest.split(",")[:2]
            current.lines[int(line)] = int(hits)
        elif kind == "BRDA":
            line, block, branch, taken = rest.split(",")
            current.branches[int(line), f"{block}.{branch}"] = 0 if taken == "-" else int(taken)
    return {path: file for path, file in files.items() if file.lines and not re.search(_EXCLUDED, path)}


def _print_file(path: str, file: File) -> None:
    lines = sorted(line for line, hits in file.lines.items() if hits == 0)
    branches = sorted({line for (line, _), hits in file.branches.items() if hits == 0})
    if lines:
        print(f"  {path}: lines never run: {', '.join(map(str, lines))}")
    if branches:
        print(f"  {path}: a branch never taken at line {', '.join(map(str, branches))}")


def _percent(hits: list[int]) -> float:
    return 100.0 * sum(1 for count in hits if count) / len(hits) if hits else 0.0
