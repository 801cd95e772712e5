"""One volatility from many: what prices did, what pools' fees imply, what an index publishes (models.md 2.6 to 2.8).

The largest realised figure leads; every other source may only raise what comes of it (P12), and none of them ever
reaches the liquidation haircut.
"""

from collections.abc import Sequence

from keeper.maths.fixed import cdiv
from keeper.maths.variance import to_step_up
from keeper.records.estimates import ImpliedVolatility
from keeper.records.settings import FeedSettings, ModelSettings
from keeper.records.snapshot import FeedReading
from keeper.records.units import WAD
from keeper.risk.smoothing import Smoothing, smoothed_sigma_up
from keeper.risk.wrong_way import pair_sigma

MAX_SIGMA_WAD = 100 * WAD
"""10,000 % a year: nobody believes more, and the haircut's integers have room for it."""

PER_CENT = 100

MOST_REALISED = 2
"""Fees can be made up; so what they imply counts up to this many times what prices did (models.md 2.6)."""


def haircut_sigma_up(
    realised_wad: int, implied_wad: int | None, feeds: Sequence[ImpliedVolatility], model: ModelSettings
) -> int:
    """Annual volatility of the haircut, WAD, rounded up to 1 bp of volatility; never below the realised figure.

    Parameters
    ----------
    realised_wad
        Largest over the price sources.
    implied_wad
        :func:`implied_sigma` of the market's pools.
    feeds
        What volatility feeds say.
    model
        Floor, stress, weights, buffer, and whether collateral and debt fall together.
    """
    rules = Smoothing(
        stressed_wad=model.stressed_sigma_wad,
        stress_weight_bps=model.stress_weight_bps,
        floor_wad=model.sigma_floor_wad,
        realised_weight_bps=model.realised_weight_bps,
        buffer_bps=model.sigma_buffer_bps,
    )
    smoothed = smoothed_sigma_up(realised_wad, [implied_wad, *(row.sigma_wad for row in feeds)], rules)
    pair = pair_sigma(
        smoothed,
        model.stressed_sigma_wad,
        same_issuer=model.same_issuer,
        coefficient_bps=model.tail_coefficient_bps,
    )
    return to_step_up(pair)


def implied_sigma(pools: Sequence[ImpliedVolatility], realised_wad: int) -> int | None:
    """What the pools imply together: the median weighted by liquidity, at most twice the realised figure.

    Of two middle values the higher. The order of the pools does not matter.
    """
    rows = sorted(((row.sigma_wad, row.weight) for row in pools if row.sigma_wad is not None), reverse=True)
    total, above = sum(weight for _, weight in rows), 0
    for sigma, weight in rows:
        above += weight
        if 2 * above >= total:
            return min(sigma, MOST_REALISED * realised_wad)
    return None


def of_feed(feed: FeedSettings, reading: FeedReading) -> ImpliedVolatility:
    """An index in per cent a year as a volatility, rounded up; no value when it failed, is old or not believed."""
    if reading.answer is None:
        # The reader's own line begins with the feed's address.
        return ImpliedVolatility(feed.address, None, reading.failure.removeprefix(f"{feed.address}: "))
    sigma = cdiv(reading.answer * WAD, PER_CENT * 10**feed.decimals)
    if sigma > MAX_SIGMA_WAD:
        return ImpliedVolatility(feed.address, None, f"answer {reading.answer} is more than 10,000 % a year")
    return ImpliedVolatility(feed.address, sigma, "feed")
