"""Opens the database: durable settings asserted, integrity checked, failures mapped to our errors."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, IntegrityError, OperationalError

from keeper.errors import ConfigError, DamagedStore, KeeperError, RetryLater, StoreFailure
from keeper.store.schema import create_schema, is_fresh, require_schema
from keeper.timing import scaled

BUSY_SECONDS = 5
"""How long a reader (the CLI beside the daemon) waits for the writer."""

SQLITE_FULL = 2
"""PRAGMA synchronous: every commit is on the disk before it returns."""

DAMAGE = ("malformed", "not a database", "file is encrypted")
"""How SQLite says that a file's pages are not what they should be."""

REBUILD = "run: keeper rebuild; it moves the file away and reads everything back from the chain"


def sqlite_file(url: str) -> Path | None:
    """File of a SQLite URL; None for a server."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


def shown(url: str) -> str:
    """What messages call the database: its file, or its URL without secrets."""
    file = sqlite_file(url)
    return str(file) if file else make_url(url).render_as_string(hide_password=True)


def open_engine(url: str) -> Engine:
    """Engine over a database with today's schema; an empty database gets it at once.

    Raises
    ------
    ConfigError
        The database cannot be used, or has an older or newer schema.
    DamagedStore
        The file is no database, or is damaged.
    StoreFailure
        Somebody else keeps it locked, or the server does not answer.
    """
    engine = raw_engine(url)
    try:
        _check(engine, url)
        if is_fresh(engine):
            create_schema(engine)
        require_schema(engine)
    except (KeeperError, DatabaseError) as error:
        engine.dispose()
        raise _at_opening(error, url) from None
    event.listen(engine, "handle_error", lambda context: _on_error(context, url))
    return engine


def raw_engine(url: str) -> Engine:
    """Engine over a database of whatever schema.

    Raises
    ------
    ConfigError
        The folder cannot be made, or PostgreSQL's driver is missing.
    """
    file = sqlite_file(url)
    if file is None:
        return _server_engine(url)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"keeper.data_dir: the folder of {file} cannot be made: {error.strerror}"
        raise ConfigError(what, "name a folder that can be written") from None
    engine = create_engine(url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _server_engine(url: str) -> Engine:
    busy = int(scaled(BUSY_SECONDS) * 1000)
    # A keeper that is stopped in mid-transaction must not keep the lease row locked against its successor.
    limits = {"lock_timeout": busy, "statement_timeout": busy, "idle_in_transaction_session_timeout": 2 * busy}
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    try:
        return create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": BUSY_SECONDS, "options": options}
        )
    except ModuleNotFoundError as error:
        what = f"store.url: PostgreSQL needs the package {error.name}"
        raise ConfigError(what, 'install it: pip install "bulkhead-keeper[postgres]"') from None
    except ArgumentError as error:
        raise ConfigError(f"store.url: {error}", 'write "postgresql+psycopg://user@host/database"') from None


def _on_connect(connection: Any, _record: object) -> None:
    # The driver's own BEGIN is late and deferred: ours are immediate, DDL included (reliability.md I).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(scaled(BUSY_SECONDS) * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _on_error(context: Any, url: str) -> None:
    """Every failure of the driver becomes one of ours, here and nowhere else."""
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        raise _failure(error, url)


def _failure(error: DBAPIError, url: str) -> KeeperError:
    reason = " ".join(str(error.orig).split())
    if any(words in reason for words in DAMAGE):
        return DamagedStore(f"{shown(url)} is not a sound database: {reason}", REBUILD)
    return StoreFailure(f"the database {shown(url)} failed: {reason}", "nothing was committed; the next cycle tries")


def _at_opening(error: KeeperError | DatabaseError, url: str) -> KeeperError:
    if isinstance(error, KeeperError):
        return error
    failure = _failure(error, url)
    if isinstance(failure, DamagedStore) or not isinstance(error, OperationalError):
        return failure
    reason = " ".join(str(error.orig).split())
    if "locked" in reason:
        return StoreFailure(f"the database {shown(url)} is busy", "another keeper writes to it")
    if sqlite_file(url) is None:
        return RetryLater(f"the database {shown(url)} does not answer: {reason}", "start it, or correct store.url")
    return ConfigError(f"the database {shown(url)} cannot be used: {reason}", "check path, owner, mode and disk")


def _check(engine: Engine, url: str) -> None:
    checks = {"sqlite": _check_sqlite, "postgresql": _check_server}
    with engine.connect() as connection:
        checks[engine.dialect.name](connection, url)


def _check_sqlite(connection: Any, url: str) -> None:
    mode = connection.execute(text("PRAGMA journal_mode")).scalar()
    synchronous = connection.execute(text("PRAGMA synchronous")).scalar()
    verdict = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
    if (mode, synchronous) != ("wal", SQLITE_FULL):
        raise ConfigError(
            f"{shown(url)} runs in mode {mode} with synchronous = {synchronous}, which can lose a sent transaction",
            "put it on a local disk that supports WAL",
        )
    if verdict != "ok":
        raise DamagedStore(f"{shown(url)} is damaged: {' '.join(str(verdict).split())}", REBUILD)


def _check_server(connection: Any, url: str) -> None:
    for setting in ("fsync", "synchronous_commit"):
        if connection.execute(text(f"SHOW {setting}")).scalar() == "off":
            raise ConfigError(f"{shown(url)} runs with {setting} = off, which can lose a sent transaction", "set it on")
