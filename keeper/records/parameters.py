"""A market as outside readers of the contract see it at a time: the contract's ``Parameters``, in its order."""

from dataclasses import dataclass

NO_CEILING = 2**256 - 1
"""A debt ceiling that does not exist."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What ``parameters(market)`` answers."""

    haircut_bps: int
    """Effective: with widening and regime."""
    stored_haircut_bps: int
    """As last written."""
    liquidation_haircut_bps: int
    """Where its ramp is. No alarm and no silence moves it."""
    liquidation_target_bps: int
    """Where its ramp ends."""
    bonus_bps: int
    premium_bps: int
    ceiling: int
    """Base units of the debt asset; ``NO_CEILING``, or 0 = no new debt (HALTED)."""
    crunch_permille: int
    regime: int
    regime_expiry: int
    """When it ends by itself; 0 while NORMAL."""
    observed_time: int
    observed_block: int
    sequence: int
    update_id: int
    staged_bps: int
    pending_bps: int
    pending_at: int
    """When it may be activated; 0 = none waits."""
    pending_liquidation_bps: int
    pending_liquidation_at: int
    age_seconds: int
    stale: bool
    """Whether the age is beyond the grace, so that the haircut widens."""
