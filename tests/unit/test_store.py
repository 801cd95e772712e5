"""The store: every edge durable, round trips exact, a reorg rolls back every table at once, one keeper a database."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import alembic.command
import pytest
from alembic.config import Config
from factories import (
    feed_reading,
    make_snapshot,
    market_settings,
    pair_reading,
    pool_reading,
)
from sqlalchemy import create_engine
from store_records import SETTINGS, WINDOW

from keeper.errors import ConfigError
from keeper.fold import fold_sample
from keeper.records.decision import Folded
from keeper.records.snapshot import MarketSnapshot
from keeper.store.codec import dumps, loads
from keeper.store.schema import MIGRATIONS
from keeper.store.store import KeeperStore, migrate_store
from keeper.store.tables import KEPT, ROLLED_BACK, UINT256_DIGITS, metadata, pad_uint256


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'keeper.sqlite'}"


def test_the_database_is_durable(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_schema_from_the_future_is_refused(tmp_path: Path) -> None:
    KeeperStore(url(tmp_path)).close()
    with sqlite3.connect(tmp_path / "keeper.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match="newer keeper"):
        KeeperStore(url(tmp_path))


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keeper.sqlite").write_bytes(b"this is not a database, it is prose" * 100)
    with pytest.raises(ConfigError, match="not a sound database") as caught:
        KeeperStore(url(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keeper.sqlite").mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        KeeperStore(url(tmp_path))


def test_snapshots_and_folds_survive_the_codec() -> None:
    broken = make_snapshot(
        pools=(pool_reading(failure="reverted"), pair_reading()), feed=feed_reading(None), words=None
    )
    for snapshot in (make_snapshot(), broken):
        assert loads(MarketSnapshot, dumps(snapshot)) == snapshot
        folded = fold_sample(b"", snapshot, WINDOW, (), market_settings(), SETTINGS)
        assert loads(Folded, dumps(folded)) == folded


def test_a_database_of_the_first_schema_loses_its_caches_and_keeps_its_intents(tmp_path: Path) -> None:
    config, engine = Config(), create_engine(url(tmp_path))
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO depths VALUES (X'01', X'02', 7, 25, X'03', '1', '2', '3', '4')")
        connection.exec_driver_sql(
            "INSERT INTO samples VALUES (X'01', 7, 25, X'02', 9, 1, X'', X'', 'none', NULL, X'00', X'00')"
        )
        connection.exec_driver_sql(
            "INSERT INTO intents (key, purpose, recipient, calldata, observed_block, valid_until, markets, state) "
            "VALUES (X'01', 'publish', '0x', X'', 1, 2, '', 'PLANNED')"
        )
    engine.dispose()
    with pytest.raises(ConfigError, match=r"schema 0001.*run: keeper rebuild --migrate"):
        KeeperStore(url(tmp_path))
    copy = migrate_store(url(tmp_path))
    assert copy == tmp_path / "keeper.sqlite.schema-0001"
    with sqlite3.connect(copy) as kept:
        assert kept.execute("SELECT count(*) FROM samples").fetchone() == (1,)
    kept.close()
    with KeeperStore(url(tmp_path)) as store:
        assert (store.samples.count(), store.samples.depths(b"\x01"), store.samples.newest_block()) == (0, [], None)
    plain = sqlite3.connect(tmp_path / "keeper.sqlite")
    assert plain.execute("SELECT count(*) FROM intents").fetchone() == (1,)
    plain.close()


def test_every_table_with_a_block_is_registered_for_rollback_or_kept_for_a_reason() -> None:
    with_block = {
        table.name
        for table in metadata.tables.values()
        if any("block" in name and not name.endswith("hash") for name in table.c.keys())  # noqa: SIM118 - a view
    }
    assert with_block == {table.name for table in (*ROLLED_BACK, *KEPT)}
    assert all(KEPT.values())


def test_every_row_that_can_be_rolled_back_knows_its_blocks_hash() -> None:
    assert all(not table.c[block_hash].nullable for table, (_, block_hash) in ROLLED_BACK.items())


@pytest.mark.parametrize("value", [0, 1, 10**18, 2**256 - 1])
def test_uint256_text_has_a_fixed_width_and_is_exact(value: int) -> None:
    text = pad_uint256(value)
    assert text is not None
    assert len(text) == UINT256_DIGITS
    assert int(text) == value


def test_uint256_text_sorts_as_numbers() -> None:
    values = [2**200, 5, 10**18, 99]
    assert sorted(values) == sorted(values, key=lambda value: str(pad_uint256(value)))
    assert pad_uint256(None) is None


HOLD = """
import sys
from keeper.store.store import KeeperStore
with KeeperStore(sys.argv[1]) as store, store.lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_a_killed_one_frees_the_database(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, url(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with KeeperStore(url(tmp_path)) as store:
                with pytest.raises(ConfigError, match=f"another keeper .process {holder.pid}"), store.lock():
                    pass
                holder.kill()
                holder.wait()
                with store.lock() as lock:
                    assert lock.path.name == "keeper.sqlite.lock"
        finally:
            holder.kill()
