"""One asset's backtest: spans, candidates, both layers, procyclicality, and what of it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from keeper.backtest.candidates import baselines, chosen_smoothing, mean_of, ours
from keeper.backtest.haircut_layer import Coverage, coverage
from keeper.backtest.losses import Loss, losses, sale_seconds
from keeper.backtest.procyclicality import Procyclicality, procyclicality
from keeper.backtest.records import History, Series, Span, Step
from keeper.backtest.var_layer import (
    Phase,
    chosen_multipliers,
    expected_shortfall_score,
    phases,
    standardised,
    student_multipliers,
)
from keeper.backtest.verdicts import Verdict, verdicts
from keeper.backtest.walk import Candidate, model_bps, walk
from keeper.errors import ConfigError

DAY_SECONDS = 86_400
WARM_DAYS = 10
"""Left out at the start: the slow accumulator forgets with a half-life of eleven days."""
FIRST, LATER = "first", "later"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen about a judgement."""

    judge_from: int
    """Unix seconds; settings are chosen before it, judged from it on."""
    var_hours: float = 24
    nu: float = 4
    stress_weight_bps: int = 0
    """Weight of the stressed volatility in ours; 0 = the path as it is published."""
    buffer_bps: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One asset's backtest."""

    history: History
    options: Options
    spans: tuple[Span, Span]
    """The first, on which everything is chosen, and the later one, which judges."""
    candidates: tuple[Candidate, ...]
    """Ours first."""
    steps: tuple[tuple[Step, ...], ...]
    """One walk a candidate."""
    losses: tuple[Loss | None, ...]
    scores: tuple[float | None, ...]
    """Standardised losses of the VaR layer."""
    phases: tuple[Phase, ...]
    z2: tuple[float, ...]
    """Acerbi-Szekely at 97.5 %, one a phase of the later span."""
    coverage: tuple[Coverage, ...]
    moves: tuple[Procyclicality, ...]
    hindsight: tuple[Coverage, ...]
    """The others, matched to our mean on the later span itself: equal caution where they are judged."""
    verdicts: tuple[Verdict, ...]


def evaluate(history: History, options: Options, progress: Progress) -> Result:
    """Walk every candidate over a history and judge it."""
    first, later = spans = spans_of(history, options.judge_from)
    rules = None
    if options.stress_weight_bps or options.buffer_bps:
        rules = chosen_smoothing(history, first, options.stress_weight_bps, options.buffer_bps)
    mine = ours(history.market.model, rules)
    asked = model_bps(mine, history)
    candidates = [mine, *baselines(history, first, _mean(asked, first))]
    steps = [walk(candidate, history, progress) for candidate in candidates]
    lost, width = losses(history), sale_slots(history)
    series = [
        Series(one.name, kind, bps) for one, done in zip(candidates, steps, strict=True) for kind, bps in _kinds(done)
    ]
    covered = tuple(coverage(row, lost, span, width) for span in spans for row in series)
    cap = history.market.model.haircut_max_bps
    moves = tuple(procyclicality(row, span, history.interval_seconds, cap) for span in spans for row in series)
    scores = standardised(history, options.var_hours)
    window = history.slots(round(options.var_hours * 3600))
    multipliers = [*student_multipliers(options.nu), *chosen_multipliers(scores, first)]
    tested = tuple(phases(scores, spans, multipliers, window))
    hindsight = [
        coverage(Series(one.name, "model", tuple(model_bps(one, history))), lost, later, width)
        for one in baselines(history, later, _mean(asked, later))
    ]
    return Result(
        history=history,
        options=options,
        spans=spans,
        candidates=tuple(candidates),
        steps=tuple(map(tuple, steps)),
        losses=tuple(lost),
        scores=tuple(scores),
        phases=tested,
        z2=tuple(expected_shortfall_score(scores, later, options.nu, window)),
        coverage=covered,
        moves=moves,
        hindsight=tuple(hindsight),
        verdicts=verdicts(mine.name, later.name, tested, covered, moves),
    )


def spans_of(history: History, judge_from: int) -> tuple[Span, Span]:
    """Readings before and from ``judge_from``, without the warm-up.

    Raises
    ------
    ConfigError
        One of the two would be empty.
    """
    skip = min(WARM_DAYS * DAY_SECONDS, (history.end - history.start) // 10)
    times = [row.time for row in history.readings]
    start = next((at for at, time in enumerate(times) if time >= history.start + skip), len(times))
    split = next((at for at, time in enumerate(times) if time > judge_from), len(times))
    if not start < split < len(times) or all(row.sigma_wad is None for row in history.readings[start:split]):
        day = datetime.fromtimestamp(judge_from, UTC).strftime("%Y-%m-%d")
        raise ConfigError(
            f"{history.name}: nothing to choose on before {day}, or nothing to judge after it",
            "name another day with --judge-from",
        )
    return Span(FIRST, start, split), Span(LATER, split, len(times))


def sale_slots(history: History) -> int:
    """Readings that the longest sale of the history takes."""
    model = history.market.model
    longest = max((sale_seconds(model, row) or 0 for row in history.readings), default=0)
    return history.slots(longest)


def _mean(series: Sequence[int | None], span: Span) -> float:
    return mean_of(series, span) or 0.0


def _kinds(steps: Sequence[Step]) -> tuple[tuple[str, tuple[int | None, ...]], ...]:
    return (
        ("model", tuple(step.model_bps for step in steps)),
        ("published", tuple(step.published_bps for step in steps)),
    )
