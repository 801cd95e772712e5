"""The real program as a process, with its log read line by line and its monitor asked over HTTP."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_SECONDS = 90
"""For what takes some seconds on an idle machine; two busy cores have taken half a minute."""


class Daemon:
    """A running ``keeper run`` and everything it said."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.out: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=(process.stderr, self.lines), daemon=True),
            threading.Thread(target=self._read, args=(process.stdout, self.out), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Every event of a name so far."""
        rows = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [row for row in rows if row["event"] == name]

    def until(self, done: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Wait for a truth; fails with the log when it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := done():
                return found
            time.sleep(0.05)
        told = [line for line in self.lines if '"debug"' not in line]
        raise AssertionError("it did not come; the log:\n" + "".join(told[-60:]))

    def said(self, name: str, count: int = 1, seconds: float = WAIT_SECONDS) -> list[dict[str, Any]]:
        """Wait until an event was said so often."""
        return self.until(lambda: len(self.events(name)) >= count and self.events(name), seconds)

    def get(self, path: str) -> tuple[int, str]:
        """(status, body) of the monitor."""
        address = self.said("monitor_listens")[0]["address"]
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, series: str) -> float:
        """Value of one series as it is scraped; 0 while it does not exist."""
        rows = [line.rpartition(" ") for line in self.get("/metrics")[1].splitlines()]
        return next((float(value) for name, _, value in rows if name == series), 0.0)

    def stop(self) -> int:
        """SIGTERM and wait."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=WAIT_SECONDS)
        for thread in self._threads:
            thread.join()
        return code

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        with stream:
            lines.extend(iter(stream.readline, ""))

    def text(self) -> str:
        """Everything on both streams."""
        return "".join([*self.out, *self.lines])


def command(toml: Path, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """(exit code, all it wrote) of a command that ends by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "keeper", "-c", str(toml), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * WAIT_SECONDS,
        env=os.environ | (environment or {}),
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def daemon(
    toml: Path,
    *,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = ("-m", "keeper"),
    options: Sequence[str] = ("--broadcast", "--yes"),
) -> Iterator[Daemon]:
    """Run the keeper until the body ends; it listens on a free port."""
    process = subprocess.Popen(
        [sys.executable, *program, "-c", str(toml), "--log-format", "json", "--log-level", "debug", "run", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BULKHEAD_MONITOR__LISTEN": "127.0.0.1:0"} | (environment or {}),
    )
    running = Daemon(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for thread in running._threads:
            thread.join()
