"""Our haircut and what it is compared with: a constant, SmartLTV with a correct sigma, five sigma in a day.

The constants of the others are matched so that on the first span their mean haircut is ours; they are judged on the
later one. The stress of our own smoothing is chosen on the first span too.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from keeper.backtest.records import History, Span
from keeper.backtest.walk import Candidate, Haircut
from keeper.fold import asked_haircut
from keeper.haircuts import MODELS
from keeper.maths.fixed import cdiv, isqrt_up
from keeper.maths.variance import to_step_up
from keeper.records.estimates import Waterfall
from keeper.records.settings import ModelSettings
from keeper.records.units import WAD
from keeper.risk.sigma import haircut_sigma_up
from keeper.risk.smoothing import Smoothing, smoothed_sigma_up

DAY_SECONDS = 86_400
STRESS_PERCENT = 99
"""The stressed volatility is this percentile of the first span's."""
_MOST_K = 64 * WAD
_K_STEP = WAD // 10_000
"""How exactly a multiplier is matched."""
_BUCKET = 2 * 10**15
"""Volatilities within 20 bps of volatility are matched as one: half a basis point of haircut at most, either way."""


def ours(model: ModelSettings, rules: Smoothing | None) -> Candidate:
    """The model as the keeper publishes it under its settings, or with smoothing chosen here (models.md 2.8)."""
    floor = model.sigma_floor_wad
    if rules is None:
        return Candidate(
            model.model,
            model,
            partial(_ours_bps, model),
            lambda sigma: haircut_sigma_up(sigma, None, (), model),
            "as set",
        )
    said = (
        f"stress weight {rules.stress_weight_bps / 100:g} % of {rules.stressed_wad / WAD:.4f}, "
        f"floor {rules.floor_wad / WAD:.4f}, buffer {rules.buffer_bps / 100:g} %"
    )
    return _candidate(
        f"{model.model}, smoothed",
        model,
        lambda sigma: to_step_up(smoothed_sigma_up(max(sigma, floor), (), rules)),
        said,
    )


def chosen_smoothing(history: History, span: Span, weight_bps: int, buffer_bps: int) -> Smoothing:
    """Stress and floor as the first span shows them: a high percentile of the volatility, and its mean square."""
    rows = history.readings[span.start : span.end]
    sigmas = sorted(row.sigma_wad for row in rows if row.sigma_wad is not None)
    stressed = sigmas[min(len(sigmas) - 1, cdiv(len(sigmas) * STRESS_PERCENT, 100) - 1)]
    floor = isqrt_up(cdiv(sum(sigma * sigma for sigma in sigmas), len(sigmas)))
    return Smoothing(stressed, weight_bps, to_step_up(floor), buffer_bps=buffer_bps)


def baselines(history: History, span: Span, mean_bps: float) -> list[Candidate]:
    """The three others (but for one that is ours), their constants matched to a mean haircut on a span."""
    model = history.market.model
    constant = round(mean_bps)
    fixed = Waterfall(constant, (("constant", constant),), capped=False, unquotable=False)
    plain = partial(max, model.sigma_floor_wad)
    rows = [Candidate("constant", model, lambda _sigma, _q_star: fixed, plain, f"{constant} bps")]
    for name, settings in (
        ("smart_ltv", replace(model, model="smart_ltv")),
        ("sigma_band", replace(model, model="sigma_band", tau0_seconds=DAY_SECONDS)),
    ):
        if name == model.model:
            continue  # It is ours this time.
        k = _matched(settings, history, span, mean_bps)
        chosen = replace(settings, k_wad=k)
        rows.append(_candidate(name, chosen, plain, f"{'c' if name == 'smart_ltv' else 'k'} = {k / WAD:.4f}"))
    return rows


def mean_of(series: Sequence[int | None], span: Span) -> float | None:
    """Mean of the values that a span has; None without any."""
    values = [value for value in series[span.start : span.end] if value is not None]
    return sum(values) / len(values) if values else None


def _ours_bps(model: ModelSettings, sigma_wad: int, q_star: int) -> Waterfall:
    return asked_haircut(model, sigma_wad, q_star)[0]


def _candidate(name: str, model: ModelSettings, sigma: Callable[[int], int], said: str) -> Candidate:
    haircut: Haircut = partial(MODELS[model.model], model)
    return Candidate(name, model, haircut, sigma, said)


def _matched(settings: ModelSettings, history: History, span: Span, mean_bps: float) -> int:
    """Largest multiplier k, in steps of 0.0001, whose mean haircut on the span is at most the given one."""
    floor = history.market.model.sigma_floor_wad
    rows = history.readings[span.start : span.end]
    counts = Counter(
        (max((row.sigma_wad + _BUCKET // 2) // _BUCKET * _BUCKET, floor), row.q_star)
        for row in rows
        if row.sigma_wad is not None and row.q_star is not None
    )
    budget = mean_bps * counts.total()
    low, high = 0, _MOST_K // _K_STEP
    while high - low > 1:
        middle = (low + high) // 2
        model = replace(settings, k_wad=middle * _K_STEP)
        asked = sum(MODELS[model.model](model, *key).haircut_bps * times for key, times in counts.items())
        low, high = (middle, high) if asked <= budget else (low, middle)
    return low * _K_STEP
