"""F43 and S12: pages corrupt, file deleted, an old copy: found out, read back from the chain, nothing doubled."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.world import Keeper, World, config_of, keeper

from keeper.__main__ import main
from keeper.chain.node import ContractNode
from keeper.chain.rpc import Rpc
from keeper.config import Config
from keeper.errors import DamagedStore
from keeper.published import read_history
from keeper.records.outcome import IntentState
from keeper.store.samples import StoredReport
from keeper.store.store import SIDE_FILES, KeeperStore
from keeper.testing.devnet import write_operator_files

PAGE = 4_096


@dataclass
class Past:
    """A keeper that has published twice and stopped, and what its database held."""

    config: Config
    file: Path
    early: Path
    """A copy of the database between the two."""
    unlogged: Path
    """Its file as it lay on the disk at the end, without what the write-ahead log still held."""
    reports: list[StoredReport]
    evidence: list[bytes | None]
    nonces: list[tuple[int | None, bytes | None]]


@pytest.fixture
def past(town: World, tmp_path: Path) -> Iterator[Past]:
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    file, early = Path(config.operator.store_url.removeprefix("sqlite:///")), tmp_path / "early.sqlite"
    unlogged = tmp_path / "unlogged.sqlite"
    with keeper(config) as one:
        lands(town, one)
        with one.ports.intents._engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM INTO ?", (str(early),))
        falls(town, one)
        reports = one.ports.samples.reports()
        evidence = [one.ports.samples.evidence(row.evidence_digest) for row in reports]
        nonces = rows_of(one)
        shutil.copy(file, unlogged)
        assert file.with_name(file.name + "-wal").stat().st_size > 0
    assert [nonce for nonce, _ in nonces] == list(range(town.nonce()))
    assert len(nonces) >= 2
    yield Past(config, file, early, unlogged, reports, evidence, nonces)
    town.whole()


def falls(town: World, one: Keeper) -> None:
    """Prices fall, window after window, until an update of them is due and final; which blocks are seen is chance."""
    for _ in range(6):
        town.window(0.92)
        one.cycle()
        if town.pending():
            break
    mined(town, one)


def lands(town: World, one: Keeper) -> None:
    """Publish what is due and wait until it is final."""
    one.cycle()
    mined(town, one)


def mined(town: World, one: Keeper) -> None:
    assert town.pending()
    town.chain.mine(4)
    one.ports.sender.settle()
    assert {row.state for row in one.rows()} <= {IntentState.FINAL_OK, IntentState.CONFIRMED}


def rows_of(one: Keeper) -> list[tuple[int | None, bytes | None]]:
    return sorted((row.nonce, row.tx_hash) for row in one.rows() if row.nonce is not None)


def corrupt(past: Past) -> None:
    """A page in the middle is noise; what the log still held is folded in before."""
    pages = bytearray(past.file.read_bytes())
    middle = len(pages) // PAGE // 2 * PAGE
    pages[middle : middle + PAGE] = b"\xa5" * PAGE
    past.file.write_bytes(bytes(pages))


def head_gone(past: Past) -> None:
    past.file.write_bytes(b"\0" * 100 + past.file.read_bytes()[100:])


def deleted(past: Past) -> None:
    shutil.rmtree(past.file.parent)


def old_copy(past: Past) -> None:
    for end in SIDE_FILES:
        past.file.with_name(past.file.name + end).unlink(missing_ok=True)
    shutil.copy(past.early, past.file)


def log_gone(past: Past) -> None:
    """A crash, and after it the write-ahead log is lost."""
    for end in SIDE_FILES:
        past.file.with_name(past.file.name + end).unlink(missing_ok=True)
    shutil.copy(past.unlogged, past.file)


DAMAGE: dict[str, Callable[[Past], None]] = {
    "a corrupt page": corrupt,
    "no header": head_gone,
    "file deleted": deleted,
    "an old copy": old_copy,
    "its log removed": log_gone,
}
MOVED = {"a corrupt page", "no header"}


@pytest.mark.parametrize(
    "damage",
    [pytest.param(name, marks=[] if name == "a corrupt page" else pytest.mark.matrix) for name in DAMAGE],
)
def test_f43_a_lost_database_is_read_back_at_the_start_and_nothing_is_doubled(
    town: World, past: Past, verdict: Callable[..., None], damage: str
) -> None:
    DAMAGE[damage](past)
    with keeper(past.config) as again:
        moved = again.events("store_moved_aside")
        assert bool(moved) == (damage in MOVED)
        for event in moved:
            assert Path(event["to"]).exists()
        assert [row["sent"] for row in again.events("store_is_older")] == [len(past.nonces)]
        assert rows_of(again) == past.nonces
        again.cycle()
        assert town.pending() == []
        assert town.nonce() == len(past.nonces)
        falls(town, again)
        assert town.nonce() > len(past.nonces)
    town.whole()
    verdict(
        fault="F43",
        happened=f"{damage}: found out, rows and nonces back, next update at the next nonce",
        recovery_blocks=0,
    )


@pytest.mark.matrix
def test_f43_a_file_that_goes_while_the_keeper_runs_stops_it_before_it_sends(
    town: World, past: Past, verdict: Callable[..., None]
) -> None:
    with keeper(past.config) as one:
        town.window(0.92)
        past.file.unlink()
        assert isinstance(one.cycle(), DamagedStore)
        assert town.pending() == []
    with keeper(past.config) as again:
        assert rows_of(again) == past.nonces
        falls(town, again)
    verdict(fault="F43", happened="file deleted under the keeper: stopped unsent; the next start reads all back")


def test_s12_every_update_is_rebuilt_from_the_chain_with_equal_bytes(
    town: World, past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deleted(past)
    toml = write_operator_files(town.devnet, tmp_path)
    assert main(["--config", str(toml), "rebuild", "--evidence"]) == 0
    found = f"{len(past.nonces)} transactions and {len(past.reports)} reports of ours found"
    assert f"{past.file}: {found}" in capsys.readouterr().out
    with KeeperStore(past.config.operator.store_url) as store:
        found = store.samples.reports()
        assert found == past.reports
        assert [store.samples.evidence(row.evidence_digest) for row in found] == past.evidence
        assert None not in past.evidence
        rows = store.intents.outcomes()
    assert sorted((row.nonce, row.tx_hash) for row in rows) == past.nonces
    for row in rows:
        receipt = town.chain.rpc("eth_getTransactionReceipt", "0x" + row.tx_hash.hex())
        assert row.landing is not None
        assert row.landing.fee_wei == int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        assert "0x" + row.landing.block_hash.hex() == receipt["blockHash"]


def test_r9_cyfrin_previous_value(town: World, past: Past) -> None:
    """What a report rests on is the value before it of the same market, however markets are interleaved."""
    with Rpc("local", town.chain.url) as rpc:
        node = ContractNode(rpc, town.devnet.contract)
        history = read_history(node, town.devnet.contract, town.devnet.chain_id, 0, town.chain.block().number)
    newest: dict[bytes, bytes] = {}
    assert [row.report.market for row in history.reports] == [row.market for row in past.reports]
    for row in history.reports:
        market = row.report.market
        before = history.base_core(market, row.report.base_sequence, row.batch.observed_block)
        assert before == newest.get(market, b"")
        newest[market] = row.report.core
    assert len(newest) == len(town.devnet.market_keys)
    assert len(set(newest.values())) == len(newest)
