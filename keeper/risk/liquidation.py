"""Twin of the liquidation haircut's own law (design.md 5.4), bit for bit: proposals, moves, ramps.

Mirrors ``contracts/src/libraries/LiquidationLib.sol``; ``tests/chain/test_limits_twin.py`` runs both.
"""

from dataclasses import replace

from keeper.records.live import ContractWords, Law, LiquidationWord
from keeper.records.report import Report
from keeper.records.units import BPS
from keeper.risk.applied import Applied, calm_fault, changed
from keeper.risk.effective import liquidation_bps

DAY_SECONDS = 86_400
FORTNIGHT_SECONDS = 1_209_600


def propose(words: ContractWords, report: Report, now: int) -> LiquidationWord:
    """Take a routine report's wish. One that names another sequence than holds wishes for no move."""
    live, state, law = words.live, words.liquidation, words.law
    # An expired proposal is none.
    state = cleared(state) if state.pending_time and now > _expiry_time(words) else state
    wish, wish_bonus = live.liquidation_target_bps, live.bonus_bps
    if report.base_sequence == live.sequence:
        wish = min(max(report.targets.liquidation_haircut_bps, law.liquidation_floor_bps), law.liquidation_cap_bps)
        wish_bonus = min(report.targets.bonus_bps, law.bonus_cap_bps)
    if state.pending_time:
        wish = _nearest(live.liquidation_target_bps, state.pending_bps, wish)
        wish_bonus = _nearest(live.bonus_bps, state.pending_bonus_bps, wish_bonus)
    if (wish, wish_bonus) == (live.liquidation_target_bps, live.bonus_bps):
        return cleared(state)
    return replace(state, pending_bps=wish, pending_bonus_bps=wish_bonus, pending_time=state.pending_time or now)


def activate_liquidation(words: ContractWords, now: int) -> Applied:
    """Effect of ``activateLiquidation``: move by a matured proposal as far as both buckets allow."""
    refusal = calm_fault(words, now) or _time_fault(words, now)
    if refusal:
        return Applied(words, refusal)
    live, law = settled(words, now).live, words.law
    start, target, bonus = liquidation_bps(words, now), live.liquidation_target_bps, live.bonus_bps
    # Governance may have narrowed the law since the proposal.
    goal = max(min(words.liquidation.pending_bps, law.liquidation_cap_bps), law.liquidation_floor_bps)
    goal_bonus = min(words.liquidation.pending_bonus_bps, law.bonus_cap_bps)
    need = max(abs(target - goal), abs(bonus - goal_bonus))
    available = available_bps(words.liquidation, law, now)
    if need == 0 or available == 0 or available < min(need, law.day_budget_bps // 4):
        return Applied(words, "MoveExhausted")

    spent = min(need, available)
    reached, reached_bonus = _towards(target, goal, spent), _towards(bonus, goal_bonus, spent)
    lowest = min(start, reached)
    if not is_coupled(lowest, reached_bonus):
        # Repaired by a lower bonus, unless the move loosens; then it is refused whole.
        if reached < target or reached_bonus > bonus:
            return Applied(words, "GroupBroken")
        reached_bonus = BPS * BPS // (BPS - lowest) - BPS
    state = _drain(words.liquidation, law, spent, now)
    # A ramp keeps the length it started with: a later change of the limits cannot call back what has arrived.
    ramp = (0, 0) if start == reached else (now, law.ramp_seconds)
    state = replace(cleared(state) if spent == need else state, ramp_time=ramp[0], ramp_seconds=ramp[1])
    live = replace(
        live,
        haircut_bps=max(live.haircut_bps, start, reached),
        ramp_from_bps=start,
        liquidation_target_bps=reached,
        bonus_bps=reached_bonus,
    )
    return changed(words, replace(words, live=live, liquidation=state), now)


def is_coupled(liquidation_haircut_bps: int, bonus_bps: int) -> bool:
    """Whether threshold x (1 + bonus) <= 1."""
    return (BPS - liquidation_haircut_bps) * (BPS + bonus_bps) <= BPS * BPS


def settled(words: ContractWords, now: int) -> ContractWords:
    """The same words; once a ramp has arrived, where it started binds nothing any more."""
    live, state = words.live, words.liquidation
    if live.ramp_from_bps == live.liquidation_target_bps or liquidation_bps(words, now) != live.liquidation_target_bps:
        return words
    return replace(
        words,
        live=replace(live, ramp_from_bps=live.liquidation_target_bps),
        liquidation=replace(state, ramp_time=0, ramp_seconds=0),
    )


def settled_live(words: ContractWords, now: int) -> ContractWords:
    """Likewise where the call does not write the liquidation word."""
    return replace(words, live=settled(words, now).live)


def stopped(words: ContractWords, now: int) -> ContractWords:
    """Without the proposal, standing still where the ramp is now."""
    reached = liquidation_bps(words, now)
    live = replace(words.live, ramp_from_bps=reached, liquidation_target_bps=reached)
    return replace(words, live=live, liquidation=replace(cleared(words.liquidation), ramp_time=0, ramp_seconds=0))


def cleared(state: LiquidationWord) -> LiquidationWord:
    """Without a proposal; ramp and spent budgets stay."""
    return replace(state, pending_bps=0, pending_bonus_bps=0, pending_time=0)


def available_bps(state: LiquidationWord, law: Law, now: int) -> int:
    """What may move at ``now``, bps, rounded down.

    Each bucket holds half of its budget and gets the other half back in its period, so that no period sees more than
    the budget.
    """
    day, fortnight = _drained(state, law, now)
    for_day = max(0, law.day_budget_bps // 2 * DAY_SECONDS - day) // DAY_SECONDS
    for_fortnight = max(0, law.fortnight_budget_bps // 2 * FORTNIGHT_SECONDS - fortnight) // FORTNIGHT_SECONDS
    return min(for_day, for_fortnight)


def _drain(state: LiquidationWord, law: Law, bps: int, now: int) -> LiquidationWord:
    day, fortnight = _drained(state, law, now)
    return replace(
        state,
        drained_day=day + bps * DAY_SECONDS,
        drained_fortnight=fortnight + bps * FORTNIGHT_SECONDS,
        drained_time=now,
    )


def _drained(state: LiquidationWord, law: Law, now: int) -> tuple[int, int]:
    """What is still spent of both buckets."""
    elapsed = now - state.drained_time
    return (
        max(0, state.drained_day - law.day_budget_bps // 2 * elapsed),
        max(0, state.drained_fortnight - law.fortnight_budget_bps // 2 * elapsed),
    )


def _time_fault(words: ContractWords, now: int) -> str:
    if words.liquidation.pending_time == 0:
        return "NothingPending"
    mature = words.liquidation.pending_time + words.limits.dispute_seconds
    if now < mature:
        return "PendingNotMature"
    return "PendingExpired" if now > _expiry_time(words) else ""


def _expiry_time(words: ContractWords) -> int:
    """Last second at which the proposal may be activated."""
    return words.liquidation.pending_time + words.limits.dispute_seconds + words.limits.pending_expiry_seconds


def _nearest(held: int, a: int, b: int) -> int:
    """Of two wishes the one nearer to what holds; what holds, when they lie on different sides of it."""
    if a >= held and b >= held:
        return min(a, b)
    return max(a, b) if a <= held and b <= held else held


def _towards(start: int, end: int, step: int) -> int:
    return min(end, start + step) if start < end else max(end, start - step)
