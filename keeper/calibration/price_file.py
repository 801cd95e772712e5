"""Reads the files that calibration starts from: candles, option chains. A bad line is named and nothing is guessed."""

import csv
import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keeper.calibration.candles import Candles
from keeper.calibration.implied import YEAR_MINUTES, Quote
from keeper.errors import ConfigError

CANDLE_COLUMNS = ("ts", "open", "high", "low", "close", "volume")
CHAIN_COLUMNS = ("expiry_minutes", "strike", "call_bid", "call_ask", "put_bid", "put_ask")
MIN_EPOCH, MAX_EPOCH = 0, 1 << 32
"""Unix seconds; a larger number is milliseconds."""


def read_candles(file: Path) -> Candles:
    """Read a CSV of candles, gzip'd when its name ends with .gz; rows without a gap or with, rising in time.

    Raises
    ------
    ConfigError
        The file is missing, not such a CSV, or a row is not numbers, not above 0, outside its own range, or not
        later than the row before. The message names the line.
    """
    rows: list[tuple[float, ...]] = []
    last = -1
    for line, row in _rows(file, CANDLE_COLUMNS):
        when = row[0]
        if when != int(when) or not MIN_EPOCH <= when < MAX_EPOCH:
            raise _bad(file, line, f"ts {when:.15g} is not a time", "give unix seconds, the start of the candle")
        if when <= last:
            what = "stands twice" if when == last else f"is before {last} in the line above"
            raise _bad(file, line, f"ts {int(when)} {what}", "sort the rows by time and keep each time once")
        _check_prices(file, line, row)
        last = int(when)
        rows.append(row)
    if len(rows) < 2:
        raise ConfigError(f"{file.name}: {len(rows)} candles", "give at least two; 30 days give a first sigma")
    table = np.array(rows)
    return Candles(table[:, 0].astype(np.int64), *(table[:, at].copy() for at in range(1, len(CANDLE_COLUMNS))))


def read_chain(file: Path) -> dict[float, list[Quote]]:
    """Read an option chain; answers the quotes of each expiry, in years, strikes rising.

    Raises
    ------
    ConfigError
        As :func:`read_candles`; also when a bid is above its ask.
    """
    expiries: dict[float, list[Quote]] = {}
    for line, row in _rows(file, CHAIN_COLUMNS):
        minutes, strike, call_bid, call_ask, put_bid, put_ask = row
        if minutes <= 0 or strike <= 0:
            raise _bad(file, line, "expiry_minutes and strike must be above 0", "minutes are counted from now")
        if min(call_bid, put_bid) < 0 or call_bid > call_ask or put_bid > put_ask:
            raise _bad(file, line, "a bid is negative or above its ask", "write 0 for no bid")
        quotes = expiries.setdefault(minutes / YEAR_MINUTES, [])
        if any(quote.strike == strike for quote in quotes):
            raise _bad(file, line, f"strike {strike:.15g} stands twice for this expiry", "keep one")
        quotes.append(Quote(strike, (call_bid + call_ask) / 2, (put_bid + put_ask) / 2, call_bid, put_bid))
    if not expiries:
        raise ConfigError(f"{file.name} has no rows", f"its columns are {', '.join(CHAIN_COLUMNS)}")
    return {years: sorted(expiries[years], key=lambda quote: quote.strike) for years in sorted(expiries)}


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[float, ...]]]:
    """(line number, numbers in the order of ``columns``)."""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8", newline="") as source:
            table = csv.DictReader(source)
            missing = [name for name in columns if name not in (table.fieldnames or ())]
            if missing:
                raise ConfigError(f"{file.name} has no column {missing[0]}", f"its columns are {', '.join(columns)}")
            for row in table:
                yield table.line_num, tuple(_number(file, table.line_num, name, row[name]) for name in columns)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file", "name a CSV of candles, or its .csv.gz") from None
    except OSError as error:
        raise ConfigError(f"{file.name} cannot be read: {error.strerror or error}", "see that it is a file") from None
    except (UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise ConfigError(f"{file.name} is not a readable CSV: {error}", "write it again") from None


def _number(file: Path, line: int, name: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _bad(file, line, f"{name} is {text!r}, not a number", "leave out candles that are not known")
    return value


def _check_prices(file: Path, line: int, row: tuple[float, ...]) -> None:
    _, opened, high, low, close, volume = row
    for name, value in zip(CANDLE_COLUMNS[1:5], row[1:5], strict=True):
        if value <= 0:
            raise _bad(file, line, f"{name} is {value:.15g}", "a price is above 0; leave such candles out")
    if volume < 0:
        raise _bad(file, line, f"volume is {volume:.15g}", "write 0 where nothing was traded")
    if not (low <= min(opened, close) and max(opened, close) <= high):
        raise _bad(file, line, "open or close lies outside low and high", "check the order of the columns")


def _bad(file: Path, line: int, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{file.name} line {line}: {what}", remedy)
