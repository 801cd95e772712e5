"""The haircut layer: how often a paper liquidation lost more than the haircut, and what the caution cost.

k is an expected-shortfall multiplier, so its exceptions are rarer than its level by design: the test is one-sided.
A haircut is never weakened to please a two-sided one (models.md 11).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.backtest.losses import Loss
from keeper.backtest.records import Series, Span
from keeper.records.units import BPS

LEVEL = 0.99
"""Level of the multiplier; more exceptions than 1 % of disjoint windows is under-covering."""
SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Coverage:
    """One haircut on one span."""

    name: str
    series: str
    span: str
    n: int
    """Starts whose loss is known."""
    exceptions: int
    episodes: int
    """Exceptions further apart than a sale takes."""
    mean_bps: float | None
    loss_quantile_bps: float | None
    """99 % quantile of the realised loss."""
    caution_bps: float | None
    """Mean haircut less that quantile: what the caution cost."""
    worst_bps: float | None
    """Largest loss beyond the haircut; negative when there was none."""
    phases: int
    phases_passed: int
    """Sets of disjoint windows in which the one-sided test finds no under-covering."""

    @property
    def is_covering(self) -> bool:
        """Whether a majority of the phases finds nothing."""
        return 2 * self.phases_passed > self.phases


def coverage(series: Series, losses: Sequence[Loss | None], span: Span, width: int) -> Coverage:
    """Compare haircuts with losses.

    Parameters
    ----------
    series
        Haircuts, one a reading.
    losses
        Of the same readings.
    width
        Readings that a sale takes.
    """
    seen = [_observed(series.bps[at], losses[at]) for at in range(span.start, max(span.start, span.end - width))]
    pairs = [pair for pair in seen if pair is not None]
    hits = [at for at, pair in enumerate(seen) if pair is not None and pair[1] > pair[0]]
    worst = [loss - haircut for haircut, loss in pairs]
    mean = sum(haircut for haircut, _ in pairs) / len(pairs) if pairs else None
    ordered = sorted((loss for _, loss in pairs), reverse=True)
    quantile = ordered[int(len(ordered) * (1 - LEVEL))] if ordered else None
    passed = sum(_one_sided([pair for pair in seen[phase::width] if pair is not None]) for phase in range(width))
    return Coverage(
        name=series.name,
        series=series.kind,
        span=span.name,
        n=len(pairs),
        exceptions=len(hits),
        episodes=sum(not before or at - before[-1] > width for at, before in _with_past(hits)),
        mean_bps=mean,
        loss_quantile_bps=quantile,
        caution_bps=None if mean is None or quantile is None else mean - quantile,
        worst_bps=max(worst) if worst else None,
        phases=width,
        phases_passed=passed,
    )


def _observed(haircut: int | None, loss: Loss | None) -> tuple[int, float] | None:
    """(haircut, loss) in bps. A loss with holes is only a lower bound: it counts when it is an exception already."""
    if not haircut or loss is None:
        return None
    bps = loss.fraction * BPS
    return (haircut, bps) if loss.complete or bps > haircut else None


def _one_sided(pairs: Sequence[tuple[int, float]]) -> bool:
    """Whether so many exceptions or more are no surprise at the promised rate: ``P(X >= x) >= 5 %``."""
    from scipy.special import bdtrc

    count = sum(loss > haircut for haircut, loss in pairs)
    return count == 0 or float(bdtrc(count - 1, len(pairs), 1 - LEVEL)) >= SIGNIFICANCE


def _with_past(hits: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    return [(at, hits[:place][-1:]) for place, at in enumerate(hits)]
