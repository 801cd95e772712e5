"""Which blocks were finalized when the keeper saw them, and why sending is halted, if it is."""

from sqlalchemy import Engine, delete, insert, select, update

from keeper.records.units import BlockRef
from keeper.store.sql import keep_first
from keeper.store.tables import finalized, halts

KEPT_BLOCKS = 256
"""Newest finalized blocks that are kept; each vouches for all below it by its parent links."""


class HaltStore:
    """Finalized blocks and halts. Any keeper may halt; only ``keeper resume`` lets go on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def finalized(self) -> tuple[int, bytes] | None:
        """(number, hash) of the newest block that was finalized when it was seen."""
        query = select(finalized.c.block_number, finalized.c.block_hash).order_by(finalized.c.block_number.desc())
        query = query.where(finalized.c.block_number >= 0)
        with self._engine.connect().execution_options(read_only=True) as connection:
            row = connection.execute(query.limit(1)).first()
        return (int(row[0]), bytes(row[1])) if row else None

    def keep_finalized(self, block: BlockRef) -> None:
        """Remember a finalized block; the oldest are forgotten."""
        newest = select(finalized.c.block_number).order_by(finalized.c.block_number.desc()).limit(KEPT_BLOCKS)
        with self._engine.begin() as connection:
            values = {"block_number": block.number, "block_hash": block.hash}
            connection.execute(keep_first(connection, finalized), values)
            connection.execute(delete(finalized).where(finalized.c.block_number.not_in(newest)))

    def halt(self, reason: str) -> None:
        """Halt sending, for this and every later start; the same reason is written once."""
        with self._engine.begin() as connection:
            known = select(halts.c.id).where(halts.c.reason == reason, halts.c.cleared.is_(False))
            if connection.execute(known).first() is None:
                connection.execute(insert(halts).values(reason=reason))

    def reasons(self) -> list[str]:
        """Why sending is halted, oldest first; empty when it is not."""
        query = select(halts.c.reason).where(halts.c.cleared.is_(False)).order_by(halts.c.id)
        with self._engine.connect().execution_options(read_only=True) as connection:
            return list(connection.execute(query).scalars())

    def resume(self) -> None:
        """Clear every halt and the finalized blocks that they rest on: the operator has looked."""
        with self._engine.begin() as connection:
            connection.execute(update(halts).where(halts.c.cleared.is_(False)).values(cleared=True))
            connection.execute(delete(finalized))
