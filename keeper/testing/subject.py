"""The keeper as the demo runs it: the real program in a process of its own, through its own command line."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.chain.anvil import tied_to
from keeper.errors import KeeperError
from keeper.records.units import Address

STOP_SECONDS = 15.0
"""The daemon promises to be done within 5 s of SIGTERM; slow machines get more."""
VERIFY_SECONDS = 120
TAIL_CHARACTERS = 2_000


class Subject:
    """``keeper run --broadcast`` as a subprocess; its log goes to a file.

    Warning: like :class:`keeper.chain.anvil.Anvil`, start it from a thread that lives as long as it should.
    """

    def __init__(self, toml: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "keeper", "--config", str(toml), "run", "--broadcast", "--yes"],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                preexec_fn=tied_to(os.getpid()),  # noqa: PLW1509 - two plain system calls, no locks
            )

    def require_alive(self) -> None:
        """Raise with the end of its log when the keeper has ended by itself."""
        if self._process.poll() is not None:
            raise KeeperError(f"the keeper ended with code {self._process.returncode}", self.tail())

    def tail(self) -> str:
        """End of its log."""
        return self._log.read_text(errors="replace")[-TAIL_CHARACTERS:].strip()

    def stop(self) -> int:
        """Ask it to stop, wait, and return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run_verify(url: str, contract: Address) -> tuple[bool, str]:
    """``keeper verify --all`` from the chain alone: no configuration, no database, no evidence files.

    Returns whether every report was recomputed to the same bytes, and what it said.
    """
    with tempfile.TemporaryDirectory(prefix="bulkhead-verify-") as empty:
        answer = subprocess.run(
            [sys.executable, "-m", "keeper", "verify", "--all", "--rpc", url, "--contract", contract],
            capture_output=True,
            text=True,
            timeout=VERIFY_SECONDS,
            check=False,
            cwd=empty,
        )
    return answer.returncode == 0, (answer.stdout.strip() or answer.stderr.strip())
