"""When the answers of several nodes are the same, and what it is called when they are not."""

import json
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from keeper.chain.members import Heard, Told
from keeper.chain.rpc import Busy, Reverted, RpcError
from keeper.errors import RetryLater

T = TypeVar("T")

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")


class NoQuorum(RetryLater):
    """Too few nodes can be asked."""


class QuorumMismatch(RetryLater):
    """Two nodes answered the same question differently; nothing may rest on either."""


def canonical(value: Any) -> Hashable:
    """Same for the same fact, however it is written; of a block its hash says all, of a transaction where it stands."""
    if isinstance(value, dict) and (name := value.get("hash") or value.get("transactionHash")):
        return tuple(str(row).lower() for row in (name, value.get("blockHash"), value.get("status")))
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    return json.dumps(value, sort_keys=True).lower()


def sort_in(groups: dict[Hashable, list[Told[T]]], answers: Sequence[Told[T]], key: Callable[[T], Hashable]) -> None:
    """Put answers into their groups; a revert is told by its data."""
    for told in answers:
        name = ("reverted", told.value.data) if isinstance(told.value, Reverted) else key(told.value)
        groups.setdefault(name, []).append(told)


def failure(heard: Heard[Any], otherwise: RetryLater) -> RetryLater:
    """What is raised when too few answered: what the caller can act on first, else why the last one failed."""
    errors = [error for _, error in heard.errors if not isinstance(error, Busy)] or [row for _, row in heard.errors]
    plain = [error for error in errors if not isinstance(error, RpcError)]
    return (plain or errors or [otherwise])[-1]
