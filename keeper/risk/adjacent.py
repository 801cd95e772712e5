"""Mean ticks of adjacent windows: what a push held over minutes shows in, though spot and its mean agree again.

A mean that moved farther from one window to the next than a twelfth of what lenders keep in reserve says that the price
is under way, or pushed; either way nothing may loosen on it (models.md 2.3 c). aloe-ii compares the mean over both
windows with the older one: half of this distance where both are equally long. So the rule here stops earlier.
"""

from collections.abc import Iterable, Iterator

from keeper.maths.fixed import cdiv, isqrt_down
from keeper.maths.tick_math import MAX_TICK, tick_at_sqrt_ratio
from keeper.maths.variance import cumulative_change
from keeper.records.core import SourceCore
from keeper.records.estimates import SourceVolatility
from keeper.records.pools import PoolState, UniswapV3State
from keeper.records.units import BPS

DIVISOR = 12
"""aloe-ii's ``MANIPULATION_THRESHOLD_DIVISOR``."""
FARTHEST = 2 * MAX_TICK
"""No two prices lie farther apart; only words that are no pool's say so."""


def adjacent_ticks_up(entry: SourceCore | None, state: PoolState) -> int | None:
    """Distance between the mean ticks of the newest window and of the one before it, rounded up.

    Parameters
    ----------
    entry
        The source's part of the core *before* this sample: the window that closed last, and where the open one began.
        None takes the two newest windows of the ring.
    state
        What was read.

    Returns
    -------
    int or None
        Ticks; None where there are no two windows.
    """
    if not isinstance(state, UniswapV3State):
        return None
    if entry is not None:
        before = (entry.window_ticks, entry.window_seconds)
        start, since = entry.last_tick_cumulative, entry.last_time
    elif len(state.ring) > 1:
        older, newer = state.ring[-2:]
        before = (cumulative_change(older.tick_cumulative, newer.tick_cumulative), newer.time - older.time)
        start, since = newer.tick_cumulative, newer.time
    else:
        return None
    ticks, seconds = cumulative_change(start, state.now.tick_cumulative), state.now.time - since
    if min(seconds, before[1]) <= 0:
        return None
    return min(FARTHEST, cdiv(abs(ticks * before[1] - before[0] * seconds), seconds * before[1]))


def most_ticks_down(haircut_bps: int) -> int:
    """``floor(log_1.0001(1 / LTV) / 12)``: farther than this the means may not lie apart when anything loosens.

    A haircut of the whole counts as one of 9,999 bps.
    """
    kept = max(1, BPS - haircut_bps)
    return tick_at_sqrt_ratio(isqrt_down((BPS << 192) // kept)) // DIVISOR


def doubts(sources: Iterable[SourceVolatility], haircut_bps: int) -> Iterator[str]:
    """A line for every source that spoke and whose newest windows lie too far apart, or are not known."""
    most = most_ticks_down(haircut_bps)
    for row in sources:
        if row.sigma_wad is None:
            continue
        if row.adjacent_ticks is None:
            yield f"price: {row.pool}: no two windows to compare"
        elif row.adjacent_ticks > most:
            yield (
                f"price: {row.pool}: its mean moved {row.adjacent_ticks} ticks from one window to the next, "
                f"more than the {most} of a haircut of {haircut_bps} bps"
            )
