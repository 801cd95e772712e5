"""Pytest fixtures for anybody who tests against a local chain.

Load with ``pytest_plugins = ["keeper.testing.plugin"]``.
"""

from collections.abc import Callable, Iterator

import pytest

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.testing.client import DevChain

BLOCK_SECONDS = 12
"""Time between blocks of the fixtures' chains."""


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., Anvil]]:
    """Start any number of chains; all are stopped at the end of the test."""
    running: list[Anvil] = []

    def start(**options: object) -> Anvil:
        running.append(Anvil.start(AnvilOptions(**options)))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for node in running:
        node.stop()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """A fresh chain on a free port that mines on request."""
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        yield node


@pytest.fixture
def chain(anvil: Anvil) -> DevChain:
    """Client of :func:`anvil`, blocks 12 s apart."""
    client = DevChain(anvil.url)
    client.set_interval(BLOCK_SECONDS)
    return client


@pytest.fixture(scope="module")
def module_anvil() -> Iterator[Anvil]:
    """Like :func:`anvil`, shared by a module."""
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        yield node


@pytest.fixture(scope="module")
def module_chain(module_anvil: Anvil) -> DevChain:
    """Like :func:`chain`, shared by a module."""
    client = DevChain(module_anvil.url)
    client.set_interval(BLOCK_SECONDS)
    return client
