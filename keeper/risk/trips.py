"""Twin of what guardian, tripwire and disputes may do to a market (design.md 5.9), bit for bit.

Mirrors ``contracts/src/libraries/TripLib.sol`` and ``raiseRegime``, ``trip``, ``holdLoosening`` and ``stop`` of
``CollateralParameters.sol``. Quorum and guardian are bound by no budget and no cool-down of the trips.
"""

from dataclasses import replace

from keeper.records.live import ContractWords
from keeper.risk.applied import Applied, changed, is_listed
from keeper.risk.limits import void_pending
from keeper.risk.liquidation import settled_live, stopped
from keeper.risk.regime import EXPIRY_UNIT_SECONDS, GUARDED, HALTED, NORMAL, regime_at, with_regime

WEEK_SECONDS = 604_800
MAX_RAISE_SECONDS = 604_800
"""Longest raise by the guardian."""
MAX_HOLD_SECONDS = 2_592_000
"""Longest hold by the guardian."""


def raise_regime(words: ContractWords, level: int, duration: int, now: int) -> Applied:
    """Effect of ``raiseRegime``, for the guardian."""
    if not is_listed(words):
        return Applied(words, "UnknownMarket")
    higher = NORMAL < level <= HALTED and level >= regime_at(words.live, now)
    if not higher or not 0 < duration <= MAX_RAISE_SECONDS:
        return Applied(words, "BadRaise")
    return _raised(words, level, now + duration, now)


def trip(words: ContractWords, now: int) -> Applied:
    """Effect of ``trip``, for the tripwire: the bucket holds half of the week's budget and gets it back in 7 days."""
    guard, law = words.guard, words.law
    if not is_listed(words):
        return Applied(words, "UnknownMarket")
    if regime_at(words.live, now) != NORMAL:
        return Applied(words, "RegimeNotNormal")
    if guard.trip_end and now < guard.trip_end + law.trip_cooldown_seconds:
        return Applied(words, "TripCoolingDown")
    half = law.trip_budget_seconds // 2
    # The stored expiry is rounded up, so a trip is charged what it may last.
    charge = (law.trip_seconds + EXPIRY_UNIT_SECONDS) * WEEK_SECONDS
    drained = max(0, guard.drained - half * (now - guard.drained_time))
    if law.trip_seconds == 0 or drained + charge > half * WEEK_SECONDS:
        return Applied(words, "TripBudgetSpent")
    until = now + law.trip_seconds
    spent = replace(guard, drained=drained + charge, drained_time=now, trip_end=until)
    return _raised(replace(words, guard=spent), GUARDED, until, now)


def hold_loosening(words: ContractWords, duration: int, now: int) -> Applied:
    """Effect of ``holdLoosening``, for the guardian; the live word stays as it is."""
    if not is_listed(words):
        return Applied(words, "UnknownMarket")
    if not 0 < duration <= MAX_HOLD_SECONDS:
        return Applied(words, "BadHold")
    return Applied(replace(words, guard=replace(words.guard, held_until=max(words.guard.held_until, now + duration))))


def stop(words: ContractWords, now: int) -> Applied:
    """Effect of ``stop``, for disputes: nothing waits any more, and a ramp stands still where it is."""
    if not is_listed(words):
        return Applied(words, "UnknownMarket")
    return changed(words, replace(stopped(words, now), aux=void_pending(words.aux)), now)


def _raised(words: ContractWords, level: int, until: int, now: int) -> Applied:
    live = settled_live(words, now).live
    return changed(words, replace(words, live=with_regime(live, level, until, now)), now)
