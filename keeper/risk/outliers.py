"""Venues whose price the others do not confirm: named, and not counted (reliability.md T8).

Three or more venues have a majority; of two, the feed is the third voice. Leaving one out takes depth away and stops
all loosening, so whoever bends several thin pools to make a deep one look wrong can only tighten.
"""

from collections.abc import Sequence
from fractions import Fraction

from keeper.maths import twap
from keeper.maths.fixed import cdiv
from keeper.records.pools import PoolState, UniswapV3State
from keeper.records.units import BPS, Price
from keeper.risk.depth import upper_median

OUTLIER_BPS = 500
"""Farther off the median than this a venue is not of the same market; fees and blocks in between explain less."""

MAJORITY = 3


def off_median_bps(prices: Sequence[Price]) -> tuple[int, ...]:
    """How far each price is from the upper median of all, bps, rounded up; zeros when nobody has a majority."""
    if len(prices) < MAJORITY:
        return (0,) * len(prices)
    median = _fraction(upper_median(prices))
    return tuple(_distance_bps(_fraction(price), median) for price in prices)


def disagreement_bps(prices: Sequence[Price]) -> int:
    """How far two venues are apart, bps of the lower, rounded up; 0 for another number of venues."""
    if len(prices) != MAJORITY - 1:
        return 0
    low, high = sorted(map(_fraction, prices))
    return _distance_bps(high, low)


def unconfirmed(prices: Sequence[Price], oracle: Price | None) -> int | None:
    """Place of that one of two venues which neither the other nor the oracle confirms.

    None where the two agree, where there is no oracle, and where it is near both or neither of them.
    """
    if oracle is None or disagreement_bps(prices) <= OUTLIER_BPS:
        return None
    far = [at for at, price in enumerate(prices) if off_bps(price, oracle) > OUTLIER_BPS]
    return far[0] if len(far) == 1 else None


def off_bps(price: Price, reference: Price) -> int:
    """Distance of a price from a reference, bps of the reference, rounded up."""
    return _distance_bps(_fraction(price), _fraction(reference))


def spot_off_mean_ticks(state: PoolState) -> int | None:
    """Spot tick less the mean tick of the harmonic stretch: what a push of the last minutes shows in.

    None where the pool keeps no observations, or they do not reach back far enough.
    """
    mean = mean_tick_down(state)
    return None if mean is None or not isinstance(state, UniswapV3State) else state.tick - mean


def mean_tick_down(state: PoolState, *, inverted: bool = False) -> int | None:
    """Mean tick of the harmonic stretch, toward minus infinity; ``inverted`` for the price of token 1 in token 0."""
    if not isinstance(state, UniswapV3State) or state.harmonic is None or state.now.time <= state.harmonic.time:
        return None
    ends = (state.harmonic.tick_cumulative, state.now.tick_cumulative)
    return twap.mean_tick_down(*(ends[::-1] if inverted else ends), state.now.time - state.harmonic.time)


def _distance_bps(price: Fraction, reference: Fraction) -> int:
    worth = reference.numerator * price.denominator
    if not worth:
        return 0 if price == reference else BPS
    return cdiv(abs(price.numerator * reference.denominator - worth) * BPS, worth)


def _fraction(price: Price) -> Fraction:
    return Fraction(price.numerator, price.denominator)
