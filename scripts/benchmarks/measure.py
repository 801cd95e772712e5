"""How a figure is taken: repetitions side by side, medians, ratios, and what else the machine was doing."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


class BenchError(Exception):
    """The figures can't be taken; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result."""

    name: str
    ours: float
    peer: float | None
    """None where there is none."""
    unit: str
    aim: str = ""
    """What the figure should be, for people."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times ours the peer's is: above 1 ours is better."""
        return None if self.peer is None or not self.ours else self.peer / self.ours

    def document(self) -> dict[str, Any]:
        """As one entry of ``results``."""
        return asdict(self) | {"ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    repetitions: int = 5
    quick: bool = False
    """Few repetitions of small cases: shows that the harness works, not how quick anything is."""


def effort(*, quick: bool) -> Effort:
    """Usual effort, or as little as possible."""
    return Effort(2, quick=True) if quick else Effort()


def say(text: str) -> None:
    """Progress, on stderr."""
    print(f"  {text}", file=sys.stderr, flush=True)


def milliseconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def in_turn(repetitions: int, *runs: Callable[[], float]) -> tuple[float, ...]:
    """Medians of several ways, one after another in each round, so that a busy moment of the machine meets all."""
    rounds = [[run() for run in runs] for _ in range(repetitions)]
    return tuple(statistics.median(row) for row in zip(*rounds, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the runs does not pass, the upper neighbour."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    """Load and cores: beside them an absolute time means something."""
    return {"cores": os.cpu_count(), "load": [round(value, 2) for value in os.getloadavg()]}
