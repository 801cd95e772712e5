"""The fold's liquidation haircut: what all inputs ask for open loans, and what no single actor could make them ask.

The second figure uses the second-highest price source and only holders that governance listed, so whoever pushes one
pool, or supplies what the list does not cover, does not reach it (decision 31).
"""

from dataclasses import replace

from keeper.haircuts import MODELS
from keeper.records.estimates import Estimates
from keeper.records.settings import MarketSettings, ModelSettings
from keeper.records.snapshot import MarketSnapshot
from keeper.risk.positions import sizing_of
from keeper.risk.targets import LEAST_SOURCES


def loans_bps(model: ModelSettings, size: int, realised_wad: int, q_star: int) -> int:
    """Liquidation haircut of the model, bps: from what prices did, over time, and nothing else.

    Parameters
    ----------
    model
        Settings; their own size does not count.
    size
        Collateral that must be sold, raw units.
    realised_wad
        Realised annual volatility, WAD.
    q_star
        Stressed depth, unit of the size.
    """
    return MODELS[model.model](replace(model, size=size), max(realised_wad, model.sigma_floor_wad), q_star).haircut_bps


def supported_bps(estimates: Estimates, snapshot: MarketSnapshot, market: MarketSettings) -> int | None:
    """Liquidation haircut that the second-highest price source and the listed holders ask for alone, bps.

    None where nobody needs it (an advisory profile) or there are fewer than two price sources with a value.
    """
    speaking = sorted(row.sigma_wad for row in estimates.sources if row.sigma_wad is not None)
    bounded = snapshot.words is not None and snapshot.words.limits.bounded
    if not bounded or len(speaking) < LEAST_SOURCES or estimates.q_star is None or estimates.size is None:
        return None
    held = snapshot.positions and snapshot.positions.state
    listed = sizing_of(held, market).listed if held else estimates.size
    return loans_bps(market.model, listed, speaking[-LEAST_SOURCES], estimates.q_star)
