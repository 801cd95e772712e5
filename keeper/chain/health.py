"""What one provider may be used for: a state machine over probes, failures and violations (reliability.md B2).

::

                 3 good probes                     head > 2 blocks behind the best, or standing while others move
    (any other) ---------------> alive ----------> out_of_sync
                                   |-------------> syncing       eth_syncing is not false
                                   |-------------> no_final      no finalized block, or an older one than before
                                   |-------------> unreachable   score of failures >= 3; left alone for a minute
                                   |-------------> unusable      2 violations within an hour; for an hour
                                   +-------------> wrong_chain   until the operator restarts

Pure: the clock is passed in, any monotonic one. Everybody begins as ``new``, which is unproven and used for nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from keeper.chain.timing import Timing

GOOD_PROBES = 3
"""In a row, before a provider counts (again)."""
MOST_BEHIND = 2
"""Blocks behind the best head."""
MOST_SCORE = 3.0
"""Failures, each counting half as much after a minute."""
MOST_VIOLATIONS = 2


class ProviderState(StrEnum):
    """States of B2."""

    NEW = "new"
    ALIVE = "alive"
    OUT_OF_SYNC = "out_of_sync"
    UNREACHABLE = "unreachable"
    WRONG_CHAIN = "wrong_chain"
    SYNCING = "syncing"
    NO_FINAL = "no_final"
    UNUSABLE = "unusable"


HEAD_READS = frozenset({ProviderState.ALIVE, ProviderState.NO_FINAL})
"""May answer for the head and for blocks named by hash or height."""
WRITABLE = HEAD_READS | {ProviderState.OUT_OF_SYNC}
"""Get signed bytes."""
BANNED = frozenset({ProviderState.WRONG_CHAIN, ProviderState.UNUSABLE})
"""Not believed in anything."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a provider said of itself."""

    chain_id: int
    head: int
    syncing: bool = False
    finalized: int | None = None
    safe: int | None = None


class Health:
    """One provider's state.

    Parameters
    ----------
    chain_id
        What ``eth_chainId`` must answer.
    """

    def __init__(self, chain_id: int, timing: Timing | None = None) -> None:
        self.state = ProviderState.NEW
        self.reason = "not asked yet"
        self.last: Probe | None = None
        """The newest probe that was answered."""
        self._chain_id = chain_id
        self._timing = timing or Timing()
        self._good = 0
        self._score, self._scored_at = 0.0, 0.0
        self._violations: list[float] = []
        self._until = 0.0
        """End of the pause, or of being unusable."""
        self._moved_at: float | None = None
        self._final_fault = ""

    def score(self, now: float) -> float:
        """Failures, those of a minute ago counting half."""
        return float(self._score * 0.5 ** ((now - self._scored_at) / self._timing.half_life))

    def due(self, now: float) -> bool:
        """Whether it may be probed: an unreachable one is left alone for a while, a banned one for longer."""
        return self.state is not ProviderState.WRONG_CHAIN and now >= self._until

    def failed(self, now: float, reason: str) -> None:
        """A request got no answer."""
        self._score, self._scored_at = self.score(now) + 1, now
        self._good = 0
        if self.state is ProviderState.NEW:
            self.reason = reason
        if self._score >= MOST_SCORE and self.state not in BANNED:
            self._enter(ProviderState.UNREACHABLE, reason)
            self._until = now + self._timing.pause

    def violated(self, now: float, reason: str) -> None:
        """It answered what no node may answer."""
        self._violations = [at for at in self._violations if now - at < self._timing.unusable] + [now]
        self._good = 0
        if len(self._violations) >= MOST_VIOLATIONS and self.state is not ProviderState.WRONG_CHAIN:
            self._enter(ProviderState.UNUSABLE, reason)
            self._until = now + self._timing.unusable

    def probed(self, probe: Probe, now: float) -> None:
        """Take what it said of itself; :meth:`compared` must follow, which knows what the others said."""
        before, self.last = self.last, probe
        if self._moved_at is None or before is None or probe.head != before.head:
            self._moved_at = now
        self._final_fault = _final_fault(before, probe)
        if probe.chain_id != self._chain_id:
            self._enter(ProviderState.WRONG_CHAIN, f"eth_chainId says {probe.chain_id}, not {self._chain_id}")

    def compared(self, best: int, now: float) -> None:
        """Judge the newest probe beside the best head of all."""
        if self.last is None or self.state is ProviderState.WRONG_CHAIN:
            return
        fault = self._fault(self.last, best, now)
        if fault:
            self._good = 0
            self._enter(*fault)
            return
        self._good += 1
        if self.state is not ProviderState.ALIVE and self._good >= GOOD_PROBES:
            self._violations.clear()
            self._enter(ProviderState.ALIVE, f"{GOOD_PROBES} good probes")

    def _fault(self, probe: Probe, best: int, now: float) -> tuple[ProviderState, str] | None:
        if probe.syncing:
            return ProviderState.SYNCING, "eth_syncing is not false"
        behind, stands = best - probe.head, now - (self._moved_at if self._moved_at is not None else now)
        if behind > MOST_BEHIND:
            return ProviderState.OUT_OF_SYNC, f"its head is {behind} blocks behind"
        if behind > 0 and stands > self._timing.standstill:
            return ProviderState.OUT_OF_SYNC, f"its head stands at {probe.head} while others move"
        if self._final_fault:
            return ProviderState.NO_FINAL, self._final_fault
        return None

    def _enter(self, state: ProviderState, reason: str) -> None:
        if state is not self.state:
            self.state, self.reason = state, reason


def _final_fault(before: Probe | None, probe: Probe) -> str:
    for name, old, new in (
        ("finalized", before.finalized if before else None, probe.finalized),
        ("safe", before.safe if before else None, probe.safe),
    ):
        if new is None:
            return f"it knows no {name} block"
        if old is not None and new < old:
            return f"its {name} block went back from {old} to {new}"
    return ""
