"""The guard: finality that breaks halts for good, a lagging node does not; reorgs are as deep as the heads say."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from factories import make_block

from keeper.errors import DamagedStore, RetryLater
from keeper.guard import Guard
from keeper.heads import SEEN, HeadTrail
from keeper.records.ports import ChainReader
from keeper.records.units import BlockRef
from keeper.store.halts import KEPT_BLOCKS
from keeper.store.store import KeeperStore

OTHER = b"\xee" * 32


@dataclass
class Chain:
    """Blocks by number; some replaced."""

    final: int | None = None
    replaced: dict[int, bytes] = field(default_factory=dict)

    def block(self, number: int | str) -> BlockRef:
        if number == "finalized":
            if self.final is None:
                raise RetryLater("no such tag")
            number = self.final
        made = make_block(int(number))
        return replace(made, hash=self.replaced.get(made.number, made.hash))

    def reorganise(self, first: int, last: int) -> None:
        self.replaced |= dict.fromkeys(range(first, last + 1), OTHER)


@dataclass
class Ground:
    chain: Chain
    store: KeeperStore
    guard: Guard
    said: list[str]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    chain, said = Chain(), []
    with KeeperStore(f"sqlite:///{tmp_path / 'keeper.sqlite'}") as store:
        guard = Guard(store, cast("ChainReader", chain), lambda event, **_: said.append(event))
        yield Ground(chain, store, guard, said)


def test_finality_that_holds_lets_everything_through(ground: Ground) -> None:
    for final in (10, 20, 30):
        ground.chain.final = final
        ground.guard.look(make_block(final + 64))
        assert ground.store.halts.finalized() == (final, make_block(final).hash)
    assert ground.guard.refusal() == ""
    assert ground.said == []


def test_a_changed_finalized_block_halts_until_the_operator_resumes(ground: Ground) -> None:
    ground.chain.final = 20
    ground.guard.look(make_block(84))
    ground.chain.reorganise(20, 200)
    for _ in range(3):
        ground.guard.look(make_block(85))
        assert "finalized block 20 changed" in ground.guard.refusal()
    assert ground.said == ["finality_violation", "halted"]
    ground.store.halts.resume()
    ground.guard.look(make_block(86))
    assert ground.guard.refusal() == ""
    assert ground.said[-1] == "resumed"
    assert ground.store.halts.finalized() == (20, OTHER)


def test_a_halt_outlives_the_process(ground: Ground, tmp_path: Path) -> None:
    ground.store.halts.halt("because")
    ground.store.halts.halt("because")
    with KeeperStore(f"sqlite:///{tmp_path / 'keeper.sqlite'}") as again:
        assert again.halts.reasons() == ["because"]
        assert (
            Guard(again, cast("ChainReader", ground.chain), lambda *_, **__: None)
            .refusal()
            .startswith("halted: because")
        )


def test_a_node_that_lags_or_claims_no_finality_violates_none(ground: Ground) -> None:
    ground.chain.final = 50
    ground.guard.look(make_block(114))
    ground.chain.reorganise(50, 60)
    ground.guard.look(make_block(49))
    assert ground.guard.refusal() == ""
    ground.chain.replaced.clear()
    ground.chain.final = None
    ground.guard.look(make_block(120))
    assert ground.store.halts.finalized() == (50, make_block(50).hash)


def test_only_the_newest_finalized_blocks_are_kept(ground: Ground) -> None:
    for number in range(KEPT_BLOCKS + 5):
        ground.store.halts.keep_finalized(make_block(number))
    with ground.store._engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT min(block_number), count(*) FROM finalized").fetchone()
    assert kept == (5, KEPT_BLOCKS)


def test_a_database_that_was_taken_away_is_noticed(ground: Ground) -> None:
    assert ground.store.file is not None
    ground.store.file.unlink()
    with pytest.raises(DamagedStore, match="taken away"):
        ground.guard.look(make_block(1))


def test_the_room_probe_leaves_nothing_behind(ground: Ground) -> None:
    ground.store.require_room()
    ground.store.require_room()
    assert ground.store.halts.finalized() is None


@pytest.mark.parametrize(("first", "depth"), [(105, 1), (104, 2), (100, 6), (97, 9), (95, 11), (1, 11)])
def test_a_reorg_is_at_most_as_deep_as_the_oldest_head_that_fell(first: int, depth: int) -> None:
    chain = Chain()
    trail = HeadTrail(cast("ChainReader", chain))
    assert trail.reorg_depth(make_block(105)) == 0
    for number in (95, 96, 99, 103, 104, 105):
        trail.add(make_block(number), 0)
    assert trail.reorg_depth(make_block(105)) == 0
    chain.reorganise(first, 200)
    # Heads that were not seen might have stood: never less than the truth, as far as heads reach.
    assert trail.reorg_depth(chain.block(105)) == {97: 9, 100: 6}.get(first, depth)
    trail.add(chain.block(106), depth)
    assert trail.reorg_depth(chain.block(106)) == 0


def test_a_head_that_falls_back_is_a_reorg_too() -> None:
    chain = Chain()
    trail = HeadTrail(cast("ChainReader", chain))
    for number in range(1, SEEN + 10):
        trail.add(make_block(number), 0)
    assert trail.reorg_depth(make_block(SEEN + 5)) == 4
