"""The contract's packed words of one market, as Python sees them: live, aux, liquidation, guard, limits, law.

The bit layouts are drawn in ``contracts/src/types`` (``LiveWord.sol``, ``AuxWord.sol``, ``LiquidationWord.sol``,
``GuardWord.sol``, ``LimitsWord.sol``, ``LawWord.sol``); the differential test in ``tests/chain`` holds both sides
together.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LiveWord:
    """What holds now. One storage slot."""

    haircut_bps: int = 0
    """As last written, before widening and regime."""
    liquidation_target_bps: int = 0
    """Liquidation haircut where its ramp ends."""
    ramp_from_bps: int = 0
    """Liquidation haircut where its ramp starts; equals the target at rest."""
    bonus_bps: int = 0
    premium_bps: int = 0
    ceiling: int = 0
    """Debt ceiling as in ``maths/ceiling.py``; 0 = none set."""
    crunch_permille: int = 0
    regime: int = 0
    """0 NORMAL, 1 GUARDED, 2 STRESSED, 3 HALTED; as written, whether or not it has expired."""
    regime_expiry: int = 0
    """Unix seconds / 1024, rounded up."""
    observed_time: int = 0
    observed_block: int = 0
    sequence: int = 0
    decay: int = 0
    """k times sigma per sqrt(year) in 1/256, rounded up."""
    batch_index: int = 0
    """Which of the batches that observed ``observed_block``."""
    profile: int = 0
    """Which limits hold."""
    day_highest_bps: int = 0
    """Highest effective haircut so far in the day (UTC) of the observed time."""
    flags: int = 0
    """Bit 0: a stage or a pending is open. Bit 1: the market is listed. Bit 2: the liquidation word is not zero."""


LIVE_BITS: tuple[int, ...] = (14, 14, 14, 14, 14, 20, 10, 2, 22, 32, 32, 24, 14, 7, 6, 14, 3)
"""Width of each field of :class:`LiveWord`, lowest bits first; 256 in all."""

FLAG_AUX = 1
FLAG_LISTED = 2
FLAG_LIQUIDATION = 4


@dataclass(frozen=True, slots=True)
class AuxWord:
    """What waits: stage, pending, drift bucket. One storage slot; the flag says whether stage or pending is open."""

    staged_bps: int = 0
    """Target of the rest of a clamped tightening; 0 = none."""
    staged_time: int = 0
    """When the last step of the stage was taken."""
    pending_bps: int = 0
    """Target of a loosening that waits; meaningful while ``pending_time`` is not 0."""
    pending_time: int = 0
    """When the pending opened; 0 = none."""
    tightened_time: int = 0
    """Last accepted tightening by the emergency lane."""
    drained: int = 0
    """Loosening spent from the bucket, in bps x 86,400."""
    drained_time: int = 0
    """When ``drained`` held."""
    extra_updates: int = 0
    """Changes of the live word that were not publishes; update id = sequence + this."""
    pending_premium_bps: int = 0
    pending_ceiling: int = 0


AUX_BITS: tuple[int, ...] = (14, 32, 14, 32, 32, 40, 32, 24, 14, 20)
"""Width of each field of :class:`AuxWord`, lowest bits first; 254 in all."""


@dataclass(frozen=True, slots=True)
class LiquidationWord:
    """What the law of the liquidation haircut remembers. One storage slot, touched only when flagged."""

    pending_bps: int = 0
    """Liquidation haircut that waits; meaningful while ``pending_time`` is not 0."""
    pending_bonus_bps: int = 0
    pending_time: int = 0
    """When the pending opened; 0 = none."""
    ramp_time: int = 0
    """When the ramp started; 0 = none is under way."""
    drained_day: int = 0
    """Moves spent from the day's bucket, in bps x 86,400."""
    drained_fortnight: int = 0
    """Moves spent from the fortnight's bucket, in bps x 1,209,600."""
    drained_time: int = 0
    """When both held."""
    ramp_seconds: int = 0
    """Length of the ramp, as the limits had it when it started."""


LIQUIDATION_BITS: tuple[int, ...] = (14, 14, 32, 32, 32, 36, 32, 22)
"""Width of each field of :class:`LiquidationWord`, lowest bits first; 214 in all."""


@dataclass(frozen=True, slots=True)
class GuardWord:
    """What permissionless trips have spent, and how long loosening is held. One storage slot."""

    drained: int = 0
    """Trips spent from the week's bucket, in seconds x 604,800."""
    drained_time: int = 0
    """When that held."""
    trip_end: int = 0
    """End of the last trip; the cool-down counts from here."""
    held_until: int = 0
    """Nothing loosens before this time."""


GUARD_BITS: tuple[int, ...] = (48, 32, 32, 32)
"""Width of each field of :class:`GuardWord`, lowest bits first; 144 in all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """First word of a limits profile: what every report needs."""

    floor_bps: int
    """Lowest haircut."""
    cap_bps: int
    """Highest haircut; also how far silence and regimes below HALTED can widen it."""
    step_up_bps: int
    """Largest tightening in one step; the rest is staged."""
    stage_seconds: int
    """Time between steps of a stage."""
    bucket_bps: int
    """Capacity of the loosening bucket."""
    refill_bps_per_day: int
    """Refill of the bucket; capacity + refill is the printed 24 h budget."""
    dispute_seconds: int
    """How long a loosening, or a move of the liquidation haircut, waits."""
    pending_expiry_seconds: int
    """How long after maturity it may still be activated."""
    fresh_seconds: int
    """It is activated only while the last report is at most this old."""
    grace_seconds: int
    """From this age on the effective haircut widens."""
    decay_floor: int
    """Least k times sigma of the widening, per sqrt(year) in 1/256."""
    guarded_add_bps: int
    """What GUARDED adds to the haircut."""
    stressed_add_bps: int
    """What STRESSED adds."""
    regime_seconds: int
    """How long a regime that a report raised lasts, unless raised again."""
    bounded: int = 0
    """1: the quorum may move the liquidation haircut and the bonus; 0: its wishes are advisory."""


LIMITS_BITS: tuple[int, ...] = (14, 14, 14, 22, 14, 14, 22, 22, 22, 22, 14, 14, 14, 22, 1)
"""Width of each field of :class:`Limits`, lowest bits first; 245 in all."""


@dataclass(frozen=True, slots=True)
class Law:
    """Second word of a limits profile: liquidation law, premium, ceiling, model floors, trips."""

    liquidation_floor_bps: int = 0
    liquidation_cap_bps: int = 0
    bonus_cap_bps: int = 0
    day_budget_bps: int = 0
    """How far the liquidation haircut may move in any 24 h, both directions together."""
    fortnight_budget_bps: int = 0
    """Likewise in any 14 days."""
    ramp_seconds: int = 0
    """How long a move takes to reach the loans."""
    premium_cap_bps: int = 0
    ceiling_floor: int = 0
    """Lowest debt ceiling a report can set, as in ``maths/ceiling.py``; 0 = no bound."""
    ceiling_cap: int = 0
    ceiling_stretch: int = 0
    """Growth of the ceiling, bps, that 1 bps of the bucket pays for; 0 = reports never raise it."""
    sigma_floor_bps: int = 0
    """Least annual volatility that a model may use."""
    k_floor: int = 0
    """Least tail multiplier that a model may use, 1/100."""
    trip_seconds: int = 0
    """How long one permissionless trip lasts; 0 = none is allowed."""
    trip_budget_seconds: int = 0
    """How long trips can hold a market in any 7 days."""
    trip_cooldown_seconds: int = 0
    """Pause between the end of a trip and the next."""


LAW_BITS: tuple[int, ...] = (14, 14, 14, 14, 14, 22, 14, 20, 20, 10, 16, 10, 22, 22, 22)
"""Width of each field of :class:`Law`, lowest bits first; 248 in all."""


@dataclass(frozen=True, slots=True)
class ContractWords:
    """The contract's own state of a market, read in the snapshot itself; in the order in which it is read."""

    live: LiveWord
    aux: AuxWord
    liquidation: LiquidationWord
    guard: GuardWord
    limits: Limits
    law: Law


Word = LiveWord | AuxWord | LiquidationWord | GuardWord | Limits | Law


def pack(word: Word, bits: tuple[int, ...]) -> int:
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
