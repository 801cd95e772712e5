"""What the limits leave to whoever is dishonest: a stolen quorum that loosens, and keepers that fall silent.

Upper bounds, from a market's words alone; ``keeper limits`` prints them. What a quorum tightens is no harm to lenders
and is not counted.
"""

from dataclasses import dataclass

from keeper.maths import ceiling
from keeper.maths.fixed import cdiv, mul_up
from keeper.records.live import ContractWords, Limits
from keeper.records.units import BPS, WAD
from keeper.risk import effective
from keeper.risk.limits import DAY_SECONDS
from keeper.risk.liquidation import FORTNIGHT_SECONDS


@dataclass(frozen=True, slots=True)
class Loosening:
    """Most that a quorum can loosen in a period."""

    haircut_bps: int
    """Of the stored haircut, down to the floor."""
    premium_bps: int
    ceiling_growth_bps: int
    """Growth of the debt ceiling, rounded up; 0 when there is no ceiling or reports never raise it."""
    liquidation_bps: int
    """Of the liquidation haircut, either way; 0 where the limits are not ``bounded``."""


def stolen_quorum(words: ContractWords, period_seconds: int) -> Loosening:
    """Most that all keepers together can loosen in any ``period_seconds``, whatever they sign.

    The bucket pays for haircut, premium and ceiling at once; a full one and its refill are the budget.
    """
    live, limits, law = words.live, words.limits, words.law
    budget = budget_bps(limits, period_seconds)
    liquidation = liquidation_budget_bps(words, period_seconds)
    # A ramp that is under way may arrive within the period.
    lowest = max(limits.floor_bps, live.liquidation_target_bps - liquidation)
    return Loosening(
        haircut_bps=min(budget, max(0, live.haircut_bps - lowest)),
        premium_bps=min(budget, live.premium_bps),
        ceiling_growth_bps=_growth_bps(live.ceiling, law.ceiling_cap, law.ceiling_stretch, budget),
        liquidation_bps=liquidation,
    )


def budget_bps(limits: Limits, period_seconds: int) -> int:
    """What the loosening bucket gives in any period: its capacity and its refill, rounded down."""
    return limits.bucket_bps + limits.refill_bps_per_day * period_seconds // DAY_SECONDS


def liquidation_budget_bps(words: ContractWords, period_seconds: int) -> int:
    """What both buckets of the liquidation haircut give in any period; each holds half of its budget."""
    if not words.limits.bounded:
        return 0
    buckets = ((words.law.day_budget_bps // 2, DAY_SECONDS), (words.law.fortnight_budget_bps // 2, FORTNIGHT_SECONDS))
    return min(half + half * period_seconds // period for half, period in buckets)


def silent_haircut_bps(words: ContractWords, silence_seconds: int) -> int:
    """Effective haircut when the last report is so old and nobody reports; the liquidation haircut does not move."""
    time = words.live.observed_time + silence_seconds
    return effective.haircut_bps(words, time, time)


def _growth_bps(held: int, cap: int, stretch: int, budget: int) -> int:
    """Growth of a ceiling when the budget is spent one bps at a time, which compounds most."""
    start, highest = ceiling.decode(held), ceiling.decode(cap)
    if start == 0 or stretch == 0:
        return 0
    most = 1 << 140 if cap == 0 else highest
    bound = max(0, cdiv((most - start) * BPS, start))
    factor, base = WAD, WAD + stretch * WAD // BPS
    while budget and factor * BPS < (bound + BPS) * WAD:
        factor = mul_up(factor, base) if budget & 1 else factor
        base, budget = mul_up(base, base), budget >> 1
    return min(bound, cdiv((factor - WAD) * BPS, WAD))
