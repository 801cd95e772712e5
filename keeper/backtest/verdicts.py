"""Which figures hold, each in a sentence: what was asked, what was seen, and why it is not so where it is not."""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.backtest.haircut_layer import Coverage
from keeper.backtest.procyclicality import Procyclicality
from keeper.backtest.var_layer import SIGNIFICANCE, Phase

NEAR = 10
"""A rate within a tenth of the promised one did not make the test fail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure."""

    question: str
    holds: bool | None
    """None: there was nothing to judge."""
    seen: str


def verdicts(
    mine: str, span: str, phases: Sequence[Phase], covered: Sequence[Coverage], moves: Sequence[Procyclicality]
) -> tuple[Verdict, ...]:
    """Judge on one span: VaR layer in a majority of phases, haircut layer one-sided, ours against the others."""
    rows = [row for row in covered if row.span == span]
    moved = {(row.name, row.series): row for row in moves if row.span == span}
    answers = [
        *_var([row for row in phases if row.span == span]),
        *(_covering(row) for row in rows if row.name == mine),
    ]
    own = {row.series: row for row in rows if row.name == mine}
    for row in rows:
        if row.name != mine:
            answers.append(_fewer(own[row.series], row))
            answers.append(_calmer(moved[mine, row.series], moved[row.name, row.series]))
    return tuple(answers)


def _var(phases: Sequence[Phase]) -> list[Verdict]:
    answers = []
    for name, level in dict.fromkeys((row.multiplier, row.level) for row in phases):
        rows = [row for row in phases if (row.multiplier, row.level) == (name, level)]
        for place, test in enumerate(("Kupiec", "Christoffersen")):
            passed = sum(row.passes[place] for row in rows)
            holds = 2 * passed > len(rows)
            seen = f"{passed} of {len(rows)} phases, {_rate(rows)} exceptions"
            seen += "" if holds else _lean(sum(row.exceptions for row in rows), sum(row.n for row in rows), level)
            answers.append(Verdict(f"VaR {level}, {name}: {test} passes in a majority of phases", holds, seen))
    return answers


def _rate(rows: Sequence[Phase]) -> str:
    total = sum(row.n for row in rows)
    return f"{100 * sum(row.exceptions for row in rows) / total:.2f} %" if total else "no"


def _promised(level: str) -> float:
    """Share of windows that may be exceptions."""
    return 1 - float(level.removesuffix(" %")) / 100


def _lean(exceptions: int, n: int, level: str) -> str:
    """Why a two-sided test fails: too large, too small, or wrong at the wrong time."""
    if not n:
        return "; nothing to judge"
    promised, rate = _promised(level), exceptions / n
    if abs(rate - promised) < promised / NEAR:
        return "; as many as promised, but they come together"
    if rate < promised:
        return f"; fewer than the {100 * promised:g} % promised: too wide, which errs to the safe side"
    return f"; more than the {100 * promised:g} % promised: too narrow"


def _covering(row: Coverage) -> Verdict:
    return Verdict(
        f"{row.name} ({row.series}): not under-covering",
        row.is_covering if row.n else None,
        f"{row.exceptions} exceptions of {row.n} starts in {row.episodes} episodes; "
        f"{row.phases_passed} of {row.phases} phases pass the one-sided test",
    )


def _fewer(own: Coverage, other: Coverage) -> Verdict:
    seen = f"{own.exceptions} against {other.exceptions}; mean {_bps(own.mean_bps)} against {_bps(other.mean_bps)} bps"
    if own.exceptions == other.exceptions == 0:
        seen += "; neither had any, so neither can have fewer"
    elif own.exceptions >= other.exceptions and (own.mean_bps or 0) < (other.mean_bps or 0):
        seen += "; the other was more cautious there, although not where it was matched"
    holds = own.exceptions < other.exceptions if own.n and (own.exceptions or other.exceptions) else None
    return Verdict(f"fewer exceptions than {other.name} ({own.series})", holds, seen)


def _calmer(own: Procyclicality, other: Procyclicality) -> Verdict:
    question = f"lower peak-to-trough than {other.name} ({own.series})"
    if own.peak_to_trough_bps is None or other.peak_to_trough_bps is None:
        return Verdict(question, None, "no haircut to compare")
    seen = f"{own.peak_to_trough_bps} against {other.peak_to_trough_bps} bps"
    if other.peak_to_trough_bps == 0:
        seen += "; a constant never moves, nothing that follows the market can be lower"
    return Verdict(question, own.peak_to_trough_bps < other.peak_to_trough_bps, seen)


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def pooled(results: Sequence[Sequence[Phase]], span: str) -> tuple[Verdict, ...]:
    """Kupiec over the phases of several assets together: one asset's later span is short for a level of 99 %."""
    from keeper.calibration.answers import NoValue
    from keeper.calibration.backtests import kupiec

    sums: dict[tuple[str, str], dict[int, tuple[int, int]]] = {}
    for row in (row for phases in results for row in phases if row.span == span):
        counts = sums.setdefault((row.multiplier, row.level), {})
        n, x = counts.get(row.phase, (0, 0))
        counts[row.phase] = (n + row.n, x + row.exceptions)
    answers = []
    for (name, level), counts in sums.items():
        rate = _promised(level)
        tests = [kupiec(n, x, rate) for n, x in counts.values()]
        passed = sum(not isinstance(test, NoValue) and test.p_value >= SIGNIFICANCE for test in tests)
        total, hits = sum(n for n, _ in counts.values()), sum(x for _, x in counts.values())
        seen = f"{passed} of {len(tests)} phases, {100 * hits / total if total else 0:.2f} % exceptions"
        question = f"VaR {level}, {name}, all assets pooled: Kupiec passes in a majority of phases"
        holds = 2 * passed > len(tests)
        answers.append(Verdict(question, holds, seen if holds else seen + _lean(hits, total, level)))
    return tuple(answers)
