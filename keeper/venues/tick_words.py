"""Words of concentrated liquidity: which bitmap words cover a range, which ticks they name, what can't be true.

Uniswap v3 and v4 keep the same two mappings at other slots. Reference: v3-core 1.0.1, v4-core 1.0.2 ``TickBitmap``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from keeper.maths.keccak import keccak
from keeper.maths.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from keeper.venues.abi import signed, word

_UINT128 = (1 << 128) - 1


class Garbage(ValueError):
    """The words are not those of a working pool; the message says why."""


@dataclass(frozen=True, slots=True)
class TickWords:
    """The part of a reader's reply that holds bitmap and ticks."""

    lowest_tick: int
    highest_tick: int
    bitmaps: dict[int, int]
    """Word position -> word."""
    ticks: dict[int, int]
    """Initialised tick within the range -> its first word, rising."""
    count: int
    """Words that these are."""

    @property
    def nets(self) -> tuple[tuple[int, int], ...]:
        """(tick, liquidityNet), rising."""
        return tuple((tick, tick_liquidity(value)[1]) for tick, value in self.ticks.items())

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
    count = len(positions) + len(found)
    if len(words) < count:
        raise Garbage(f"{len(words)} words do not fit the pool's own bitmap")
    ticks = dict(zip(found, words[len(positions) : count], strict=True))
    return TickWords(low, high, bitmaps, ticks, count)


def bounds(tick: int, range_ticks: int) -> tuple[int, int]:
    """First and last tick of a range around ``tick``, within the protocol's own."""
    return max(MIN_TICK, tick - range_ticks), min(MAX_TICK, tick + range_ticks)


def covering(low: int, high: int, spacing: int) -> range:
    """Positions of the bitmap words that cover the ticks from ``low`` to ``high``."""
    return range(-(-low // spacing) >> 8, (high // spacing >> 8) + 1)


def initialised(bitmaps: Mapping[int, int], low: int, high: int, spacing: int) -> list[int]:
    """Ticks from ``low`` to ``high`` whose bit is set, rising."""
    return [tick for tick in _set_bits(bitmaps, spacing) if low <= tick <= high]


def tick_liquidity(value: int) -> tuple[int, int]:
    """uint128 liquidityGross | int128 liquidityNet."""
    return value & _UINT128, signed(value >> 128, 128)


def refuse_impossible(tick: int, sqrt_price_x96: int, liquidity: int, ticks: Mapping[int, int]) -> None:
    """A pool whose price, ticks and liquidity contradict each other can't be walked.

    Parameters
    ----------
    ticks
        Initialised tick -> its first word, rising.

    Raises
    ------
    Garbage
        With the contradiction.
    """
    # One below the price's own tick right after a tick was crossed downward, hence <= on both sides.
    if not sqrt_ratio_at_tick(tick) <= sqrt_price_x96 <= sqrt_ratio_at_tick(tick + 1):
        raise Garbage(f"price {sqrt_price_x96} is not at tick {tick}")
    rows = [(at, *tick_liquidity(value)) for at, value in ticks.items()]
    if any(not gross or abs(net) > gross for _, gross, net in rows):
        raise Garbage("an initialised tick without its liquidity")
    upward = downward = liquidity
    for at, _, net in rows:
        if at > tick:
            upward += net
            _refuse_negative(upward)
    for at, _, net in reversed(rows):
        if at <= tick:
            downward -= net
            _refuse_negative(downward)


def _refuse_negative(liquidity: int) -> None:
    if not 0 <= liquidity <= _UINT128:
        raise Garbage("liquidity does not add up over the ticks")


def _set_bits(bitmaps: Mapping[int, int], spacing: int) -> Iterator[int]:
    for position, bits in bitmaps.items():
        left = bits
        while left:
            bit = left & -left
            yield ((position << 8) + bit.bit_length() - 1) * spacing
            left ^= bit


def mapped(key: int, slot: int) -> int:
    """Slot of ``mapping[key]``."""
    return int.from_bytes(keccak(word(key) + word(slot)), "big")
