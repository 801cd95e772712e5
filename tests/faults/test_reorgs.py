"""F28, F31 and R8: what rested on orphaned blocks goes, at once and everywhere; broken finality stops all sending."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.world import Keeper, World, config_of, keeper
from sqlalchemy import select

from keeper.__main__ import main
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.risk.windows import sample_block
from keeper.store.samples import StoredReport
from keeper.store.tables import ROLLED_BACK
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet, write_operator_files

DEPTHS = (1, 2, 3, 6, 12, 32)
EPOCH = 32
"""Anvil's ``finalized`` lies two epochs under the head, as on mainnet."""
FINAL = 2 * EPOCH


@pytest.fixture
def epochs() -> Iterator[tuple[DevChain, Devnet]]:
    """A chain of its own for each test: what one reorganised is no ground for the next."""
    with Anvil.start(AnvilOptions(no_mining=True, slots_in_an_epoch=EPOCH)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain)
        chain.mine(2 * devnet.settings.cadence_blocks)
        yield chain, devnet


@pytest.fixture
def land(epochs: tuple[DevChain, Devnet]) -> World:
    return World(*epochs)


def reorganise(land: World, depth: int) -> None:
    """Replace the newest blocks; a transaction in the first makes them others, empty ones Anvil may leave standing."""
    head, admin = land.chain.block(), land.devnet.admin
    first = head.number - depth + 1
    before = land.chain.block(first).hash
    land.chain.rpc("anvil_reorg", depth, [[{"from": admin, "to": admin, "value": "0x1"}, 0]])
    assert land.chain.block(first).hash != before
    assert land.chain.block(head.number).hash != head.hash


def settled(land: World, one: Keeper) -> None:
    """What is due is published, and finalized."""
    for _ in range(3):
        one.cycle()
        land.chain.mine()
    land.chain.mine(FINAL)
    one.cycle()
    assert land.pending() == []


def rests_on_the_chain(land: World, one: Keeper) -> None:
    """Every row of every table names a block that is canonical; every sample the one of its window."""
    cadence = land.devnet.settings.cadence_blocks
    engine = one.ports.samples._engine
    with engine.connect() as connection:
        for table, (number, block_hash) in ROLLED_BACK.items():
            for height, stored in connection.execute(select(table.c[number], table.c[block_hash])):
                assert land.chain.block(height).hash == stored, table.name
    for market in land.devnet.market_keys:
        for row in one.ports.samples.history(market, 100):
            end = land.chain.block(row.window * cadence)
            assert row.snapshot.block.number == sample_block(end.number, end.hash, cadence)


def test_f28_a_reorg_rolls_back_what_was_seen_and_leaves_what_was_applied(
    land: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    with keeper(config_of(land.devnet, tmp_path, [land.chain.url])) as one:
        settled(land, one)
        applied, nonce = land.applied(), land.nonce()
        for at, depth in enumerate(DEPTHS, start=1):
            land.chain.mine(2 * land.devnet.settings.cadence_blocks)
            one.cycle()
            before = one.ports.samples.newest_block()
            reorganise(land, depth)
            one.cycle()
            rests_on_the_chain(land, one)
            seen = one.events("reorg")
            assert len(seen) == at
            assert seen[-1]["depth"] >= depth
            # A shallower one may leave the window its old sample: the hash of its end may draw the same block again.
            if depth > 2 * land.devnet.settings.cadence_blocks:
                assert before != one.ports.samples.newest_block()
        assert land.applied() == applied
        assert land.nonce() == nonce
        assert one.events("finality_violation") == []
    land.whole()
    verdict(fault="F28", happened=f"depths {DEPTHS}: rolled back and folded again in the next cycle", recovery_blocks=1)


@pytest.mark.matrix
def test_r8_safe1236_derived_tables(land: World, tmp_path: Path) -> None:
    """Reports and evidence go with the sample that they were derived from, and the keeper is not stuck on them."""
    with keeper(config_of(land.devnet, tmp_path, [land.chain.url])) as one:
        settled(land, one)
        kept, before = one.ports.samples.reports(), land.chain.block().number
        derived: list[StoredReport] = []
        while not derived and land.chain.block().number < before + FINAL - EPOCH:
            land.window(0.95)
            one.cycle()
            derived = [row for row in one.ports.samples.reports() if row not in kept]
        assert derived, one.events("sample_folded")[-4:]
        assert all(one.ports.samples.evidence(row.evidence_digest) for row in derived)
        land.chain.rpc("anvil_dropAllTransactions")
        reorganise(land, land.chain.block().number - derived[0].observed_block + 1)
        one.ports.follower.refresh(land.chain.block())
        assert one.ports.samples.reports() == kept
        assert not any(one.ports.samples.evidence(row.evidence_digest) for row in derived)
        rests_on_the_chain(land, one)
        windows = one.ports.samples.count()
        land.chain.mine(2 * land.devnet.settings.cadence_blocks)
        one.cycle()
        assert one.ports.samples.count() > windows
    land.chain.rpc("anvil_dropAllTransactions")


@pytest.mark.matrix
def test_f31_a_reorg_below_finality_halts_sending_until_the_operator_resumes(
    land: World, tmp_path: Path, verdict: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(land.devnet, tmp_path, [land.chain.url])
    toml = write_operator_files(land.devnet, tmp_path)
    with keeper(config) as one:
        settled(land, one)
        # The contract must be older than the reorg is deep.
        land.chain.mine(FINAL)
        one.cycle()
        reorganise(land, 100)
        nonce, newest = land.nonce(), one.ports.samples.newest_block()
        land.window(0.9)
        one.cycle()
        (violation,) = one.events("finality_violation")
        assert violation["stored"] != violation["found"]
        assert land.pending() == []
        assert one.ports.samples.newest_block() > newest
        rests_on_the_chain(land, one)
    with keeper(config) as again:
        for _ in range(2):
            land.window(0.9)
            again.cycle()
        assert len(again.events("halted")) == 1
        assert land.pending() == []
        assert main(["--config", str(toml), "resume"]) == 2
        assert main(["--config", str(toml), "resume", "--yes"]) == 0
        assert f"halted: finalized block {violation['block']} changed" in capsys.readouterr().out
        again.cycle()
        assert len(again.events("resumed")) == 1
        for _ in range(12):
            if land.pending():
                break
            land.window(0.95)
            again.cycle()
        assert len(land.pending()) == 1
        land.chain.mine()
        assert land.nonce() == nonce + 1
    land.whole()
    assert main(["--config", str(toml), "resume"]) == 0
    assert "nothing is halted" in capsys.readouterr().out
    verdict(
        fault="F31", happened="halted over a restart, folding on; sent again after keeper resume", recovery_blocks=1
    )
