"""A volatility that neither falls asleep in calm nor doubles in a storm: stress weight, long floor, buffer.

``v = w RV**2 + (1-w) IV**2``, ``v' = (1-s) v + s stress**2``, ``max(sqrt v', floor, RV, sqrt v)``; all rounded up.
Every step is at or above the realised figure, so none of them can loosen. Pure integers: the fold may call them.
Reference: EMIR RTS 153/2013 art. 28 (25 % weight, long history, 25 % buffer); models.md 2.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.maths.fixed import cdiv, isqrt_up, mul_up
from keeper.records.units import BPS, WAD


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Settings of the blend."""

    stressed_wad: int
    """Annual volatility of the stressed observations; 0 with a weight of 0."""
    stress_weight_bps: int = 2_500
    """Their share of the variance."""
    floor_wad: int = 0
    """Annual volatility of the longest history."""
    realised_weight_bps: int = 5_000
    """Share of the realised variance where an implied one exists."""
    buffer_bps: int = 0
    """Extra volatility held in calm, given up as volatility rises past ``floor_wad``; 0 = none."""


@dataclass(frozen=True, slots=True)
class Blend:
    """One call of the blend, WAD."""

    blend: int
    """sqrt(v)."""
    with_stress: int
    """sqrt(v')."""
    sigma: int
    """What is used: the largest of all."""


def blend_up(realised_wad: int, implied_wad: int | None, rules: Smoothing) -> Blend:
    """Blend one realised and at most one implied annual volatility.

    Parameters
    ----------
    realised_wad
        Annual volatility, WAD.
    implied_wad
        The same from one implied source; None = it has no value.
    rules
        Weights, stress and floor.
    """
    share = BPS if implied_wad is None else rules.realised_weight_bps
    variance = share * realised_wad**2 + (BPS - share) * (implied_wad or 0) ** 2
    weight = rules.stress_weight_bps
    stressed = cdiv((BPS - weight) * variance + weight * BPS * rules.stressed_wad**2, BPS * BPS)
    mixed, with_stress = isqrt_up(cdiv(variance, BPS)), isqrt_up(stressed)
    return Blend(mixed, with_stress, max(with_stress, rules.floor_wad, realised_wad, mixed))


def smoothed_sigma_up(realised_wad: int, implied_wad: Sequence[int | None], rules: Smoothing) -> int:
    """The volatility to publish: the largest over the realised figure alone and with each implied one.

    One blend with a low implied figure can lie below that without it; the maximum cannot, so a source only ever
    raises (models.md 2.8, P12).
    """
    calls = [None, *(value for value in implied_wad if value is not None)]
    sigma = max(blend_up(realised_wad, value, rules).sigma for value in calls)
    return buffered_up(sigma, rules.floor_wad, rules.buffer_bps)


def buffered_up(sigma_wad: int, reference_wad: int, buffer_bps: int) -> int:
    """Add a buffer in calm and give it up as volatility rises past the reference, so that the sum stays level.

    ``sigma (1+b)`` up to the reference, ``reference (1+b)`` until volatility itself is there, then sigma.
    """
    return max(sigma_wad, cdiv(min(sigma_wad, reference_wad) * (BPS + buffer_bps), BPS))


def model_mult_up(kurtosis_wad: int, effective_n: int) -> int | None:
    """Model multiplier from the standard error of sigma: ``1 + 1.2816 sqrt((kurt-1) / (4 n))``, WAD (models.md 2.8).

    Parameters
    ----------
    kurtosis_wad
        Of the standardised changes, at least 1 WAD (3 WAD under normality).
    effective_n
        Observations that count; below 1 there is no value.
    """
    if effective_n < 1:
        return None
    error = isqrt_up(cdiv(max(0, kurtosis_wad - WAD) * WAD, 4 * effective_n))
    return WAD + mul_up(_NINETY_PERCENT, error)


_NINETY_PERCENT = 1_281_600_000_000_000_000
"""One-sided 90 % quantile of the normal distribution, rounded up to four digits."""
