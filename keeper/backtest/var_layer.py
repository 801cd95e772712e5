"""The VaR layer: does sigma, times a quantile, cover losses as often as promised, and do exceptions come alone?

Returns are taken over disjoint windows, so that the tests may be used at all. Which windows is arbitrary, and the
answer depends on it: every phase is tested and shown (models.md 11).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from keeper.backtest.records import History, Span
from keeper.records.units import WAD, YEAR_SECONDS

if TYPE_CHECKING:
    from keeper.calibration.backtests import Kupiec

LEVELS = (Fraction(95, 100), Fraction(99, 100))
ES_LEVEL = Fraction(975, 1000)
SIGNIFICANCE = 0.05
"""A phase passes with a p-value at or above it."""


@dataclass(frozen=True, slots=True)
class Multiplier:
    """By what sigma is multiplied for a level."""

    name: str
    level: Fraction
    value: float


@dataclass(frozen=True, slots=True)
class Phase:
    """One set of disjoint windows."""

    multiplier: str
    level: str
    span: str
    phase: int
    """Readings between the span's start and the first window."""
    n: int
    exceptions: int
    p_kupiec: float | None
    """Two-sided; None without observations."""
    p_binomial: float | None
    """Exact, two-sided."""
    p_independence: float | None
    p_coverage: float | None
    """Christoffersen: rate and independence together."""
    light: str

    @property
    def passes(self) -> tuple[bool, bool]:
        """(rate, rate and independence)."""
        return (
            self.p_kupiec is not None and self.p_kupiec >= SIGNIFICANCE,
            self.p_coverage is not None and self.p_coverage >= SIGNIFICANCE,
        )


def standardised(history: History, hours: float) -> list[float | None]:
    """Loss over the next window in units of sigma times the root of its length; None where a bar is missing in it."""
    rows, floor = history.readings, history.market.model.sigma_floor_wad
    span = history.slots(round(hours * 3600))
    root = math.sqrt(span * history.interval_seconds / YEAR_SECONDS)
    holes = _holes(history)
    answers: list[float | None] = []
    for at, row in enumerate(rows):
        later = rows[at + span] if at + span < len(rows) else None
        if later is None or row.sigma_wad is None or holes[at + span + 1] != holes[at]:
            answers.append(None)
            continue
        # Without a hole both closes are there.
        fall = math.log((row.close_wad or 1) / (later.close_wad or 1))
        answers.append(fall / (max(row.sigma_wad, floor) / WAD * root))
    return answers


def student_multipliers(nu: float) -> list[Multiplier]:
    """Quantiles of a unit-variance Student-t."""
    from keeper.calibration.answers import NoValue
    from keeper.calibration.student_t import student_tail

    rows = []
    for level in LEVELS:
        tail = student_tail(nu, level)
        if not isinstance(tail, NoValue):
            rows.append(Multiplier(f"Student-t, nu {nu:g}", level, tail.var_unit_variance))
    return rows


def chosen_multipliers(scores: Sequence[float | None], span: Span) -> list[Multiplier]:
    """Quantiles of the span's own standardised losses: the m-th worst, ``m = floor(n (1 - a)) + 1`` (models.md 3)."""
    seen = sorted((score for score in scores[span.start : span.end] if score is not None), reverse=True)
    if not seen:
        return []
    return [
        Multiplier(
            f"chosen on {span.name}", level, math.ceil(seen[min(len(seen) - 1, _rank(len(seen), level))] * 1e4) / 1e4
        )
        for level in LEVELS
    ]


def phases(
    scores: Sequence[float | None], spans: Sequence[Span], multipliers: Sequence[Multiplier], width: int
) -> list[Phase]:
    """Every test of every phase.

    Parameters
    ----------
    scores
        Standardised losses, one a reading.
    width
        Readings a window.
    """
    rows = []
    for multiplier in multipliers:
        for span in spans:
            for phase in range(width):
                # A window must end inside its span.
                starts = range(span.start + phase, span.end - width, width)
                hits = [score > multiplier.value for at in starts if (score := scores[at]) is not None]
                rows.append(_phase(multiplier, span, phase, hits))
    return rows


def expected_shortfall_score(scores: Sequence[float | None], span: Span, nu: float, width: int) -> list[float]:
    """Acerbi-Szekely's Z2 at 97.5 % of each phase under a Student-t; 0 expected, below 0 worse."""
    import numpy as np

    from keeper.calibration.answers import NoValue
    from keeper.calibration.backtests import acerbi_szekely
    from keeper.calibration.student_t import student_tail

    tail = student_tail(nu, ES_LEVEL)
    if isinstance(tail, NoValue):
        return []
    answers = []
    for phase in range(width):
        seen = np.array([s for s in scores[span.start + phase : span.end - width : width] if s is not None])
        flat = np.ones(len(seen))
        done = acerbi_szekely(seen, flat * tail.var_unit_variance, flat * tail.es_unit_variance, float(ES_LEVEL))
        if not isinstance(done, NoValue):
            answers.append(done.z2)
    return answers


def _phase(multiplier: Multiplier, span: Span, phase: int, hits: list[bool]) -> Phase:
    from keeper.calibration.answers import NoValue
    from keeper.calibration.backtests import christoffersen

    rate = float(1 - multiplier.level)
    count, alone = _kupiec(len(hits), sum(hits), rate), christoffersen(hits, rate)
    return Phase(
        multiplier=multiplier.name,
        level=f"{float(multiplier.level * 100):g} %",
        span=span.name,
        phase=phase,
        n=len(hits),
        exceptions=sum(hits),
        p_kupiec=None if count is None else count.p_value,
        p_binomial=None if count is None else count.exact_binomial_two_sided,
        p_independence=None if isinstance(alone, NoValue) else alone.p_ind,
        p_coverage=None if isinstance(alone, NoValue) else alone.p_cc,
        light=count.traffic_light if count else "no value",
    )


@lru_cache(maxsize=4096)
def _kupiec(n: int, exceptions: int, rate: float) -> "Kupiec | None":
    """Phases often count the same; the exact test is slow."""
    from keeper.calibration.answers import NoValue
    from keeper.calibration.backtests import kupiec

    answer = kupiec(n, exceptions, rate)
    return None if isinstance(answer, NoValue) else answer


def _rank(n: int, level: Fraction) -> int:
    """Place of the m-th worst, from 0."""
    return int(n * (1 - level))


def _holes(history: History) -> list[int]:
    """How many readings before each place have no price."""
    counts = [0]
    for row in history.readings:
        counts.append(counts[-1] + (row.close_wad is None))
    return counts
