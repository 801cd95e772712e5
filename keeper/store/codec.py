"""Records as compressed JSON and back, by their type hints. No pickle: a database must not be able to run code."""

import json
import types
import zlib
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from keeper.records.decision import Folded
from keeper.records.snapshot import MarketSnapshot

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


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_plain(getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _build(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) in (Union, types.UnionType):
        return _build(_choose(get_args(hint), value), value)
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(*(_build(hints[name], item) for name, item in zip(hints, value[1:], strict=True)))  # type: ignore[operator]
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_build(kind, item) for kind, item in zip(each, value, strict=True))
    if hint is bytes:
        return bytes.fromhex(value)
    return hint(value) if isinstance(hint, type) and issubclass(hint, StrEnum) else value


def _choose(kinds: tuple[Any, ...], value: Any) -> Any:
    named = [kind for kind in kinds if is_dataclass(kind) and isinstance(kind, type) and kind.__name__ == value[0]]
    if named:
        return named[0]
    return next(kind for kind in kinds if kind is not type(None) and not is_dataclass(kind))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
