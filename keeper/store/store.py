"""The store as one thing to open: intents, samples, halts, and the right to act on them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import delete, insert

from keeper.errors import ConfigError, DamagedStore
from keeper.records.outcome import Outcome
from keeper.store.adopted import adopt
from keeper.store.engine import REBUILD, open_engine, raw_engine, shown, sqlite_file
from keeper.store.halts import HaltStore
from keeper.store.intents import IntentStore
from keeper.store.lease import OPEN, Lease
from keeper.store.lock import KeeperLock
from keeper.store.samples import SampleStore
from keeper.store.schema import migrate
from keeper.store.tables import finalized
from keeper.store.timing import time_commits

Emit = Callable[..., None]
_PROBE, _PROBE_BYTES = -1, 1 << 17
"""A block that never is, and about the size of a window's samples."""
SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside a database."""


def _silent(_event: str, **_fields: object) -> None:
    """A log that nobody reads."""


class KeeperStore:
    """Everything a keeper keeps, over one database.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///...`` or ``postgresql+psycopg://...``.
    emit
        Log of the lease, and of every commit's time.
    """

    def __init__(self, url: str, emit: Emit = _silent) -> None:
        self.shown = shown(url)
        self.file = sqlite_file(url)
        self._engine = open_engine(url)
        time_commits(self._engine, emit)
        self.lease = Lease(self._engine, emit) if self.file is None else None
        """None: a single host, where the lock excludes others."""
        self._fence = self.lease or OPEN
        self.intents = IntentStore(self._engine, self._fence)
        self.samples = SampleStore(self._engine, self._fence)
        self.halts = HaltStore(self._engine)
        self._identity = _identity(self.file)

    def lock(self) -> KeeperLock:
        """The right to act on this file; enter it before the first write of a daemon.

        Raises
        ------
        ConfigError
            The database is a server's: its lease excludes others.
        """
        if self.file is None:
            raise ConfigError(f"{self.shown} is not a file", "its lease excludes other keepers")
        return KeeperLock(self.file)

    def adopt(self, rows: Sequence[Outcome]) -> None:
        """Add final rows that were found on chain, unless they are known."""
        adopt(self._engine, self._fence, rows)

    def require_file(self) -> None:
        """Make sure that the file of this name is still the one we write to.

        Raises
        ------
        DamagedStore
            It was deleted or replaced: what is written now would be lost.
        """
        if self.file is not None and _identity(self.file) != self._identity:
            raise DamagedStore(f"{self.shown} was taken away while the keeper ran", REBUILD)

    def require_room(self) -> None:
        """Write as much as a sample needs, and take it back.

        Raises
        ------
        StoreFailure
            The database takes no writes.
        """
        probe = finalized.c.block_number == _PROBE
        for change in (
            delete(finalized).where(probe),
            insert(finalized).values(block_number=_PROBE, block_hash=bytes(_PROBE_BYTES)),
            delete(finalized).where(probe),
        ):
            with self._engine.begin() as connection:
                connection.execute(change)

    def close(self) -> None:
        """Give the lease and the connections back."""
        if self.lease is not None:
            self.lease.release()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def open_exclusive(url: str, emit: Emit) -> Iterator[KeeperStore]:
    """The store of a keeper that runs: alone on its file, or under a lease; a damaged file is moved aside first.

    Raises
    ------
    ConfigError
        Another keeper runs on the file, the schema is old, or the database cannot be used.
    """
    file = sqlite_file(url)
    if file is None:
        with KeeperStore(url, emit) as store:
            yield store
        return
    with KeeperLock(file):
        try:
            store = KeeperStore(url, emit)
        except DamagedStore as error:
            emit("store_moved_aside", to=str(move_aside(file)), reason=error.message)
            store = KeeperStore(url, emit)
        with store:
            yield store


def move_aside(file: Path) -> Path:
    """Move a database away, with all that belongs to it; nothing is ever deleted. Returns its new place."""
    number = 1
    while (place := file.with_name(f"{file.name}.aside-{number}")).exists():
        number += 1
    for end in ("", *SIDE_FILES):
        part = file.with_name(file.name + end)
        if part.exists():
            shutil.move(part, place.with_name(place.name + end))
    return place


def migrate_store(url: str) -> Path | None:
    """Bring an old schema up to date; returns the copy that was made of a file before.

    Raises
    ------
    ConfigError
        A keeper runs on it.
    """
    file, engine = sqlite_file(url), raw_engine(url)
    try:
        if file is None:
            return migrate(engine, None)
        with KeeperLock(file):
            return migrate(engine, file)
    finally:
        engine.dispose()


def _identity(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None
