"""Volatility estimators, one file each: from a price source's state, or from a pool's fees, to an annual sigma."""

from keeper.records.ports import Estimator, ImpliedEstimator
from keeper.volatility import lvr, window_means

ESTIMATORS: dict[str, Estimator] = {
    "window_means": window_means.estimate,
}
"""Realised: what prices did."""

IMPLIED: dict[str, ImpliedEstimator] = {
    "lvr": lvr.estimate,
}
"""Implied: what liquidity providers are paid for; may only raise."""
