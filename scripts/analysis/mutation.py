"""Mutation score of the forge tests: of a sample of small changes to contracts/src at least 90 % must make a test fail.

Not slither-mutate: it knows neither sample nor seed, and takes its mutants one after the other through a full build
with the compiler from npm. Here mutants are drawn by a seed, so that a run can be repeated, compiled all at once
(schemata.py), and judged two at a time: first by the quick tests, and only when those pass by all. A mutant that does
not compile does not count. One that no test can tell from the code, because it does the same, is reviewed: it stands
in contracts/mutation.triage.json with the reason, does not count, and is an error when a test kills it after all.
Survivors go to contracts/cache/mutation.json.
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from analysis import schemata
from analysis.mutants import Mutant, mutants_of
from analysis.workspace import (
    CONTRACTS,
    REPORTS,
    AnalysisError,
    call,
    copy_project,
    drop_ir,
    drop_unused_readers,
    forge,
    last_words,
)

MIN_SCORE = 90.0
MIN_MUTANTS = 30
"""Fewer judge nothing."""
TIMEOUT_SECONDS = 600.0
"""A mutant that takes longer loops; the tests noticed."""
TRIAGE = CONTRACTS / "mutation.triage.json"
_PLAIN = {"FOUNDRY_OPTIMIZER": "false", "FOUNDRY_OPTIMIZER_RUNS": "1"}
_RUNS = {"FOUNDRY_FUZZ_RUNS": "32", "FOUNDRY_INVARIANT_RUNS": "8", "FOUNDRY_INVARIANT_DEPTH": "60"}
_ONE_RUN = {"FOUNDRY_FUZZ_RUNS": "1"}
_OWN_RUNS = re.compile(r"^ */// forge-config: default\.fuzz\.runs = .*\n", re.MULTILINE)
"""A test's own number of runs, which would win over ours."""
_SLOW = "^(History|Invariants|LiquidationBudget)"
_OTHERS = f"{_SLOW}|^Gas"
"""Without those of gas: they bound what optimised code needs."""
_STAGES = (
    (("--no-match-contract", _OTHERS), _ONE_RUN),
    (("--no-match-contract", _OTHERS), _RUNS),
    (("--match-contract", _SLOW), _RUNS),
)
"""A mutant that passes one meets the next; most fall in the first."""
_FAILED = re.compile(r"failing tests? in [\w./]+:(\w+)")
_FIRST_TESTS = 4

Key = tuple[str, str, str]
"""File, lines before, lines after: by these a reviewed mutant is recognised."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Mutants of the sample, compiled."""

    mutants: dict[int, Mutant]
    """By the number that wakes them."""
    stillborn: set[int]
    projects: SimpleQueue[Path]
    """Copies that nobody works in."""
    killers: defaultdict[str, Counter[str]]
    """By file, how many of its mutants each test contract has killed so far; the best of them go first."""


@dataclass(slots=True)
class Tally:
    """Verdicts by mutant: killed, timeout (the tests noticed), survived, reviewed, misjudged, stillborn."""

    verdicts: dict[Mutant, str] = field(default_factory=dict)

    def count(self, path: str, *verdicts: str) -> int:
        """How many mutants of a file (of all, where the path is empty) got one of these verdicts."""
        return sum(1 for mutant, verdict in self.verdicts.items() if verdict in verdicts and path in {"", mutant.path})


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", type=int, default=150, help="mutants to draw (default 150); 0 = all")
    parser.add_argument("--seed", type=int, default=20, help="of the draw (default 20)")
    parser.add_argument("--minutes", type=float, default=30.0, help="start no mutant after this (default 30)")
    parser.add_argument("--match", default="", help="only files whose path contains this")
    parser.add_argument("--list", action="store_true", help="print the sample and stop")


def run(options: argparse.Namespace) -> int:
    """0 when the score is reached and every reviewed mutant still exists and still survives."""
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="bulkhead-mutation-") as folder:
        project = copy_project(Path(folder) / "a", "*.sol", "handlers/*.sol", "consumers/*.sol")
        drop_unused_readers(project)
        drop_ir(project)
        for test in (project / "test").rglob("*.sol"):
            test.write_text(_OWN_RUNS.sub("", test.read_text()))
        texts = sources(project, options.match)
        everything = [mutant for path, text in sorted(texts.items()) for mutant in mutants_of(path, text)]
        sample = draw(everything, options.sample, options.seed)
        reviewed = read_triage()
        print(f"  {len(sample)} of {len(everything)} mutants in {len(texts)} files, seed {options.seed}", flush=True)
        if options.list:
            for mutant in sample:
                print(f"  {mutant.describe(texts[mutant.path])}")
            return 0
        bench = _build(project, Path(folder) / "b" / "contracts", texts, sample)
        tally = _judge_all(bench, texts, reviewed, deadline)
    stale = [] if options.match else sorted(set(reviewed) - {_key(mutant, texts) for mutant in everything})
    for path, before, _ in stale:
        print(f"  {TRIAGE.name} has an entry that matches nothing: {path}: {before}")
    return 1 if _conclude(sample, texts, tally, options.seed) or stale else 0


def sources(project: Path, match: str) -> dict[str, str]:
    """Texts of the files to change, by path below contracts. Interfaces have no code."""
    paths = sorted((project / "src").rglob("*.sol"))
    relative = {str(path.relative_to(project)): path.read_text() for path in paths if path.parent.name != "interfaces"}
    chosen = {path: text for path, text in relative.items() if match in path}
    if not chosen:
        raise AnalysisError(f"no source file has {match!r} in its path")
    return chosen


def draw(everything: list[Mutant], sample: int, seed: int) -> list[Mutant]:
    """The sample; all mutants, shuffled, for 0."""
    shuffled = random.Random(seed).sample(everything, len(everything))  # noqa: S311 -- repeatable, not secret
    return shuffled[:sample] if sample else shuffled


def read_triage() -> dict[Key, str]:
    """Reason of each reviewed mutant."""
    rows = json.loads(TRIAGE.read_text())
    reviewed = {(row["path"], row["before"], row["after"]): row["reason"] for row in rows}
    missing = [key for key, reason in reviewed.items() if not reason.strip()]
    if missing:
        raise AnalysisError(f"{TRIAGE.name}: no reason for {missing[0]}")
    return reviewed


def _key(mutant: Mutant, texts: dict[str, str]) -> Key:
    return (mutant.path, *mutant.lines(texts[mutant.path]))


def _build(project: Path, second: Path, texts: dict[str, str], sample: list[Mutant]) -> Bench:
    """Compile the sample, without those that do not compile, and see that the tests pass while all mutants sleep."""
    mutants = dict(enumerate(sample, 1))
    refused: set[int] = set()
    while True:
        living = {number: mutant for number, mutant in mutants.items() if number not in refused}
        lines = schemata.plant(project, texts, living)
        answer = call([str(forge()), "build"], project, _PLAIN)
        if answer.returncode == 0:
            break
        refused |= schemata.stillborn(answer.stdout + answer.stderr, lines)
    shutil.copytree(project, second, symlinks=True)
    for tests, runs in _STAGES[1:]:
        answer = _test(project, tests, runs, 0)
        if answer.returncode != 0 or "tests passed" not in answer.stdout or " 0 tests passed" in answer.stdout:
            raise AnalysisError(f"the tests of the unchanged code fail:\n{last_words(answer)}")
    projects: SimpleQueue[Path] = SimpleQueue()
    for copy in (project, second):
        projects.put(copy)
    return Bench(mutants, refused, projects, defaultdict(Counter))


def _judge_all(bench: Bench, texts: dict[str, str], reviewed: dict[Key, str], deadline: float) -> Tally:
    """Verdict of each mutant that was begun before the deadline; two at a time."""
    tally = Tally()

    def judge(number: int) -> None:
        if time.monotonic() > deadline:
            return
        mutant = bench.mutants[number]
        verdict = "stillborn" if number in bench.stillborn else _verdict(number, bench)
        if _key(mutant, texts) in reviewed:
            verdict = {"survived": "reviewed", "killed": "misjudged", "timeout": "misjudged"}.get(verdict, verdict)
        if verdict in {"survived", "misjudged"}:
            print(f"  {verdict}: {mutant.describe(texts[mutant.path])}", flush=True)
        tally.verdicts[mutant] = verdict
        if len(tally.verdicts) % 20 == 0:
            print(f"  {len(tally.verdicts)} of {len(bench.mutants)} judged", flush=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(judge, bench.mutants))
    return tally


def _verdict(number: int, bench: Bench) -> str:
    killers = bench.killers[bench.mutants[number].path]
    first = "|".join(name for name, _ in killers.most_common(_FIRST_TESTS))
    project = bench.projects.get()
    try:
        for tests, runs in (((("--match-contract", f"^({first})$"), _ONE_RUN),) if first else ()) + _STAGES:
            answer = _test(project, tests, runs, number)
            if answer.returncode != 0:
                break
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        bench.projects.put(project)
    if answer.returncode == 0:
        return "survived"
    if "tests passed" not in answer.stdout:
        raise AnalysisError(f"forge failed on mutant {number}:\n{last_words(answer)}")
    killers.update(name for name in _FAILED.findall(answer.stdout)[:1] if not re.match(_SLOW, name))
    return "killed"


def _test(project: Path, tests: tuple[str, str], runs: dict[str, str], number: int) -> subprocess.CompletedProcess[str]:
    # A counterexample that forge kept from the mutant before would be tried first: every mutant starts alike.
    for kept in ("fuzz", "invariant"):
        shutil.rmtree(project / "cache" / kept, ignore_errors=True)
    command = [str(forge()), "test", "--fail-fast", "--threads", "1", *tests]
    return call(command, project, {**_PLAIN, **runs, **schemata.settings_of(number)}, TIMEOUT_SECONDS)


def _conclude(sample: list[Mutant], texts: dict[str, str], tally: Tally, seed: int) -> int:
    for path in sorted({mutant.path for mutant in tally.verdicts}):
        caught, survived = tally.count(path, "killed", "timeout"), tally.count(path, "survived")
        equal = tally.count(path, "reviewed")
        print(f"  {path}: {caught} of {caught + survived} caught{f', {equal} do the same' if equal else ''}")
    caught, survived = tally.count("", "killed", "timeout"), tally.count("", "survived")
    score = 100.0 * caught / (caught + survived) if caught + survived else 0.0
    survivors = [mutant for mutant, verdict in tally.verdicts.items() if verdict == "survived"]
    _write_report(
        seed, score, tally, [(*_key(mutant, texts), mutant.describe(texts[mutant.path])) for mutant in survivors]
    )
    if len(tally.verdicts) < len(sample):
        print(f"  the time was up after {len(tally.verdicts)} of {len(sample)} mutants")
    misjudged = tally.count("", "misjudged")
    print(
        f"mutation: {score:.1f} % of {caught + survived} caught (at least {MIN_SCORE:.0f}), {survived} survived, "
        f"{tally.count('', 'timeout')} timed out, {tally.count('', 'reviewed')} do the same as the code, "
        f"{misjudged} of those it was wrong to say so, {tally.count('', 'stillborn')} did not compile"
    )
    return 0 if score >= MIN_SCORE and caught + survived >= MIN_MUTANTS and not misjudged else 1


def _write_report(seed: int, score: float, tally: Tally, survivors: list[tuple[str, str, str, str]]) -> None:
    REPORTS.mkdir(exist_ok=True)
    rows = [
        {"path": path, "before": before, "after": after, "what": what, "reason": ""}
        for path, before, after, what in survivors
    ]
    verdicts = dict(Counter(tally.verdicts.values()))
    summary = {"seed": seed, "score_percent": round(score, 2), "verdicts": verdicts, "survivors": rows}
    (REPORTS / "mutation.json").write_text(json.dumps(summary, indent=2) + "\n")
