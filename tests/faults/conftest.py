"""Fixtures of the fault matrix: a world that is put back after every test, and the verdict for the report."""

from collections.abc import Callable, Iterator

import pytest
from faults.world import BASE_FEE, World

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.testing.client import DevChain
from keeper.testing.devnet import build_devnet

BLOCK_SECONDS = 12


@pytest.fixture(scope="session")
def _ground() -> Iterator[tuple[DevChain, object]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        chain.set_interval(BLOCK_SECONDS)
        devnet = build_devnet(chain, keepers=2)
        chain.mine(2 * devnet.settings.cadence_blocks)
        yield chain, devnet


@pytest.fixture
def town(_ground: tuple[DevChain, object]) -> Iterator[World]:
    """The devnet as it was listed, whatever the test before did to it."""
    chain, devnet = _ground
    mark = chain.rpc("evm_snapshot")
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE))
    yield World(chain, devnet)  # type: ignore[arg-type]
    chain.rpc("anvil_dropAllTransactions")
    chain.rpc("evm_revert", mark)
    chain.set_interval(BLOCK_SECONDS)


@pytest.fixture
def verdict(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Say what a fault did; the run's report is made of it."""

    def say(fault: str, happened: str, recovery_blocks: int | None = None) -> None:
        record_property("fault", {"fault": fault, "happened": happened, "recovery_blocks": recovery_blocks})

    return say
