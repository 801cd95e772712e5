"""Windows that could not be folded here, and how long that keeps a market from being reported.

A fold is pure. If it fails everywhere, the next report has to name the gap; if it fails here alone (a damaged
installation), a report of ours would claim a gap that nobody else has. Healthy keepers report within a heartbeat: until
that has passed in silence, this keeper abstains; their report makes it adopt their state.
"""

from keeper.errors import Refused
from keeper.store.samples import StoredSample


class Failures:
    """Failed windows by market."""

    def __init__(self) -> None:
        self._at: dict[bytes, dict[int, int]] = {}

    def add(self, market: bytes, window: int, timestamp: int) -> None:
        """A window whose sample was taken at this chain time could not be folded."""
        self._at.setdefault(market, {})[window] = timestamp

    def has(self, market: bytes, window: int) -> bool:
        """Whether that window could not be folded."""
        return window in self._at.get(market, {})

    def remove(self, market: bytes, window: int) -> None:
        """It could be in the end, or another keeper's report stands for it."""
        self._at.get(market, {}).pop(window, None)

    def require_none(self, row: StoredSample, first: int, heartbeat_seconds: int, name: str) -> None:
        """Abstain from a report whose fold runs from ``first`` to the row's window over a failure that is recent.

        Raises
        ------
        Refused
            There is one.
        """
        failed = self._at.get(row.market, {})
        now = row.snapshot.block.timestamp
        recent = [at for at, when in failed.items() if first <= at <= row.window and now - when < heartbeat_seconds]
        if recent:
            what = f"window {min(recent)} of {name} could not be folded here"
            raise Refused(what, "abstained until another keeper reports; see market_failed in the log")
