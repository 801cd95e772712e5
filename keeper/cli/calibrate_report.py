"""A calibration for people and for machines: the same sections as text and as markdown, and one JSON document."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np

from keeper.calibration.answers import NoValue
from keeper.calibration.calibrate import Calibration
from keeper.calibration.candles import History
from keeper.calibration.proposal import toml_fragment
from keeper.calibration.tails import Risk
from keeper.cli.output import table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and a table under it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(found: Calibration, source: str) -> tuple[Section, ...]:
    """Everything a reader sees, in order: what was read, sigmas, tail, jumps, horizon, costs, options, proposal."""
    return (
        Section(f"{found.asset} from {source}", ("data", "value"), tuple(_facts(found.history))),
        Section("Annual volatility", ("estimator", "sigma", "low", "high", "n", "of"), tuple(_sigmas(found))),
        Section("Daily forecast", ("question", "answer"), tuple(_verdict(found))),
        Section("Tail, 99 %, one day", ("figure", "value", "note"), tuple(_tail(found))),
        Section(
            "Jumps, horizon, costs", ("figure", "value", "note"), (*_jumps(found), *_horizon(found), *_costs(found))
        ),
        Section("Options and blend", ("figure", "value", "note"), tuple(_options(found))),
        Section(
            "Proposal for [markets.model]",
            ("setting", "value", "meaning", "n", "95 % interval", "method", "reference"),
            tuple(_proposals(found)),
        ),
        Section("Warnings", ("warning",), tuple((line,) for line in found.warnings) or (("none",),)),
    )


def text(report: Sequence[Section]) -> str:
    """Sections as aligned plain text."""
    return "\n\n".join(f"{section.title}\n\n{table(section.header, section.rows)}" for section in report) + "\n"


def markdown(found: Calibration, report: Sequence[Section], source: str, picture: str) -> str:
    """The document for governance: the same tables, the TOML fragment and the picture."""
    parts = [f"# Calibration of {found.asset}\n"]
    for section in report:
        lines = [f"## {section.title}\n", _row(section.header), _row(("---",) * len(section.header))]
        parts.append("\n".join([*lines, *(_row(row) for row in section.rows)]) + "\n")
    parts.append(f"## Settings\n\n```toml\n{toml_fragment(found.asset, found.proposals, source)}```\n")
    parts.append(f"![Returns, volatility and tail]({picture})\n")
    return "\n".join(parts)


def document(found: Calibration, source: str) -> dict[str, Any]:
    """One JSON object; a missing number is ``{"noValue": reason}``."""
    plain = {
        "asset": found.asset,
        "source": source,
        "data": dict(_facts(found.history)),
        "sigmas": _json(found.sigmas),
        "spoke": _json(found.verdict) if isinstance(found.verdict, NoValue) else found.verdict.spoke,
        "reasons": [] if isinstance(found.verdict, NoValue) else list(found.verdict.reasons),
    }
    names = ("tail", "multiplier", "jumps", "horizon", "stressed", "costs", "chain", "blended", "proposals", "warnings")
    plain |= {name: _json(getattr(found, name)) for name in names}
    plain["toml"] = toml_fragment(found.asset, found.proposals, source)
    return plain


def day(seconds: float) -> str:
    """UTC date of unix seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _facts(history: History) -> Iterator[tuple[str, str]]:
    times = history.candles.times
    yield "period", f"{day(times[0])} to {day(times[-1])}"
    yield "candles", f"{len(times)} of {history.interval_seconds} s"
    whole = sum(end - start == history.candles_per_day for start, end in history.spans)
    yield "days", f"{len(history.days.times)}, of them {whole} without a hole"
    yield "holes", f"{history.holes}, the longest {history.longest_hole_seconds} s"
    yield "taken out", f"{history.stale} stale candles, {history.bad_prints} bad prints"


def _sigmas(found: Calibration) -> Iterator[tuple[str, ...]]:
    for name, sigma in found.sigmas.items():
        if isinstance(sigma, NoValue):
            yield name, "-", "-", "-", "-", f"no value: {sigma.reason}"
        else:
            yield name, _percent(sigma.annual), _percent(sigma.low), _percent(sigma.high), str(sigma.n), sigma.unit


def _verdict(found: Calibration) -> Iterator[tuple[str, str]]:
    verdict = found.verdict
    if isinstance(verdict, NoValue):
        yield "which spoke", f"none: {verdict.reason}"
        return
    yield "which spoke", verdict.spoke
    yield "GJR against EWMA", "; ".join(verdict.reasons)
    yield "EWMA's log-likelihood", f"{verdict.ewma.log_likelihood:.2f} with nu {verdict.ewma.nu.value:.2f}"
    if not isinstance(verdict.fit, NoValue):
        fit = verdict.fit.parameters
        shown = (
            f"omega {fit.omega:.4f}, alpha {fit.alpha:.4f}, gamma {fit.gamma:.4f}, beta {fit.beta:.4f}, nu {fit.nu:.2f}"
        )
        yield "GJR's log-likelihood", f"{verdict.fit.log_likelihood:.2f} with {shown}"


def _tail(found: Calibration) -> Iterator[tuple[str, str, str]]:
    tail = found.tail
    if isinstance(tail, NoValue):
        yield "tail", "-", f"no value: {tail.reason}"
        return
    yield _figure("nu, estimated", tail.nu, lambda nu: f"{nu.value:.2f}", "by maximum likelihood on the residuals")
    yield "nu, used", f"{tail.nu_used:.2f}", tail.nu_reason
    yield "k, model's ES", f"{tail.k:.4f}", "in sigmas of the day"
    yield _figure("EVT ES", tail.evt, _es, "McNeil-Frey, in sigmas of the day")
    yield _figure("GPD shape xi", tail.tail, lambda row: f"{row.xi:.3f}", "generalised Pareto, maximum likelihood")
    yield _figure("historical ES", tail.historical, _es, "filtered historical simulation, in sigmas of the day")
    yield _figure("Cornish-Fisher VaR", tail.cornish_fisher, lambda value: f"{value:.4f}", "for display only")
    yield _figure("POT ES, unfiltered", tail.raw_evt, lambda risk: _percent(risk.es), "log return of a day")
    if tail.evt_ratio is not None:
        yield "EVT ES over k", f"{tail.evt_ratio:.3f}", "a warning above 1.15"


def _jumps(found: Calibration) -> Iterator[tuple[str, str, str]]:
    jumps = found.jumps
    if isinstance(jumps, NoValue):
        yield "jump days", "-", f"no value: {jumps.reason}"
        return
    yield "jump days", f"{jumps.flagged} of {jumps.days}", f"z above 3.09; {jumps.expected_by_chance:.1f} by chance"
    yield "jumps' share of variance", _percent(jumps.share_of_variance), "jump variation of those days"
    yield "largest jump", _percent(jumps.largest), "root of a day's jump variation, log return"


def _horizon(found: Calibration) -> Iterator[tuple[str, str, str]]:
    horizon = found.horizon
    if isinstance(horizon, NoValue):
        yield "horizon", "-", f"no value: {horizon.reason}"
        return
    over = f"{horizon.seconds} s, {horizon.starts} starts, {horizon.independent} apart"
    yield "variance ratio", f"{horizon.variance_ratio:.3f}", f"{over}; above 1 the root-of-time rule is too low"
    yield "terminal ES 99", _percent(horizon.terminal_es_99), f"{horizon.terminal_multiple_99:.2f} sigmas of the moment"
    passage = f"{horizon.first_passage_multiple_99:.2f} sigmas of the moment"
    yield "first-passage ES 99", _percent(horizon.first_passage_es_99), passage


def _costs(found: Calibration) -> Iterator[tuple[str, str, str]]:
    costs = found.costs
    if isinstance(costs, NoValue):
        yield "cost of selling", "-", f"no value: {costs.reason}"
        return
    for share, impact in costs.impacts:
        what = f"mean cost by the square-root law; median daily volume {costs.median_daily_volume:.4g}"
        yield f"selling {float(share * 100):.0f} % of a day", _percent(impact.mean_cost), what
    if costs.lvar is not None:
        yield "liquidity-adjusted VaR 99", _percent(costs.lvar.lvar), "one day, normal, with half a bad day's spread"


def _options(found: Calibration) -> Iterator[tuple[str, str, str]]:
    if isinstance(found.chain, NoValue):
        yield "implied volatility", "-", f"no value: {found.chain.reason}"
    else:
        for expiry in found.chain.expiries:
            at = f"expiry in {expiry.years * 365:.1f} days"
            note = "variance swap"
            if not isinstance(expiry.swap, NoValue):
                note += f" over {expiry.swap.strikes} strikes, forward {expiry.swap.forward:.6g}"
            yield _figure(at, expiry.swap, lambda swap: _percent(math.sqrt(swap.variance)), note)
        yield _figure("30-day index", found.chain.index, _percent, "total variance, linear in minutes")
    yield _figure("stressed sigma", found.stressed, _percent, "highest Yang-Zhang of any 30 days")
    yield _figure("blended sigma", found.blended, _percent, "models.md 2.8, for the report; nothing publishes it")


def _proposals(found: Calibration) -> Iterator[tuple[str, ...]]:
    for row in found.proposals:
        value = f"no value: {row.value.reason}" if isinstance(row.value, NoValue) else str(row.value)
        yield row.setting, value, row.shown, row.n, row.interval, row.method, row.reference


def _figure(name: str, value: Any, show: Any, note: str) -> tuple[str, str, str]:
    return (name, "-", f"no value: {value.reason}") if isinstance(value, NoValue) else (name, show(value), note)


def _es(risk: Risk) -> str:
    return f"{risk.es:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.2f} %"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _json(value: Any) -> Any:
    """Records as objects with camelCase keys; arrays are in the CSV."""
    if isinstance(value, NoValue):
        return {"noValue": value.reason}
    if isinstance(value, Fraction):
        return float(value)
    if is_dataclass(value):
        rows = {field.name: getattr(value, field.name) for field in fields(value)}
        return {_camel(name): _json(item) for name, item in rows.items() if not isinstance(item, np.ndarray)}
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
