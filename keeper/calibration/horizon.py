"""What happens within the time that a liquidation takes: scaling of variance, first passage, silences of the source."""

import math
from dataclasses import dataclass

import numpy as np

from keeper.calibration.answers import Floats, NoValue, finite
from keeper.calibration.candles import DAY_SECONDS, Candles, History, runs
from keeper.calibration.student_t import ES_CONFIDENCE
from keeper.calibration.tails import historical_risk

LEAST_STARTS = 1_000
HOUR = 3_600
HALF_LIVES = (DAY_SECONDS, 11 * DAY_SECONDS)
"""Of the published accumulators; the larger variance counts (design.md 5)."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Losses over stretches of one length, from every candle on, in log returns and in sigmas of the moment."""

    seconds: int
    starts: int
    """Overlapping stretches."""
    independent: int
    """How many of them do not overlap."""
    variance_ratio: float
    """Variance over the stretch against the root-of-time rule from one candle; above 1 the rule is too low."""
    terminal_es_99: float
    """Expected shortfall of the loss at the end, log return."""
    first_passage_es_99: float
    """The same of the largest loss on the way: what counts where others choose the moment."""
    terminal_multiple_99: float
    """Expected shortfall of the loss at the end over ``sigma sqrt(t)``, sigma as the accumulators had it then."""
    first_passage_multiple_99: float
    """The same of the largest loss on the way: what k times the model multiplier would have had to be."""


@finite
def measure_horizon(history: History, seconds: int) -> Horizon | NoValue:
    """Losses over ``seconds``, rounded up to whole candles; no stretch crosses a hole.

    Warning: stretches overlap, so their number says little about certainty; ``independent`` does.
    """
    candles, steps = history.candles, -(-seconds // history.interval_seconds)
    logs, lows = np.log(candles.close), np.log(candles.low)
    spans = [span for span in runs(candles.times, history.interval_seconds) if span[1] - span[0] > steps]
    starts = np.concatenate([np.arange(a, b - steps) for a, b in spans]) if spans else np.empty(0, dtype=np.int64)
    # The slow accumulator must have forgotten its start before its sigma is used.
    starts = starts[starts >= HALF_LIVES[1] // history.interval_seconds]
    if len(starts) < LEAST_STARTS:
        return NoValue(f"{len(starts)} stretches of {seconds} s without a hole, {LEAST_STARTS} are needed")
    lowest = np.lib.stride_tricks.sliding_window_view(lows[1:], steps)
    ends, passage = logs[starts] - logs[starts + steps], logs[starts] - lowest[starts].min(axis=1)
    scale = np.sqrt(trailing_variance(candles, history.interval_seconds)[starts] * steps)
    if not scale.all():
        return NoValue("the price did not move")
    single = logs[starts + 1] - logs[starts]
    found = [historical_risk(losses, ES_CONFIDENCE) for losses in (ends, passage, ends / scale, passage / scale)]
    figures = [risk.es for risk in found if not isinstance(risk, NoValue)]
    ratio = float(np.mean(ends**2)) / (steps * float(np.mean(single**2)))
    return Horizon(seconds, len(starts), len(starts) // steps, ratio, *figures)


def trailing_variance(candles: Candles, interval_seconds: int) -> Floats:
    """Variance per candle as the published accumulators would have had it at each candle; the larger of the two.

    A return across a hole counts as one over its own time, as in the published form.
    """
    lengths = np.diff(candles.times) / interval_seconds
    rates = np.diff(np.log(candles.close)) ** 2 / lengths
    day = max(1, DAY_SECONDS // interval_seconds)
    paths = []
    for half_life in HALF_LIVES:
        keeps = 0.5 ** (lengths * interval_seconds / half_life)
        current = float(rates[:day].mean())
        path = [current]
        for rate, keep in zip(rates.tolist(), keeps.tolist(), strict=True):
            current = keep * current + (1 - keep) * rate
            path.append(current)
        paths.append(np.array(path))
    return np.asarray(np.maximum(*paths))


def tau0_for(history: History, seconds: int) -> tuple[int, str]:
    """Horizon of an order that depth takes at once, and why: as given, or the source's longest silence when longer.

    A hole of more than a day is the file's, not the market's, and does not count.
    """
    silence = history.longest_hole_seconds
    if silence > DAY_SECONDS:
        return seconds, f"as given; a hole of {silence // HOUR} h in the file says nothing about feeds"
    whole = math.ceil(silence / HOUR) * HOUR
    if whole > seconds:
        return whole, f"longest silence of the source, {silence} s, up to whole hours"
    return seconds, f"as given; longest silence of the source, {silence} s, is shorter"
