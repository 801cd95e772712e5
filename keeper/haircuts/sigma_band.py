"""A band of so many standard deviations, as pool-based lending protocols use it: ``h = 1 - exp(-k sigma sqrt(t))``.

For comparison: it knows neither how long a sale takes nor what it costs. aloe-ii takes 5 sigma over 24 h; here k is the
market's tail multiplier and t its ``tau0_seconds``. Rounded up.
"""

from keeper.haircuts.bars import bounded, of_log_losses, unquotable
from keeper.maths.fixed import cdiv, isqrt_up, mul_up
from keeper.records.estimates import Waterfall
from keeper.records.settings import ModelSettings
from keeper.records.units import WAD, YEAR_SECONDS


def waterfall(model: ModelSettings, sigma_wad: int, q_star: int) -> Waterfall:
    """Haircut of a market under its settings; the depth only decides whether anything can be sold at all."""
    if model.size > q_star == 0:
        return unquotable(model.haircut_max_bps)
    root = isqrt_up(cdiv(model.tau0_seconds * WAD * WAD, YEAR_SECONDS))
    move = mul_up(mul_up(model.k_wad, sigma_wad), root)
    return bounded(of_log_losses([("price_move", move)]), model.haircut_min_bps, model.haircut_max_bps)
