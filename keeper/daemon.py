"""Runs cycles for months: wall-clock jobs, signals, a drain of at most five seconds.

Jobs ask the chain and the store what is due, so a missed tick costs latency only (reliability.md B4).
"""

import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler

from keeper.cycle import Ports, run_cycle
from keeper.errors import ConfigError, Refused, RetryLater
from keeper.follow import Emit
from keeper.store.lease import RETRY_SECONDS
from keeper.timing import scaled

DRAIN_SECONDS = 5
"""Longest wait for the cycle that runs when a signal arrives."""

INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes after a clean drain (interfaces.md 10)."""

PROGRESS_STEPS = 10


class Daemon:
    """One keeper, until a signal.

    Parameters
    ----------
    ports
        What a cycle works with.
    poll_seconds
        Between two looks at the chain's head.
    """

    def __init__(self, ports: Ports, poll_seconds: int) -> None:
        self._ports = ports
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._gate = threading.Lock()
        self._code = 0
        self._fatal: ConfigError | None = None

    def run(self) -> int:
        """Block until a signal; returns the exit code.

        Raises
        ------
        ConfigError
            Something arose that only the operator can put right.
        """
        # Job failures are reported by our listener; the library would print the same trace again.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        for number in INTERRUPTED:
            signal.signal(number, self._on_signal)
        scheduler = BackgroundScheduler(timezone=UTC)
        scheduler.add_listener(self._on_event, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        scheduler.add_job(
            self.head_tick,
            "interval",
            seconds=self._poll_seconds,
            id="head_tick",
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
        if self._ports.guard is not None and self._ports.sender is not None:
            scheduler.add_job(
                self._ports.guard.renew,
                "interval",
                seconds=scaled(RETRY_SECONDS),
                id="lease_renew",
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.start()
        self._stop.wait()
        scheduler.pause()
        drained = self._gate.acquire(timeout=DRAIN_SECONDS)
        scheduler.shutdown(wait=False)
        self._ports.emit("stopped", drained=drained)
        if self._fatal:
            raise self._fatal
        return self._code

    def head_tick(self) -> None:
        """One cycle; what the outside world did wrong waits for the next one."""
        if self._stop.is_set() or not self._gate.acquire(blocking=False):
            return
        try:
            run_cycle(self._ports)
        except RetryLater as error:
            self._ports.emit("cycle_failed", error=error.message)
        except Refused as error:
            self._ports.emit("cycle_refused", error=str(error))
        finally:
            self._gate.release()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._code = INTERRUPTED[signal.Signals(number)]
        self._stop.set()

    def _on_event(self, event: Any) -> None:
        error = getattr(event, "exception", None)
        if isinstance(error, ConfigError):
            self._fatal = error
            self._stop.set()
        elif error is not None:
            self._ports.emit("cycle_crashed", error=repr(error), trace=event.traceback)
        else:
            self._ports.emit("tick_missed", job=event.job_id)


def warm_up(ports: Ports, emit: Emit) -> None:
    """Read the trailing depths before the first cycle, with progress in the log.

    Raises
    ------
    RetryLater
        The node does not serve blocks that old; nothing can be folded until it does.
    """
    head = ports.reader.block("latest")
    ports.follower.refresh(head)
    ports.follower.warm_up(ports.follower.newest_window(head), _progress(emit))


def _progress(emit: Emit) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == total or done % max(1, total // PROGRESS_STEPS) == 0:
            emit("trailing_depths", done=done, total=total)

    return progress
