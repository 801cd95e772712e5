"""The store: every edge durable, round trips exact, a reorg rolls back every table at once, one keeper a database."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from factories import (
    make_block,
    make_settings,
    make_snapshot,
    market_settings,
)
from sqlalchemy import create_engine, inspect

from keeper.errors import ConfigError
from keeper.fold import fold_sample
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxIntent
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.store.samples import StoredReport, StoredSample
from keeper.store.store import KeeperStore
from keeper.store.tables import ROLLED_BACK, UINT256_DIGITS, metadata, pad_uint256, read_uint256

SETTINGS = make_settings()
WINDOW = 1000


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'keeper.sqlite'}"


def intent(name: str = "a", **changes: object) -> TxIntent:
    base = TxIntent(
        key=keccak(name.encode()),
        purpose="publish",
        to=Address("0x" + "cc" * 20),
        data=b"\x01\x02",
        observed_block=100,
        valid_until=2_000_000_000,
        markets=(keccak(b"m1"), keccak(b"m2")),
    )
    return replace(base, **changes)


def sample(window: int = WINDOW, snapshot: MarketSnapshot | None = None) -> StoredSample:
    snapshot = snapshot or make_snapshot(block=make_block(window * 25))
    folded = fold_sample(b"", snapshot, window, (), market_settings(), SETTINGS)
    return StoredSample(snapshot.market, window, 1, b"", snapshot, folded)


def test_a_new_database_has_the_schema_of_the_tables(tmp_path: Path) -> None:
    KeeperStore(url(tmp_path)).close()
    with create_engine(url(tmp_path)).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_database_is_durable(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        assert (store.samples.count(), store.samples.depths(b"\x01"), store.samples.newest_block()) == (0, [], None)
    with sqlite3.connect(tmp_path / "keeper.sqlite") as plain:
        assert plain.execute("SELECT count(*) FROM intents").fetchone() == (1,)
    plain.close()


def test_a_reorg_rolls_back_every_table_and_leaves_intents(tmp_path: Path) -> None:
    old, new = sample(WINDOW), sample(WINDOW + 1)
    cut = new.snapshot.block.number
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
        for row in (old, new):
            block = row.snapshot.block
            store.samples.record([row])
            store.samples.keep_depths(bytes(32), block, {row.market: row.folded.estimates.depth})
            report = StoredReport(row.market, block.number, bytes(32), b"packed", keccak(str(block.number).encode()))
            store.samples.keep_reports([(report, b"{}")])
        assert store.samples.newest_block() == (cut, new.snapshot.block.hash)
        store.samples.roll_back(cut)
        assert store.samples.latest(old.market) == old
        assert store.samples.newest_block() == (old.snapshot.block.number, old.snapshot.block.hash)
        assert [window for window, _, _ in store.samples.depths(bytes(32))] == [WINDOW]
        assert store.samples.evidence(keccak(str(cut).encode())) is None
        assert store.samples.evidence(keccak(str(old.snapshot.block.number).encode())) == b"{}"
        assert len(store.intents.open_intents()) == 1


def test_every_table_with_a_block_is_registered_for_rollback() -> None:
    with_block = {
        table.name
        for table in metadata.tables.values()
        if {"block_number", "observed_block"} & set(table.c.keys()) and table.name != "intents"
    }
    assert with_block == {table.name for table in ROLLED_BACK}


@pytest.mark.parametrize("value", [0, 1, 10**18, 2**256 - 1])
def test_uint256_text_has_a_fixed_width_and_is_exact(value: int) -> None:
    text = pad_uint256(value)
    assert text is not None
    assert len(text) == UINT256_DIGITS
    assert read_uint256(text) == value


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


def test_opening_is_idempotent_and_keeps_rows(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
    with KeeperStore(url(tmp_path)) as store:
        assert len(store.intents.outcomes()) == 1
        assert set(inspect(store._engine).get_table_names()) >= {table.name for table in metadata.sorted_tables}
