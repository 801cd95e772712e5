"""Who provides a pool at a block: scans its events, folds them into positions, checks them to the last unit.

What was folded is kept in a file per pool up to a block that a reorg will not take back, so an interrupted scan goes
on where it was and the next one reads only what is new.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from keeper.chain.endpoint import Endpoint
from keeper.chain.logs import LogQuery, logs_of_blocks, scan_logs
from keeper.chain.reader import Reader
from keeper.chain.views import first_block_with_code
from keeper.errors import ConfigError, Refused, RetryLater
from keeper.records.log import Log
from keeper.records.pools import PoolState
from keeper.records.providers import Book, Holding, Position, Provided, Provision, apply
from keeper.records.settings import PoolSettings
from keeper.records.units import Address, BlockRef
from keeper.venues.position_logs import MANAGER_TOPICS, first_callers, managed_blocks
from keeper.venues.positions import PROVIDED, owned

SETTLED_BLOCKS = 64
"""What is this far below the block asked for is kept; mainnet finalises after as many."""

SAVE_EVERY = 20
"""Pieces of a scan between two savings."""

SCHEMA = 1

Progress = Callable[[str, int, int], None]
"""(pool, blocks done, of how many)."""


@dataclass(slots=True)
class _Folded:
    """A pool's positions up to a block."""

    first: int
    """Where the scan began."""
    block: int
    """Last block whose events are in."""
    book: Book
    managers: dict[Address, bool]
    """Caller -> whether it keeps positions for others."""


class PositionReader:
    """Provisions of pools from one node.

    Parameters
    ----------
    folder
        Where folded events are kept.
    first_block
        Where to begin; None = where the pool was created, or where a kept scan ended.
    """

    def __init__(  # noqa: PLR0917 - node, reader and where to begin
        self,
        rpc: Endpoint,
        reader: Reader,
        chain_id: int,
        folder: Path,
        progress: Progress,
        first_block: int | None = None,
    ) -> None:
        self._rpc, self._reader, self._chain_id = rpc, reader, chain_id
        self._folder, self._progress, self._first_block = folder, progress, first_block

    def provision(self, pool: PoolSettings, state: PoolState, block: BlockRef) -> Provision:
        """Everybody who provides a pool at a block.

        Raises
        ------
        Refused
            The positions do not add up to the pool: part of its history is missing.
        RetryLater
            The node failed.
        """
        kind = PROVIDED[pool.venue]
        kept = self._load(pool, block) if self._first_block is None else None
        found = self._read(kind, pool, state, block, kept)
        if isinstance(found, str) and kept is not None:
            found = self._read(kind, pool, state, block, None)
        if isinstance(found, str):
            remedy = "begin earlier with --from, or ask a node that keeps all events"
            raise Refused(f"{pool.label}: incomplete history, so no concentration is stated: {found}", remedy)
        return Provision(pool, state, found)

    def _read(
        self, kind: Provided, pool: PoolSettings, state: PoolState, block: BlockRef, kept: _Folded | None
    ) -> tuple[Position, ...] | str:
        """The positions, or where they do not add up."""
        folded = kept or self._beginning(pool, block)
        for last in (block.number - SETTLED_BLOCKS, block.number):
            self._fold(kind, pool, folded, last, save=last != block.number)
        problem, positions = self._reader.run([kind.check(pool, state, folded.book), owned(folded.book)], block)
        return cast("str", problem) or cast("tuple[Position, ...]", positions)

    def _beginning(self, pool: PoolSettings, block: BlockRef) -> _Folded:
        first = self._first_block
        if first is None:
            first = first_block_with_code(self._rpc, pool.address, block.number)
        return _Folded(first, first - 1, {}, {})

    def _fold(self, kind: Provided, pool: PoolSettings, folded: _Folded, last: int, *, save: bool) -> None:
        start = folded.block + 1
        if start > last:
            return
        pieces = scan_logs(self._rpc, LogQuery(pool.address, kind.topics(pool)), start, last)
        for number, (end, logs) in enumerate(pieces, start=1):
            managed = self._managed(logs, folded.managers) if kind.managed else []
            apply(folded.book, kind.moves(pool, logs, managed))
            folded.block = end
            self._progress(pool.label, end - folded.first + 1, last - folded.first + 1)
            if save and self._first_block is None and (number % SAVE_EVERY == 0 or end == last):
                self._save(pool, folded)

    def _managed(self, logs: list[Log], managers: dict[Address, bool]) -> list[Log]:
        """Events of position managers in the blocks in which they moved the pool's liquidity.

        Who is one shows at its first move; of callers that are none nothing more is asked.
        """
        first = first_callers(logs, managers)
        seen = {log.address for log in self._in_blocks(first)}
        managers |= {caller: caller in seen for _, caller in first}
        return self._in_blocks(managed_blocks(logs, {caller for caller, keeps in managers.items() if keeps}))

    def _in_blocks(self, wanted: list[tuple[bytes, Address]]) -> list[Log]:
        return logs_of_blocks(self._rpc, [(block, LogQuery(caller, MANAGER_TOPICS)) for block, caller in wanted])

    def _file(self, pool: PoolSettings) -> Path:
        return self._folder / f"{self._chain_id}-{pool.address}-{pool.pool_id.hex()[:16]}.json"

    def _load(self, pool: PoolSettings, block: BlockRef) -> _Folded | None:
        """What was kept, where it is of this chain and not newer than the block; whatever is wrong with it, None."""
        try:
            document = json.loads(self._file(pool).read_text())
            folded = _decoded(document)
            fits = document["schema"] == SCHEMA and folded.block <= block.number
            known = fits and self._reader.block(folded.block).hash.hex() == document["hash"]
        except (OSError, ValueError, KeyError, TypeError, RetryLater):
            return None
        return folded if known else None

    def _save(self, pool: PoolSettings, folded: _Folded) -> None:
        """Keep what was folded, unless what is kept already goes further: a look at the past costs no scan."""
        file = self._file(pool)
        with suppress(OSError, ValueError, KeyError, TypeError):
            if json.loads(file.read_text())["block"] > folded.block:
                return
        document = {
            "schema": SCHEMA,
            "first": folded.first,
            "block": folded.block,
            "hash": self._reader.block(folded.block).hash.hex(),
            "managers": folded.managers,
            "book": [
                [row.owner, row.token_id and str(row.token_id), row.tick_lower, row.tick_upper, str(size)]
                for row, size in folded.book.items()
            ],
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps(document))
            fresh.replace(file)
        except OSError as error:
            raise ConfigError(
                f"keeper.data_dir: {file} cannot be written: {error.strerror}", "choose a folder that you may write"
            ) from None


def _decoded(document: dict[str, object]) -> _Folded:
    rows = cast("list[list[str]]", document["book"])
    book = {
        Holding(Address(owner), None if token is None else int(token), int(lower), int(upper)): int(size)
        for owner, token, lower, upper, size in rows
    }
    managers = cast("dict[Address, bool]", document["managers"])
    return _Folded(int(str(document["first"])), int(str(document["block"])), book, managers)
