"""The nodes of a pool, each with its health, and how several of them are asked at once.

Whatever a node does is noted where it happens, also by a request that nobody waits for any more.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from keeper.chain.health import Health, ProviderState
from keeper.chain.rpc import Busy, Reverted, Rpc, RpcError, TooSlow, Violation
from keeper.chain.timing import Timing
from keeper.errors import RetryLater
from keeper.records.units import BlockRef

T = TypeVar("T")

PATIENCE = 6
"""Deadlines of one request that one answer, which may take several, is waited for."""
THREADS_EACH = 4
"""Requests in flight at one node."""


@dataclass(slots=True)
class Member:
    """One node of the pool."""

    rpc: Rpc
    health: Health
    busy_until: float = 0.0
    """It asked to be left alone (HTTP 429)."""
    head: BlockRef | None = None
    """What the last probe saw."""
    probing: bool = False
    """A probe is under way."""

    @property
    def name(self) -> str:
        """The configured one."""
        return self.rpc.name

    @property
    def state(self) -> ProviderState:
        """What it may be used for."""
        return self.health.state


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """One node's answer."""

    member: Member
    value: T | Reverted
    """A revert is an answer like any other."""


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """What several nodes answered."""

    answers: list[Told[T]]
    errors: list[tuple[Member, RetryLater]]


class Asker:
    """Asks members in threads of its own.

    Parameters
    ----------
    emit
        Log; ``provider_state`` is said for every change. May be called by any thread.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, count: int, timing: Timing, emit: Callable[..., None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock = clock
        self._timing = timing
        self._emit = emit
        self._lock = threading.RLock()
        self._threads = ThreadPoolExecutor(THREADS_EACH * count, thread_name_prefix="node")

    def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def gather(self, ask: Callable[[Rpc], T], members: Sequence[Member], need: int, *, large: bool = False) -> Heard[T]:
        """The first ``need`` answers, members asked in their order.

        As many as are needed are asked at once; one more whenever one fails, or is silent for long.

        Parameters
        ----------
        large
            Whether a node that does not answer in time, or in size, may be excused by the question.
        """
        queue = deque(members)
        heard: Heard[T] = Heard([], [])
        pending: dict[Future[T | Reverted], Member] = {}

        def launch() -> None:
            if queue:
                member = queue.popleft()
                pending[self._threads.submit(self._ask, ask, member, large)] = member

        for _ in range(need):
            launch()
        end = self.clock() + PATIENCE * self._timing.deadline
        while pending and len(heard.answers) < need and self.clock() < end:
            done, _ = wait(pending, self._timing.failover if queue else end - self.clock(), FIRST_COMPLETED)
            if not done:
                launch()
            for future in done:
                member = pending.pop(future)
                try:
                    heard.answers.append(Told(member, future.result()))
                except RetryLater as error:
                    heard.errors.append((member, error))
                    launch()
        if len(heard.answers) < need:
            late = TooSlow("no answer in time")
            heard.errors.extend((member, late) for member in pending.values())
        return heard

    def everybody(
        self, ask: Callable[[Member], T], members: Sequence[Member], enough: Callable[[list[T]], float]
    ) -> dict[str, T]:
        """Whatever every member says, by name, as long as ``enough`` of what is there tells how long to wait still."""
        pending = {self._threads.submit(ask, member): member for member in members}
        found: dict[str, T] = {}
        while pending:
            done, _ = wait(pending, enough(list(found.values())), FIRST_COMPLETED)
            if not done:
                break
            for future in done:
                found[pending.pop(future).name] = future.result()
        return found

    def note(self, member: Member, error: RetryLater, *, large: bool = False) -> None:
        """Let an error count against a node, as far as it is the node's."""
        with self._lock:
            before, now = member.state, self.clock()
            if isinstance(error, Busy):
                member.busy_until = now + error.retry_after * self._timing.scale
            elif isinstance(error, Violation):
                member.health.violated(now, error.message)
            elif isinstance(error, RpcError) and not error.code and not (large and isinstance(error, TooSlow)):
                member.health.failed(now, error.message)
            self._announce(member, before)

    def change(self, member: Member, action: Callable[[Health, float], None]) -> None:
        """Move a member's health."""
        with self._lock:
            before = member.state
            action(member.health, self.clock())
            self._announce(member, before)

    def _ask(self, ask: Callable[[Rpc], T], member: Member, large: bool) -> T | Reverted:
        try:
            return ask(member.rpc)
        except Reverted as error:
            return error
        except RetryLater as error:
            self.note(member, error, large=large)
            raise

    def _announce(self, member: Member, before: ProviderState) -> None:
        expected = before is ProviderState.NEW and member.state is ProviderState.ALIVE
        if member.state is not before and not expected:
            self._emit("provider_state", provider=member.name, state=member.state.value, reason=member.health.reason)
