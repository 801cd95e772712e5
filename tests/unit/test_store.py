"""The store: every edge durable, round trips exact, a reorg rolls back every table at once, one keeper a database."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from factories import (
    feed_reading,
    make_block,
    make_settings,
    make_snapshot,
    market_settings,
    pair_reading,
    pool_reading,
)
from sqlalchemy import create_engine, inspect

from keeper.errors import ConfigError, Refused
from keeper.fold import fold_sample
from keeper.maths.keccak import keccak
from keeper.records.decision import Folded
from keeper.records.estimates import FeeSample, SampleDepth
from keeper.records.outcome import TERMINAL, Attempt, IntentState, Landing, Price, TxIntent
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.store.codec import dumps, loads
from keeper.store.engine import MIGRATIONS
from keeper.store.samples import StoredReport, StoredSample
from keeper.store.store import KeeperStore
from keeper.store.tables import ROLLED_BACK, UINT256_DIGITS, metadata, pad_uint256, read_uint256

SETTINGS = make_settings()
WINDOW = 1000
ATTEMPT = Attempt(1, False, Price(21 * 10**9, 10**9), 130_000, signed_block=99)
LANDING = Landing(b"\x11" * 32, 5, b"\x22" * 32, 1_700_000_000, 21_000, 21_000 * 10**10, True)


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


def test_a_planned_intent_comes_back_whole(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
    with KeeperStore(url(tmp_path)) as store:
        (row,) = store.intents.open_intents()
    assert row.intent == intent()
    assert row.state is IntentState.PLANNED
    assert (row.nonce, row.attempts, row.landing, row.tx_hash, row.error) == (None, (), None, None, "")


def test_planning_a_key_twice_returns_the_first_row(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
        store.intents.prepare(intent().key, 7, ATTEMPT)
        again = store.intents.plan(intent(data=b"other"))
        assert again.state is IntentState.PREPARED
        assert again.attempts == (ATTEMPT,)
        assert again.nonce == 7
        assert again.intent.data == b"\x01\x02"
        assert len(store.intents.open_intents()) == 1


def test_each_edge_is_committed_with_its_facts(tmp_path: Path) -> None:
    key = intent().key
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
        store.intents.prepare(key, 7, ATTEMPT)
        store.intents.sign(key, 1, b"raw", b"\x11" * 32)
        store.intents.acknowledge(key, 1, 100)
        store.intents.add_attempt(key, replace(ATTEMPT, number=2, raw=b"raw 2", tx_hash=b"\x12" * 32))
        store.intents.acknowledge(key, 2, 103)
        store.intents.acknowledge(key, 1, 104)
        store.intents.land(key, IntentState.MINED, LANDING)
    with KeeperStore(url(tmp_path)) as store:
        row = store.intents.find(key)
        assert row is not None
        assert (row.state, row.nonce, row.tx_hash, row.landing) == (IntentState.MINED, 7, LANDING.tx_hash, LANDING)
        assert [(made.raw, made.sent_block) for made in row.attempts] == [(b"raw", 100), (b"raw 2", 103)]
        assert store.intents.land(key, IntentState.SIGNED, None).landing is None


def test_a_nonce_has_one_owner(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        for name in "ab":
            store.intents.plan(intent(name))
        store.intents.prepare(intent("a").key, 7, ATTEMPT)
        for nonce in (6, 7):
            with pytest.raises(Refused, match="is not free"):
                store.intents.prepare(intent("b").key, nonce, ATTEMPT)
        assert store.intents.highest_nonce() == 7
        assert store.intents.prepare(intent("b").key, 8, ATTEMPT).nonce == 8


def test_what_a_day_cost_is_found_by_the_chain_s_time(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store:
        for nonce, name in enumerate("abc"):
            store.intents.plan(intent(name))
            store.intents.prepare(intent(name).key, nonce, ATTEMPT)
        for time, name in ((100, "a"), (200, "b")):
            made = replace(LANDING, tx_hash=keccak(name.encode()), block_time=time)
            store.intents.land(intent(name).key, IntentState.FINAL_OK, made)
        assert [row.nonce for row in store.intents.landed_since(150)] == [1, 2]
        assert [row.nonce for row in store.intents.landed_since(50)] == [0, 1, 2]


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_row_never_moves_again(tmp_path: Path, state: IntentState) -> None:
    with KeeperStore(url(tmp_path)) as store:
        store.intents.plan(intent())
        store.intents.advance(intent().key, state)
        assert store.intents.open_intents() == []
        with pytest.raises(Refused, match=state.value):
            store.intents.advance(intent().key, IntentState.SIGNED)


def test_an_unknown_key_cannot_advance(tmp_path: Path) -> None:
    with KeeperStore(url(tmp_path)) as store, pytest.raises(Refused, match="unknown"):
        store.intents.advance(bytes(32), IntentState.SENT)


def test_snapshots_and_folds_survive_the_codec() -> None:
    broken = make_snapshot(
        pools=(pool_reading(failure="reverted"), pair_reading()), feed=feed_reading(None), words=None
    )
    for snapshot in (make_snapshot(), broken):
        assert loads(MarketSnapshot, dumps(snapshot)) == snapshot
        folded = fold_sample(b"", snapshot, WINDOW, (), market_settings(), SETTINGS)
        assert loads(Folded, dumps(folded)) == folded


def test_a_sample_comes_back_whole(tmp_path: Path) -> None:
    row = sample()
    with KeeperStore(url(tmp_path)) as store:
        store.samples.record([row])
        assert store.samples.latest(row.market) == row
        assert store.samples.at(row.market, row.snapshot.block.number) == row
        assert store.samples.at(row.market, row.snapshot.block.number - 1) is None
        assert store.samples.between(row.market, WINDOW, WINDOW) == [row]
        assert store.samples.markets() == [row.market]
        assert store.samples.count() == 1


def test_history_is_the_newest_samples_oldest_first(tmp_path: Path) -> None:
    rows = [sample(window) for window in range(WINDOW, WINDOW + 4)]
    with KeeperStore(url(tmp_path)) as store:
        for row in rows:
            store.samples.record([row])
        assert store.samples.history(rows[0].market, 3) == rows[1:]


def test_recording_a_window_again_replaces_it(tmp_path: Path) -> None:
    first, second = sample(), sample(snapshot=make_snapshot(feed=feed_reading(None)))
    with KeeperStore(url(tmp_path)) as store:
        store.samples.record([first])
        store.samples.record([replace(second, window=WINDOW)])
        assert store.samples.count() == 1
        assert store.samples.latest(first.market) == second


def test_depths_are_kept_by_settings(tmp_path: Path) -> None:
    block, market = make_block(), keccak(b"market")
    depth = SampleDepth(WINDOW, block.number, 2**256 - 1, None, 5, 0)
    with KeeperStore(url(tmp_path)) as store:
        store.samples.keep_depths(b"\x01" * 32, block, {market: depth})
        store.samples.keep_depths(b"\x01" * 32, block, {market: depth})
        assert store.samples.depths(b"\x01" * 32) == [(WINDOW, block.hash, {market: depth})]
        assert store.samples.depths(b"\x02" * 32) == []


def test_fees_beside_a_depth_come_back_whole(tmp_path: Path) -> None:
    block, market = make_block(), keccak(b"market")
    fees = (FeeSample(2**64 - 1, 2**256 - 1, 0, 2**128 - 1, 2**160 - 1), None, FeeSample(1, 2, 3, 4, 5))
    depth = SampleDepth(WINDOW, block.number, 1, 2, 3, 4, fees)
    with KeeperStore(url(tmp_path)) as store:
        store.samples.keep_depths(bytes(32), block, {market: depth})
        assert store.samples.depths(bytes(32)) == [(WINDOW, block.hash, {market: depth})]


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
    with KeeperStore(url(tmp_path)) as store:
        assert (store.samples.count(), store.samples.depths(b"\x01"), store.samples.newest_block()) == (0, [], None)
    plain = sqlite3.connect(tmp_path / "keeper.sqlite")
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
