"""Raw storage words of a Uniswap v3 pool and what they mean; the twin of ``contracts/src/readers/UniswapV3Reader.sol``.

Layout of UniswapV3Pool (v3-core 1.0.1): slot0 0 | feeGrowthGlobal0X128 1 | feeGrowthGlobal1X128 2 | liquidity 4 |
ticks 5 (mapping) | tickBitmap 6 (mapping) | observations 8 + i. The reader answers words alone; which slot each word
is from follows from slot0 and the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.maths.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from keeper.maths.twap import extrapolated, interpolated
from keeper.records.pools import Cumulative
from keeper.records.snapshot import Input, LateInputs, WordInput
from keeper.records.units import Address
from keeper.venues.abi import signed, word, words_of
from keeper.venues.tick_words import Garbage, TickWords, tick_words

SLOT0_SLOT, GROWTH0_SLOT, GROWTH1_SLOT, LIQUIDITY_SLOT, TICKS_SLOT, BITMAP_SLOT, OBSERVATIONS_SLOT = 0, 1, 2, 4, 5, 6, 8

_U32 = 1 << 32
_UINT128 = (1 << 128) - 1
_UINT160 = (1 << 160) - 1


@dataclass(frozen=True, slots=True)
class Slot0:
    """The pool's first word."""

    sqrt_price_x96: int
    tick: int
    index: int
    """Ring index of the newest observation."""
    cardinality: int
    """Ring entries in use."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One entry of the ring."""

    time: int
    """Unix seconds modulo 2**32."""
    tick_cumulative: int
    seconds_per_liquidity_x128: int
    initialized: bool

    @property
    def values(self) -> tuple[int, int, int]:
        """As the arithmetic of ``maths.twap`` takes it."""
        return self.time, self.tick_cumulative, self.seconds_per_liquidity_x128


@dataclass(frozen=True, slots=True)
class RawPool:
    """The reader's reply, cut into its parts."""

    slot0: Slot0
    liquidity: int
    newest: Observation
    around: TickWords
    ring: tuple[tuple[int, int, int], ...]
    """(index, word at or before, word after) for each target; 0 = none."""
    fee_growth: tuple[int, int]
    """feeGrowthGlobal0X128 and feeGrowthGlobal1X128."""
    head: tuple[int, int, int]
    """Words of slot0, liquidity and the newest observation as they were read."""

    @property
    def words(self) -> dict[int, int]:
        """Slot -> word of everything that the state rests on."""
        first, liquidity, newest = self.head
        words = {SLOT0_SLOT: first, GROWTH0_SLOT: self.fee_growth[0], GROWTH1_SLOT: self.fee_growth[1]}
        words |= {LIQUIDITY_SLOT: liquidity, OBSERVATIONS_SLOT + self.slot0.index: newest}
        words |= self.around.slots(BITMAP_SLOT, TICKS_SLOT)
        for index, before, after in self.ring:
            words[OBSERVATIONS_SLOT + index] = before
            if after:
                words[OBSERVATIONS_SLOT + (index + 1) % self.slot0.cardinality] = after
        return words

    def inputs(self, pool: Address) -> Sequence[Input]:
        """The words as inputs that can be proved; a slot takes a hash, so they are worked out when they are needed."""
        return LateInputs(lambda: tuple(WordInput(pool, word(slot), word(value)) for slot, value in self.words.items()))


def request(tick_spacing: int, range_ticks: int, targets: tuple[int, ...]) -> bytes:
    """Calldata of the reader; ``targets`` are seconds ago."""
    packed = (target.to_bytes(4, "big") for target in targets)
    return tick_spacing.to_bytes(3, "big") + range_ticks.to_bytes(3, "big") + b"".join(packed)


def split(data: bytes, tick_spacing: int, range_ticks: int, targets: int) -> RawPool:
    """Cut the reply into its parts.

    Raises
    ------
    Garbage
        When it can't be the reply of a pool that works.
    """
    if len(data) < 5 * 32 or len(data) % 32:
        raise Garbage(f"{len(data)} bytes are not the reader's reply")
    first, growth0, growth1, liquidity, newest, *rest = words_of(data)
    slot0 = slot0_of(first)
    around = tick_words(rest, slot0.tick, tick_spacing, range_ticks)
    if len(rest) != around.count + 3 * targets:
        raise Garbage(f"{len(data)} bytes do not fit the pool's own bitmap")
    ring = tuple((rest[at], rest[at + 1], rest[at + 2]) for at in range(around.count, len(rest), 3))
    head = (first, liquidity, newest)
    return RawPool(slot0, liquidity & _UINT128, observation_of(newest), around, ring, (growth0, growth1), head)


def slot0_of(value: int) -> Slot0:
    """uint160 price | int24 tick | uint16 index | uint16 cardinality | uint16 next | uint8 fee | bool unlocked."""
    slot0 = Slot0(value & _UINT160, signed(value >> 160, 24), value >> 184 & 0xFFFF, value >> 200 & 0xFFFF)
    if value >> 240 & 0xFF != 1:
        raise Garbage("not initialised, or locked")
    if not MIN_SQRT_RATIO <= slot0.sqrt_price_x96 < MAX_SQRT_RATIO or not MIN_TICK <= slot0.tick < MAX_TICK:
        raise Garbage(f"price {slot0.sqrt_price_x96} at tick {slot0.tick} is impossible")
    if slot0.index >= slot0.cardinality:
        raise Garbage(f"observation {slot0.index} of {slot0.cardinality} is impossible")
    return slot0


def observation_of(value: int) -> Observation:
    """uint32 time | int56 tick cumulative | uint160 seconds per liquidity | bool initialised."""
    return Observation(value & 0xFFFFFFFF, signed(value >> 32, 56), value >> 88 & _UINT160, bool(value >> 248))


def observed(raw: RawPool, which: int, ago: int, time: int) -> tuple[Cumulative, bool]:
    """What the pool's ``observe`` answers for ``ago`` seconds before ``time``, and whether the ring reaches so far.

    When it does not, the oldest observation is the answer and the second value is False.

    Parameters
    ----------
    which
        Number of the target in the request.
    ago
        The target, seconds.
    time
        The block's time, unix seconds.
    """
    index, first, second = raw.ring[which]
    before = observation_of(first)
    age = (time - before.time) % _U32
    if not before.initialized:
        raise Garbage(f"observation {index} was never written")
    if age < ago:
        return Cumulative(time - age, before.tick_cumulative, before.seconds_per_liquidity_x128), False
    if second:
        after = observation_of(second)
        if not after.initialized or (time - after.time) % _U32 > ago:
            raise Garbage(f"observations {index} and the next do not enclose the target")
        return Cumulative(time - ago, *interpolated(before.values, after.values, time - ago)), True
    if index != raw.slot0.index:
        raise Garbage(f"observation {index} is not the newest")
    return Cumulative(time - ago, *_extrapolated(raw, time - ago)), True


def newest_age(raw: RawPool, time: int) -> int:
    """Seconds since the pool last wrote its ring."""
    age = (time - raw.newest.time) % _U32
    if not raw.newest.initialized or age > _U32 // 2:
        raise Garbage(f"newest observation at {raw.newest.time} is impossible at {time}")
    return age


def current(raw: RawPool, time: int) -> Cumulative:
    """Cumulatives at the block's own time."""
    return Cumulative(time, *_extrapolated(raw, time))


def _extrapolated(raw: RawPool, time: int) -> tuple[int, int]:
    return extrapolated(raw.newest.values, time, raw.slot0.tick, raw.liquidity)
