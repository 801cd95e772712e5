"""Widening of a haircut with the age of its report: what a reader gets while nobody writes (models.md 6.1).

Twin of ``widenedBps`` in contracts/src/libraries/HaircutMath.sol, bit for bit; the view computes it without a
transaction. It holds for borrowing power only and never for the liquidation haircut.
"""

from keeper.maths.fixed import cdiv, isqrt_up, mul_up
from keeper.records.units import BPS, WAD, YEAR_SECONDS

MAX_LATE_SECONDS = 1 << 64
"""An age beyond the grace of so many seconds counts as endless silence (in Solidity the formula would overflow)."""

MAX_KS_WAD = 1 << 128
"""Likewise a k sigma as large as that."""


def widened_bps(haircut_bps: int, ks_wad: int, age_seconds: int, grace_seconds: int, h_max_bps: int) -> int:
    """Effective haircut of a market whose report is ``age_seconds`` old.

    ``x = ks sqrt((age - grace) / year)``, ``h + (1 - h) x`` rounded up: a linear bound of ``1 - (1 - h) exp(-x)``,
    so never below the exact law.

    Parameters
    ----------
    haircut_bps
        Stored haircut; one at or above the cap is left as it is.
    ks_wad
        k times sigma, WAD per square root of a year.
    age_seconds
        Since the observed time of the report.
    grace_seconds
        Age up to which nothing widens.
    h_max_bps
        The cap.

    Returns
    -------
    int
        Basis points.
    """
    if age_seconds <= grace_seconds or haircut_bps >= min(h_max_bps, BPS):
        return haircut_bps
    late = age_seconds - grace_seconds
    if late >= MAX_LATE_SECONDS or ks_wad >= MAX_KS_WAD:
        return h_max_bps
    x = mul_up(ks_wad, isqrt_up(cdiv(late * WAD * WAD, YEAR_SECONDS)))
    return min(h_max_bps, haircut_bps + cdiv((BPS - haircut_bps) * x, WAD))
