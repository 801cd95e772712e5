"""Words of concentrated liquidity: which bitmap words cover a range, which ticks they name, what can't be true.

Uniswap v3 and v4 keep the same two mappings at other slots. Reference: v3-core 1.0.1, v4-core 1.0.2 ``TickBitmap``.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from operator import add, gt, sub

from keeper.maths.keccak import keccak
from keeper.maths.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from keeper.venues.abi import signed, word

COLD_LOAD_GAS = 2_100
"""Least that a word costs a reader; EIP-2929."""

_TWO_128 = 1 << 128
_UINT128 = _TWO_128 - 1


class Garbage(ValueError):
    """The words are not those of a working pool; the message says why."""


@dataclass(frozen=True, slots=True)
class TickWords:
    """The part of a reader's reply that holds bitmap and ticks."""

    lowest_tick: int
    highest_tick: int
    bitmaps: dict[int, int]
    """Word position -> word."""
    found: list[int]
    """Initialised ticks within the range, rising."""
    values: Sequence[int]
    """First word of each."""
    liquidity_nets: list[int]
    """liquidityNet of each."""

    @property
    def count(self) -> int:
        """Words that these are."""
        return len(self.bitmaps) + len(self.found)

    @property
    def ticks(self) -> dict[int, int]:
        """Initialised tick -> its first word, rising."""
        return dict(zip(self.found, self.values, strict=True))

    @property
    def nets(self) -> tuple[tuple[int, int], ...]:
        """(tick, liquidityNet), rising."""
        return tuple(zip(self.found, self.liquidity_nets, strict=True))

    def slots(self, bitmap_slot: int, ticks_slot: int) -> dict[int, int]:
        """Slot -> word, given the slots of the two mappings."""
        words = {mapped(position, bitmap_slot): value for position, value in self.bitmaps.items()}
        return words | {mapped(tick, ticks_slot): value for tick, value in self.ticks.items()}


def tick_words(words: Sequence[int], tick: int, spacing: int, range_ticks: int) -> TickWords:
    """Cut bitmap words and tick words around ``tick`` off the front of ``words``.

    Raises
    ------
    Garbage
        When there are fewer words than the bitmap asks for.
    """
    low, high = bounds(tick, range_ticks)
    positions = covering(low, high, spacing)
    bitmaps = dict(zip(positions, words, strict=False))
    found = initialised(bitmaps, low, high, spacing)
    end = len(positions) + len(found)
    if len(words) < end:
        raise Garbage(f"{len(words)} words do not fit the pool's own bitmap")
    values = words[len(positions) : end]
    nets = [(value >> 128) - _TWO_128 if value >> 255 else value >> 128 for value in values]
    return TickWords(low, high, bitmaps, found, values, nets)


def bounds(tick: int, range_ticks: int) -> tuple[int, int]:
    """First and last tick of a range around ``tick``, within the protocol's own."""
    return max(MIN_TICK, tick - range_ticks), min(MAX_TICK, tick + range_ticks)


def covering(low: int, high: int, spacing: int) -> range:
    """Positions of the bitmap words that cover the ticks from ``low`` to ``high``."""
    return range(-(-low // spacing) >> 8, (high // spacing >> 8) + 1)


def initialised(bitmaps: Mapping[int, int], low: int, high: int, spacing: int) -> list[int]:
    """Ticks from ``low`` to ``high`` whose bit is set, rising."""
    found: list[int] = []
    for position, bits in bitmaps.items():
        if bits:
            # Runs of zeros between the ones, lowest bit first: no step of Python for a bit that is not set.
            runs = f"{bits:b}"[::-1].split("1")[:-1]
            first = position << 8
            found += [(first + place) * spacing for place in map(add, accumulate(map(len, runs)), count())]
    return found[bisect_left(found, low) : bisect_right(found, high)]


def beyond(gas: int, words: int) -> bool:
    """Whether no reader could load so many words with its stipend: by views they must not be asked for either."""
    return words * COLD_LOAD_GAS > gas


def tick_liquidity(value: int) -> tuple[int, int]:
    """uint128 liquidityGross | int128 liquidityNet."""
    return value & _UINT128, signed(value >> 128, 128)


def refuse_impossible(tick: int, sqrt_price_x96: int, liquidity: int, around: TickWords) -> None:
    """A pool whose price, ticks and liquidity contradict each other can't be walked.

    Raises
    ------
    Garbage
        With the contradiction.
    """
    # One below the price's own tick right after a tick was crossed downward, hence <= on both sides.
    if not sqrt_ratio_at_tick(tick) <= sqrt_price_x96 <= sqrt_ratio_at_tick(tick + 1):
        raise Garbage(f"price {sqrt_price_x96} is not at tick {tick}")
    nets = around.liquidity_nets
    grosses = [value & _UINT128 for value in around.values]
    if not all(grosses) or any(map(gt, map(abs, nets), grosses)):
        raise Garbage("an initialised tick without its liquidity")
    above = bisect_right(around.found, tick)
    upward = accumulate(nets[above:], initial=liquidity)
    downward = accumulate(reversed(nets[:above]), sub, initial=liquidity)
    walked = [*upward, *downward]
    if min(walked) < 0 or max(walked) > _UINT128:
        raise Garbage("liquidity does not add up over the ticks")


def mapped(key: int, slot: int) -> int:
    """Slot of ``mapping[key]``."""
    return int.from_bytes(keccak(word(key) + word(slot)), "big")
