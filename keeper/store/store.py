"""The store as one thing to open: intents, samples, lock."""

from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.store.engine import open_engine
from keeper.store.intents import IntentStore
from keeper.store.lock import KeeperLock
from keeper.store.samples import SampleStore


class KeeperStore:
    """Everything a keeper keeps, over one database.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///...``.
    """

    def __init__(self, url: str) -> None:
        self.file = Path(url.removeprefix("sqlite:///"))
        self._engine = open_engine(url)
        self.intents = IntentStore(self._engine)
        self.samples = SampleStore(self._engine)

    def lock(self) -> KeeperLock:
        """The right to act on this database; enter it before the first write of a daemon."""
        return KeeperLock(self.file)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
