"""Opens the database: durable settings asserted, integrity checked, schema brought up to date."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from keeper.errors import ConfigError, RetryLater

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MILLISECONDS = 5_000
"""How long a reader (the CLI beside the daemon) waits for the writer."""

SQLITE_FULL = 2
"""PRAGMA synchronous: every commit is on the disk before it returns."""


def open_engine(url: str) -> Engine:
    """Engine over a migrated database.

    Raises
    ------
    ConfigError
        The file is no database, is damaged, cannot be written, or belongs to a newer keeper.
    """
    try:
        Path(_file(url)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"keeper.data_dir: the folder of {_file(url)} cannot be made: {error.strerror}"
        raise ConfigError(what, "name a folder that can be written") from None
    engine = create_engine(url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        _check(engine, url)
        _migrate(engine)
    except OperationalError as error:
        engine.dispose()
        if "locked" in str(error.orig):
            raise RetryLater(f"the database {_file(url)} is busy", "another keeper writes to it") from None
        raise ConfigError(
            f"the database {_file(url)} cannot be used: {error.orig}", "check path, mode and disk"
        ) from None
    except DatabaseError as error:
        engine.dispose()
        raise ConfigError(
            f"{_file(url)} is not a sound database: {error.orig}", "move it away; a new one is rebuilt from the chain"
        ) from None
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    # The driver's own BEGIN is late and deferred: ours are immediate, DDL included (reliability.md I).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _check(engine: Engine, url: str) -> None:
    with engine.connect() as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar()
        synchronous = connection.execute(text("PRAGMA synchronous")).scalar()
        verdict = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
    if (mode, synchronous) != ("wal", SQLITE_FULL):
        raise ConfigError(
            f"{_file(url)} runs in mode {mode} with synchronous = {synchronous}, which can lose a sent transaction",
            "put it on a local disk that supports WAL",
        )
    if verdict != "ok":
        raise ConfigError(f"{_file(url)} is damaged: {verdict}", "move it away; a new one is rebuilt from the chain")


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect().execution_options(read_only=True) as connection:
        known = connection.dialect.has_table(connection, "alembic_version")
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if current == head:
        return
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise ConfigError(
                f"the database has schema {current}, which this keeper ({head}) does not know", "use the newer keeper"
            ) from None
        connection.commit()


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")
