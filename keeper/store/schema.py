"""Schema of the database: made when it is new, refused when it is old, brought up to date on request, a copy first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, text

from keeper.errors import ConfigError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATE = "keeper rebuild --migrate"
"""What the operator runs."""
_ONE_AT_A_TIME = 0xB01_C4EAD
"""Advisory lock of PostgreSQL under which a schema changes."""


def head_revision() -> str:
    """Schema of this keeper."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current_revision(engine: Engine) -> str | None:
    """Schema of the database; None when it has none."""
    with engine.connect().execution_options(read_only=True) as connection:
        return _current(connection)


def is_fresh(engine: Engine) -> bool:
    """Whether the database is empty."""
    with engine.connect().execution_options(read_only=True) as connection:
        return not inspect(connection).get_table_names()


def create_schema(engine: Engine) -> None:
    """Make every table, unless somebody else was quicker."""
    _upgrade(engine)


def require_schema(engine: Engine) -> None:
    """Refuse a database of another version.

    Raises
    ------
    ConfigError
        Its schema is older, or not known.
    """
    current, head = current_revision(engine), head_revision()
    if current == head:
        return
    if current is not None and current not in _known():
        what = f"the database has schema {current}, which this keeper ({head}) does not know"
        raise ConfigError(what, "use the newer keeper")
    raise ConfigError(f"the database has schema {current}, this keeper needs {head}", f"run: {MIGRATE}")


def migrate(engine: Engine, file: Path | None) -> Path | None:
    """Bring an old schema up to date; every step or none is committed, so it may be killed and run again.

    Parameters
    ----------
    file
        SQLite's file, of which a copy is made first; None for a server, whose operator has backups.

    Returns
    -------
    Path | None
        The copy, when one was made.
    """
    current = current_revision(engine)
    if current == head_revision():
        return None
    copy = _copy(engine, file, current) if file is not None else None
    _upgrade(engine)
    return copy


def _copy(engine: Engine, file: Path, revision: str | None) -> Path:
    """A whole copy beside the file; a half one, left by a kill, is made anew."""
    copy, half = (file.with_name(f"{file.name}.schema-{revision}{end}") for end in ("", ".part"))
    half.unlink(missing_ok=True)
    with engine.connect() as connection:
        # Outside a transaction, as SQLite demands.
        connection.connection.driver_connection.execute("VACUUM INTO ?", (str(half),))  # type: ignore[union-attr]
    half.replace(copy)
    return copy


def _upgrade(engine: Engine) -> None:
    from alembic import command

    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: Any = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {row.revision for row in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
