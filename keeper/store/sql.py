"""The two inserts that SQLite and PostgreSQL spell alike and SQLAlchemy spells by dialect."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def keep_first(connection: Connection, table: Table) -> Any:
    """An insert that leaves a row with the same key as it is."""
    return _INSERTS[connection.dialect.name](table).on_conflict_do_nothing()


def keep_last(connection: Connection, table: Table) -> Any:
    """An insert that replaces a row with the same primary key."""
    statement = _INSERTS[connection.dialect.name](table)
    key = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in table.c.keys() if name not in key}  # noqa: SIM118 - a SQLAlchemy view
    return statement.on_conflict_do_update(index_elements=key, set_=rest)
