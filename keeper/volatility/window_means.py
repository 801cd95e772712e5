"""Volatility from mean ticks over windows of at least half an hour: the ring at the start, accumulators afterwards.

The two accumulators forget with half-lives of a day and of eleven days; the larger counts. A window needs no ring
once a source has started: it closes at the first sample that is late enough (models.md 2.3, design.md 5).
"""

from dataclasses import replace

from keeper.maths.fixed import cdiv
from keeper.maths.keccak import source_id
from keeper.maths.variance import (
    Window,
    annual_sigma_up,
    cumulative_change,
    decayed_up,
    equal_weight_total_up,
    squared_change_up,
    to_step_up,
)
from keeper.records.core import SourceCore
from keeper.records.estimates import SourceVolatility
from keeper.records.pools import Cumulative, PoolState, UniswapV3State
from keeper.records.settings import PoolSettings, Settings
from keeper.records.units import BlockRef

IDLE_WINDOWS = 4
"""A pool that wrote nothing for this many windows has no volatility to speak of: no value, never zero."""

MAX_VARIANCE = (1 << 96) - 1
"""What the packed core can hold; a sigma of 150,000 fits."""

MAX_WARMING = 255
"""Likewise."""


def estimate(
    entry: SourceCore | None, pool: PoolSettings, state: PoolState, block: BlockRef, settings: Settings
) -> tuple[SourceCore | None, SourceVolatility]:
    """Fold one sample into a price source and say what it thinks.

    Parameters
    ----------
    entry
        The source's part of the packed core; None starts it from the ring.
    pool
        The pool; its id names the entry.
    state
        What was read at the block.
    block
        The sampled block.
    settings
        Window length, bootstrap sizes, half-lives.

    Returns
    -------
    tuple
        (entry after, annual volatility or the reason why there is none).
    """
    if not isinstance(state, UniswapV3State):
        return entry, _no_value(pool, "this venue keeps no tick cumulative")
    idle = block.timestamp - state.last_observation_time
    if idle >= IDLE_WINDOWS * settings.window_seconds:
        return entry, _no_value(pool, f"idle: nothing was traded for {idle} seconds")
    if entry is None:
        return _bootstrap(pool, state, settings)
    return _accumulate(entry, pool, state, settings)


def _bootstrap(
    pool: PoolSettings, state: UniswapV3State, settings: Settings
) -> tuple[SourceCore | None, SourceVolatility]:
    """Equal weight over the windows that the ring still covers; both accumulators start from it."""
    points = (*state.ring, state.now)[-settings.bootstrap_windows - 1 :]
    windows = [_window(points[i], points[i + 1]) for i in range(len(points) - 1)]
    if len(windows) < _least_windows(settings):
        reason = f"the ring covers {len(windows)} windows, {settings.bootstrap_min_windows} are needed"
        return None, _no_value(pool, reason)
    if any(seconds <= 0 for _, seconds in windows):
        return None, _no_value(pool, "the ring's times do not rise")
    total, pairs = equal_weight_total_up(windows), len(windows) - 1
    seed = cdiv(total, pairs)
    if seed > MAX_VARIANCE:
        return None, _no_value(pool, "the variance does not fit the packed core")
    ticks, seconds = windows[-1]
    entry = SourceCore(
        pool=source_id(pool.venue, pool.address),
        last_time=state.now.time,
        last_tick_cumulative=state.now.tick_cumulative,
        window_ticks=ticks,
        window_seconds=seconds,
        fast=seed,
        slow=seed,
    )
    sigma = annual_sigma_up(total, pairs)
    return entry, SourceVolatility(pool.address, to_step_up(sigma), sigma, sigma, "ring")


def _accumulate(
    entry: SourceCore, pool: PoolSettings, state: UniswapV3State, settings: Settings
) -> tuple[SourceCore, SourceVolatility]:
    """Close the open window when it is long enough and the pool has traded since the last close."""
    elapsed = state.now.time - entry.last_time
    if elapsed >= settings.window_seconds and state.last_observation_time > entry.last_time:
        closed = _close(entry, state, settings)
        if closed is None:
            return entry, _no_value(pool, "the variance does not fit the packed core")
        entry = closed
    if entry.warming:
        windows = "1 more window is" if entry.warming == 1 else f"{entry.warming} more windows are"
        return entry, _no_value(pool, f"not warm since the gap: {windows} needed")
    fast, slow = annual_sigma_up(entry.fast, 1), annual_sigma_up(entry.slow, 1)
    return entry, SourceVolatility(pool.address, to_step_up(max(fast, slow)), fast, slow, "accumulators")


def _close(entry: SourceCore, state: UniswapV3State, settings: Settings) -> SourceCore | None:
    """The entry after the open window; None when a variance does not fit.

    A stretch of more than one fast half-life is a gap (decision 25): it may raise the accumulators, never lower them,
    and the source warms up anew with windows that have nothing to do with it.
    """
    ticks = cumulative_change(entry.last_tick_cumulative, state.now.tick_cumulative)
    seconds = state.now.time - entry.last_time
    gap = seconds > settings.half_life_fast_seconds
    fast, slow = _decayed(entry, (ticks, seconds), settings) if entry.window_seconds else (entry.fast, entry.slow)
    if gap:
        fast, slow = max(fast, entry.fast), max(slow, entry.slow)
    if max(fast, slow) > MAX_VARIANCE:
        return None
    return replace(
        entry,
        last_time=state.now.time,
        last_tick_cumulative=state.now.tick_cumulative,
        window_ticks=0 if gap else ticks,
        window_seconds=0 if gap else seconds,
        fast=fast,
        slow=slow,
        warming=min(MAX_WARMING, _least_windows(settings)) if gap else max(0, entry.warming - 1),
    )


def _decayed(entry: SourceCore, window: Window, settings: Settings) -> tuple[int, int]:
    """Both accumulators after one more window."""
    change = squared_change_up((entry.window_ticks, entry.window_seconds), window)
    between = (entry.window_seconds + window[1]) // 2
    return (
        decayed_up(entry.fast, change, between, settings.half_life_fast_seconds),
        decayed_up(entry.slow, change, between, settings.half_life_slow_seconds),
    )


def _least_windows(settings: Settings) -> int:
    """Fewest windows that give a value: two make the first difference."""
    return max(2, settings.bootstrap_min_windows)


def _window(start: Cumulative, end: Cumulative) -> Window:
    return cumulative_change(start.tick_cumulative, end.tick_cumulative), end.time - start.time


def _no_value(pool: PoolSettings, reason: str) -> SourceVolatility:
    return SourceVolatility(pool.address, None, 0, 0, reason)
