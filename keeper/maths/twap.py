"""Means over time from a Uniswap v3 pool's cumulatives, in the pool's own wrapping integers.

The pool keeps times in 32 bits, tick cumulatives in signed 56 and seconds per liquidity in 160; each wraps around.
Reference: v3-core 1.0.1 ``Oracle``, v3-periphery 1.4.4 ``OracleLibrary``; models.md 2.3.
"""

from keeper.maths.fixed import tdiv

_U32 = 1 << 32
_U56 = 1 << 56
_U160 = 1 << 160


def wrap56(value: int) -> int:
    """Value modulo 2**56, read as signed."""
    return (value + (_U56 >> 1)) % _U56 - (_U56 >> 1)


def mean_tick_down(cumulative_then: int, cumulative_now: int, seconds: int) -> int:
    """floor(dC / seconds), rounded toward minus infinity."""
    return wrap56(cumulative_now - cumulative_then) // seconds


def harmonic_mean_liquidity_down(per_liquidity_then: int, per_liquidity_now: int, seconds: int) -> int | None:
    """``floor(w (2**160 - 1) / (dSPL 2**32))``, uint128; None when no time was accumulated.

    Parameters
    ----------
    per_liquidity_then, per_liquidity_now
        secondsPerLiquidityCumulativeX128 at both ends, uint160.
    seconds
        Between the ends.
    """
    difference = (per_liquidity_now - per_liquidity_then) % _U160
    if difference == 0:
        return None
    return seconds * (_U160 - 1) // (difference << 32)


def extrapolated(observation: tuple[int, int, int], time: int, tick: int, liquidity: int) -> tuple[int, int]:
    """Cumulatives at ``time``, at or after the observation, as ``Oracle.transform`` writes them.

    Parameters
    ----------
    observation
        (time, tick cumulative, seconds per liquidity).
    tick, liquidity
        In force since the observation.
    """
    then, ticks, per_liquidity = observation
    delta = (time - then) % _U32
    return wrap56(ticks + tick * delta), (per_liquidity + (delta << 128) // max(liquidity, 1)) % _U160


def interpolated(before: tuple[int, int, int], after: tuple[int, int, int], time: int) -> tuple[int, int]:
    """Cumulatives at ``time`` between two observations, as ``Oracle.observeSingle`` rounds them."""
    whole, part = (after[0] - before[0]) % _U32, (time - before[0]) % _U32
    if part == 0:
        return before[1], before[2]
    if part == whole:
        return after[1], after[2]
    # The contract divides first and truncates toward zero.
    ticks = wrap56(before[1] + tdiv(wrap56(after[1] - before[1]), whole) * part)
    return ticks, (before[2] + (after[2] - before[2]) % _U160 * part // whole) % _U160
