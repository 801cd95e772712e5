"""Volatility estimators, one file each: from a price source's state to an annual sigma."""

from keeper.records.ports import Estimator
from keeper.volatility import window_means

ESTIMATORS: dict[str, Estimator] = {
    "window_means": window_means.estimate,
}
