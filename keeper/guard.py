"""Whether this keeper may act now: it leads, no finalized block has changed, and its database is still there."""

from keeper.errors import RetryLater
from keeper.follow import Emit
from keeper.records.ports import ChainReader
from keeper.records.units import BlockRef
from keeper.store.store import KeeperStore


class Guard:
    """Asked before anything is planned or sent; the fold goes on whatever it says.

    Parameters
    ----------
    store
        Lease and halts.
    reader
        Blocks by number and tag.
    emit
        Log.
    """

    def __init__(self, store: KeeperStore, reader: ChainReader, emit: Emit) -> None:
        self._store = store
        self._reader = reader
        self._emit = emit
        self._halted = False
        self._epoch = store.lease.epoch if store.lease else None

    def look(self, head: BlockRef) -> None:
        """Compare the finalized blocks of before with the chain of now; to be called before each cycle.

        Raises
        ------
        DamagedStore
            The database was taken away.
        """
        self._store.require_file()
        halted = bool(self._store.halts.reasons())
        if not halted:
            self._check_finality(head)
        elif not self._halted:
            self._emit("halted", reasons=self._store.halts.reasons())
        if self._halted and not halted:
            self._emit("resumed")
        self._halted = halted

    def refusal(self) -> str:
        """Why nothing may be sent now; empty when it may."""
        reasons = self._store.halts.reasons()
        if reasons:
            return f"halted: {reasons[0]}; look, then run: keeper resume"
        return "" if self.leads() else "another keeper of this database leads"

    def leads(self) -> bool:
        """Whether the rows of the database are this keeper's to move."""
        return self._store.lease is None or self._store.lease.leads()

    def took_over(self) -> bool:
        """Whether this keeper began to lead since it was last asked."""
        epoch = self._store.lease.epoch if self._store.lease else None
        changed, self._epoch = epoch != self._epoch, epoch
        return changed and epoch is not None

    def _check_finality(self, head: BlockRef) -> None:
        known = self._store.halts.finalized()
        if known is not None and known[0] <= head.number:
            number, stored = known
            found = self._reader.block(number).hash
            if found != stored:
                change = f"finalized block {number} changed from 0x{stored.hex()} to 0x{found.hex()}"
                self._store.halts.halt(change)
                self._emit("finality_violation", block=number, stored=stored.hex(), found=found.hex())
                return
        try:
            final = self._reader.block("finalized")
        except RetryLater:
            # A chain without this tag claims no finality, so none can be violated.
            return
        if known is None or final.number > known[0]:
            self._store.halts.keep_finalized(final)
