"""Twin of the contract's clamp: what a report, a stage and a pending do to a market's words, bit for bit.

Mirrors ``contracts/src/libraries/GuardLib.sol`` function by function; ``tests/chain/test_limits_twin.py`` runs both.
The fold predicts with it, the sender checks effects with it, ``keeper limits`` prints budgets with it.
"""

from dataclasses import dataclass, replace

from keeper.records.core import MAX_CORE_BYTES
from keeper.records.live import FLAG_AUX, FLAG_LISTED, AuxWord, ContractWords, Limits, LiveWord
from keeper.records.report import Report

DAY_SECONDS = 86_400
"""``drained`` counts bps times this, so that a refill per second is exact."""

MAX_DECAY = (1 << 14) - 1
"""Largest decay the live word holds."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Words after a call, or why it changes nothing."""

    live: LiveWord
    aux: AuxWord
    refusal: str = ""
    """Empty, or the contract's name for it: a ``Refusal`` member of a report, a custom error of the other calls."""


def apply_report(  # noqa: PLR0917 - a batch and its inclusion have this many facts
    words: ContractWords,
    report: Report,
    observed_block: int,
    observed_time: int,
    batch_index: int,
    now: int,
    routine: bool,
) -> Applied:
    """Effect of one report of a batch that passed the batch's own checks.

    Parameters
    ----------
    words
        The market's words before.
    report
        What the batch asks for.
    observed_block, observed_time
        Of the batch; unix seconds.
    batch_index
        Under which the batch is stored for its block.
    now
        Time of the block that includes the call, unix seconds.
    routine
        Whether the observed block is its window's sample.
    """
    live, aux, limits = words.live, words.aux, words.limits
    refusal = _check(words, report, observed_block, routine=routine)
    if refusal:
        return Applied(live, aux, refusal)
    target, current = clamp(live, limits, report.targets.haircut_bps), live.haircut_bps
    if target > current:
        reached = min(target, current + limits.step_up_bps)
        aux = _tighten(aux, target, reached, now, routine=routine)
        live = replace(live, haircut_bps=reached)
    else:
        aux = _clear_stage(aux)
        aux = _clear_pending(aux) if target == current else _open_pending(aux, limits, target, now)
    live = replace(
        live,
        observed_time=observed_time,
        observed_block=observed_block,
        sequence=live.sequence + 1,
        # The emergency lane may not slow the decay down either: that would loosen the value readers see.
        decay=report.targets.decay if routine else max(report.targets.decay, live.decay),
        batch_index=batch_index,
    )
    return _stored(live, aux)


def advance(words: ContractWords, now: int) -> Applied:
    """Effect of ``advance``: the next step of a stage."""
    live, aux, limits = words.live, words.aux, words.limits
    if not live.flags & FLAG_LISTED:
        return Applied(live, aux, "UnknownMarket")
    # Governance may have lowered the cap since the stage was set.
    goal = min(aux.staged_bps, limits.cap_bps)
    if goal <= live.haircut_bps:
        return Applied(live, aux, "NothingStaged")
    if now < aux.staged_time + limits.stage_seconds:
        return Applied(live, aux, "StageNotDue")
    reached = min(goal, live.haircut_bps + limits.step_up_bps)
    aux = replace(_stage(aux, goal, reached, now), extra_updates=aux.extra_updates + 1)
    return _stored(replace(live, haircut_bps=reached), aux)


def activate(words: ContractWords, now: int) -> Applied:
    """Effect of ``activate``: loosen by a matured pending as far as the bucket allows."""
    live, aux, limits = words.live, words.aux, words.limits
    refusal = _check_pending(words, now)
    if refusal:
        return Applied(live, aux, refusal)
    goal = max(aux.pending_bps, limits.floor_bps, live.liquidation_haircut_bps)
    available = available_bps(aux, limits, now)
    if goal >= live.haircut_bps or available == 0:
        return Applied(live, aux, "LooseningExhausted")
    spent = min(live.haircut_bps - goal, available)
    aux = replace(
        aux,
        drained=_drained(aux, limits, now) + spent * DAY_SECONDS,
        drained_time=now,
        extra_updates=aux.extra_updates + 1,
    )
    if live.haircut_bps - spent == goal:
        aux = _clear_pending(aux)
    return _stored(replace(live, haircut_bps=live.haircut_bps - spent), aux)


def available_bps(aux: AuxWord, limits: Limits, now: int) -> int:
    """What may loosen at ``now`` (unix seconds), bps, rounded down."""
    return max(0, limits.bucket_bps * DAY_SECONDS - _drained(aux, limits, now)) // DAY_SECONDS


def daily_budget_bps(limits: Limits) -> int:
    """Most that can loosen in any 24 hours: a full bucket and its refill."""
    return limits.bucket_bps + limits.refill_bps_per_day


def clamp(live: LiveWord, limits: Limits, wish_bps: int) -> int:
    """A wished haircut inside the limits, never below the liquidation haircut (which wins over the cap)."""
    return max(min(max(wish_bps, limits.floor_bps), limits.cap_bps), live.liquidation_haircut_bps)


def mature_time(aux: AuxWord, limits: Limits) -> int:
    """First second at which the pending may be activated; meaningful while one is open."""
    return aux.pending_time + limits.dispute_seconds


def expiry_time(aux: AuxWord, limits: Limits) -> int:
    """Last second at which the pending may be activated."""
    return mature_time(aux, limits) + limits.pending_expiry_seconds


def update_id(words: ContractWords) -> int:
    """Changes of the live word so far: reports, stage steps, activations, listings after the first."""
    return words.live.sequence + words.aux.extra_updates


def _check(words: ContractWords, report: Report, observed_block: int, *, routine: bool) -> str:
    """Name of the refusal, in the contract's order; empty when the report is taken."""
    live, targets = words.live, report.targets
    if not live.flags & FLAG_LISTED:
        return "Unlisted"
    if observed_block <= live.observed_block:
        return "NotNewer"
    if targets.premium_bps or targets.ceiling or targets.crunch_permille or targets.regime:
        return "NotEnabled"
    if len(report.core) > MAX_CORE_BYTES:
        return "CoreTooLong"
    if targets.decay > MAX_DECAY:
        return "DecayTooLarge"
    target = clamp(live, words.limits, targets.haircut_bps)
    if not routine:
        if report.core:
            return "CoreForbidden"
        return "NotTighter" if target <= live.haircut_bps else ""
    return "WrongBase" if target < live.haircut_bps and report.base_sequence != live.sequence else ""


def _check_pending(words: ContractWords, now: int) -> str:
    live, aux, limits = words.live, words.aux, words.limits
    if not live.flags & FLAG_LISTED:
        return "UnknownMarket"
    if aux.pending_time == 0:
        return "NothingPending"
    if now < mature_time(aux, limits):
        return "PendingNotMature"
    if now > expiry_time(aux, limits):
        return "PendingExpired"
    if now > live.observed_time + limits.fresh_seconds:
        return "ReportNotFresh"
    return "RegimeNotNormal" if live.regime else ""


def _drained(aux: AuxWord, limits: Limits, now: int) -> int:
    """What is still spent of the bucket, bps x 86,400."""
    if aux.drained == 0:
        return 0
    return max(0, aux.drained - limits.refill_bps_per_day * (now - aux.drained_time))


def _tighten(aux: AuxWord, target: int, reached: int, now: int, *, routine: bool) -> AuxWord:
    """The newest routine report replaces the stage, an emergency report only widens it; either clears the pending."""
    rest = target if routine else max(target, aux.staged_bps)
    aux = _clear_pending(_stage(aux, rest, reached, now))
    return aux if routine else replace(aux, tightened_time=now)


def _open_pending(aux: AuxWord, limits: Limits, target: int, now: int) -> AuxWord:
    """A pending keeps the tightest target asked since it opened; an expired one opens anew."""
    if aux.pending_time and now <= expiry_time(aux, limits):
        return replace(aux, pending_bps=max(aux.pending_bps, target))
    return replace(aux, pending_bps=target, pending_time=now)


def _stage(aux: AuxWord, goal: int, reached: int, now: int) -> AuxWord:
    return replace(aux, staged_bps=goal, staged_time=now) if goal > reached else _clear_stage(aux)


def _clear_stage(aux: AuxWord) -> AuxWord:
    return replace(aux, staged_bps=0, staged_time=0)


def _clear_pending(aux: AuxWord) -> AuxWord:
    return replace(aux, pending_bps=0, pending_time=0)


def _stored(live: LiveWord, aux: AuxWord) -> Applied:
    """Words as the contract stores them: the aux flag says whether the aux word is zero."""
    flags = live.flags & ~FLAG_AUX if aux == AuxWord() else live.flags | FLAG_AUX
    return Applied(replace(live, flags=flags), aux)
