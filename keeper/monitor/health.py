"""Is the keeper alive, ready, and are its values fresh? Each answer is a list of reasons; none means yes.

Nothing here asks the wall clock: a clock that jumps must neither restart a keeper nor hide a dead one.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from keeper.monitor.reading import Reading

PULSE_SECONDS = 60
"""Without a sign of life for so long the loop counts as dead (reliability.md H)."""
OLD_READING_SECONDS = 60
"""What was seen longer ago says nothing about now."""
QUORUM = 2
"""Providers that must be alive, unless a single one was allowed."""
PROGRESS = frozenset({"sample_folded", "trailing_depths"})
"""Events that show that a long job gets on."""
WORK = "head_tick"
"""The job whose result says whether the keeper can work."""


class Health:
    """What the three probes answer.

    Parameters
    ----------
    single_provider
        Whether one provider is enough.
    monotonic
        Clock in seconds.
    """

    def __init__(self, *, single_provider: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.single_provider = single_provider
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._pulse = monotonic()
        self._reading: Reading | None = None
        self._seen = 0.0
        self._faults: dict[str, str] = {WORK: "no cycle has ended yet"}
        self._providers: dict[str, str] = {}

    def beat(self) -> None:
        """The loop went round, or a long job got on."""
        self._pulse = self._monotonic()

    def silence(self) -> float:
        """Seconds since the last sign of life."""
        return self._monotonic() - self._pulse

    def on_event(self, event: str, fields: Mapping[str, Any]) -> None:
        """Learn from one event."""
        with self._lock:
            if event in PROGRESS:
                self.beat()
            elif event == "job_done":
                self._job(str(fields["job"]), str(fields["result"]), str(fields.get("error") or ""))
            elif event == "provider_state":
                self._providers[str(fields.get("provider"))] = str(fields.get("state"))
            elif event == "lease":
                held = fields.get("state") in {"held", "leader", "standby"}
                self._fault("lease", "" if held else f"the lease is {fields.get('state')}")
            elif event in {"halted", "resumed"}:
                self._fault("halt", "sending is halted; see keeper resume" if event == "halted" else "")
            elif event in {"store_failed", "store_ready"}:
                self._fault("store", str(fields.get("error", "")) if event == "store_failed" else "")

    def on_reading(self, reading: Reading) -> None:
        """Take over what ``watch`` saw."""
        with self._lock:
            self._reading, self._seen = reading, self._monotonic()

    def live(self) -> list[str]:
        """Why the process should be ended and started again."""
        silence = self.silence()
        return [f"no sign of life for {silence:.0f} s"] if silence > PULSE_SECONDS else []

    def ready(self) -> list[str]:
        """Why nothing can be published now."""
        with self._lock:
            reasons = list(self._faults.values())
            alive = sum(1 for state in self._providers.values() if state == "alive")
            wanted = 1 if self.single_provider else QUORUM
            if self._providers and alive < wanted:
                reasons.append(f"{alive} of {len(self._providers)} providers are alive, {wanted} are needed")
            return reasons

    def fresh(self) -> list[str]:
        """Which on-chain values are older than their heartbeat, by the chain's time and what passed since."""
        with self._lock:
            reading, since = self._reading, self._monotonic() - self._seen
        if reading is None:
            return ["nothing has been read yet"]
        reasons = [f"the last reading is {since:.0f} s old"] if since > OLD_READING_SECONDS else []
        for row in reading.markets:
            if row.age_seconds is None:
                reasons.append(f"{row.name}: is not listed")
            elif row.age_seconds + since >= reading.heartbeat_seconds:
                age = row.age_seconds + int(since)
                reasons.append(f"{row.name}: {age} s old, the heartbeat is {reading.heartbeat_seconds} s")
        return reasons

    def reading(self) -> Reading | None:
        """The last one."""
        return self._reading

    def _job(self, job: str, result: str, error: str) -> None:
        if job == WORK:
            self.beat()
        if job in {WORK, "lease_renew"}:
            self._fault(job, "" if result in {"ok", "refused"} else f"{job}: {error or result}")

    def _fault(self, name: str, reason: str) -> None:
        if reason:
            self._faults[name] = reason
        else:
            self._faults.pop(name, None)
