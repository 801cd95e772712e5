"""Every estimator of today's annual volatility on one history, side by side: ``SIGMAS`` is the list.

To add one: a function from a history to a sigma or a reason, and a line in the dict. The daily models that must be
fitted first are in ``daily_models.DAILY_MODELS``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, bad_numbers, finite
from keeper.calibration.candles import DAY_SECONDS, History, last_days, log_returns, runs
from keeper.calibration.daily_models import Fit
from keeper.calibration.ewma import EFFECTIVE, ewma
from keeper.calibration.har import Har, fit_har
from keeper.calibration.noise import Realised, bandwidth_for, realised, subgrids_for
from keeper.calibration.ranges import Bars, close_to_close, garman_klass, parkinson, rogers_satchell, yang_zhang
from keeper.calibration.windows import OVERLAP_CORRELATION, window_mean_squares
from keeper.records.units import YEAR_SECONDS

YEAR_DAYS = YEAR_SECONDS // DAY_SECONDS
Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal: two-sided 95 %."""
RANGE_DAYS = 30
RECENT_DAYS = 30
LEAST_RECENT_DAYS = 5
LEAST_HISTORY = 30
"""Fewest daily returns that make a history."""
WINDOW_SECONDS = 1_800
"""The published estimator's window (design.md 5)."""
PUBLISHED_WINDOWS = 48
"""Windows that the published sigma rests on when a source starts, the fewest in ordinary work (design.md 5)."""
LEAST_WINDOWS = 4
POINTS_OF_COARSE = 4
"""Where candles are too long for half-hour means, a window is this many of them."""


@dataclass(frozen=True, slots=True)
class Sigma:
    """An annual volatility and how sure it is."""

    annual: float
    n: int
    """Observations behind it."""
    unit: str
    """What one observation is."""
    low: float | None = None
    """95 % interval, ``sigma / (1 +- 1.96 sqrt((kurt - 1) / 4n))``; None where the estimator has no such formula."""
    high: float | None = None


Estimator = Callable[[History], Sigma | NoValue]


def with_interval(annual: float, kurtosis: float, n: float, unit: str, count: int) -> Sigma:
    """Attach the 95 % interval of a mean of squares of ``n`` independent observations (models.md 2.3).

    The error is a share of the truth, not of the estimate, so the interval divides; a sample's kurtosis is low by
    ``n/(n+2)`` under normality. Both matter at 48 windows: without them the interval covers 92 %, with them 94 %.
    """
    error = Z_95 * math.sqrt(max(0.0, kurtosis * (n + 2) / n - 1) / (4 * n))
    high = annual / (1 - error) if error < 1 else None
    return Sigma(annual, count, unit, annual / (1 + error), high)


def kurtosis_of_squares(squares: Floats) -> float:
    """Fourth moment over the squared second, from squares; 1 when nothing moved."""
    mean = float(squares.mean())
    return float((squares**2).mean()) / mean**2 if mean else 1.0


@finite
def whole_history(history: History) -> Sigma | NoValue:
    """Root mean square of all daily log returns, holes left out: the longest memory there is."""
    returns = np.concatenate(log_returns(history))
    if problem := bad_numbers(returns, LEAST_HISTORY, "daily returns"):
        return problem
    squares = returns**2
    annual = math.sqrt(YEAR_DAYS * float(squares.mean()))
    return with_interval(annual, kurtosis_of_squares(squares), len(squares), "daily returns", len(squares))


@finite
def exponential(history: History) -> Sigma | NoValue:
    """EWMA, lambda 0.94, since the last hole."""
    returns = log_returns(history)[-1]
    path = ewma(returns)
    if isinstance(path, NoValue):
        return path
    annual = math.sqrt(YEAR_DAYS * path.next_variance)
    if not (path.variance > 0).all():
        return Sigma(annual, len(returns), "daily returns")
    squares = returns**2 / path.variance
    return with_interval(annual, kurtosis_of_squares(squares), EFFECTIVE, "daily returns", len(returns))


def of_har(pick: Callable[[Har], float]) -> Estimator:
    """Make an estimator of a HAR-RV forecast for the next day, from the days since the last hole."""

    @finite
    def sigma(history: History) -> Sigma | NoValue:
        days = last_days(history)
        found = fit_har(np.array([_realised_variance(history, *span) for span in history.spans[days]]))
        if isinstance(found, NoValue):
            return found
        return Sigma(math.sqrt(YEAR_DAYS * pick(found)), found.n, "daily realised variances")

    return sigma


def of_range(estimate: Callable[[Bars], float | NoValue]) -> Estimator:
    """Make an estimator of one that takes bars: the last 30 days."""

    @finite
    def sigma(history: History) -> Sigma | NoValue:
        bars = recent_bars(history)
        if isinstance(bars, NoValue):
            return bars
        variance = estimate(bars)
        if isinstance(variance, NoValue):
            return variance
        return Sigma(math.sqrt(YEAR_DAYS * variance), len(bars.open), "daily bars")

    return sigma


def of_days(pick: Callable[[Realised], float]) -> Estimator:
    """Make an estimator of a day's realised measure: the mean over the last 30 whole days."""

    @finite
    def sigma(history: History) -> Sigma | NoValue:
        spans = whole_days(history)[-RECENT_DAYS:]
        found = [measure_day(history, *span) for span in spans]
        measured = np.array([pick(day) for day in found if not isinstance(day, NoValue)])
        if len(measured) < LEAST_RECENT_DAYS and found and isinstance(found[-1], NoValue):
            return found[-1]
        if problem := bad_numbers(measured, LEAST_RECENT_DAYS, "whole days"):
            return problem
        mean = float(measured.mean())
        if mean <= 0:
            return NoValue("the estimated variance is not above 0")
        return Sigma(math.sqrt(YEAR_DAYS * mean), len(measured), "whole days")

    return sigma


@finite
def published_twin(history: History) -> Sigma | NoValue:
    """What the keeper's own estimator would say: equal weight over the last 48 windows of mean ticks."""
    points, seconds = window_shape(history)
    start, end = runs(history.candles.times, history.interval_seconds)[-1]
    closes = history.candles.close[max(start, end - PUBLISHED_WINDOWS * points) : end]
    if len(closes) < LEAST_WINDOWS * points:
        return NoValue(f"{len(closes) // points} windows since the last hole, {LEAST_WINDOWS} are needed")
    squares = window_mean_squares(closes, points)
    if isinstance(squares, NoValue):
        return squares
    annual = math.sqrt(YEAR_SECONDS / history.interval_seconds * float(squares.mean()))
    independent = effective_pairs(len(squares))
    return with_interval(annual, kurtosis_of_squares(squares), independent, f"{seconds} s windows", len(squares))


def effective_pairs(pairs: int) -> float:
    """Independent observations in so many squared differences of neighbouring window means."""
    return pairs / (1 + 2 * OVERLAP_CORRELATION**2)


def window_shape(history: History) -> tuple[int, int]:
    """(candles, seconds) of a window: half an hour where that holds two candles or more, else four candles."""
    interval = history.interval_seconds
    points = WINDOW_SECONDS // interval if 2 * interval <= WINDOW_SECONDS else POINTS_OF_COARSE
    return points, points * interval


def recent_bars(history: History, count: int = RANGE_DAYS) -> Bars | NoValue:
    """The last daily bars since the last hole."""
    days = last_days(history)
    if days.stop - days.start <= count:
        return NoValue(f"{days.stop - days.start} days since the last hole, {count + 1} are needed")
    return bars_of(history, slice(days.stop - count, days.stop))


def bars_of(history: History, days: slice) -> Bars:
    """Daily bars; the day before the first belongs to the same run."""
    rows = history.days
    before = rows.close[days.start - 1 : days.stop - 1]
    return Bars(rows.open[days], rows.high[days], rows.low[days], rows.close[days], before)


def whole_days(history: History) -> list[tuple[int, int]]:
    """Candles of the days that lack none; the jump tests need equal spacing."""
    return [span for span in history.spans if span[1] - span[0] == history.candles_per_day]


def measure_day(history: History, start: int, end: int) -> Realised | NoValue:
    """All realised measures of one day."""
    prices = _log_prices(history, start, end)
    if len(prices) < 3:
        return NoValue("one candle a day shows nothing of what happened inside it")
    return realised(prices, subgrids_for(prices), bandwidth_for(prices))


def sigma_of_fit(fit: Fit) -> Sigma:
    """One-step forecast of a daily model as an annual volatility."""
    return Sigma(math.sqrt(YEAR_DAYS * fit.next_variance) / 100, fit.n, "daily returns")


def _log_prices(history: History, start: int, end: int) -> Floats:
    rows = history.candles
    return np.log(np.concatenate((rows.open[start : start + 1], rows.close[start:end])))


def _realised_variance(history: History, start: int, end: int) -> float:
    """Sum of squared returns; across a missing candle it takes the one longer return, whose square is due as well."""
    steps = np.diff(_log_prices(history, start, end))
    return float(steps @ steps)


SIGMAS: dict[str, Estimator] = {
    "whole_history": whole_history,
    "ewma": exponential,
    "har_rv": of_har(lambda fit: fit.next_rv),
    "har_rv_log": of_har(lambda fit: fit.next_rv_log),
    "close_to_close": of_range(close_to_close),
    "parkinson": of_range(parkinson),
    "garman_klass": of_range(garman_klass),
    "rogers_satchell": of_range(rogers_satchell),
    "yang_zhang": of_range(yang_zhang),
    "realised": of_days(lambda day: day.rv),
    "two_scale": of_days(lambda day: day.tsrv_adjusted),
    "realised_kernel": of_days(lambda day: day.realised_kernel_parzen),
    "bipower": of_days(lambda day: day.bipower),
    "med_rv": of_days(lambda day: day.med_rv),
    "window_means": published_twin,
}
