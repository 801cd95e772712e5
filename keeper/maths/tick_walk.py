"""A Uniswap v3 pool as far as its ticks are known: swaps that walk it exactly as ``UniswapV3Pool.swap`` does.

The contract stops at initialised ticks *and* at the borders of its bitmap words, every 256 spacings; amounts are
rounded at each stop, so leaving the borders out gives other last digits.
Reference: v3-core 1.0.1 ``UniswapV3Pool.swap``, ``TickBitmap.nextInitializedTickWithinOneWord``.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from keeper.maths.concentrated import swap_step
from keeper.maths.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)


@dataclass(frozen=True, slots=True)
class TickRange:
    """Price, liquidity and every initialised tick between two known ends."""

    sqrt_price_x96: int
    tick: int
    """As the pool holds it: one below the price's own tick right after a tick was crossed downward."""
    liquidity: int
    """In range at the price."""
    ticks: tuple[int, ...]
    """Initialised ticks, rising."""
    nets: tuple[int, ...]
    """liquidityNet of each."""
    lowest_tick: int
    highest_tick: int
    spacing: int
    fee_pips: int


class Stretch(NamedTuple):
    """A part of the walk with one liquidity."""

    sqrt_from: int
    sqrt_to: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Result of a swap."""

    amount_in: int
    """Input taken, fee included; less than asked when the limit or the known range ended it."""
    amount_out: int
    sqrt_price_x96: int
    tick: int
    liquidity: int


def swap(pool: TickRange, amount: int, *, zero_for_one: bool, sqrt_limit_x96: int | None = None) -> Swap:
    """Swap until the amount is used up, the limit is met or the known range ends.

    Parameters
    ----------
    amount
        Positive: exact input, raw units. Negative: exact output.
    sqrt_limit_x96
        Price at which the swap stops; None = the end of the known range.
    """
    remaining, taken, given = amount, 0, 0
    price, liquidity, tick = pool.sqrt_price_x96, pool.liquidity, pool.tick
    limit = clamped_limit(pool, zero_for_one, sqrt_limit_x96)
    while remaining != 0 and price != limit:
        boundary, net = next_boundary(pool, tick, zero_for_one)
        at_boundary = sqrt_ratio_at_tick(boundary)
        step = swap_step(price, _nearer(at_boundary, limit, zero_for_one), liquidity, remaining, pool.fee_pips)
        remaining += step.amount_out if amount < 0 else -(step.amount_in + step.fee)
        taken, given = taken + step.amount_in + step.fee, given + step.amount_out
        before, price = price, step.sqrt_price_x96
        if price == at_boundary:
            liquidity += -net if zero_for_one else net
            tick = boundary - 1 if zero_for_one else boundary
        elif price != before:
            tick = tick_at_sqrt_ratio(price)
    return Swap(taken, given, price, tick, liquidity)


def stretches(pool: TickRange, *, zero_for_one: bool) -> Iterator[Stretch]:
    """Every stop of an unlimited swap, from the price to the end of the known range."""
    price, liquidity = pool.sqrt_price_x96, pool.liquidity
    limit = clamped_limit(pool, zero_for_one, None)
    for boundary, net in _boundaries(pool, zero_for_one) if price != limit else ():
        target = sqrt_ratio_at_tick(boundary)
        if (target <= limit) if zero_for_one else (target >= limit):
            yield Stretch(price, limit, liquidity)
            return
        yield Stretch(price, target, liquidity)
        price = target
        liquidity += -net if zero_for_one else net


def clamped_limit(pool: TickRange, zero_for_one: bool, sqrt_limit_x96: int | None) -> int:
    """Where a swap ends at the latest: the asked price or the end of what is known, whichever comes first."""
    end = sqrt_ratio_at_tick(pool.lowest_tick if zero_for_one else pool.highest_tick)
    # The quoters stop one short of the outermost ratios; the pool refuses those.
    end = max(end, MIN_SQRT_RATIO + 1) if zero_for_one else min(end, MAX_SQRT_RATIO - 1)
    end = end if sqrt_limit_x96 is None else _nearer(end, sqrt_limit_x96, zero_for_one)
    # A limit on the wrong side of the price moves nothing.
    return min(end, pool.sqrt_price_x96) if zero_for_one else max(end, pool.sqrt_price_x96)


def next_boundary(pool: TickRange, tick: int, zero_for_one: bool) -> tuple[int, int]:
    """Next stop from ``tick``: (tick, its liquidityNet), where a bare word border has net 0."""
    compressed = tick // pool.spacing
    if zero_for_one:
        border = (compressed >> 8 << 8) * pool.spacing
        at = bisect_right(pool.ticks, compressed * pool.spacing) - 1
        if at >= 0 and pool.ticks[at] >= border:
            return pool.ticks[at], pool.nets[at]
        return max(border, MIN_TICK), 0
    border = (((compressed + 1) >> 8 << 8) + 255) * pool.spacing
    at = bisect_left(pool.ticks, (compressed + 1) * pool.spacing)
    if at < len(pool.ticks) and pool.ticks[at] <= border:
        return pool.ticks[at], pool.nets[at]
    return min(border, MAX_TICK), 0


def _boundaries(pool: TickRange, zero_for_one: bool) -> Iterator[tuple[int, int]]:
    """What :func:`next_boundary` answers, stop after stop without end, from the pool's tick on."""
    ticks, nets = pool.ticks, pool.nets
    compressed, word = pool.tick // pool.spacing, pool.spacing << 8
    if zero_for_one:
        at, border = bisect_right(ticks, compressed * pool.spacing) - 1, (compressed >> 8) * word
        while True:
            if at >= 0 and ticks[at] >= border:
                yield ticks[at], nets[at]
                border -= word if ticks[at] == border else 0
                at -= 1
            else:
                yield max(border, MIN_TICK), 0
                border -= word
    at, border = bisect_left(ticks, (compressed + 1) * pool.spacing), (compressed + 1 >> 8) * word + 255 * pool.spacing
    while True:
        if at < len(ticks) and ticks[at] <= border:
            yield ticks[at], nets[at]
            border += word if ticks[at] == border else 0
            at += 1
        else:
            yield min(border, MAX_TICK), 0
            border += word


def _nearer(a: int, b: int, zero_for_one: bool) -> int:
    """The one that a swap in this direction meets first."""
    return max(a, b) if zero_for_one else min(a, b)
