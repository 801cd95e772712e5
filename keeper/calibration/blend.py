"""The volatility that is believed when several sources speak: a source may raise it and never lower it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keeper.calibration.answers import NoValue, finite

WEIGHT_REALISED = 0.5
STRESS_WEIGHT = 0.25
"""Share of the stressed period, as EMIR RTS 153/2013 art. 28 asks of clearing houses."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Annual volatilities."""

    blend: float
    """Realised and implied."""
    with_stress: float
    sigma_used: float
    """The largest of the mix, the floor, the realised and the blend."""


@finite
def blend(  # noqa: PLR0917 - the formula's own arguments
    realised: float,
    implied: float | None,
    stressed: float,
    floor: float,
    weight_realised: float = WEIGHT_REALISED,
    stress_weight: float = STRESS_WEIGHT,
) -> Blend | NoValue:
    """Mix variances, one call of models.md 2.8: ``v = w RV**2 + (1-w) IV**2``, ``v' = (1-s) v + s stress**2``.

    Parameters
    ----------
    realised, stressed, floor
        Annual volatilities, at least 0.
    implied
        The same, or None when there is none.
    """
    if not all(math.isfinite(value) and value >= 0 for value in (realised, stressed, floor, implied or 0.0)):
        return NoValue("a volatility is negative or not finite")
    variance = realised**2
    if implied is not None:
        variance = weight_realised * realised**2 + (1 - weight_realised) * implied**2
    stress = math.sqrt((1 - stress_weight) * variance + stress_weight * stressed**2)
    return Blend(math.sqrt(variance), stress, max(stress, floor, realised, math.sqrt(variance)))


def one_way(realised: float, implied: Sequence[float], stressed: float, floor: float) -> float | NoValue:
    """Sigma over all sources: the largest call, one of them without any, so that no source lowers it (P12)."""
    highest = 0.0
    for source in (None, *implied):
        answer = blend(realised, source, stressed, floor)
        if isinstance(answer, NoValue):
            return answer
        highest = max(highest, answer.sigma_used)
    return highest
