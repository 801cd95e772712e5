"""Just enough of PromQL to run the rules in ops/ against scrapes of the real registry.

The parser is promql-parser (Rust, the grammar of Prometheus); the evaluation of what the rules use is ours: vectors and
matchers, ``increase`` without extrapolation, arithmetic and comparison with ``on``, ``and``, ``sum``, ``abs``,
``absent``, ``time``. Anything else raises, so that a rule never passes untested.
"""

import math
import operator
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import promql_parser as promql

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
LOOK_BACK_SECONDS = 300
"""How long a series that is not scraped any more is still answered."""


@dataclass
class Scrapes:
    """Samples by series, as a Prometheus would keep them."""

    rows: dict[str, dict[Labels, list[tuple[float, float]]]] = field(default_factory=dict)

    def take(self, registry, instance: str, now: float) -> None:
        for family in registry.collect():
            for sample in family.samples:
                labels = frozenset({**sample.labels, "instance": instance}.items())
                self.rows.setdefault(sample.name, {}).setdefault(labels, []).append((now, sample.value))


parsed = lru_cache(promql.parse)


def evaluate(expression: str, scrapes: Scrapes, now: float) -> Vector:
    value = _value(parsed(expression), scrapes, now)
    assert isinstance(value, dict), "an alert is a vector"
    return value


def _value(node, scrapes: Scrapes, now: float) -> Vector | float:
    match node:
        case promql.NumberLiteral():
            return node.val
        case promql.ParenExpr():
            return _value(node.expr, scrapes, now)
        case promql.VectorSelector():
            return {labels: row[-1][1] for labels, row in _select(node, scrapes, now, LOOK_BACK_SECONDS).items()}
        case promql.Call():
            return _call(node, scrapes, now)
        case promql.AggregateExpr():
            assert str(node.op) == "sum"
            assert node.modifier is None
            inner = _value(node.expr, scrapes, now)
            return {frozenset(): sum(inner.values())} if inner else {}
        case promql.BinaryExpr():
            return _binary(node, scrapes, now)
    raise NotImplementedError(type(node).__name__)


def _select(node, scrapes: Scrapes, now: float, seconds: float) -> dict[Labels, list[tuple[float, float]]]:
    assert node.offset is None
    wanted = [(row.name, row.value) for row in node.matchers.matchers]
    assert all(str(row.op).endswith("Equal") for row in node.matchers.matchers), "only = is evaluated"
    found = {}
    for labels, rows in scrapes.rows.get(node.name, {}).items():
        window = rows[bisect_right(rows, (now - seconds, math.inf)) :]
        if window and all(dict(labels).get(key) == value for key, value in wanted):
            found[labels] = window
    return found


def _call(node, scrapes: Scrapes, now: float) -> Vector | float:
    name = node.func.name
    if name == "time":
        return now
    if name == "increase":
        matrix = node.args[0]
        rows = _select(matrix.vector_selector, scrapes, now, matrix.range.total_seconds())
        return {labels: row[-1][1] - row[0][1] for labels, row in rows.items() if len(row) > 1}
    inner = _value(node.args[0], scrapes, now)
    if name == "abs":
        return {labels: abs(value) for labels, value in inner.items()}
    if name == "absent":
        return {} if inner else {frozenset(): 1.0}
    raise NotImplementedError(name)


def _binary(node, scrapes: Scrapes, now: float) -> Vector | float:
    left, right = _value(node.lhs, scrapes, now), _value(node.rhs, scrapes, now)
    symbol = str(node.op)
    on = [str(label) for label in node.modifier.matching.labels] if node.modifier and node.modifier.matching else None
    if isinstance(left, float) and isinstance(right, float):
        return ARITHMETIC[symbol](left, right)
    result: Vector = {}
    for labels, first, second in _pairs(left, right, on):
        if symbol == "and":
            result[labels] = first
        elif symbol in COMPARISON:
            if not math.isnan(first + second) and COMPARISON[symbol](first, second):
                result[labels] = first
        else:
            result[labels] = ARITHMETIC[symbol](first, second)
    return result


def _pairs(left: Vector | float, right: Vector | float, on: list[str] | None):
    if isinstance(right, float):
        yield from ((labels, value, right) for labels, value in left.items())
    elif isinstance(left, float):
        yield from ((labels, left, value) for labels, value in right.items())
    else:

        def key(labels: Labels) -> Labels:
            return labels if on is None else frozenset(row for row in labels if row[0] in on)

        partners = {key(labels): value for labels, value in right.items()}
        assert len(partners) == len(right), "many on the right: Prometheus would refuse"
        for labels, value in left.items():
            if key(labels) in partners:
                yield labels, value, partners[key(labels)]
