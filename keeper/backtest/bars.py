"""Reads a price file: candles on a grid, every bad row named, nothing filled in.

A row that cannot be a price is no value, not an error: one bad print must not end a walk over four years. What would
make every later row doubtful (no header, times that run backwards, two prices for one time) is refused in one line.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from keeper.backtest.records import Fault
from keeper.errors import ConfigError
from keeper.records.units import WAD

COLUMNS = ("open", "high", "low", "close")
TIME_COLUMNS = ("ts", "time", "timestamp")
REMEDY = "give candles as CSV: ts (unix seconds, start), open, high, low, close, volume"
MIN_BARS = 100
"""Fewer say nothing about a tail."""
BAD_PRINT_FACTOR = 2
"""A bar that leaves its own body, or the last believed close, by more than this is a bad print until a second agrees.

Warning: a real crash that halves the price inside one bar is no value for that bar too; the report lists the times.
"""
_HIGHEST = 10**15 * WAD
_LATEST = 1 << 32
"""Times from here on are not unix seconds (milliseconds, most likely)."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle; prices in WAD."""

    start: int
    """Unix seconds."""
    open: int
    high: int
    low: int
    close: int
    stale: bool
    """Flat and without volume: an old price."""


@dataclass(frozen=True, slots=True)
class PriceFile:
    """Candles as they can be used."""

    name: str
    interval_seconds: int
    bars: tuple[Bar, ...]
    """Strictly rising, on the grid, bad ones left out."""
    faults: tuple[Fault, ...]
    """Those left out."""
    first: int
    """Start of the first row, good or bad."""
    last: int


def read_prices(path: Path) -> PriceFile:
    """Read one CSV, or one gzip'd CSV, of candles.

    Raises
    ------
    ConfigError
        The file is not there, is no such file, its times do not rise on a grid, or it is too short.
    """
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as source:
            rows, faults = _rows(path.name, csv.reader(source))
    except FileNotFoundError:
        raise ConfigError(f"there is no price file {path}", REMEDY) from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}", REMEDY) from None
    times = sorted([*(bar.start for bar in rows), *(fault.time for fault in faults)])
    if len(rows) < MIN_BARS:
        raise ConfigError(f"{path.name}: {len(rows)} good bars, {MIN_BARS} are needed", REMEDY)
    steps = Counter(later - earlier for earlier, later in pairwise(times))
    interval = max(steps, key=lambda step: (steps[step], -step))
    for time in times:
        if (time - times[0]) % interval:
            raise ConfigError(f"{path.name}: time {time} is off the grid of {interval} seconds", REMEDY)
    bars, suspects = believed(rows)
    return PriceFile(
        path.name.split(".")[0],
        interval,
        tuple(bars),
        tuple(sorted([*faults, *suspects], key=lambda fault: fault.time)),
        times[0],
        times[-1],
    )


def believed(bars: Iterable[Bar]) -> tuple[list[Bar], list[Fault]]:
    """Take out bad prints, knowing only the past: (bars that count, faults).

    A bar far from the last believed close is believed when the bar before it was as far and agrees: a price that has
    moved for good costs one bar.
    """
    good, faults, close, rumour = [], [], 0, 0
    for bar in bars:
        if _far(bar.high, max(bar.open, bar.close)) or _far(bar.low, min(bar.open, bar.close)):
            faults.append(Fault(bar.start, "a bad print: its range leaves its open and close by more than a factor 2"))
            continue
        jumped = close and (_far(bar.open, close) or _far(bar.close, close))
        if jumped and not (rumour and not _far(bar.open, rumour)):
            faults.append(Fault(bar.start, "a bad print: more than a factor 2 off the last close"))
            rumour = bar.close
            continue
        good.append(bar)
        close, rumour = bar.close, 0
    return good, faults


def _far(price: int, other: int) -> bool:
    return price > BAD_PRINT_FACTOR * other or price * BAD_PRINT_FACTOR < other


def _rows(name: str, source: Iterator[list[str]]) -> tuple[list[Bar], list[Fault]]:
    header = [cell.strip().lower() for cell in next(source, [])]
    time_column = next((column for column in TIME_COLUMNS if column in header), None)
    if time_column is None or not set(COLUMNS) <= set(header):
        raise ConfigError(f"{name}: the first line does not name its columns", REMEDY)
    places = [header.index(column) for column in (time_column, *COLUMNS)]
    volume = header.index("volume") if "volume" in header else None
    bars: list[Bar] = []
    faults: list[Fault] = []
    before: tuple[int, list[str]] | None = None
    for line, row in enumerate(source, start=2):
        if not row:
            continue
        time = _time(name, line, row, places[0])
        if before and time <= before[0]:
            if row == before[1]:
                continue
            what = "is there twice, with two prices" if time == before[0] else f"is before {before[0]}"
            raise ConfigError(f"{name}, line {line}: time {time} {what}", "sort the file and keep one row a time")
        before = (time, row)
        bar = _bar(time, row, places[1:], volume)
        if isinstance(bar, Fault):
            faults.append(bar)
        else:
            bars.append(bar)
    return bars, faults


def _time(name: str, line: int, row: list[str], place: int) -> int:
    try:
        time = int(row[place])
    except (ValueError, IndexError):
        raise ConfigError(f"{name}, line {line}: there is no time in it", REMEDY) from None
    if not 0 <= time < _LATEST:
        raise ConfigError(f"{name}, line {line}: {time} is not in unix seconds", REMEDY)
    return time


def _bar(time: int, row: list[str], places: list[int], volume: int | None) -> Bar | Fault:
    if len(row) <= max(*places, volume or 0):
        return Fault(time, "the row is too short")
    prices = [_price_wad(row[place]) for place in places]
    for place, price in zip(places, prices, strict=True):
        if not 0 < price < _HIGHEST:
            return Fault(time, f"{row[place]!r} is not a price")
    opened, high, low, close = prices
    if not low <= min(opened, close) <= max(opened, close) <= high:
        return Fault(time, "it opens or closes outside its own range")
    traded = volume is None or _price_wad(row[volume]) > 0
    return Bar(time, opened, high, low, close, stale=not traded and high == low)


def _price_wad(text: str) -> int:
    """WAD, rounded down; 0 for what is not a number."""
    try:
        value = Decimal(text)
        return int(value * WAD) if value.is_finite() else 0
    except InvalidOperation:
        return 0
