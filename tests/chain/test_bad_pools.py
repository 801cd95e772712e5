"""Every bad pool beside a good one: named, worth nothing, and without effect on what is good (docs/bad-input.md)."""

import re
from collections.abc import Iterator

import pytest
from bad_pools import MATRIX, Ground, build_ground, folded

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.rpc import Rpc
from keeper.reading import open_reader
from keeper.testing.client import DevChain
from keeper.testing.devnet import build_devnet

WINDOWS = 12
"""Traded before the listing: enough for prices and a feed; depth needs no past."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain, history_windows=WINDOWS)
        yield build_ground(chain, devnet)


@pytest.fixture(autouse=True)
def _put_back(ground: Ground) -> Iterator[None]:
    mark = ground.chain.rpc("evm_snapshot")
    yield
    ground.chain.rpc("evm_revert", mark)


@pytest.mark.parametrize("name", MATRIX)
def test_a_bad_pool_counts_nothing_and_moves_nothing_else(ground: Ground, name: str) -> None:
    make, said = MATRIX[name]
    bad = make(ground)
    alone, other = ground.mixed(), ground.devnet.settings.markets[1]
    with Rpc("local", ground.chain.url) as rpc:
        reader = open_reader(rpc)
        expected, by_itself = folded(ground, reader, [alone, other])
        mixed, beside = folded(ground, reader, [ground.mixed(bad), other])
    depth = mixed[1].estimates.depth
    assert depth == expected[1].estimates.depth
    assert depth.bound
    assert mixed[1].estimates.mid_price == expected[1].estimates.mid_price
    (line,) = set(mixed[1].estimates.missing) - set(expected[1].estimates.missing)
    assert bad.label in line or bad.address in line
    assert re.search(said, line)
    assert len(line) < 300
    assert line.isprintable()
    assert set(expected[1].estimates.missing) < set(mixed[1].estimates.missing)
    assert beside == by_itself
