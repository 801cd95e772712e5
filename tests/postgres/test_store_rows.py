"""The same rows on both engines: every edge durable, round trips exact, a reorg rolls back every table at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from factories import feed_reading, make_block, make_snapshot
from sqlalchemy import create_engine, inspect
from store_records import WINDOW, intent, leading, sample

from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.records.estimates import FeeSample, SampleDepth
from keeper.records.outcome import TERMINAL, Attempt, IntentState, Landing, Price
from keeper.store.samples import StoredReport
from keeper.store.tables import metadata

ATTEMPT = Attempt(1, False, Price(21 * 10**9, 10**9), 130_000, signed_block=99)
LANDING = Landing(b"\x11" * 32, 5, b"\x22" * 32, 1_700_000_000, 21_000, 21_000 * 10**10, True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'keeper.sqlite'}"
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return make()


def test_a_new_database_has_the_schema_of_the_tables(database: str) -> None:
    leading(database).close()
    engine = create_engine(database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_planned_intent_comes_back_whole(database: str) -> None:
    with leading(database) as store:
        store.intents.plan(intent())
    with leading(database) as store:
        (row,) = store.intents.open_intents()
    assert row.intent == intent()
    assert row.state is IntentState.PLANNED
    assert (row.nonce, row.attempts, row.landing, row.tx_hash, row.error) == (None, (), None, None, "")


def test_planning_a_key_twice_returns_the_first_row(database: str) -> None:
    with leading(database) as store:
        store.intents.plan(intent())
        store.intents.prepare(intent().key, 7, ATTEMPT)
        again = store.intents.plan(intent(data=b"other"))
        assert again.state is IntentState.PREPARED
        assert again.attempts == (ATTEMPT,)
        assert again.nonce == 7
        assert again.intent.data == b"\x01\x02"
        assert len(store.intents.open_intents()) == 1


def test_each_edge_is_committed_with_its_facts(database: str) -> None:
    key = intent().key
    with leading(database) as store:
        store.intents.plan(intent())
        store.intents.prepare(key, 7, ATTEMPT)
        store.intents.sign(key, 1, b"raw", b"\x11" * 32)
        store.intents.acknowledge(key, 1, 100)
        store.intents.add_attempt(key, replace(ATTEMPT, number=2, raw=b"raw 2", tx_hash=b"\x12" * 32))
        store.intents.acknowledge(key, 2, 103)
        store.intents.acknowledge(key, 1, 104)
        store.intents.land(key, IntentState.MINED, LANDING)
    with leading(database) as store:
        row = store.intents.find(key)
        assert row is not None
        assert (row.state, row.nonce, row.tx_hash, row.landing) == (IntentState.MINED, 7, LANDING.tx_hash, LANDING)
        assert [(made.raw, made.sent_block) for made in row.attempts] == [(b"raw", 100), (b"raw 2", 103)]
        assert store.intents.land(key, IntentState.SIGNED, None).landing is None


def test_a_nonce_has_one_owner(database: str) -> None:
    with leading(database) as store:
        for name in "ab":
            store.intents.plan(intent(name))
        store.intents.prepare(intent("a").key, 7, ATTEMPT)
        for nonce in (6, 7):
            with pytest.raises(Refused, match="is not free"):
                store.intents.prepare(intent("b").key, nonce, ATTEMPT)
        assert store.intents.highest_nonce() == 7
        assert store.intents.prepare(intent("b").key, 8, ATTEMPT).nonce == 8


def test_what_a_day_cost_is_found_by_the_chain_s_time(database: str) -> None:
    with leading(database) as store:
        for nonce, name in enumerate("abc"):
            store.intents.plan(intent(name))
            store.intents.prepare(intent(name).key, nonce, ATTEMPT)
        for time, name in ((100, "a"), (200, "b")):
            made = replace(LANDING, tx_hash=keccak(name.encode()), block_time=time)
            store.intents.land(intent(name).key, IntentState.FINAL_OK, made)
        assert [row.nonce for row in store.intents.landed_since(150)] == [1, 2]
        assert [row.nonce for row in store.intents.landed_since(50)] == [0, 1, 2]


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_row_never_moves_again(database: str, state: IntentState) -> None:
    with leading(database) as store:
        store.intents.plan(intent())
        store.intents.advance(intent().key, state)
        assert store.intents.open_intents() == []
        with pytest.raises(Refused, match=state.value):
            store.intents.advance(intent().key, IntentState.SIGNED)


def test_an_unknown_key_cannot_advance(database: str) -> None:
    with leading(database) as store, pytest.raises(Refused, match="unknown"):
        store.intents.advance(bytes(32), IntentState.SENT)


def test_a_sample_comes_back_whole(database: str) -> None:
    row = sample()
    with leading(database) as store:
        store.samples.record([row])
        assert store.samples.latest(row.market) == row
        assert store.samples.at(row.market, row.snapshot.block.number) == row
        assert store.samples.at(row.market, row.snapshot.block.number - 1) is None
        assert store.samples.between(row.market, WINDOW, WINDOW) == [row]
        assert store.samples.markets() == [row.market]
        assert store.samples.count() == 1


def test_history_is_the_newest_samples_oldest_first(database: str) -> None:
    rows = [sample(window) for window in range(WINDOW, WINDOW + 4)]
    with leading(database) as store:
        for row in rows:
            store.samples.record([row])
        assert store.samples.history(rows[0].market, 3) == rows[1:]


def test_recording_a_window_again_replaces_it(database: str) -> None:
    first, second = sample(), sample(snapshot=make_snapshot(feed=feed_reading(None)))
    with leading(database) as store:
        store.samples.record([first])
        store.samples.record([replace(second, window=WINDOW)])
        assert store.samples.count() == 1
        assert store.samples.latest(first.market) == second


def test_depths_are_kept_by_settings(database: str) -> None:
    block, market = make_block(), keccak(b"market")
    depth = SampleDepth(WINDOW, block.number, 2**256 - 1, None, 5, 0)
    with leading(database) as store:
        store.samples.keep_depths(b"\x01" * 32, block, {market: depth})
        store.samples.keep_depths(b"\x01" * 32, block, {market: depth})
        assert store.samples.depths(b"\x01" * 32) == [(WINDOW, block.hash, {market: depth})]
        assert store.samples.depths(b"\x02" * 32) == []


def test_fees_beside_a_depth_come_back_whole(database: str) -> None:
    block, market = make_block(), keccak(b"market")
    fees = (FeeSample(2**64 - 1, 2**256 - 1, 0, 2**128 - 1, 2**160 - 1), None, FeeSample(1, 2, 3, 4, 5))
    depth = SampleDepth(WINDOW, block.number, 1, 2, 3, 4, fees)
    with leading(database) as store:
        store.samples.keep_depths(bytes(32), block, {market: depth})
        assert store.samples.depths(bytes(32)) == [(WINDOW, block.hash, {market: depth})]


def test_a_reorg_rolls_back_every_table_and_leaves_intents(database: str) -> None:
    old, new = sample(WINDOW), sample(WINDOW + 1)
    cut = new.snapshot.block.number
    with leading(database) as store:
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


def test_opening_is_idempotent_and_keeps_rows(database: str) -> None:
    with leading(database) as store:
        store.intents.plan(intent())
    with leading(database) as store:
        assert len(store.intents.outcomes()) == 1
        assert set(inspect(store._engine).get_table_names()) >= {table.name for table in metadata.sorted_tables}
