"""Collateral and debt that fall together: same issuer, or a lower tail that they share (models.md 5.1).

A haircut assumes that the debt keeps its value while the collateral is sold. Where it does not, the pair's ordinary
volatility says too little, and its stressed one is used. Integers only: ranks and counts, no correlation matrix.
"""

from collections.abc import Sequence

from keeper.maths.fixed import cdiv
from keeper.records.units import BPS

TAIL_BPS = 500
"""Share of the observations that counts as the lower tail."""
THRESHOLD_BPS = 5_000
"""A coefficient above it means that the tails are one."""
LEAST_IN_TAIL = 10
"""Fewer observations in the tail say nothing."""


def lower_tail_bps(first: Sequence[int], second: Sequence[int], tail_bps: int = TAIL_BPS) -> int | None:
    """Lower tail coefficient: of the worst changes of one, the share that were also among the worst of the other.

    Parameters
    ----------
    first, second
        Changes over the same windows (mean ticks, any unit), one for each, equal lengths.
    tail_bps
        What counts as the worst.

    Returns
    -------
    int or None
        bps, rounded up; ties at the edge count as tail. None: too few observations.

    Raises
    ------
    ValueError
        When the lengths differ.
    """
    count = len(first)
    if count != len(second):
        raise ValueError(f"{count} changes of one, {len(second)} of the other")
    inside = count * tail_bps // BPS
    if inside < LEAST_IN_TAIL:
        return None
    edge_first, edge_second = sorted(first)[inside - 1], sorted(second)[inside - 1]
    both = sum(a <= edge_first and b <= edge_second for a, b in zip(first, second, strict=True))
    return min(BPS, cdiv(both * BPS, inside))


def is_wrong_way(*, same_issuer: bool, coefficient_bps: int | None) -> bool:
    """Whether the pair's stressed volatility counts. A coefficient without a value counts as shared tails."""
    return same_issuer or coefficient_bps is None or coefficient_bps > THRESHOLD_BPS


def pair_sigma(sigma_wad: int, stressed_pair_wad: int, *, same_issuer: bool, coefficient_bps: int | None) -> int:
    """Annual volatility of the pair, WAD: at least the stressed one where the way is wrong; never below its own."""
    if not is_wrong_way(same_issuer=same_issuer, coefficient_bps=coefficient_bps):
        return sigma_wad
    return max(sigma_wad, stressed_pair_wad)
