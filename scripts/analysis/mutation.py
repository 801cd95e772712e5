"""Mutation score of the forge tests: of a sample of small changes to contracts/src at least 90 % must make a test fail.

Not slither-mutate: it knows neither sample nor seed, and takes its mutants one after the other through a full build
with the compiler from npm. Here mutants are drawn by a seed, so that a run can be repeated, compiled without the
optimizer in two copies of the project side by side, and stopped at the first failing test. A mutant that does not
compile does not count. Survivors go to contracts/cache/mutation.json.
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from analysis.mutants import Mutant, mutants_of
from analysis.workspace import (
    CONTRACTS,
    REPORTS,
    STACK_TOO_DEEP,
    AnalysisError,
    call,
    copy_project,
    drop_unused_readers,
    forge,
    last_words,
)

MIN_SCORE = 90.0
MIN_MUTANTS = 30
"""Fewer judge nothing."""
TIMEOUT_SECONDS = 300.0
"""A mutant that takes longer loops; the tests noticed."""
TARGETS = ("libraries", "types", "*.sol")
"""Below contracts/src; interfaces have no code, readers are tested from Python."""
_RUNS = {"FOUNDRY_FUZZ_RUNS": "64", "FOUNDRY_INVARIANT_RUNS": "8", "FOUNDRY_INVARIANT_DEPTH": "60"}


@dataclass(frozen=True, slots=True)
class Setup:
    """How the tests of a mutant are run."""

    settings: dict[str, str]
    """Forge's settings by environment."""
    skip: str
    """Test contracts that are left out, as a regular expression."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", type=int, default=150, help="mutants to draw (default 150); 0 = all")
    parser.add_argument("--seed", type=int, default=20, help="of the draw (default 20)")
    parser.add_argument("--minutes", type=float, default=40.0, help="start no mutant after this (default 40)")
    parser.add_argument("--match", default="", help="only files whose path contains this")
    parser.add_argument("--list", action="store_true", help="print the sample and stop")
    parser.add_argument("--skip-tests", default="^(Gas|Invariants).*", help="test contracts to leave out")


def run(options: argparse.Namespace) -> int:
    """0 when the score is reached."""
    texts = sources(options.match)
    sample, total = draw(texts, options.sample, options.seed)
    print(f"  {len(sample)} of {total} mutants in {len(texts)} files, seed {options.seed}", flush=True)
    if options.list:
        for mutant in sample:
            print(f"  {mutant.describe(texts[mutant.path])}")
        return 0
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="bulkhead-mutation-") as folder:
        verdicts = _judge_all(sample, texts, Path(folder), options.skip_tests, deadline)
    return _conclude(sample, texts, verdicts, options.seed)


def sources(match: str) -> dict[str, str]:
    """Texts of the files to change, by path below contracts."""
    folder = CONTRACTS / "src"
    paths = [path for name in TARGETS for path in folder.glob(name if "*" in name else f"{name}/*.sol")]
    relative = {str(path.relative_to(CONTRACTS)): path.read_text() for path in sorted(paths)}
    chosen = {path: text for path, text in relative.items() if match in path}
    if not chosen:
        raise AnalysisError(f"no source file has {match!r} in its path")
    return chosen


def draw(texts: dict[str, str], sample: int, seed: int) -> tuple[list[Mutant], int]:
    """The sample, and how many mutants there are at all."""
    everything = [mutant for path, text in sorted(texts.items()) for mutant in mutants_of(path, text)]
    shuffled = random.Random(seed).sample(everything, len(everything))  # noqa: S311 -- repeatable, not secret
    return (shuffled[:sample] if sample else shuffled), len(everything)


def _judge_all(
    sample: list[Mutant], texts: dict[str, str], folder: Path, skip: str, deadline: float
) -> dict[Mutant, str]:
    """Verdict of each mutant that was begun before the deadline; two at a time."""
    projects: SimpleQueue[Path] = SimpleQueue()
    copies = [_prepare(folder / name) for name in ("a", "b")]
    for project in copies:
        projects.put(project)
    setup = _baseline(copies[0], skip)

    def judge(mutant: Mutant) -> str:
        if time.monotonic() > deadline:
            return "not begun"
        project = projects.get()
        try:
            verdict = _verdict(mutant, texts[mutant.path], project, setup)
        finally:
            projects.put(project)
        if verdict == "survived":
            print(f"  survived: {mutant.describe(texts[mutant.path])}", flush=True)
        return verdict

    with ThreadPoolExecutor(2) as pool:
        verdicts = dict(zip(sample, pool.map(judge, sample), strict=True))
    return {mutant: verdict for mutant, verdict in verdicts.items() if verdict != "not begun"}


def _prepare(folder: Path) -> Path:
    project = copy_project(folder, "*.sol")
    drop_unused_readers(project)
    return project


def _baseline(project: Path, skip: str) -> Setup:
    """Unchanged code must pass; unoptimised compiles fastest, but not everything fits the stack that way."""
    for optimizer in ("false", "true"):
        setup = Setup({**_RUNS, "FOUNDRY_OPTIMIZER": optimizer, "FOUNDRY_OPTIMIZER_RUNS": "1"}, skip)
        answer = call(_command(setup), project, setup.settings)
        if answer.returncode == 0 and " 0 tests passed" not in answer.stdout:
            return setup
        if STACK_TOO_DEEP not in answer.stdout + answer.stderr:
            break
    raise AnalysisError(f"the tests of the unchanged code fail:\n{last_words(answer)}")


def _command(setup: Setup) -> list[str]:
    command = [str(forge()), "test", "--fail-fast", "--threads", "1"]
    return [*command, "--no-match-contract", setup.skip] if setup.skip else command


def _verdict(mutant: Mutant, text: str, project: Path, setup: Setup) -> str:
    """killed, survived, timeout (counts as killed) or stillborn (does not compile)."""
    path = project / mutant.path
    path.write_text(mutant.applied(text))
    try:
        answer = call(_command(setup), project, setup.settings, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        path.write_text(text)
    if answer.returncode == 0:
        return "survived"
    if "Compiler run failed" in answer.stdout + answer.stderr:
        return "stillborn"
    if "tests passed" not in answer.stdout:
        raise AnalysisError(f"forge failed on {mutant.describe(text)}:\n{last_words(answer)}")
    return "killed"


def _conclude(sample: list[Mutant], texts: dict[str, str], verdicts: dict[Mutant, str], seed: int) -> int:
    counts = Counter(verdicts.values())
    killed, survived = counts["killed"] + counts["timeout"], counts["survived"]
    judged = killed + survived
    score = 100.0 * killed / judged if judged else 0.0
    survivors = [mutant.describe(texts[mutant.path]) for mutant, verdict in verdicts.items() if verdict == "survived"]
    REPORTS.mkdir(exist_ok=True)
    summary = {"seed": seed, "score_percent": round(score, 2), "verdicts": dict(counts), "survivors": survivors}
    (REPORTS / "mutation.json").write_text(json.dumps(summary, indent=2) + "\n")
    if len(verdicts) < len(sample):
        print(f"  the time was up after {len(verdicts)} of {len(sample)} mutants")
    print(
        f"mutation: {score:.1f} % of {judged} caught (at least {MIN_SCORE:.0f}), {survived} survived, "
        f"{counts['timeout']} timed out, {counts['stillborn']} did not compile"
    )
    return 0 if score >= MIN_SCORE and judged >= MIN_MUTANTS else 1
