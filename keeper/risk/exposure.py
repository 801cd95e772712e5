"""Debt ceiling and funding premium: how much borrowing the stressed depth carries, and what it costs where it does not.

Both bind new borrowing only. The ceiling is a share of what Q* is worth after the haircut, rounded down; the premium
rises with the part of the size that Q* does not cover, rounded up (decision 23).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from keeper.maths import ceiling
from keeper.maths.fixed import cdiv
from keeper.records.estimates import Estimates
from keeper.records.live import AuxWord, Law, LiveWord
from keeper.records.settings import ModelSettings
from keeper.records.units import BPS

CEILING_BAND_BPS = 1_000
"""A ceiling that changes by a tenth has changed."""

NO_OPINION = 0
"""As a ceiling in a report: what holds is kept (decision 6)."""

_LARGEST = (1 << 140) - 1
"""What 20 bits can say."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Premium and ceiling that are wanted, hold, or wait."""

    premium_bps: int
    ceiling: int
    """As in ``maths/ceiling.py``; 0 = none."""


def held(live: LiveWord) -> Exposure:
    """What holds."""
    return Exposure(live.premium_bps, live.ceiling)


def waiting(aux: AuxWord) -> Exposure:
    """What waits; meaningful while a pending is open."""
    return Exposure(aux.pending_premium_bps, aux.pending_ceiling)


def wanted(estimates: Estimates, haircut_bps: int, live: LiveWord, model: ModelSettings) -> Exposure:
    """What the model asks for; without an opinion the live premium, and :data:`NO_OPINION` on the ceiling.

    Parameters
    ----------
    estimates
        Q*, size and both prices; what has no value has no opinion.
    haircut_bps
        What the model asks for, at or above the live liquidation haircut.
    live
        What holds.
    model
        ``premium_max_bps`` and ``ceiling_share_bps``.
    """
    q_star, size = estimates.q_star, estimates.size
    premium, debt = live.premium_bps, NO_OPINION
    if model.premium_max_bps and q_star is not None and size is not None:
        premium = premium_up(q_star, size, model.premium_max_bps)
    prices = [row for row in (estimates.mid_price, estimates.oracle_price) if row is not None]
    if model.ceiling_share_bps and q_star is not None and prices:
        lowest = min(Fraction(row.numerator, row.denominator) for row in prices)
        debt = ceiling_down(q_star, lowest, haircut_bps, model.ceiling_share_bps)
    return Exposure(premium, debt)


def premium_up(q_star: int, size: int, most_bps: int) -> int:
    """``most * max(0, 1 - Q*/size)``, bps; 0 where nothing must be sold."""
    return cdiv(most_bps * max(0, size - q_star), size) if size else 0


def ceiling_down(q_star: int, price: Fraction, haircut_bps: int, share_bps: int) -> int:
    """Q* at a price (raw debt per raw collateral) after the haircut, times the share, encoded; at least one unit."""
    worth = price * q_star * Fraction((BPS - haircut_bps) * share_bps, BPS * BPS)
    return ceiling.encode_down(max(1, min(worth.numerator // worth.denominator, _LARGEST)))


def tightenings(goal: Exposure, start: Exposure, band_bps: int) -> Iterator[str]:
    """A clause for each of the two that asks for more safety by its band."""
    if goal.premium_bps - start.premium_bps >= band_bps:
        yield f"the premium rises from {start.premium_bps} to {goal.premium_bps} bps"
    if _falls(goal.ceiling, start.ceiling):
        before = ceiling.decode(start.ceiling) if start.ceiling else "none"
        yield f"the debt ceiling falls from {before} to {ceiling.decode(goal.ceiling)}"


def tighter(goal: Exposure, start: Exposure) -> Exposure:
    """What of the goal tightens, by however little; the rest stays."""
    lower = ceiling.is_lower(goal.ceiling, start.ceiling)
    return Exposure(max(goal.premium_bps, start.premium_bps), goal.ceiling if lower else NO_OPINION)


def looser(goal: Exposure, start: Exposure, law: Law) -> Exposure:
    """What of the goal loosens, by however little; the rest stays.

    A ceiling that the law lets no report raise is not asked for: that wish would wait for nothing, and keep a
    haircut's from opening.
    """
    higher = law.ceiling_stretch and ceiling.is_lower(start.ceiling, goal.ceiling)
    return Exposure(min(goal.premium_bps, start.premium_bps), goal.ceiling if higher else NO_OPINION)


def loosens_enough(goal: Exposure, start: Exposure, law: Law, band_bps: int) -> bool:
    """Whether a heartbeat should ask for it: a premium less by its band or gone, a ceiling higher by a tenth."""
    less = start.premium_bps - goal.premium_bps
    wish = looser(goal, start, law).ceiling
    return (
        less >= band_bps or (less > 0 and goal.premium_bps == 0) or (wish != NO_OPINION and _falls(start.ceiling, wish))
    )


def _falls(goal: int, start: int) -> bool:
    """Whether a ceiling is lower than another by the band; any is lower than none."""
    if not ceiling.is_lower(goal, start):
        return False
    return start == 0 or ceiling.decode(goal) * BPS <= ceiling.decode(start) * (BPS - CEILING_BAND_BPS)
