"""One keeper a database: an advisory lock that the kernel frees however the process ends (reliability.md B5)."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.errors import ConfigError


class KeeperLock:
    """Held while the keeper runs; a second process is refused at once.

    Parameters
    ----------
    database
        Path of the database; the lock file stands beside it.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._handle: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            what = f"the database {self.path.with_suffix('')} cannot be used: {error.strerror}"
            raise ConfigError(what, "check path, owner and mode") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise ConfigError(
                f"another keeper (process {owner or 'unknown'}) runs on {self.path.with_suffix('')}",
                "stop it first, or give this one its own [keeper] data_dir",
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
