"""Whether the database took the last write: a cycle begins only when it does, and health hears of either."""

from keeper.errors import StoreFailure
from keeper.follow import Emit
from keeper.store.store import KeeperStore


class StoreWatch:
    """Says ``store_failed`` and ``store_ready`` once each.

    Parameters
    ----------
    store
        What is written to.
    """

    def __init__(self, store: KeeperStore, emit: Emit) -> None:
        self._store = store
        self._emit = emit
        self._failed = False

    def note(self, error: Exception) -> None:
        """A job ended with this."""
        if isinstance(error, StoreFailure) and not self._failed:
            self._failed = True
            self._emit("store_failed", error=error.message)

    def check(self) -> None:
        """After a failure, write something first: nothing is planned or sent that could not be kept.

        Raises
        ------
        StoreFailure
            The database still takes no writes.
        """
        if self._failed:
            self._store.require_room()
            self._failed = False
            self._emit("store_ready")
