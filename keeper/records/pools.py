"""States of pools: what one venue's contract holds at a block, as far as its quotes need it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cumulative:
    """A v3 oracle reading at one time, extrapolated as the pool's ``observe`` does."""

    time: int
    """Unix seconds (uint32 in the pool)."""
    tick_cumulative: int
    """Signed, int56."""
    seconds_per_liquidity_x128: int
    """uint160."""


@dataclass(frozen=True, slots=True)
class UniswapV2State:
    """Reserves of a constant-product pair."""

    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class UniswapV3State:
    """A concentrated-liquidity pool around its current tick."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]
    """(tick, liquidity_net) of every initialised tick in the range read, rising."""
    lowest_tick: int
    """First tick of the range read; nothing is known below."""
    highest_tick: int
    """Last tick of the range read; nothing is known above."""
    now: Cumulative
    """At the block's own time."""
    last_observation_time: int
    """When the pool last wrote its ring."""
    harmonic: Cumulative | None
    """``harmonic_seconds`` ago, or as far back as the ring goes if that is at least a quarter of it; else None."""
    ring: tuple[Cumulative, ...]
    """Readings at the plan's ring targets that the ring still covers, oldest first, ending before ``now``."""


PoolState = UniswapV2State | UniswapV3State
"""Union of all venues' states."""
