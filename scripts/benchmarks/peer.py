"""Peers run as processes of their own, in environments of their own: a line of JSON in, a line of JSON out."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.measure import BenchError

ROOT = Path(__file__).resolve().parents[2]
WORKERS = Path(__file__).resolve().parent / "peers"
REMEDY = "run: scripts/setup bench (or leave the peers out with --no-peers)"


class Peer:
    """One worker of ``benchmarks/peers``; it takes its own times, so that the pipe is not in them."""

    def __init__(self, name: str) -> None:
        script = next(WORKERS.glob(f"{name}.*"))
        python, packages = ROOT / ".venv-bench" / "bin" / "python", WORKERS / "node_modules"
        if not (python if script.suffix == ".py" else packages).exists():
            raise BenchError(f"the peer {name} is not set up; {REMEDY}")
        self._name = name
        self._process = subprocess.Popen(
            [str(python) if script.suffix == ".py" else "node", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: object) -> dict[str, Any]:
        """Answer to one line."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - both are pipes
        stdin.write(json.dumps(question) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise BenchError(f"the peer {self._name} ended: exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
