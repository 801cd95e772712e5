"""Raw storage words of a Uniswap v4 pool and what they mean; the twin of ``contracts/src/readers/UniswapV4Reader.sol``.

Layout of PoolManager (v4-core 1.0.2): pools 6 (mapping); of a pool, counted from its first slot: slot0 0 |
feeGrowthGlobal0X128 1 | feeGrowthGlobal1X128 2 | liquidity 3 | ticks 4 (mapping) | tickBitmap 5 (mapping).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.maths.concentrated import PIPS, swap_fee_pips_up
from keeper.maths.keccak import keccak
from keeper.maths.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from keeper.records.snapshot import Input, LateInputs, WordInput
from keeper.records.units import Address
from keeper.venues.abi import signed, word, words_of
from keeper.venues.tick_words import Garbage, TickWords, mapped, tick_words

POOLS_SLOT = 6
GROWTH0_OFFSET, GROWTH1_OFFSET, LIQUIDITY_OFFSET, TICKS_OFFSET, BITMAP_OFFSET = 1, 2, 3, 4, 5
HEAD_OFFSETS = (0, GROWTH0_OFFSET, GROWTH1_OFFSET, LIQUIDITY_OFFSET)
"""Words that every reply begins with, in its order."""

MAX_PROTOCOL_FEE_PIPS = 1_000
"""v4-core ``ProtocolFeeLibrary``."""

_UINT12 = (1 << 12) - 1
_UINT24 = (1 << 24) - 1
_UINT128 = (1 << 128) - 1
_UINT160 = (1 << 160) - 1


@dataclass(frozen=True, slots=True)
class Slot0:
    """A pool's first word."""

    sqrt_price_x96: int
    tick: int
    lp_fee_pips: int
    protocol_fee0_pips: int
    """Of swaps that sell currency 0."""
    protocol_fee1_pips: int
    """Of swaps that sell currency 1."""


@dataclass(frozen=True, slots=True)
class RawPool:
    """The reader's reply, cut into its parts."""

    slot0: Slot0
    liquidity: int
    around: TickWords
    fee_growth: tuple[int, int]
    """feeGrowthGlobal0X128 and feeGrowthGlobal1X128."""
    head: tuple[int, int, int]
    """First slot of the pool, words of slot0 and liquidity as they were read."""

    @property
    def words(self) -> dict[int, int]:
        """Slot -> word of everything above."""
        base, first, liquidity = self.head
        words = {base: first, base + GROWTH0_OFFSET: self.fee_growth[0], base + GROWTH1_OFFSET: self.fee_growth[1]}
        words[base + LIQUIDITY_OFFSET] = liquidity
        return words | self.around.slots(base + BITMAP_OFFSET, base + TICKS_OFFSET)

    def inputs(self, manager: Address) -> Sequence[Input]:
        """The words as inputs that can be proved; a slot takes a hash, so they are worked out when they are needed."""
        return LateInputs(lambda: tuple(WordInput(manager, word(slot), word(row)) for slot, row in self.words.items()))


def pool_id_of(currency0: Address, currency1: Address, fee: int, tick_spacing: int, hooks: Address) -> bytes:
    """Key of a pool inside the manager: keccak of its PoolKey, ABI-encoded."""
    parts = (int(currency0, 16), int(currency1, 16), fee, tick_spacing, int(hooks, 16))
    return keccak(b"".join(word(part) for part in parts))


def request(pool_id: bytes, tick_spacing: int, range_ticks: int) -> bytes:
    """Calldata of the reader."""
    return pool_id + tick_spacing.to_bytes(3, "big") + range_ticks.to_bytes(3, "big")


def split(data: bytes, pool_id: bytes, tick_spacing: int, range_ticks: int) -> RawPool:
    """Cut the reply into its parts.

    Raises
    ------
    Garbage
        When it can't be the reply about a pool that works.
    """
    if len(data) < 4 * 32 or len(data) % 32:
        raise Garbage(f"{len(data)} bytes are not the reader's reply")
    if tick_spacing < 1:
        raise Garbage("the settings give no tick spacing")
    first, growth0, growth1, liquidity, *rest = words_of(data)
    slot0 = slot0_of(first)
    around = tick_words(rest, slot0.tick, tick_spacing, range_ticks)
    if len(rest) != around.count:
        raise Garbage(f"{len(data)} bytes do not fit the pool's own bitmap")
    head = (first_slot(pool_id), first, liquidity)
    return RawPool(slot0, liquidity & _UINT128, around, (growth0, growth1), head)


def first_slot(pool_id: bytes) -> int:
    """Slot of ``pools[pool_id]`` in the manager."""
    return mapped(int.from_bytes(pool_id, "big"), POOLS_SLOT)


def slot0_of(value: int) -> Slot0:
    """uint160 price | int24 tick | uint12 protocol fee of 0 | uint12 protocol fee of 1 | uint24 lpFee | 24 empty."""
    slot0 = Slot0(
        sqrt_price_x96=value & _UINT160,
        tick=signed(value >> 160, 24),
        lp_fee_pips=value >> 208 & _UINT24,
        protocol_fee0_pips=value >> 184 & _UINT12,
        protocol_fee1_pips=value >> 196 & _UINT12,
    )
    if not slot0.sqrt_price_x96:
        raise Garbage("not initialised")
    if not MIN_SQRT_RATIO <= slot0.sqrt_price_x96 < MAX_SQRT_RATIO or not MIN_TICK <= slot0.tick < MAX_TICK:
        raise Garbage(f"price {slot0.sqrt_price_x96} at tick {slot0.tick} is impossible")
    highest = max(slot0.protocol_fee0_pips, slot0.protocol_fee1_pips)
    if value >> 232 or slot0.lp_fee_pips > PIPS or highest > MAX_PROTOCOL_FEE_PIPS:
        raise Garbage(f"fees of {slot0.lp_fee_pips} and {highest} millionths, top bits {value >> 232:#x}: impossible")
    if swap_fee_pips_up(slot0.lp_fee_pips, highest) == PIPS:
        raise Garbage("its fee is the whole input")
    return slot0
