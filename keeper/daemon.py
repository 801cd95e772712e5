"""Runs a keeper for months: five wall-clock jobs, signals, a reload, a drain of at most five seconds.

Jobs ask the chain and the store what is due, so a missed tick costs latency only (reliability.md B4). The scheduler
counts wall-clock time, which may jump or stand still; a pulse on the monotonic clock wakes every job that is overdue.
"""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.contextvars import bound_contextvars

from keeper.config import Config
from keeper.config_reload import one_line, reload_config
from keeper.cycle import run_cycle, settle
from keeper.errors import ConfigError, KeeperError, Refused, RetryLater
from keeper.follow import Emit
from keeper.host import INTERRUPTED, notify, require_threads
from keeper.monitoring import Monitor
from keeper.store.lease import RETRY_SECONDS
from keeper.store.store import KeeperStore
from keeper.store_watch import StoreWatch
from keeper.timing import scaled
from keeper.warming import warm_up
from keeper.watching import Watch
from keeper.wiring import Keeper, open_keeper

DRAIN_SECONDS = 5
"""Longest wait for the cycle that runs when a signal arrives."""
PULSE_SECONDS = 1.0
"""Between two looks of the main thread, by the monotonic clock."""
STUCK_SECONDS = 600
"""Without a sign of life for so long the process ends itself: a thread that hangs cannot be killed (B4)."""
WATCH_SECONDS = 15
HOUSEKEEPING_SECONDS = 3_600
OVERDUE_SECONDS = 2.0
"""A job that is late by more than this on the monotonic clock is woken."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What two of the jobs call; a room that has nothing to do there leaves it out."""

    renew: Callable[[], None] | None = None
    """Renew the lease; raises :class:`RetryLater` when it could not."""
    housekeep: Callable[[], None] | None = None
    """Prune, compact, check."""


@dataclass(slots=True)
class _Job:
    """One of the five, with its times on the monotonic clock."""

    run: Callable[[], None]
    seconds: float
    last: float
    """When it last ended."""
    running: bool = False


class Daemon:
    """One keeper, until a signal.

    Parameters
    ----------
    config
        The configuration in force; a reload replaces it.
    store
        Open and locked, for the daemon's whole life.
    monitor
        Hears everything.
    broadcast
        Whether it signs and sends.
    hooks
        For ``lease_renew`` and ``housekeeping``.
    """

    def __init__(
        self, config: Config, store: KeeperStore, monitor: Monitor, *, broadcast: bool, hooks: Hooks | None = None
    ) -> None:
        self._config, self._store, self._monitor, self._broadcast = config, store, monitor, broadcast
        self._emit: Emit = monitor.emit
        self._hooks = hooks or Hooks()
        self._watch, self._store_watch = Watch(self._emit), StoreWatch(store, self._emit)
        self._keeper: Keeper | None = None
        self._warmed: Keeper | None = None
        self._begun: Keeper | None = None
        """The keeper, once a cycle of it went well."""
        self._stack = ExitStack()
        self._stop = threading.Event()
        # The only thing that a signal handler may touch: every other queue or event has a lock that it could meet held.
        self._inbox: SimpleQueue[int] = SimpleQueue()
        self._gate, self._watching = threading.Lock(), threading.Lock()
        self._cycle = 0
        self._code = 0
        self._fatal: KeeperError | None = None
        self._scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": MemoryJobStore()})
        self._jobs: dict[str, _Job] = {}

    def run(self) -> int:
        """Block until a signal; returns the exit code.

        Raises
        ------
        ConfigError
            Something arose that only the operator can put right.
        RetryLater
            No node answers at the start, or the keeper hangs: start it again.
        RuntimeError
            The system gives no threads.
        """
        signal.signal(signal.SIGHUP, self._on_signal)
        with self._stack:
            self._keeper = self._stack.enter_context(self._open(self._config))
            # Until here nothing was begun that a plain end could hurt.
            for number in INTERRUPTED:
                signal.signal(number, self._on_signal)
            self._start()
            notify("READY=1")
            while not self._stop.is_set():
                self._receive()
                self._pulse()
            notify("STOPPING=1")
            self._scheduler.pause()
            drained = self._gate.acquire(timeout=DRAIN_SECONDS)
            self._scheduler.shutdown(wait=False)
            self._emit("stopped", drained=drained)
        if self._fatal:
            raise self._fatal
        return self._code

    def head_tick(self) -> None:
        """One cycle; what the outside world did wrong waits for the next one."""
        if self._keeper and not self._stop.is_set() and self._gate.acquire(blocking=False):
            try:
                self._cycle += 1
                self._store_watch.check()
                with bound_contextvars(cycle=self._cycle):
                    self._warm(self._keeper)
                    run_cycle(self._keeper.ports)
                    self._begun = self._keeper
            finally:
                self._gate.release()

    def confirmer(self) -> None:
        """Settle what was sent, and nothing else; never beside a cycle, nor before the first has read the history."""
        if not self._stop.is_set() and self._gate.acquire(blocking=False):
            try:
                if self._begun:
                    settle(self._begun.ports)
            finally:
                self._gate.release()

    def watch(self) -> None:
        """Look at chain and store for metrics, health and alarms."""
        with self._watching:
            if self._keeper:
                self._monitor.on_reading(self._watch.look(self._keeper))

    def housekeeping(self) -> None:
        """What keeps the database small and sound."""
        if self._hooks.housekeep:
            self._hooks.housekeep()

    def lease_renew(self) -> None:
        """Keep the right to send."""
        if self._hooks.renew:
            self._hooks.renew()
        elif self._cycle == 0:
            # The lock on the file is all a single host needs, and this process holds it.
            self._emit("lease", state="held")

    def _warm(self, keeper: Keeper) -> None:
        """Show the progress of a keeper's first reading, which may take minutes."""
        if keeper is not self._warmed:
            self._warmed = keeper
            warm_up(keeper.ports, self._emit)

    def _receive(self) -> None:
        """Wait a second for a signal, and do what it says."""
        with suppress(Empty):
            number = self._inbox.get(timeout=PULSE_SECONDS)
            if number == signal.SIGHUP:
                threading.Thread(target=self._take_over, name="reload", daemon=True).start()
            else:
                self._code = INTERRUPTED.get(signal.Signals(number), self._code) if number else self._code
                self._stop.set()

    def _start(self) -> None:
        poll = self._config.operator.poll_seconds
        now = time.monotonic()
        self._jobs = {
            "lease_renew": _Job(self.lease_renew, scaled(RETRY_SECONDS), now),
            "head_tick": _Job(self.head_tick, poll, now),
            "confirmer": _Job(self.confirmer, poll, now),
            "watch": _Job(self.watch, WATCH_SECONDS, now),
            "housekeeping": _Job(self.housekeeping, HOUSEKEEPING_SECONDS, now),
        }
        self._scheduler.add_listener(self._on_event, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        for name, job in self._jobs.items():
            self._scheduler.add_job(
                self._timed(name),
                "interval",
                seconds=job.seconds,
                id=name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )
        require_threads(len(self._jobs) + 1)
        self._scheduler.start()

    def _timed(self, name: str) -> Callable[[], None]:
        """The job with its times and result said; what only the operator can put right ends the daemon."""

        def run() -> None:
            job, started = self._jobs[name], time.monotonic()
            job.running = True
            result, problem = "crashed", ""
            try:
                job.run()
                result = "ok"
            except RetryLater as error:
                result, problem = "retry", error.message
                self._store_watch.note(error)
                self._emit("cycle_failed", job=name, error=problem)
            except Refused as error:
                result, problem = "refused", str(error)
                self._emit("cycle_refused", job=name, error=problem)
            finally:
                job.running, job.last = False, time.monotonic()
                seconds = job.last - started
                self._emit("job_done", job=name, result=result, seconds=round(seconds, 6), error=problem or None)

        return run

    def _pulse(self) -> None:
        """What the main thread does every second: wake what is overdue, reload, give up what hangs."""
        now = time.monotonic()
        for name, job in self._jobs.items():
            if not job.running and now - job.last > job.seconds + OVERDUE_SECONDS:
                self._emit("clock_stepped", job=name, late_seconds=round(now - job.last - job.seconds, 1))
                job.last = now
                self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        if not self._monitor.health.live():
            notify("WATCHDOG=1")
        elif self._monitor.health.silence() > STUCK_SECONDS:
            self._emit("stuck", seconds=round(self._monitor.health.silence()))
            self._fatal = RetryLater("no cycle got on for ten minutes", "the service manager starts the keeper again")
            self._stop.set()

    def _take_over(self) -> None:
        """Build a keeper under the changed configuration beside the old one, and change over between two cycles."""
        path = self._config.operator.source
        if path is None or self._keeper is None:
            return
        stack = ExitStack()
        try:
            fresh = reload_config(path, self._config)
            keeper = stack.enter_context(self._open(fresh))
        except (ConfigError, Refused, RetryLater) as error:
            stack.close()
            self._emit("config_reload_failed", error=one_line(error))
            return
        with self._gate, self._watching:
            self._keeper, self._begun, self._config = keeper, None, fresh
            self._stack.close()
        self._stack.push(stack)
        for name in ("head_tick", "confirmer"):
            self._jobs[name].seconds = fresh.operator.poll_seconds
            self._scheduler.reschedule_job(name, trigger="interval", seconds=fresh.operator.poll_seconds)
        self._monitor.configure(fresh, mode="broadcast" if self._broadcast else "dry-run")
        self._emit("config_reloaded", file=path.name)

    def _open(self, config: Config) -> AbstractContextManager[Keeper]:
        return open_keeper(config, self._store, broadcast=self._broadcast, emit=self._emit)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._inbox.put(number)

    def _on_event(self, event: Any) -> None:
        error = getattr(event, "exception", None)
        if isinstance(error, ConfigError):
            self._fatal = error
            self._inbox.put(0)
        elif error is not None:
            self._emit("cycle_crashed", job=event.job_id, error=repr(error), trace=event.traceback)
        else:
            self._emit("tick_missed", job=event.job_id)
