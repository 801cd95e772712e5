"""The contract's packed words of one market, as Python sees them: live, aux, limits.

The bit layout is drawn in ``contracts/src/types/LiveWord.sol``, ``AuxWord.sol`` and ``LimitsWord.sol``; the
differential test in ``tests/chain`` holds both sides together.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LiveWord:
    """What holds now. One storage slot."""

    haircut_bps: int = 0
    liquidation_haircut_bps: int = 0
    ramp_from_bps: int = 0
    """Liquidation haircut where its ramp starts (issue B); equals the haircut at rest."""
    bonus_bps: int = 0
    premium_bps: int = 0
    ceiling: int = 0
    """Debt ceiling, 7-bit binary exponent over a 13-bit mantissa, rounded down; 0 = none set."""
    crunch_permille: int = 0
    regime: int = 0
    """0 NORMAL, 1 GUARDED, 2 STRESSED, 3 HALTED."""
    regime_expiry: int = 0
    """Unix seconds / 600, rounded up."""
    observed_time: int = 0
    observed_block: int = 0
    sequence: int = 0
    decay: int = 0
    """k times sigma per sqrt(year) in 1/256, rounded up."""
    profile: int = 0
    batch_index: int = 0
    """Which of the batches that observed ``observed_block``."""
    flags: int = 0
    """Bit 0: the aux word is not zero. Bit 1: the market is listed."""


LIVE_BITS: tuple[int, ...] = (14, 14, 14, 14, 14, 20, 10, 2, 22, 32, 32, 24, 14, 8, 8, 14)
"""Width of each field of :class:`LiveWord`, lowest bits first; 256 in all."""

FLAG_AUX = 1
FLAG_LISTED = 2


@dataclass(frozen=True, slots=True)
class AuxWord:
    """What waits: stage, pending, drift bucket. One storage slot, touched only when flagged."""

    staged_bps: int = 0
    """Target of the rest of a clamped tightening; 0 = none."""
    staged_time: int = 0
    """When the last step of the stage was taken."""
    pending_bps: int = 0
    """Target of a loosening that waits; meaningful while ``pending_time`` is not 0."""
    pending_time: int = 0
    """When the pending opened; 0 = none."""
    tightened_time: int = 0
    """Last accepted tightening."""
    drained: int = 0
    """Loosening spent from the bucket, in bps x 86,400."""
    drained_time: int = 0
    """When ``drained`` held."""
    extra_updates: int = 0
    """Changes of the live word that were not publishes; update id = sequence + this."""


AUX_BITS: tuple[int, ...] = (14, 32, 14, 32, 32, 40, 32, 24)
"""Width of each field of :class:`AuxWord`, lowest bits first; 220 in all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A limits profile: what governance allows the quorum to do. One storage slot."""

    floor_bps: int
    """Lowest haircut."""
    cap_bps: int
    """Highest haircut."""
    step_up_bps: int
    """Largest tightening in one step; the rest is staged."""
    stage_seconds: int
    """Time between steps of a stage."""
    bucket_bps: int
    """Capacity of the loosening bucket."""
    refill_bps_per_day: int
    """Refill of the bucket; capacity + refill is the printed 24 h budget."""
    dispute_seconds: int
    """How long a loosening waits."""
    pending_expiry_seconds: int
    """How long after maturity a pending may still be activated."""
    fresh_seconds: int
    """A loosening is activated only while the last report is younger."""


LIMITS_BITS: tuple[int, ...] = (14, 14, 14, 32, 14, 14, 32, 32, 32)
"""Width of each field of :class:`Limits`, lowest bits first; 198 in all."""


@dataclass(frozen=True, slots=True)
class ContractWords:
    """The contract's own state of a market, read in the snapshot itself."""

    live: LiveWord
    aux: AuxWord
    limits: Limits


def pack(word: LiveWord | AuxWord | Limits, bits: tuple[int, ...]) -> int:
    """Pack a record into its storage word, lowest field first.

    Raises
    ------
    OverflowError
        When a field does not fit its width.
    """
    value, shift = 0, 0
    for field, width in zip(fields(word), bits, strict=True):
        part = getattr(word, field.name)
        if not 0 <= part < 1 << width:
            raise OverflowError(f"{field.name}={part} does not fit {width} bits")
        value |= part << shift
        shift += width
    return value


def unpack(value: int, bits: tuple[int, ...]) -> tuple[int, ...]:
    """Inverse of :func:`pack`, as the positional arguments of the record."""
    parts = []
    for width in bits:
        parts.append(value & ((1 << width) - 1))
        value >>= width
    return tuple(parts)
