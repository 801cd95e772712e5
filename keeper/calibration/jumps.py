"""How often the price jumps, and how much of the variance that is."""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import NoValue, finite
from keeper.calibration.candles import History
from keeper.calibration.noise import JUMP_Z
from keeper.calibration.sigmas import measure_day, whole_days

LEAST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Jumps:
    """Jump statistics over all whole days."""

    days: int
    flagged: int
    """Days whose test statistic is above 3.09."""
    expected_by_chance: float
    """How many there would be of so many days without any jump."""
    share_of_variance: float
    """Jump variation of the flagged days over the variance of all days."""
    largest: float
    """Root of the largest jump variation of a flagged day, a log return; 0 without one."""


@finite
def find_jumps(history: History) -> Jumps | NoValue:
    """Test every whole day for a jump (Barndorff-Nielsen and Shephard 2006, ratio form)."""
    found = [measure_day(history, *span) for span in whole_days(history)]
    measured = [day for day in found if not isinstance(day, NoValue)]
    if len(measured) < LEAST_DAYS:
        last = next((day.reason for day in reversed(found) if isinstance(day, NoValue)), "days lack candles")
        return NoValue(f"{len(measured)} days could be tested, {LEAST_DAYS} are needed: {last}")
    flagged = [day.jump_variation for day in measured if day.bns_ratio_z > JUMP_Z]
    total = float(np.sum([day.rv for day in measured]))
    return Jumps(
        days=len(measured),
        flagged=len(flagged),
        expected_by_chance=len(measured) * 0.5 * math.erfc(JUMP_Z / math.sqrt(2)),
        share_of_variance=sum(flagged) / total,
        largest=math.sqrt(max(flagged, default=0.0)),
    )
