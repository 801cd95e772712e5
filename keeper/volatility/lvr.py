"""Volatility that one pool's fee growth implies, between two samples (models.md 2.6).

Whoever owns most of a pool can trade with himself almost for free, and volume can be starved, so the figure may only
raise a haircut. A pool with dust in range does not speak, and its figure moves by a set amount a day at most.
"""

from collections.abc import Sequence

from keeper.maths.fee_growth import lvr_sigma_up
from keeper.maths.fixed import cdiv, isqrt_down
from keeper.records.estimates import FeeSample, ImpliedVolatility
from keeper.records.pools import PoolState, UniswapV3State, UniswapV4State
from keeper.records.settings import ModelSettings

DAY_SECONDS = 86_400


def fee_sample(state: PoolState | None, time: int) -> FeeSample | None:
    """What later samples need of this one; None where a venue keeps no fee growth."""
    if not isinstance(state, UniswapV3State | UniswapV4State) or state.sqrt_price_x96 <= 0:
        return None
    return FeeSample(time, state.fee_growth0_x128, state.fee_growth1_x128, state.liquidity, state.sqrt_price_x96)


def estimate(source: str, now: FeeSample | None, past: Sequence[FeeSample], model: ModelSettings) -> ImpliedVolatility:
    """Annual volatility that a pool implies over the newest span that ends now.

    Parameters
    ----------
    source
        What the record calls the pool.
    now
        The pool at this sample.
    past
        The same pool at earlier samples, oldest first; a sample at which it could not be read is left out.
    model
        Span, least liquidity, largest change a day.

    Returns
    -------
    ImpliedVolatility
        A value, clamped against that of the span before where there is one; or the reason why there is none.
    """
    if now is None:
        return ImpliedVolatility(source, None, "this venue keeps no fee growth, or the pool could not be read")
    span = model.implied_seconds
    start = _start(now, past, span)
    if start is None:
        return ImpliedVolatility(source, None, f"no sample between {span} and {2 * span} seconds ago")
    lowest = _lowest(start, now, past)
    if lowest < model.implied_min_liquidity:
        reason = f"liquidity was down to {lowest}, at least {model.implied_min_liquidity} counts"
        return ImpliedVolatility(source, None, reason, lowest)
    sigma = _sigma_up(start, now)
    if sigma is None:
        return ImpliedVolatility(source, None, "no time has passed", lowest)
    before = _start(start, past, span)
    if before is not None and _lowest(before, start, past) >= model.implied_min_liquidity:
        sigma = _clamped_up(sigma, _sigma_up(before, start), now.time - start.time, model)
    return ImpliedVolatility(source, sigma, "fees", lowest)


def _start(end: FeeSample, past: Sequence[FeeSample], span: int) -> FeeSample | None:
    """Newest sample that is at least one span and at most two older than the end."""
    return next((row for row in reversed(past) if span <= end.time - row.time <= 2 * span), None)


def _lowest(start: FeeSample, end: FeeSample, past: Sequence[FeeSample]) -> int:
    """Lowest liquidity at any sample of the span, both ends included."""
    between = [row.liquidity for row in past if start.time <= row.time <= end.time]
    return min([*between, start.liquidity, end.liquidity])


def _sigma_up(start: FeeSample, end: FeeSample) -> int | None:
    # The price in between is not known; the geometric mean of both ends is right for a steady drift.
    mean = max(1, isqrt_down(start.sqrt_price_x96 * end.sqrt_price_x96))
    before, after = ((row.growth0_x128, row.growth1_x128, row.time) for row in (start, end))
    return lvr_sigma_up(before, after, mean)


def _clamped_up(sigma: int, earlier: int | None, seconds: int, model: ModelSettings) -> int:
    """Within the change that the time between two spans allows."""
    if earlier is None:
        return sigma
    change = cdiv(model.implied_change_wad * seconds, DAY_SECONDS)
    return max(min(sigma, earlier + change), earlier - change)
