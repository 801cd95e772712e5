"""What readers get: stored values, widened by silence, raised by the regime, moved along the ramp.

Twin of ``contracts/src/libraries/EffectiveLib.sol`` and of ``parameters`` in ``MarketStore.sol``, bit for bit.
"""

from keeper.maths import ceiling
from keeper.maths.staleness import widened_bps
from keeper.records.live import ContractWords, LiveWord
from keeper.records.parameters import NO_CEILING, Parameters
from keeper.records.units import BPS, WAD
from keeper.risk.regime import HALTED, NORMAL, expiry_time, regime_at

DECAY_UNIT_WAD = WAD // 256
"""One unit of the live word's decay; exact."""


def haircut_bps(words: ContractWords, time: int, aged_until: int) -> int:
    """Stored haircut + widening (models.md 6.1) + regime.

    Parameters
    ----------
    words
        The live word and its limits count.
    time
        Unix seconds.
    aged_until
        When ageing stopped (a sunset), or ``time`` while it goes on.
    """
    live, limits = words.live, words.limits
    level = regime_at(live, time)
    if level == HALTED:
        return BPS
    age = age_seconds(live, aged_until)
    if age <= limits.grace_seconds and level == NORMAL:
        return live.haircut_bps
    # Governance may have raised the floor since the report.
    ks_wad = max(live.decay, limits.decay_floor) * DECAY_UNIT_WAD
    bps = widened_bps(live.haircut_bps, ks_wad, age, limits.grace_seconds, limits.cap_bps)
    if level == NORMAL or bps >= limits.cap_bps:
        return bps
    add = (0, limits.guarded_add_bps, limits.stressed_add_bps)[level]
    return min(limits.cap_bps, bps + add)


def highest_bps(words: ContractWords, start: int, end: int, aged_until: int) -> int:
    """Highest effective haircut between two times of the words' own. It only widens, but for the end of a regime."""
    bps = haircut_bps(words, end, min(end, aged_until))
    expiry = expiry_time(words.live)
    if words.live.regime == NORMAL or not start < expiry <= end:
        return bps
    return max(bps, haircut_bps(words, expiry - 1, min(expiry - 1, aged_until)))


def age_seconds(live: LiveWord, aged_until: int) -> int:
    """Seconds since the observed block."""
    return max(0, aged_until - live.observed_time)


def liquidation_bps(words: ContractWords, time: int) -> int:
    """The liquidation haircut on its way along the ramp.

    Rounded towards where it started, so that it never runs ahead of the line.
    """
    start, end = words.live.ramp_from_bps, words.live.liquidation_target_bps
    ramp = words.liquidation.ramp_seconds
    elapsed = max(0, time - words.liquidation.ramp_time)
    if start == end or elapsed >= ramp:
        return end
    moved = abs(end - start) * elapsed // ramp
    return start + moved if start < end else start - moved


def describe(words: ContractWords, time: int, aged_until: int | None = None) -> Parameters:
    """What ``parameters`` answers for a listed market at a time, unix seconds; ``aged_until``: end of the contract."""
    live, aux, liquidation, limits = words.live, words.aux, words.liquidation, words.limits
    level = regime_at(live, time)
    aged = time if aged_until is None else min(time, aged_until)
    debt = ceiling.decode(live.ceiling) if live.ceiling else NO_CEILING
    return Parameters(
        haircut_bps=haircut_bps(words, time, aged),
        stored_haircut_bps=live.haircut_bps,
        liquidation_haircut_bps=liquidation_bps(words, time),
        liquidation_target_bps=live.liquidation_target_bps,
        bonus_bps=live.bonus_bps,
        premium_bps=live.premium_bps,
        ceiling=0 if level == HALTED else debt,
        crunch_permille=live.crunch_permille,
        regime=level,
        regime_expiry=expiry_time(live) if level else 0,
        observed_time=live.observed_time,
        observed_block=live.observed_block,
        sequence=live.sequence,
        update_id=live.sequence + aux.extra_updates,
        staged_bps=aux.staged_bps,
        pending_bps=aux.pending_bps,
        pending_at=aux.pending_time + limits.dispute_seconds if aux.pending_time else 0,
        pending_liquidation_bps=liquidation.pending_bps,
        pending_liquidation_at=liquidation.pending_time + limits.dispute_seconds if liquidation.pending_time else 0,
        age_seconds=age_seconds(live, time),
        stale=age_seconds(live, aged) > limits.grace_seconds,
    )
