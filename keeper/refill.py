"""How fast depth comes back after a shock: half-lives by regression, for calibration and reports (models.md 4).

After a shock the missing share ``1 - depth / normal`` decays as ``exp(-rho t)``, so ``ln`` of it is a line in time;
half-life = ln 2 / rho. Floats: what a governor makes of them enters the model as ``t_rep_seconds``, an integer.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a shock, as recovered, as normal. All are said in ``docs/providers.md``."""

    drop: float = 0.3
    """A shock begins when this share of the normal depth is missing."""
    recovered: float = 0.05
    """It is over when no more than this share is missing."""
    floor: float = 0.02
    """A smaller missing share is noise and counts as this; it can only lengthen a half-life."""
    baseline_seconds: int = 86_400
    """Normal is the median of the depths of so long a time before, those inside of shocks left out."""
    baseline_points: int = 10
    """Fewest of them that make a normal."""
    horizon_seconds: int = 86_400
    """A shock is followed for so long; a lasting change is no slow refill."""


@dataclass(frozen=True, slots=True)
class Shock:
    """One loss of depth and its way back."""

    start: int
    """Time of the first point below, unix seconds."""
    lowest: int
    """Time of the deepest point."""
    end: int
    """Time of the last point that belongs to it."""
    normal: float
    """Depth before."""
    missing: float
    """Share that was missing at the deepest point."""
    half_life_seconds: float | None
    """``inf``: followed, and it did not come back. None: the series ends too early to say."""
    recovered: bool
    """Whether it came back to :attr:`Rules.recovered` within the horizon."""


@dataclass(frozen=True, slots=True)
class Refill:
    """Over all shocks that could be followed."""

    count: int
    median_seconds: float
    """Upper median."""
    p90_seconds: float
    """90th percentile, the higher neighbour: what ``t_rep_seconds`` should be (models.md 4)."""


DEFAULT_RULES = Rules()


def shocks(series: Sequence[tuple[int, float]], rules: Rules = DEFAULT_RULES) -> list[Shock]:
    """Every shock of a series, oldest first.

    Parameters
    ----------
    series
        (unix seconds, depth), times rising; any unit of depth.
    """
    found: list[Shock] = []
    calm: deque[tuple[int, float]] = deque()
    at = 0
    while at < len(series):
        time, depth = series[at]
        while calm and calm[0][0] < time - rules.baseline_seconds:
            calm.popleft()
        normal = median(value for _, value in calm) if len(calm) >= rules.baseline_points else 0.0
        if depth < normal * (1 - rules.drop):
            after = _end(series, at, normal, rules)
            found.append(_shock(series[at:after], normal, rules, last=after == len(series)))
            at = after
            continue
        calm.append(series[at])
        at += 1
    return found


def refill(found: Sequence[Shock]) -> Refill | None:
    """Median and 90th percentile of the half-lives; None when no shock could be followed."""
    lives = sorted(row.half_life_seconds for row in found if row.half_life_seconds is not None)
    if not lives:
        return None
    return Refill(len(lives), lives[len(lives) // 2], lives[math.ceil(0.9 * len(lives)) - 1])


def half_life_seconds(points: Sequence[tuple[int, float]], normal: float, floor: float) -> float:
    """Ln 2 / rho of ``ln(max(floor, 1 - depth / normal))`` over time; ``inf`` where it does not fall.

    Parameters
    ----------
    points
        At least two, from the deepest on.
    """
    missing = [math.log(max(floor, 1 - depth / normal)) for _, depth in points]
    slope = linear_regression([time - points[0][0] for time, _ in points], missing).slope
    return math.inf if slope >= 0 else math.log(2) / -slope


def _end(series: Sequence[tuple[int, float]], start: int, normal: float, rules: Rules) -> int:
    """One past the point at which the shock is over, or no longer followed."""
    for at in range(start, len(series)):
        time, depth = series[at]
        if depth >= normal * (1 - rules.recovered):
            return at + 1
        if time - series[start][0] > rules.horizon_seconds:
            return at
    return len(series)


def _shock(points: Sequence[tuple[int, float]], normal: float, rules: Rules, *, last: bool) -> Shock:
    deepest = min(range(len(points)), key=lambda at: points[at][1])
    recovered = points[-1][1] >= normal * (1 - rules.recovered)
    way_back = points[deepest:]
    life: float | None = None
    if len(way_back) > 1:
        life = half_life_seconds(way_back, normal, rules.floor)
    if len(way_back) == 1 and not last:
        # Still falling when it was given up.
        life = math.inf
    if last and not recovered and life == math.inf:
        life = None
    return Shock(
        start=points[0][0],
        lowest=points[deepest][0],
        end=points[-1][0],
        normal=normal,
        missing=1 - points[deepest][1] / normal,
        half_life_seconds=life,
        recovered=recovered,
    )
