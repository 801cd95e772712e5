"""The heads that a keeper has seen: whether the newest still stands, and how deep a reorg went."""

from collections import deque

from keeper.records.ports import ChainReader
from keeper.records.units import BlockRef

SEEN = 128
"""Heads that are remembered; a deeper reorg is reported as deep as these reach."""


class HeadTrail:
    """Newest last.

    Parameters
    ----------
    reader
        Blocks by number.
    """

    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader
        self._seen: deque[BlockRef] = deque(maxlen=SEEN)

    def __bool__(self) -> bool:
        return bool(self._seen)

    def reorg_depth(self, head: BlockRef) -> int:
        """0 when the newest head that was seen still stands; else an upper bound of the blocks that were replaced."""
        if not self._seen:
            return 0
        newest, oldest = self._seen[-1].number, self._seen[0].number
        standing = (block.number for block in reversed(self._seen) if self._stands(block, head))
        return newest - next(standing, oldest - 1)

    def add(self, head: BlockRef, depth: int) -> None:
        """Remember a head that was read in full, in place of those that a reorg of this depth replaced."""
        floor = self._seen[-1].number - depth if self._seen else 0
        while self._seen and self._seen[-1].number > floor:
            self._seen.pop()
        if not self._seen or self._seen[-1] != head:
            self._seen.append(head)

    def _stands(self, block: BlockRef, head: BlockRef) -> bool:
        return block.number <= head.number and self._reader.block(block.number).hash == block.hash
