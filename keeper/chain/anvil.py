"""Anvil as a subprocess that nobody else can be mistaken for, and that never outlives its owner.

Source of the traps: toolchain.md 3 and 5. The npm wrapper is never run (it hides exit codes and leaks children); a
used port makes anvil exit while the client would talk to the port's owner, so ownership is proved before first use.
"""

import atexit
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.chain.anvil_port import free_port, has_marker, owns_listener
from keeper.errors import ConfigError, RetryLater

ENV_BINARY = "BULKHEAD_ANVIL"
ENV_NODE_MODULES = "BULKHEAD_NODE_MODULES"
OLDEST_VERSION = (1, 7)
"""First version whose ``eth_getProof`` and EIP-2935 history are right (toolchain.md 5)."""
START_SECONDS = 15.0
"""Anvil answers about 50 ms after its start; loaded CI machines take seconds."""
STOP_SECONDS = 5.0
PORT_ATTEMPTS = 5
"""A free port may be taken between asking for it and using it."""
_PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


@dataclass(frozen=True, slots=True)
class AnvilOptions:
    """How the chain should behave."""

    port: int = 0
    """0 = any free port."""
    chain_id: int = 31337
    timestamp: int | None = None
    """Unix time of the genesis block; None = now."""
    no_mining: bool = False
    """Mine only on request."""
    max_persisted_states: int = 20_000
    """States kept on disk beside the newest in memory; without it anvil forgets state some thousands of blocks old.
    A state is about 1 MB for the devnet's pools."""
    slots_in_an_epoch: int = 1
    """``safe`` lies this many blocks below the head, ``finalized`` twice as many."""
    hardfork: str = "prague"
    """At least prague: the block-hash history of EIP-2935 is needed."""
    order: str = "fees"
    """Order of transactions in a block: ``fees`` or ``fifo``."""
    gas_limit: int = 60_000_000
    """Block gas limit."""
    extra: tuple[str, ...] = ()
    """Further flags, as given."""


class Anvil:
    """A running anvil. Use as a context manager, or call :meth:`stop`.

    Warning: on Linux the kernel ends the child when the *thread* that started it ends, so start it from a thread that
    lives as long as the chain should.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, scratch: Path) -> None:
        self._process = process
        self._scratch = scratch
        self.port = port
        self.pid = process.pid
        self.url = f"http://127.0.0.1:{port}"
        atexit.register(self.stop)

    @classmethod
    def start(cls, options: AnvilOptions | None = None) -> "Anvil":
        """Start on the wanted port and return once *this* process is known to answer there.

        Raises
        ------
        ConfigError
            No usable binary, or the wanted port is taken.
        RetryLater
            It did not come up in time.
        """
        options = options or AnvilOptions()
        binary = resolve_anvil()
        for _ in range(PORT_ATTEMPTS):
            node = _attempt(binary, options, options.port or free_port())
            if node is not None:
                return node
            if options.port:
                break
        taken = f"port {options.port}" if options.port else "every port that was tried"
        raise ConfigError(f"{taken} is taken by another process", "give another --port, or 0 for any")

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process that was started, by its id, and wait for it. May be called twice."""
        atexit.unregister(self.stop)
        if self.alive:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self.alive:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def resolve_anvil() -> Path:
    """Find the real binary: explicit setting, native on PATH, then the npm platform package."""
    explicit = os.environ.get(ENV_BINARY)
    if explicit:
        if not _is_native(Path(explicit)):
            remedy = "point it at bin/anvil of the platform package"
            raise ConfigError(f"{ENV_BINARY}={explicit} is not a native anvil binary", remedy)
        return Path(explicit)
    found = shutil.which("anvil")
    if found and _is_native(Path(found)) and _version(Path(found)) >= OLDEST_VERSION:
        return Path(found)
    packaged = _npm_binary()
    if packaged.is_file():
        return packaged
    raise ConfigError("anvil 1.7 or newer was not found", "run: npm --prefix contracts ci")


def node_modules() -> Path:
    """Where the npm packages of ``contracts/`` are installed."""
    override = os.environ.get(ENV_NODE_MODULES)
    return Path(override) if override else Path(__file__).resolve().parents[2] / "contracts" / "node_modules"


def _npm_binary() -> Path:
    machine = "arm64" if os.uname().machine in ("arm64", "aarch64") else "amd64"
    platform = "darwin" if sys.platform == "darwin" else "linux"
    return node_modules() / "@foundry-rs" / f"anvil-{platform}-{machine}" / "bin" / "anvil"


def _is_native(path: Path) -> bool:
    """Whether the file is a program and not a script (the npm wrapper is a node script)."""
    try:
        with path.resolve().open("rb") as file:
            return os.access(path, os.X_OK) and file.read(2) not in (b"#!", b"")
    except OSError:
        return False


def _version(path: Path) -> tuple[int, int]:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=START_SECONDS, check=False)
    match = re.search(r"(\d+)\.(\d+)\.\d+", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _attempt(binary: Path, options: AnvilOptions, port: int) -> Anvil | None:
    """One start; None when the port turned out to be somebody else's."""
    scratch = Path(tempfile.mkdtemp(prefix="bulkhead-anvil-"))
    marker = None if sys.platform == "linux" else 10_000 + int.from_bytes(os.urandom(3), "big")
    log = scratch / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(binary), *_flags(options, port, scratch, marker)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=tied_to(os.getpid()),  # noqa: PLW1509 - two plain system calls, no locks
        )
    node = Anvil(process, port, scratch)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not node.alive:
            text = log.read_text(errors="replace").strip()
            node.stop()
            if "in use" in text:
                return None
            raise ConfigError(f"anvil ended at once: {text[-300:] or 'it said nothing'}")
        if owns_listener(node.pid, port) if marker is None else has_marker(port, marker):
            return node
        time.sleep(0.01)
    node.stop()
    raise RetryLater(f"anvil did not listen on port {port} within {START_SECONDS:.0f} s")


def _flags(options: AnvilOptions, port: int, scratch: Path, marker: int | None) -> list[str]:
    flags = {
        "--host": "127.0.0.1",
        "--port": port,
        "--chain-id": options.chain_id,
        "--hardfork": options.hardfork,
        "--order": options.order,
        "--gas-limit": options.gas_limit,
        "--max-persisted-states": options.max_persisted_states,
        "--slots-in-an-epoch": options.slots_in_an_epoch,
        "--cache-path": scratch,
    }
    if options.timestamp is not None:
        flags["--timestamp"] = options.timestamp
    if marker is not None:
        flags["--balance"] = marker
    pairs = [part for flag, value in flags.items() for part in (flag, str(value))]
    return ["--quiet", *pairs, *(["--no-mining"] if options.no_mining else []), *options.extra]


def tied_to(owner: int) -> Callable[[], None] | None:
    """Have the kernel kill the child when its owner goes, however it goes; elsewhere ``atexit`` has to do."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != owner:
            os._exit(1)

    return tie
