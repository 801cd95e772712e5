"""The regime inside a live word: the level that holds at a time, and raising it.

Twin of the regime section of ``contracts/src/types/LiveWord.sol``, bit for bit.
"""

from dataclasses import replace

from keeper.maths.fixed import cdiv
from keeper.records.live import LiveWord

NORMAL, GUARDED, STRESSED, HALTED = range(4)
NAMES = ("NORMAL", "GUARDED", "STRESSED", "HALTED")
EXPIRY_UNIT_SECONDS = 1024
"""One unit of the live word's expiry."""


def expiry_time(live: LiveWord) -> int:
    """End of the regime as written, unix seconds."""
    return live.regime_expiry * EXPIRY_UNIT_SECONDS


def regime_at(live: LiveWord, time: int) -> int:
    """The level that holds at a time: a raise ends by itself."""
    return live.regime if time < expiry_time(live) else NORMAL


def with_regime(live: LiveWord, level: int, until: int, time: int) -> LiveWord:
    """The same word without a regime that has expired, raised to ``level`` (0: not raised) until ``until`` at least.

    A raise never shortens what holds.
    """
    held, expiry = live.regime, expiry_time(live)
    if held == NORMAL and level == NORMAL:
        return live
    if time >= expiry:
        held, expiry = NORMAL, 0
    if level != NORMAL and level >= held:
        held, expiry = level, max(expiry, until)
    return replace(live, regime=held, regime_expiry=cdiv(expiry, EXPIRY_UNIT_SECONDS))
