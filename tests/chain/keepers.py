"""Keepers for chain tests: in this process through the real wiring, or as the real program."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from keeper.__main__ import main
from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.config import load_config
from keeper.cycle import Ports, run_cycle
from keeper.protocols.bulkhead_events import Event, decode_event
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet, write_operator_files
from keeper.testing.scenario import Scenario
from keeper.wiring import open_ports


def ignore(_event: str, **_fields: object) -> None:
    """A log that nobody reads."""


@contextmanager
def opened(devnet: Devnet, folder: Path, *, broadcast: bool = False, url: str = "") -> Iterator[Ports]:
    """Ports of one keeper with its own folder."""
    config = load_config(write_operator_files(devnet, folder, url=url), {})
    with open_ports(config, broadcast=broadcast, emit=ignore) as ports:
        yield ports


@contextmanager
def sold_off(folder: Path, steps: int) -> Iterator[tuple[DevChain, Devnet, Path]]:
    """A devnet on which a keeper has lived through the start of the sell-off, and that keeper's configuration."""
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain)
        scenario = Scenario(chain, devnet)
        scenario.align()
        with opened(devnet, folder, broadcast=True) as ports:
            for index in range(steps):
                scenario.step(index)
                run_cycle(ports)
            chain.mine(3)
            run_cycle(ports)
        yield chain, devnet, folder / "keeper.toml"


@dataclass(frozen=True, slots=True)
class Done:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


def keeper(toml: Path, *arguments: str, environment: dict[str, str] | None = None, timeout: float = 60) -> Done:
    """Run the real program to its end."""
    import os

    done = subprocess.run(
        [sys.executable, "-m", "keeper", "--config", str(toml), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def keeper_here(toml: Path, *arguments: str) -> Done:
    """Run the program in this process: most of a short command's time is its start."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--config", str(toml), *arguments])
    return Done(code, out.getvalue(), err.getvalue())


@contextmanager
def mining(url: str, seconds: float = 0.4) -> Iterator[None]:
    """Mine a block every so often while the body runs."""
    stop = threading.Event()

    def mine() -> None:
        with_chain = DevChain(url)
        while not stop.wait(seconds):
            with_chain.mine()

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def events(chain: DevChain, devnet: Devnet, wanted: Callable[[Event], bool] = lambda _event: True) -> list[Event]:
    """The contract's events, in chain order."""
    rows = chain.logs(devnet.contract)
    decoded = [
        decode_event([bytes.fromhex(t[2:]) for t in row["topics"]], bytes.fromhex(row["data"][2:])) for row in rows
    ]
    return [event for event in decoded if event is not None and wanted(event)]
