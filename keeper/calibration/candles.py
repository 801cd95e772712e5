"""A price history made fit for estimators: holes named, stale candles and bad prints out, days built from candles.

Nothing is ever filled in, and no return crosses a hole unless its estimator may use one of that length.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from keeper.calibration.answers import Floats, NoValue, bad_numbers, bad_prices

DAY_SECONDS = 86_400
BAD_PRINT = 2.0
"""A candle that leaves its neighbours by more than this factor and comes back at once is a bad print.

Warning: a real crash that halves the price and undoes it inside one candle is taken out too; the report counts them.
The worst half hour of ETH from 2020 to 2024 was -10.7 %.
"""
WHOLE_DAY = 0.75
"""A day needs this share of its candles; the longest exchange outage in our data leaves 81 %."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Open, high, low, close and volume on a grid of times; every array has the same length."""

    times: Integers
    """Unix seconds at which the candle starts, strictly rising."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    """Whole units of the asset."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What the estimators read."""

    candles: Candles
    """Without stale candles and bad prints."""
    interval_seconds: int
    """Length of a candle."""
    days: Candles
    """UTC days that are whole enough; ``times`` is midnight."""
    spans: tuple[tuple[int, int], ...]
    """[start, end) in ``candles`` of each of the days."""
    stale: int
    """Flat candles without volume that were taken out: stale prices, not calm."""
    bad_prints: int
    """Candles that were taken out as bad prints."""
    holes: int
    """Stretches without candles between the first and the last one, after taking out."""
    longest_hole_seconds: int

    @property
    def candles_per_day(self) -> int:
        """How many candles a whole day has."""
        return DAY_SECONDS // self.interval_seconds


def history_of(raw: Candles) -> History | NoValue:
    """Check a price history and prepare it.

    Parameters
    ----------
    raw
        Candles as they were recorded, at least two.

    Returns
    -------
    History or NoValue
        The reason names what is wrong: too few, NaN, zero or negative prices, backward or duplicated times, a price
        outside its candle's range, times off the grid.
    """
    if problem := _bad_candles(raw):
        return problem
    steps = np.diff(raw.times)
    interval = int(steps.min())
    if DAY_SECONDS % interval:
        return NoValue(f"candles of {interval} seconds do not divide a day")
    if (steps % interval).any() or raw.times[0] % interval:
        return NoValue(f"times are not on a grid of {interval} seconds")
    stale = (raw.volume <= 0) & (raw.high == raw.low)
    if stale.all():
        return NoValue("nothing was traded: every candle is flat and without volume")
    traded = _take(raw, ~stale)
    bad = _bad_prints(traded)
    candles = _take(traded, ~bad)
    steps = np.diff(candles.times)
    missing = steps - interval
    starts, ends = _day_bounds(candles.times)
    per_day = DAY_SECONDS // interval
    counts = ends - starts
    enough = counts >= WHOLE_DAY * per_day
    return History(
        candles=candles,
        interval_seconds=interval,
        days=_days(candles, starts[enough], ends[enough]),
        spans=tuple((int(start), int(end)) for start, end in zip(starts[enough], ends[enough], strict=True)),
        stale=int(stale.sum()),
        bad_prints=int(bad.sum()),
        holes=int((missing > 0).sum()),
        longest_hole_seconds=int(missing.max(initial=0)),
    )


def runs(times: Integers, step: int) -> tuple[tuple[int, int], ...]:
    """[start, end) of every stretch of neighbours, oldest first.

    Parameters
    ----------
    times
        Unix seconds, rising.
    step
        Seconds between neighbours.
    """
    breaks = np.flatnonzero(np.diff(times) != step) + 1
    edges = [0, *(int(edge) for edge in breaks), len(times)]
    return tuple(pairwise(edges))


def log_returns(history: History) -> tuple[Floats, ...]:
    """Daily close-to-close log returns, one array a run of days without a hole; the last array ends with the data."""
    logs = np.log(history.days.close)
    return tuple(np.diff(logs[start:end]) for start, end in runs(history.days.times, DAY_SECONDS))


def last_days(history: History) -> slice:
    """The days since the last hole: what a filter that must know "now" may run over."""
    start, end = runs(history.days.times, DAY_SECONDS)[-1]
    return slice(start, end)


def _bad_candles(raw: Candles) -> NoValue | None:
    least = 2
    for name in ("open", "high", "low", "close"):
        if problem := bad_prices(getattr(raw, name), least, f"{name} prices"):
            return problem
    if problem := bad_numbers(raw.volume, least, "volumes"):
        return problem
    steps = np.diff(raw.times)
    if (steps <= 0).any():
        at = int(np.flatnonzero(steps <= 0)[0]) + 1
        what = "duplicated" if steps[at - 1] == 0 else "backward"
        return NoValue(f"the time of row {at + 1} is {what}")
    inside = (raw.low <= np.minimum(raw.open, raw.close)) & (raw.high >= np.maximum(raw.open, raw.close))
    if not inside.all():
        return NoValue(f"row {int(np.flatnonzero(~inside)[0]) + 1} opens or closes outside its own range")
    return None


def _bad_prints(candles: Candles) -> npt.NDArray[np.bool_]:
    body_high = np.maximum(candles.open, candles.close)
    body_low = np.minimum(candles.open, candles.close)
    wick = (candles.high > BAD_PRINT * body_high) | (candles.low * BAD_PRINT < body_low)
    spike = np.zeros(len(candles.times), dtype=np.bool_)
    steps = np.diff(np.log(candles.close))
    limit = float(np.log(BAD_PRINT))
    there, back = steps[:-1], steps[1:]
    spike[1:-1] = (np.minimum(abs(there), abs(back)) > limit) & (there * back < 0) & (abs(there + back) < limit)
    return wick | spike


def _take(candles: Candles, keep: npt.NDArray[np.bool_]) -> Candles:
    return Candles(
        candles.times[keep],
        candles.open[keep],
        candles.high[keep],
        candles.low[keep],
        candles.close[keep],
        candles.volume[keep],
    )


def _day_bounds(times: Integers) -> tuple[Integers, Integers]:
    breaks = np.flatnonzero(np.diff(times // DAY_SECONDS)) + 1
    edges = np.concatenate(([0], breaks, [len(times)])).astype(np.int64)
    return edges[:-1], edges[1:]


def _days(candles: Candles, starts: Integers, ends: Integers) -> Candles:
    spans = [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    return Candles(
        times=candles.times[starts] // DAY_SECONDS * DAY_SECONDS,
        open=candles.open[starts],
        high=np.array([candles.high[span].max() for span in spans]),
        low=np.array([candles.low[span].min() for span in spans]),
        close=candles.close[ends - 1],
        volume=np.array([candles.volume[span].sum() for span in spans]),
    )
