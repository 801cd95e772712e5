"""Records as compressed JSON and back, by their type hints. No pickle: a database must not be able to run code."""

import json
import types
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from keeper.records.decision import Folded
from keeper.records.estimates import FeeSample
from keeper.records.snapshot import LateInputs, MarketSnapshot

T = TypeVar("T", MarketSnapshot, Folded)

_LEVEL = 1
"""zlib level: snapshots are written once a sample, and level 1 already halves them."""


def dumps(record: MarketSnapshot | Folded) -> bytes:
    """Compressed JSON of a record; a record inside a union carries its type's name first."""
    return zlib.compress(json.dumps(_plain(record), separators=(",", ":")).encode(), _LEVEL)


def loads(kind: type[T], data: bytes) -> T:
    """Inverse of :func:`dumps`."""
    record: T = _build(kind, json.loads(zlib.decompress(data)))
    return record


_FEES_BITS = (64, 256, 256, 128, 160)
"""Width of each field of :class:`FeeSample`; whole bytes."""
_FEES_BYTES = sum(_FEES_BITS) // 8


def dump_fees(fees: Sequence[FeeSample | None]) -> bytes:
    """One row after the other, big-endian, 108 bytes each; zeros where a pool has none: its time is never 0."""
    rows = []
    for fee in fees:
        values = [getattr(fee, field.name) if fee else 0 for field in fields(FeeSample)]
        rows += [value.to_bytes(bits // 8, "big") for value, bits in zip(values, _FEES_BITS, strict=True)]
    return b"".join(rows)


def load_fees(data: bytes) -> tuple[FeeSample | None, ...]:
    """Inverse of :func:`dump_fees`."""
    return tuple(_fee(data[start : start + _FEES_BYTES]) for start in range(0, len(data), _FEES_BYTES))


def _fee(row: bytes) -> FeeSample | None:
    if not any(row):
        return None
    values, start = [], 0
    for bits in _FEES_BITS:
        values.append(int.from_bytes(row[start : start + bits // 8], "big"))
        start += bits // 8
    return FeeSample(*values)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_plain(getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | LateInputs):
        return [_plain(item) for item in value]
    return value


def _build(hint: Any, value: Any) -> Any:
    return None if value is None else _builder(hint)(value)


@cache
def _builder(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of this type; worked out once a type, as a snapshot has some thousand values."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = get_args(hint)
        return lambda value: _build(_choose(kinds, value), value)
    if is_dataclass(hint):
        inner = [_optional(kind) for kind in get_type_hints(hint).values()]
        return lambda value: hint(*[make(item) for make, item in zip(inner, value[1:], strict=True)])  # type: ignore[operator]
    if get_origin(hint) is tuple:
        return _tuple_builder(get_args(hint))
    if get_origin(hint) is Sequence:
        return _tuple_builder((*get_args(hint), Ellipsis))
    if hint is bytes:
        return bytes.fromhex
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return lambda value: value


def _tuple_builder(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    if kinds[-1] is Ellipsis:
        each = _optional(kinds[0])
        return lambda value: tuple([each(item) for item in value])
    inner = [_optional(kind) for kind in kinds]
    return lambda value: tuple([make(item) for make, item in zip(inner, value, strict=True)])


def _optional(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return lambda value: _build(hint, value)
    return _builder(hint)


def _choose(kinds: tuple[Any, ...], value: Any) -> Any:
    named = [kind for kind in kinds if is_dataclass(kind) and isinstance(kind, type) and kind.__name__ == value[0]]
    if named:
        return named[0]
    return next(kind for kind in kinds if kind is not type(None) and not is_dataclass(kind))
