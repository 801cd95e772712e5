"""Pytest fixtures for anybody who tests against a local chain; pytest loads them wherever the keeper is installed.

Imports are inside the fixtures: the plug-in is loaded in every test run, whether or not it needs a chain.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from keeper.chain.anvil import Anvil
    from keeper.testing.client import DevChain
    from keeper.testing.devnet import Devnet

BLOCK_SECONDS = 12
"""Time between blocks of the fixtures' chains."""


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., "Anvil"]]:
    """Start any number of chains (options as ``AnvilOptions``); all are stopped at the end of the test."""
    from keeper.chain.anvil import Anvil, AnvilOptions

    running: list[Anvil] = []

    def start(**options: object) -> Anvil:
        running.append(Anvil.start(AnvilOptions(**options)))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for node in running:
        node.stop()


@pytest.fixture
def anvil() -> Iterator["Anvil"]:
    """A fresh chain on a free port that mines on request."""
    yield from _anvil()


@pytest.fixture
def chain(anvil: "Anvil") -> "DevChain":
    """Client of :func:`anvil`, blocks 12 s apart."""
    return _client(anvil)


@pytest.fixture(scope="module")
def module_anvil() -> Iterator["Anvil"]:
    """Like :func:`anvil`, shared by a module."""
    yield from _anvil()


@pytest.fixture(scope="module")
def module_chain(module_anvil: "Anvil") -> "DevChain":
    """Like :func:`chain`, shared by a module."""
    return _client(module_anvil)


@pytest.fixture(scope="module")
def devnet(module_chain: "DevChain") -> "Devnet":
    """The whole local world on ``module_chain``: real pools with a past, feeds, listed markets. About 4 s."""
    from keeper.testing.devnet import build_devnet

    return build_devnet(module_chain)


def _anvil() -> Iterator["Anvil"]:
    from keeper.chain.anvil import Anvil, AnvilOptions

    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        yield node


def _client(anvil: "Anvil") -> "DevChain":
    from keeper.testing.client import DevChain

    client = DevChain(anvil.url)
    client.set_interval(BLOCK_SECONDS)
    return client
