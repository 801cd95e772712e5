"""Twin of the contract's clamp: what a report, a stage and a pending do to what binds new borrowing, bit for bit.

Mirrors ``contracts/src/libraries/GuardLib.sol``; ``tests/chain/test_limits_twin.py`` runs both. The fold predicts with
it, the sender checks effects with it, ``keeper limits`` prints budgets with it.
"""

from dataclasses import replace

from keeper.maths import ceiling
from keeper.maths.fixed import cdiv
from keeper.records.core import MAX_CORE_BYTES
from keeper.records.decision import Targets
from keeper.records.live import AuxWord, ContractWords, Law, Limits, LiveWord
from keeper.records.report import Report
from keeper.records.units import BPS
from keeper.risk.applied import Applied, calm_fault, changed, is_listed, stored
from keeper.risk.liquidation import propose, settled, settled_live
from keeper.risk.regime import HALTED, regime_at, with_regime

DAY_SECONDS = 86_400
"""``drained`` counts bps times this, so that a refill per second is exact."""

MAX_DECAY = (1 << 14) - 1
"""Largest decay the live word holds."""

MAX_CRUNCH_PERMILLE = 1_000


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
    held, words = words, settled(words, now)
    targets = clamped(words, report.targets)
    refusal = _fault(words, report, observed_block, observed_time) or _lane_fault(
        words, report, targets, now, routine=routine
    )
    if refusal:
        return Applied(held, refusal)
    live = with_regime(words.live, targets.regime, now + words.limits.regime_seconds, now)
    live, aux = _moved(live, words, targets, now, routine=routine)
    live = replace(
        live,
        crunch_permille=targets.crunch_permille,
        observed_time=observed_time,
        observed_block=observed_block,
        sequence=live.sequence + 1,
        # The emergency lane may not slow the decay down either: that would loosen the value readers see.
        decay=targets.decay if routine else max(targets.decay, live.decay),
        batch_index=batch_index,
    )
    proposed = propose(words, report, now) if routine and words.limits.bounded else words.liquidation
    return stored(words, replace(words, live=live, aux=aux, liquidation=proposed), now)


def advance(words: ContractWords, now: int) -> Applied:
    """Effect of ``advance``: the next step of a stage."""
    live, aux, limits = words.live, words.aux, words.limits
    if not is_listed(words):
        return Applied(words, "UnknownMarket")
    # Governance may have lowered the cap since the stage was set.
    goal = min(aux.staged_bps, limits.cap_bps)
    if goal <= live.haircut_bps:
        return Applied(words, "NothingStaged")
    if now < aux.staged_time + limits.stage_seconds:
        return Applied(words, "StageNotDue")
    reached = min(goal, live.haircut_bps + limits.step_up_bps)
    staged, live = _stage(aux, goal, reached, now), settled_live(words, now).live
    return changed(words, replace(words, live=replace(live, haircut_bps=reached), aux=staged), now)


def activate(words: ContractWords, now: int) -> Applied:
    """Effect of ``activate``: loosen by a matured pending as far as the bucket allows.

    One bucket for all three: each moves by what is spent of it, the ceiling by that times the stretch.
    """
    live, aux, limits = settled_live(words, now).live, words.aux, words.limits
    refusal = calm_fault(words, now) or _pending_fault(aux, limits, now)
    if refusal:
        return Applied(words, refusal)
    goal = max(aux.pending_bps, limits.floor_bps, least_bps(live))
    down = max(0, live.haircut_bps - goal)
    premium_down = max(0, live.premium_bps - aux.pending_premium_bps)
    ceiling_up = _ceiling_need(live.ceiling, aux.pending_ceiling, words.law)
    need = max(down, premium_down, ceiling_up)
    available = available_bps(aux, limits, now)
    # Not by crumbs: every activation is an entry of the history, and anybody may call.
    if need == 0 or available == 0 or available < min(need, limits.bucket_bps // 4):
        return Applied(words, "LooseningExhausted")
    spent = min(need, available)
    live = replace(
        live,
        haircut_bps=live.haircut_bps - min(down, spent),
        premium_bps=live.premium_bps - min(premium_down, spent),
        ceiling=_raised(live.ceiling, aux.pending_ceiling, ceiling_up, spent, words.law),
    )
    drained = _drained(aux, limits, now) + spent * DAY_SECONDS
    aux = replace(void_pending(aux) if spent == need else aux, drained=drained, drained_time=now)
    return changed(words, replace(words, live=live, aux=aux), now)


def available_bps(aux: AuxWord, limits: Limits, now: int) -> int:
    """What may loosen at ``now`` (unix seconds), bps, rounded down."""
    return max(0, limits.bucket_bps * DAY_SECONDS - _drained(aux, limits, now)) // DAY_SECONDS


def clamped(words: ContractWords, targets: Targets) -> Targets:
    """Every target of what binds new borrowing inside the limits; no opinion about the ceiling keeps what holds."""
    live, limits, law = words.live, words.limits, words.law
    debt = targets.ceiling or live.ceiling
    if targets.ceiling:
        debt = law.ceiling_cap if ceiling.is_lower(law.ceiling_cap, debt) else debt
        # A floor of 0 means that there is none.
        debt = law.ceiling_floor if law.ceiling_floor and ceiling.is_lower(debt, law.ceiling_floor) else debt
    return replace(
        targets,
        haircut_bps=clamp(live, limits, targets.haircut_bps),
        premium_bps=min(targets.premium_bps, law.premium_cap_bps),
        ceiling=debt,
        crunch_permille=min(targets.crunch_permille, MAX_CRUNCH_PERMILLE),
        decay=max(targets.decay, limits.decay_floor),
    )


def clamp(live: LiveWord, limits: Limits, wish_bps: int) -> int:
    """A wished haircut inside the limits, never below the liquidation haircut (which wins over the cap)."""
    return max(min(max(wish_bps, limits.floor_bps), limits.cap_bps), least_bps(live))


def least_bps(live: LiveWord) -> int:
    """Lowest haircut that the liquidation haircut leaves, wherever that is on its ramp."""
    return max(live.liquidation_target_bps, live.ramp_from_bps)


def mature_time(aux: AuxWord, limits: Limits) -> int:
    """First second at which the pending may be activated; meaningful while one is open."""
    return aux.pending_time + limits.dispute_seconds


def expiry_time(aux: AuxWord, limits: Limits) -> int:
    """Last second at which the pending may be activated."""
    return mature_time(aux, limits) + limits.pending_expiry_seconds


def update_id(words: ContractWords) -> int:
    """Changes of the live word so far: reports, and everything else that writes it, but for the first listing."""
    return words.live.sequence + words.aux.extra_updates


def void_pending(aux: AuxWord) -> AuxWord:
    """Without a loosening that waits."""
    return replace(aux, pending_bps=0, pending_time=0, pending_premium_bps=0, pending_ceiling=0)


def tightens(live: LiveWord, targets: Targets, now: int) -> bool:
    """Whether clamped targets ask for more safety in anything."""
    return (
        targets.haircut_bps > live.haircut_bps
        or targets.premium_bps > live.premium_bps
        or ceiling.is_lower(targets.ceiling, live.ceiling)
        or targets.regime > regime_at(live, now)
    )


def _loosens(live: LiveWord, targets: Targets) -> bool:
    return (
        targets.haircut_bps < live.haircut_bps
        or targets.premium_bps < live.premium_bps
        or ceiling.is_lower(live.ceiling, targets.ceiling)
    )


def _fault(words: ContractWords, report: Report, observed_block: int, observed_time: int) -> str:
    """Name of the refusal, in the contract's order; empty when the report is sound."""
    live, targets = words.live, report.targets
    if not is_listed(words):
        return "Unlisted"
    if observed_block <= live.observed_block:
        return "NotNewer"
    if observed_time < live.observed_time:
        return "TimeBehind"
    if targets.ceiling >> ceiling.CEILING_BITS:
        return "CeilingTooWide"
    if targets.regime > HALTED:
        return "UnknownRegime"
    if len(report.core) > MAX_CORE_BYTES:
        return "CoreTooLong"
    return "DecayTooLarge" if targets.decay > MAX_DECAY else ""


def _lane_fault(words: ContractWords, report: Report, targets: Targets, now: int, *, routine: bool) -> str:
    """Likewise for what the lane does not take; ``targets`` are clamped."""
    live = words.live
    tighter = tightens(live, targets, now)
    if not routine:
        if report.core:
            return "CoreForbidden"
        return "" if tighter else "NotTighter"
    rests = report.base_sequence == live.sequence
    return "" if rests or tighter or not _loosens(live, targets) else "WrongBase"


def _moved(
    live: LiveWord, words: ContractWords, targets: Targets, now: int, *, routine: bool
) -> tuple[LiveWord, AuxWord]:
    """Haircut, premium, ceiling and what waits, after a report; ``words`` are those before it."""
    old, aux, limits = words.live, words.aux, words.limits
    if targets.haircut_bps > old.haircut_bps:
        reached = min(targets.haircut_bps, old.haircut_bps + limits.step_up_bps)
        # The newest routine report replaces the stage, an emergency report only widens it.
        rest = targets.haircut_bps if routine else max(targets.haircut_bps, aux.staged_bps)
        aux, live = _stage(aux, rest, reached, now), replace(live, haircut_bps=reached)
    elif routine:
        aux = _clear_stage(aux)
    if tightens(old, targets, now):
        lower = ceiling.is_lower(targets.ceiling, old.ceiling)
        live = replace(
            live,
            premium_bps=max(old.premium_bps, targets.premium_bps),
            ceiling=targets.ceiling if lower else old.ceiling,
        )
        aux = void_pending(aux)
        return live, aux if routine else replace(aux, tightened_time=now)
    return live, _open_pending(aux, words, targets, now) if _loosens(old, targets) else void_pending(aux)


def _open_pending(aux: AuxWord, words: ContractWords, targets: Targets, now: int) -> AuxWord:
    """A pending keeps the tightest targets asked since it opened; an expired one opens anew."""
    live = words.live
    goal, premium = min(live.haircut_bps, targets.haircut_bps), min(live.premium_bps, targets.premium_bps)
    debt, time = targets.ceiling if ceiling.is_lower(live.ceiling, targets.ceiling) else live.ceiling, now
    if aux.pending_time and now <= expiry_time(aux, words.limits):
        goal, premium, time = max(goal, aux.pending_bps), max(premium, aux.pending_premium_bps), aux.pending_time
        debt = aux.pending_ceiling if ceiling.is_lower(aux.pending_ceiling, debt) else debt
    return replace(aux, pending_bps=goal, pending_time=time, pending_premium_bps=premium, pending_ceiling=debt)


def _pending_fault(aux: AuxWord, limits: Limits, now: int) -> str:
    if aux.pending_time == 0:
        return "NothingPending"
    if now < mature_time(aux, limits):
        return "PendingNotMature"
    return "PendingExpired" if now > expiry_time(aux, limits) else ""


def _ceiling_need(held: int, goal: int, law: Law) -> int:
    """What raising a ceiling costs of the bucket, bps; 0 when it is not to rise or may not."""
    start = ceiling.decode(held)
    if start == 0 or goal == 0 or law.ceiling_stretch == 0 or not ceiling.is_lower(held, goal):
        return 0
    return cdiv((ceiling.decode(goal) - start) * BPS, start * law.ceiling_stretch)


def _raised(held: int, goal: int, need: int, spent: int, law: Law) -> int:
    if need == 0:
        return held
    start = ceiling.decode(held)
    return goal if spent >= need else ceiling.encode_down(start + start * spent * law.ceiling_stretch // BPS)


def _drained(aux: AuxWord, limits: Limits, now: int) -> int:
    """What is still spent of the bucket, bps x 86,400."""
    if aux.drained == 0:
        return 0
    return max(0, aux.drained - limits.refill_bps_per_day * (now - aux.drained_time))


def _stage(aux: AuxWord, goal: int, reached: int, now: int) -> AuxWord:
    return replace(aux, staged_bps=goal, staged_time=now) if goal > reached else _clear_stage(aux)


def _clear_stage(aux: AuxWord) -> AuxWord:
    return replace(aux, staged_bps=0, staged_time=0)
