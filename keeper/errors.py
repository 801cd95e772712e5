"""What can go wrong, sorted by what the operator does about it.

::

    KeeperError
    ├── ConfigError    fix the configuration and restart          exit 2
    │   └── DamagedStore   the database is not sound; a start rebuilds it
    ├── RetryLater     the outside world; the next cycle tries    exit 4
    │   └── StoreFailure   the database did not take a write: locked, full, gone
    ├── Refused        a guard said no; nothing was changed       exit 5
    └── LayoutMismatch a pool's storage is not what it claims; that venue is left out

Foreign exceptions are mapped to these where they enter (``chain/``, ``store/``), never further in.
"""


class KeeperError(Exception):
    """Root of everything the keeper raises on purpose.

    Parameters
    ----------
    message
        One line: what happened and why.
    hint
        One line: what to do next. Empty when there is nothing to do.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and remedy on one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(KeeperError):
    """The configuration is wrong. ``problems`` holds every mistake found, one line each."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "", problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.problems = problems or (str(self),)


class DamagedStore(ConfigError):
    """The database is not sound, or its file was taken away. Nothing in it is lost that the chain does not hold."""


class RetryLater(KeeperError):
    """The outside world failed: node down, timeout, no answer. The next cycle tries again."""

    exit_code = 4


class StoreFailure(RetryLater):
    """The database did not do what it was asked: locked, full, read-only, not reachable. Nothing was committed."""


class Refused(KeeperError):
    """A guard said no: a limit, a revert, stale data. Nothing was changed."""

    exit_code = 5


class LayoutMismatch(KeeperError):
    """Raw storage words disagree with the pool's own view functions; the venue is not counted."""

    exit_code = 5
