"""From candles to readings: each bar is one sample of a pool whose mean tick is the middle of the bar's range.

The volatility comes from the keeper's own estimator, fed with the cumulatives that such a pool would have kept. Half
high plus low is the figure of a bar nearest to its time-weighted mean: over the half hours of our 5-minute files its
window variance is within 0.3 % of that of six finer bars; (open + close)/2 gives 17 % less (decision 0021).
"""

from collections.abc import Callable
from dataclasses import replace

from keeper.backtest.assumptions import POOL, Depth, DepthSource
from keeper.backtest.bars import Bar, PriceFile
from keeper.backtest.records import History, Reading
from keeper.errors import ConfigError
from keeper.maths.fixed import ln_wad
from keeper.maths.variance import LN_TICK_UP
from keeper.records.core import SourceCore
from keeper.records.live import ContractWords
from keeper.records.pools import Cumulative, UniswapV3State
from keeper.records.settings import MarketSettings, Settings
from keeper.records.units import BlockRef
from keeper.volatility import ESTIMATORS

BLOCK_SECONDS = 12
"""Heights are times divided by it."""
ESTIMATOR = "window_means"
DAY_SECONDS = 86_400

Progress = Callable[[str, int, int], None]
"""(what, done, of how many)"""


def read_history(  # noqa: PLR0917 - a history is made of these
    prices: PriceFile,
    market: MarketSettings,
    settings: Settings,
    words: ContractWords,
    depth: DepthSource,
    progress: Progress,
) -> History:
    """Readings at the end of every bar of the grid that the depth covers, missing ones included.

    Bars before it warm the volatility up.

    Raises
    ------
    ConfigError
        The bars are too coarse for the law's clocks, or depth is known at none of them.
    """
    interval = prices.interval_seconds
    if interval > settings.max_gap_seconds:
        remedy = f"give bars of at most {settings.max_gap_seconds} seconds"
        raise ConfigError(f"{prices.name}: bars of {interval} seconds are longer than the largest gap", remedy)
    bars = {bar.start: bar for bar in prices.bars}
    reasons = {fault.time: fault.reason for fault in prices.faults}
    source = _Source(settings, interval)
    since, until = depth.covers
    starts = range(prices.first, prices.last + 1, interval)
    readings = []
    for done, start in enumerate(starts):
        bar = bars.get(start)
        time = start + interval
        sigma, said = source.sample(bar, time)
        reason = said if bar else reasons.get(start, "there is no bar")
        if since <= time <= until:
            warm = time - max(prices.first, since) >= settings.warm_days * DAY_SECONDS
            readings.append(_reading(bar, time, interval, sigma, reason, depth.at(time), warm=warm))
        if done % 2000 == 0:
            progress(f"{prices.name}: volatility", done, len(starts))
    progress(f"{prices.name}: volatility", len(starts), len(starts))
    if not readings:
        raise ConfigError(f"{prices.name}: no bar lies inside the recorded depth", "give both of the same days")
    return History(
        name=prices.name,
        readings=tuple(readings),
        interval_seconds=interval,
        market=market,
        settings=settings,
        words=words,
        depth=depth.said,
        faults=prices.faults,
        absent=len(starts) - len(prices.bars) - len(prices.faults),
        stale=sum(bar.stale for bar in prices.bars),
    )


def _reading(  # noqa: PLR0917 - a reading is made of these
    bar: Bar | None, time: int, interval: int, sigma: int | None, reason: str, depth: Depth | None, *, warm: bool
) -> Reading:
    missing = [] if sigma is not None else [f"volatility: {reason}"]
    missing += [] if depth else ["depth: the recording has no row of this time"]
    return Reading(
        block=BlockRef(time // BLOCK_SECONDS, b"", time),
        window=time // interval,
        close_wad=bar.close if bar else None,
        low_wad=bar.low if bar else None,
        sigma_wad=sigma,
        q_star=depth.q_star if depth else None,
        cost=depth.cost if depth else 1.0,
        warm=warm,
        missing=tuple(missing),
    )


class _Source:
    """The pool that such bars would have been traded in, and the keeper's entry for it.

    Where a bar is missing, the pool keeps its tick as an idle one does, and the keeper has no value. The first window
    after it closes over the whole gap, as on chain: a jump counts once, over the time that it took.
    """

    def __init__(self, settings: Settings, interval: int) -> None:
        self._settings = settings
        self._interval = interval
        self._entry: SourceCore | None = None
        self._cumulative = 0
        self._tick_ln = 0
        """Twice ln of the price now, WAD."""
        self._traded = 0
        self._unbroken: dict[int, int] = {}
        """Cumulatives since the last hole, by time, until the source starts."""

    def sample(self, bar: Bar | None, time: int) -> tuple[int | None, str]:
        """(annual volatility or None, what spoke or why not) after a bar that ends at ``time``."""
        before = self._cumulative
        if bar is None:
            self._unbroken = {}
        else:
            self._tick_ln = ln_wad(bar.high) + ln_wad(bar.low)
        self._cumulative += self._tick_ln * self._interval // (2 * LN_TICK_UP)
        if bar is None:
            return None, "there is no bar"
        if self._entry is None and not self._unbroken:
            self._unbroken[time - self._interval] = before
        if self._entry is None:
            self._unbroken[time] = self._cumulative
        self._traded = self._traded if bar.stale else time
        block = BlockRef(0, b"", time)
        self._entry, said = ESTIMATORS[ESTIMATOR](self._entry, POOL, self._state(time), block, self._settings)
        if self._entry is not None:
            self._unbroken = {}
        return said.sigma_wad, said.reason

    def _state(self, time: int) -> UniswapV3State:
        return replace(
            _STATE,
            now=Cumulative(time, self._cumulative, 0),
            last_observation_time=self._traded,
            ring=() if self._entry else self._ring(time),
        )

    def _ring(self, time: int) -> tuple[Cumulative, ...]:
        """What the pool's ring would answer; nothing before it covers all windows that a start asks for."""
        window = max(self._settings.window_seconds, self._interval)
        times = [time - count * window for count in range(self._settings.bootstrap_windows, 0, -1)]
        if not all(past in self._unbroken for past in times):
            return ()
        return tuple(Cumulative(past, self._unbroken[past], 0) for past in times)


_STATE = UniswapV3State(
    sqrt_price_x96=1 << 96,
    tick=0,
    liquidity=0,
    ticks=(),
    lowest_tick=0,
    highest_tick=0,
    fee_growth0_x128=0,
    fee_growth1_x128=0,
    now=Cumulative(0, 0, 0),
    last_observation_time=0,
    harmonic=None,
    ring=(),
)
"""What the estimator does not look at."""
