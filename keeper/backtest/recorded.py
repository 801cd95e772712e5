"""Depth from a recording: what a Uniswap v3 pool had in range, minute by minute, beside the candles of its price.

A recording holds the active liquidity and the tick, not the positions. So the pool is taken as the pair that it is
around its price, with the same liquidity at every price: right while a sale stays inside the range of most positions.
"""

import csv
import gzip
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import log10
from pathlib import Path

from keeper.backtest.assumptions import PAIR, Depth, sale_cost
from keeper.backtest.bars import PriceFile
from keeper.errors import ConfigError
from keeper.maths.tick_math import MAX_TICK, sqrt_ratio_at_tick
from keeper.records.pools import UniswapV2State
from keeper.records.settings import ModelSettings
from keeper.records.units import BPS, WAD, Price
from keeper.risk.depth import measure, stressed_depth
from keeper.venues import VENUES

COLUMNS = ("timestamp", "closeTick", "currentLiquidity")
REMEDY = "give a recording as CSV: timestamp (UTC), closeTick, currentLiquidity; as data/liquidity/uniswap_v3_*.csv.gz"
SPAN_SECONDS = 1800
"""Liquidity counts up to its harmonic mean over so long a time, as in the fold (models.md 4)."""
STALE_SECONDS = 600
"""An older row says nothing about now."""
DAY_SECONDS, TRAILING_DAYS = 86_400, 30
NEAREST_DECIMALS = 0.02
"""How far the pool's price may be off the candles', in powers of ten (5 %), to be the same pair."""


@dataclass(frozen=True, slots=True)
class Row:
    """The pool at the end of one recorded stretch."""

    time: int
    """Unix seconds."""
    tick: int
    liquidity: int


def read_recordings(paths: Sequence[Path]) -> list[Row]:
    """Read the files of one pool, in any order.

    Raises
    ------
    ConfigError
        A file is not there or is no recording, or one time is there twice.
    """
    rows = [row for path in paths for row in _read(path)]
    rows.sort(key=lambda row: row.time)
    for at in range(1, len(rows)):
        if rows[at].time == rows[at - 1].time:
            raise ConfigError(f"--depth: the time {_told(rows[at].time)} is there twice", "give each file once")
    return rows


def _read(path: Path) -> Iterator[Row]:
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as source:
            table = csv.DictReader(source)
            if not set(COLUMNS) <= set(table.fieldnames or ()):
                raise ConfigError(f"{path.name}: the first line does not name its columns", REMEDY)
            for line, cells in enumerate(table, start=2):
                yield _row(f"{path.name}, line {line}", [cells[name] or "" for name in COLUMNS])
    except FileNotFoundError:
        raise ConfigError(f"there is no recording {path}", REMEDY) from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}", REMEDY) from None


def _row(where: str, cells: Sequence[str]) -> Row:
    try:
        time = datetime.fromisoformat(cells[0])
        tick, liquidity = Decimal(cells[1]), int(cells[2])
    except (ValueError, InvalidOperation):
        raise ConfigError(f"{where}: no time, tick and liquidity in it", REMEDY) from None
    if not tick.is_finite() or abs(tick) > MAX_TICK or tick % 1 or not 0 <= liquidity < 1 << 128:
        raise ConfigError(f"{where}: no pool has this tick or liquidity", REMEDY)
    # A row is named by the start of its minute and holds what was there at its end.
    return Row(int(time.replace(tzinfo=UTC).timestamp()) + 60, int(tick), liquidity)


def opened(paths: Sequence[Path], prices: PriceFile, model: ModelSettings) -> "Recording":
    """The recording beside its pair's candles.

    Raises
    ------
    ConfigError
        The files are no recording, of no day of the candles, or of another pair.
    """
    rows = read_recordings(paths)
    ticks = {row.time: row.tick for row in rows}
    ends = [(bar.start + prices.interval_seconds, bar.close) for bar in prices.bars]
    both = [(ticks[time], close) for time, close in ends if time in ticks]
    if not both:
        raise ConfigError(f"{prices.name}: no bar lies inside the recorded depth", "give both of the same days")
    return Recording(rows, model, collateral_is_token0=_collateral_is_token0(both))


class Recording:
    """Depth at any time that the rows cover.

    Parameters
    ----------
    rows
        Of one pool, times rising.
    model
        Size in raw collateral, f_depth, the liquidator's terms.
    collateral_is_token0
        Else it is token 1.
    """

    def __init__(self, rows: Sequence[Row], model: ModelSettings, *, collateral_is_token0: bool) -> None:
        self._rows = rows
        self._times = [row.time for row in rows]
        self._model = model
        self._minima: dict[int, int] = {}
        self._is_token0 = collateral_is_token0

    @property
    def said(self) -> str:
        """One sentence for the report."""
        first, last = _told(self._times[0]), _told(self._times[-1])
        return (
            f"sold into what a recorded v3 pool had in range ({len(self._rows)} rows, {first} to {last} UTC; the same "
            f"liquidity at every price, at most its harmonic mean of {SPAN_SECONDS} s, at a fee of "
            f"{PAIR.fee_pips / 10_000:g} %); at {self._model.depth_factor_bps / 100:g} % of it, in parts of at most "
            "Q*; only readings inside of it are judged"
        )

    @property
    def covers(self) -> tuple[int, int]:
        """First and last time at which it may have a value."""
        return self._times[0], self._times[-1] + STALE_SECONDS

    def at(self, time: int) -> Depth | None:
        """Depth as it was known at a time; None where the newest row is too old. Times must not fall."""
        end = bisect_right(self._times, time)
        if not end or time - self._times[end - 1] > STALE_SECONDS:
            return None
        start = bisect_right(self._times, time - SPAN_SECONDS)
        seen = [row.liquidity for row in self._rows[start:end]]
        mean = 0 if 0 in seen else int(len(seen) / sum(Fraction(1, one) for one in seen))
        bound, reserve = self._bound(self._rows[end - 1].tick, min(seen[-1], mean))
        day = time // DAY_SECONDS
        self._minima[day] = min(bound, self._minima.get(day, bound))
        minima = [value for known, value in self._minima.items() if day - TRAILING_DAYS < known <= day]
        model = self._model
        q_star = stressed_depth(bound, minima, model.depth_factor_bps)
        cost = sale_cost(reserve * model.depth_factor_bps // BPS, model.size, q_star)
        return Depth(q_star, cost, self.said)

    def _bound(self, tick: int, liquidity: int) -> tuple[int, int]:
        """(largest sale that a liquidator takes, collateral of the pair that the pool is around its price)."""
        sqrt = sqrt_ratio_at_tick(tick)
        reserves = (liquidity << 96) // sqrt, liquidity * sqrt >> 96
        collateral, debt = reserves if self._is_token0 else reserves[::-1]
        if not collateral or not debt:
            return 0, 0
        curve = VENUES[PAIR.venue].curve(PAIR, UniswapV2State(collateral, debt))
        return measure([curve], Price(debt, collateral), self._model).bound or 0, collateral


def _collateral_is_token0(both: Sequence[tuple[int, int]]) -> bool:
    """Which side of the pool has the candles' price, but for decimals, which are one power of ten at all times.

    Raises
    ------
    ConfigError
        Neither has, or both have: a price that never moves may tell nothing.
    """
    points = [(tick * log10(1.0001), log10(close / WAD)) for tick, close in both]
    sides = {True: [raw - close for raw, close in points], False: [raw + close for raw, close in points]}
    spread = {side: max(values) - min(values) for side, values in sides.items()}
    fits = [
        side
        for side, values in sides.items()
        if spread[side] <= min(spread.values()) and abs(values[0] - round(values[0])) < NEAREST_DECIMALS
    ]
    if len(fits) != 1:
        what = "--depth: the recorded pool's price is not that of the candles"
        raise ConfigError(what, "give a recording of the same pair and days")
    return fits[0]


def _told(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
