"""F11, F41, F42, F44: killed in a migration, locked, full, not ours: nothing is lost, nothing is sent without a row."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from faults.daemons import daemon
from faults.programs import mining, wait_for
from faults.world import Keeper, World, config_of, keeper

from keeper.errors import StoreFailure
from keeper.store.store import open_exclusive
from keeper.testing.devnet import write_operator_files
from keeper.timing import VARIABLE

ROWS = 50
NOBODY = 65_534
MANY_PAGES = 1 << 30

MIGRATE = """
import json, os, shutil, signal, sqlite3, sys
from pathlib import Path
import alembic.command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from keeper.store.schema import MIGRATIONS
from keeper.store.store import KeeperStore, migrate_store

folder, rows, left = Path(sys.argv[1]), int(sys.argv[2]), 0
CHANGES = {"CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE"}

@event.listens_for(Engine, "after_cursor_execute")
def count(_connection, _cursor, statement, *_):
    global left
    left -= statement.split()[0].upper() in CHANGES
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def old(file):
    config, engine = Config(), create_engine(f"sqlite:///{file}")
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
        for row in range(rows):
            connection.exec_driver_sql(
                "INSERT INTO intents (key, purpose, recipient, calldata, observed_block, valid_until, markets, state,"
                f" nonce) VALUES (X'{row:064x}', 'publish', '0x', X'', 1, 2, '', 'final_ok', {row})"
            )
    engine.dispose()

def look(file):
    with sqlite3.connect(file) as connection:
        found = [connection.execute(query).fetchone()[0] for query in (
            "SELECT version_num FROM alembic_version", "PRAGMA integrity_check", "SELECT count(*) FROM intents",
            "SELECT sum(nonce) FROM intents")]
    connection.close()
    return found

seen, step, code = [], 0, 1
left = -1
old(folder / "old.sqlite")
while code:
    step += 1
    file = folder / f"{step}.sqlite"
    shutil.copy(folder / "old.sqlite", file)
    child = os.fork()
    if child == 0:
        left = step
        migrate_store(f"sqlite:///{file}")
        os._exit(0)
    code = os.waitpid(child, 0)[1]
    after = look(file)
    left = -1
    migrate_store(f"sqlite:///{file}")
    KeeperStore(f"sqlite:///{file}").close()
    seen.append((code, after, look(file), look(f"{file}.schema-0001")))
print(json.dumps(seen))
"""


@pytest.mark.matrix
def test_f11_a_kill_at_any_step_of_a_migration_loses_no_row(tmp_path: Path, verdict: Callable[..., None]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, str(tmp_path), str(ROWS)], capture_output=True, text=True, check=True
    )
    steps = json.loads(done.stdout)
    kept = ["ok", ROWS, sum(range(ROWS))]
    head = steps[-1][2][0]
    for code, after, completed, copy in steps:
        assert os.waitstatus_to_exitcode(code) == (-9 if code else 0)
        assert after == (["0001", *kept] if code else [head, *kept])
        assert completed == [head, *kept]
        assert copy == ["0001", *kept]
    assert len(steps) > 15
    verdict(
        fault="F11", happened=f"killed at each of {len(steps) - 1} steps; completed at the next try", recovery_blocks=0
    )


def sent_nothing(town: World) -> bool:
    return not town.pending() and town.nonce() == 0


def publishes(town: World, one: Keeper) -> int:
    """Blocks until every market has its report; in them the keeper runs a cycle each."""
    for blocks in range(1, 4):
        one.cycle()
        town.chain.mine()
        if len(town.applied()) == len(town.devnet.market_keys):
            town.whole()
            return blocks
    raise AssertionError("the update was lost")


def test_f41_a_locked_database_defers_and_nothing_is_sent_without_a_row(
    town: World, tmp_path: Path, verdict: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0.02")
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    with keeper(config) as one:
        with closing(sqlite3.connect(config.operator.store_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                failure = one.cycle()
                assert isinstance(failure, StoreFailure)
                assert "locked" in failure.message
                assert sent_nothing(town)
                town.chain.mine()
            other.rollback()
        assert one.rows() == []
        blocks = publishes(town, one)
    assert town.nonce() == 1
    verdict(
        fault="F41", happened="three cycles deferred, nothing sent; published when it was free", recovery_blocks=blocks
    )


@contextmanager
def full(one: Keeper) -> Iterator[None]:
    """The database may not grow while the body runs."""
    with one.ports.intents._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    yield
    with one.ports.intents._engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {MANY_PAGES}")


def test_f42_a_full_disk_sends_nothing_and_recovers_when_it_is_freed(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    with keeper(config_of(town.devnet, tmp_path, [town.chain.url])) as one:
        with full(one):
            for _ in range(2):
                failure = one.cycle()
                assert isinstance(failure, StoreFailure)
                assert "full" in failure.message
                assert sent_nothing(town)
        blocks = publishes(town, one)
    assert town.nonce() == 1
    verdict(fault="F42", happened="no send while full; published when freed", recovery_blocks=blocks)


@pytest.mark.matrix
def test_f42_a_file_that_may_not_grow_makes_the_daemon_not_ready_until_it_may(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    # The file must not grow by a window's samples; the program's own logs go to pipes.
    few = 48 << 10
    with open_exclusive(config_of(town.devnet, tmp_path, [town.chain.url]).operator.store_url, print):
        pass
    with daemon(write_operator_files(town.devnet, tmp_path)) as running:
        limit(running.process.pid, few)
        running.said("store_failed")
        status, body = running.until(lambda: (answer := running.get("/ready"))[0] != HTTPStatus.OK and answer)
        assert status == HTTPStatus.SERVICE_UNAVAILABLE
        assert any("disk" in reason or "full" in reason for reason in json.loads(body)["reasons"]), body
        assert running.get("/live")[0] == HTTPStatus.OK
        assert sent_nothing(town)
        limit(running.process.pid, resource.RLIM_INFINITY)
        running.until(lambda: running.get("/ready")[0] == HTTPStatus.OK)
        with mining(town):
            wait_for(lambda: len(town.applied()) == len(town.devnet.market_keys))
        town.whole()
        running.said("store_ready")
    verdict(fault="F42", happened="RLIMIT_FSIZE: /ready 503, nothing sent; 200 and published when lifted")


def limit(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


FOREIGN = """
import os, sys
from keeper.errors import ConfigError
from keeper.store.store import open_exclusive
if os.getuid() == 0:
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
for file in sys.argv[2:]:
    try:
        with open_exclusive("sqlite:///" + file, print):
            print("opened")
    except ConfigError as error:
        print(error)
"""
MODES = ((0o444, 0o555), (0o000, 0o755), (0o644, 0o000))
"""Of the file and of its folder."""


def test_f44_a_file_that_is_not_ours_to_write_is_one_line(verdict: Callable[..., None]) -> None:
    # Not pytest's own folder: under root nobody else may enter it.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        files = []
        for mode, folder_mode in MODES:
            file = folder / f"{folder_mode}" / "keeper.sqlite"
            with open_exclusive(f"sqlite:///{file}", print):
                pass
            file.chmod(mode)
            file.parent.chmod(folder_mode)
            files.append(str(file))
        command = [sys.executable, "-c", FOREIGN, str(NOBODY), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for file in files:
            Path(file).parent.chmod(0o755)
    assert done.stderr == ""
    for line, file in zip(done.stdout.splitlines(), files, strict=True):
        assert line.startswith(f"the database {file} cannot be used: ")
    verdict(fault="F44", happened="each refused in one line that names the file")
