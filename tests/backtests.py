"""Small price histories for the tests of the backtest: bars from closes, a history from bars."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from keeper.backtest.assumptions import constant_product, market_of, starting_model, starting_settings, starting_words
from keeper.backtest.bars import read_prices
from keeper.backtest.readings import read_history
from keeper.backtest.records import History
from keeper.records.settings import ModelSettings

START = 1_600_560_000
STEP = 1800
HOUR = 3600
SIZE = 10**18

Row = tuple[int, object, object, object, object, object]


def rows_of(closes: Sequence[float | None], start: int = START, step: int = STEP) -> list[Row]:
    """A bar a close, opened at the close before; None leaves the bar out."""
    rows: list[Row] = []
    before = next(close for close in closes if close is not None)
    for at, close in enumerate(closes):
        if close is None:
            continue
        rows.append((start + at * step, before, max(before, close), min(before, close), close, 1.0))
        before = close
    return rows


def write_rows(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    lines = ["ts,open,high,low,close,volume", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def history_of(path: Path, rows: Iterable[Sequence[object]], reserve: int = 100, **changes: object) -> History:
    """The history that the command would read from these rows; ``changes`` are the model's."""
    prices = read_prices(write_rows(path / "prices.csv", rows))
    model: ModelSettings = replace(starting_model("liquidity_adjusted", 6 * HOUR, SIZE), **changes)
    market = market_of(prices.name, model)
    depth = constant_product(reserve * SIZE, model)
    return read_history(prices, market, starting_settings(market), starting_words(), depth, silent)


def wobble(count: int, price: float = 1000.0, step: float = 0.002) -> list[float]:
    """A price that goes up and down by the same share, with a period of three bars: volatile and going nowhere."""
    return [price * (1 + step * ((at % 3) - 1)) for at in range(count)]
