"""The real program as a process of its own, and a chain that mines beside it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.world import World

from keeper.testing.client import DevChain
from keeper.testing.devnet import write_operator_files

SECONDS = 60


@contextmanager
def program(
    town: World,
    folder: Path,
    *arguments: str,
    point: str = "",
    url: str = "",
    signer: int = 0,
    more: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """The real program, ended by its own id when the body leaves it running; ``more`` joins its environment."""
    toml = write_operator_files(town.devnet, folder, keeper=signer, url=url)
    environment = os.environ | ({"KEEPER_FAILPOINT": f"{point}=kill"} if point else {}) | (more or {})
    command = [sys.executable, "-m", "keeper", "-c", str(toml), "run", "--broadcast", "--yes", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def mining(town: World, base_fee: int = 0, seconds: float = 0.3) -> Iterator[None]:
    """A block every so often, at a base fee if one is given."""
    stop = threading.Event()

    def mine() -> None:
        chain = DevChain(town.chain.url)
        while not stop.wait(seconds):
            if base_fee:
                chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
            chain.mine()

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
