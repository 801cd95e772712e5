"""A reorg that leaves the sampled block and changes the window's end names another sample: the old one must go."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from factories import CHAIN_ID, CONTRACT, make_block, make_settings, market_settings
from test_published import Chain, listed, settings_set

from keeper.follow import Follower
from keeper.maths.keccak import keccak
from keeper.records.estimates import SampleDepth
from keeper.records.ports import ChainReader
from keeper.records.units import BlockRef
from keeper.risk.keys import market_key, settings_hash
from keeper.risk.windows import sample_block
from keeper.store.store import KeeperStore

SETTINGS = make_settings()
CADENCE = SETTINGS.cadence_blocks
WINDOW = 400
END, HEAD = WINDOW * CADENCE, make_block(WINDOW * CADENCE + 5)


def end_with(offset: int) -> bytes:
    """A hash of the window's end that puts its sample so many blocks before it."""
    return next(
        candidate
        for candidate in (keccak(bytes([i])) for i in range(256))
        if sample_block(END, candidate, CADENCE) == END - offset
    )


def refreshed(folder: Path, end_hash: bytes, sampled: BlockRef | None = None) -> tuple[int, bytes] | None:
    """A keeper that starts with the window's end at this hash; the newest block its store still rests on."""
    fork = {END: BlockRef(END, end_hash, make_block(END).timestamp)}
    reader = SimpleNamespace(block=lambda number: fork.get(number, make_block(number)))
    node = Chain([settings_set(1, 1, SETTINGS), listed(2)])
    with KeeperStore(f"sqlite:///{folder / 'keeper.sqlite'}") as store:
        if sampled is not None:
            depth = SampleDepth(WINDOW, sampled.number, 1, 1, 1, 1)
            key = market_key(CHAIN_ID, market_settings())
            store.samples.keep_depths(settings_hash(SETTINGS), sampled, {key: depth})
        follower = Follower(
            cast("ChainReader", reader),
            node,
            store.samples,
            contract=CONTRACT,
            chain_id=CHAIN_ID,
            start_block=0,
            emit=lambda *_, **__: None,
        )
        follower.refresh(HEAD)
        return store.samples.newest_block()


def test_a_sample_goes_when_the_end_of_its_window_names_another(tmp_path: Path) -> None:
    sampled = make_block(END - 7)
    assert refreshed(tmp_path, end_with(7), sampled) == (sampled.number, sampled.hash)
    assert refreshed(tmp_path, end_with(7)) == (sampled.number, sampled.hash)
    assert refreshed(tmp_path, end_with(8)) is None
