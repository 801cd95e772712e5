"""Which block stands for a window (design.md 5.1): unknown to anybody beforehand, checkable by everybody afterwards."""

from keeper.records.settings import Settings

MAX_SPAN = 64
"""Most blocks of a window's end among which the sample falls: recent enough for ordinary nodes (design.md 5.1)."""


def sample_span(cadence: int) -> int:
    """N: how many blocks, counted back from the window's end, may be the sample."""
    return min(cadence, MAX_SPAN)


def window_of(block: int, cadence: int) -> int:
    """Window whose blocks ``(w-1)*cadence < block <= w*cadence`` hold the block."""
    return -(-block // cadence)


def window_end(window: int, cadence: int) -> int:
    """Last block of the window."""
    return window * cadence


def last_ended(head: int, cadence: int) -> int:
    """Newest window whose end is at most ``head``; 0 before the first."""
    return head // cadence


def sample_block(end: int, end_hash: bytes, cadence: int) -> int:
    """Block that is observed for the window that ends at ``end``.

    Parameters
    ----------
    end
        Last block of the window.
    end_hash
        Its header hash, 32 bytes: unknown until the window is over.
    cadence
        Length of a window, blocks.
    """
    return end - int.from_bytes(end_hash, "big") % sample_span(cadence)


def day_of(window: int, settings: Settings) -> int:
    """Index of the "day" that the window falls into; fixed, so that a past day's minimum never changes."""
    return window // settings.windows_per_day


def trailing_windows(window: int, settings: Settings) -> range:
    """Windows before this one whose depth belongs to its trailing days, oldest first."""
    first_day = day_of(window, settings) - settings.trailing_days + 1
    return range(max(1, first_day * settings.windows_per_day), window)
