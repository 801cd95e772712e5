"""Events over a range of blocks, whatever range the provider allows, piece after piece."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from keeper.chain.endpoint import Endpoint
from keeper.chain.quantities import log
from keeper.chain.rpc import Busy, RpcError, TooSlow
from keeper.records.log import Log
from keeper.records.units import Address

Topics = tuple[tuple[bytes, ...], ...]
"""For each place the topics of which one must stand there; an empty place lets any."""

_BUSY = re.compile(r"HTTP 429|rate.?limit|too many requests|request limit|per second|compute units", re.IGNORECASE)
"""How providers say that they were asked too often, not for too much: Alchemy, Ankr, Infura, QuickNode, publicnode."""

_PAUSES = (1, 2, 4, 8, 16)
"""Seconds between two attempts at a node that was asked too often."""

_FIRST_PATIENCE, _LAST_PATIENCE = 2, 64
"""Answered pieces before twice the span is tried again: how many events it holds changes, how many blocks are allowed
does not, so every trial that is refused doubles the patience."""

_SLOW_HALVINGS = 6
"""A node that does not answer a 64th of the range in time is down."""

_BATCH_BLOCKS = 50
"""Single blocks asked for in one body."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which events of one contract."""

    address: Address
    topics: Topics = ()

    def fields(self) -> dict[str, Any]:
        """As ``eth_getLogs`` takes them, blocks aside."""
        topics = [["0x" + topic.hex() for topic in place] or None for place in self.topics]
        return {"address": self.address} | ({"topics": topics} if topics else {})


def get_logs(rpc: Endpoint, address: Address, from_block: int, to_block: int) -> list[Log]:
    """Every event of ``address`` in the range, in chain order; errors as :func:`scan_logs`."""
    return [row for _, rows in scan_logs(rpc, LogQuery(address), from_block, to_block) for row in rows]


def scan_logs(
    rpc: Endpoint, query: LogQuery, from_block: int, to_block: int, wait: Callable[[float], None] = time.sleep
) -> Iterator[tuple[int, list[Log]]]:
    """Events of the range, piece after piece in chain order: (last block of the piece, its events).

    The first piece is the whole range. A refused one is halved until single blocks; only then is the refusal raised
    (providers cap ranges and results, each with another text, so the text is not asked). After some pieces twice the
    span is tried again, the more rarely the more often that was refused.

    Raises
    ------
    RetryLater
        The node refuses even one block, does not answer, or is asked too often.
    """
    start, span, slow = from_block, to_block - from_block + 1, 0
    answered, patience, trial, whole = 0, _FIRST_PATIENCE, False, True
    while start <= to_block:
        end = min(start + span - 1, to_block)
        fields = query.fields() | {"fromBlock": hex(start), "toBlock": hex(end)}
        try:
            rows = _patiently(partial(rpc.call, "eth_getLogs", [fields]), wait)
        except RpcError as error:
            slow += isinstance(error, TooSlow)
            unusable = error.code == 0 and not isinstance(error, TooSlow)
            if unusable or start == end or slow > _SLOW_HALVINGS or _BUSY.search(error.message):
                raise
            patience = min(2 * patience, _LAST_PATIENCE) if trial else patience
            span, answered, trial, whole = (end - start + 1) // 2, 0, False, False
            continue
        yield end, _in_order([rows])
        start, answered, slow = end + 1, answered + 1, 0
        patience = _FIRST_PATIENCE if trial else patience
        trial = not whole and answered >= patience
        if trial:
            span, answered = 2 * span, 0


def logs_of_blocks(
    rpc: Endpoint, wanted: Sequence[tuple[bytes, LogQuery]], wait: Callable[[float], None] = time.sleep
) -> list[Log]:
    """Events of single blocks, each named by its hash, many in one body; in chain order.

    Raises
    ------
    RetryLater
        The node fails, or knows a block no longer.
    """
    found: list[Any] = []
    for at in range(0, len(wanted), _BATCH_BLOCKS):
        part = wanted[at : at + _BATCH_BLOCKS]
        calls = [("eth_getLogs", [query.fields() | {"blockHash": "0x" + block.hex()}]) for block, query in part]
        found += _patiently(partial(rpc.batch, calls), wait)
    return _in_order(found)


def _patiently(ask: Callable[[], Any], wait: Callable[[float], None]) -> Any:
    """The answer, asked for again after a pause while the node says that it is asked too often."""
    for pause in _PAUSES:
        try:
            return ask()
        except RpcError as error:
            if not _BUSY.search(error.message):
                raise
            wait(max(pause, error.retry_after) if isinstance(error, Busy) else pause)
    return ask()


def _in_order(replies: Sequence[Any]) -> list[Log]:
    found = [log(row) for rows in replies for row in rows]
    return sorted(found, key=lambda row: (row.block_number, row.log_index))
