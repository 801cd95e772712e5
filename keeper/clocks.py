"""How far this host's clock is off, without a time server: against its own monotonic clock, and against the chain.

A block's timestamp is within a slot of true time on a live chain, so a head that has just appeared dates the wall
clock. Where timestamps are made up (a devnet mines twelve seconds in an instant) that says nothing; there only a step
of the wall clock against the monotonic one is seen (decision 28). Nothing that decides asks either clock.
"""

from collections import deque
from dataclasses import dataclass

ALARM_SECONDS = 30
"""Skew above which operators are told (reliability.md H)."""
FRESH_HEADS = 10
"""Heads whose first sight is compared; the least delayed of them counts."""
SPAN_SECONDS = 60
"""The chain's time is trusted only over so long a stretch that runs like ours."""
DIFFERENCE = 0.25
"""How much faster or slower than ours its time may run, as a share."""


@dataclass(frozen=True, slots=True)
class _Sight:
    number: int
    chain: int
    wall: float
    monotonic: float


class ClockCheck:
    """Skew of the wall clock in seconds; positive: it is ahead.

    Parameters
    ----------
    wall, monotonic
        Both clocks when the keeper started, seconds.
    """

    def __init__(self, wall: float, monotonic: float) -> None:
        self._start = wall - monotonic
        self._sights: deque[_Sight] = deque(maxlen=FRESH_HEADS)

    def see(self, number: int, timestamp: int, wall: float, monotonic: float) -> float:
        """Skew now, given the head (its number and its timestamp, unix seconds) and both clocks."""
        if not self._sights or number > self._sights[-1].number:
            self._sights.append(_Sight(number, timestamp, wall, monotonic))
        if not self._in_step():
            return wall - monotonic - self._start
        # Since the head was first seen; a head that is long in coming must not look like a clock that is ahead.
        delays = [(wall - monotonic) - (sight.chain - sight.monotonic) for sight in self._sights]
        return min(delays)

    def _in_step(self) -> bool:
        """Whether the chain's time runs as ours does."""
        if len(self._sights) < 2:
            return False
        first, last = self._sights[0], self._sights[-1]
        ours, theirs = last.monotonic - first.monotonic, last.chain - first.chain
        return ours >= SPAN_SECONDS and abs(theirs - ours) <= DIFFERENCE * ours
