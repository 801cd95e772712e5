"""Price files with every trap: one clear line, or a row without a value; nothing is filled in."""

import gzip
from pathlib import Path

import pytest
from backtests import START, STEP, rows_of, wobble, write_rows

from keeper.backtest.bars import believed, read_prices
from keeper.errors import ConfigError
from keeper.records.units import WAD

GOOD = rows_of(wobble(200))


def test_prices_are_read_to_the_last_digit_plain_or_packed(tmp_path: Path) -> None:
    plain = write_rows(tmp_path / "eth.csv", GOOD)
    packed = tmp_path / "eth.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first, second = read_prices(plain), read_prices(packed)
    assert first == second
    assert (first.name, first.interval_seconds, len(first.bars), first.faults) == ("eth", STEP, 200, ())
    exact = read_prices(write_rows(tmp_path / "x.csv", [(START, "0.1", "0.3", "0.1", "0.3", "1"), *GOOD[1:]]))
    assert (exact.bars[0].open, exact.bars[0].high) == (WAD // 10, 3 * WAD // 10)


@pytest.mark.parametrize("price", ["nan", "0", "-5", "inf", "", "abc", "1e400", "0x10"])
def test_a_row_that_is_no_price_is_no_value(tmp_path: Path, price: str) -> None:
    time = GOOD[50][0]
    rows = [*GOOD[:50], (time, price, price, price, price, 1), *GOOD[51:]]
    got = read_prices(write_rows(tmp_path / "x.csv", rows))
    assert len(got.bars) == 199
    assert [(fault.time, fault.reason) for fault in got.faults] == [(time, f"{price!r} is not a price")]


def test_a_bar_that_leaves_its_own_range_is_no_value(tmp_path: Path) -> None:
    rows = [*GOOD[:50], (GOOD[50][0], 1000, 1001, 999, 1002, 1), *GOOD[51:]]
    (fault,) = read_prices(write_rows(tmp_path / "x.csv", rows)).faults
    assert fault.reason == "it opens or closes outside its own range"


def test_a_row_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    rows = [*GOOD[:50], GOOD[49], *GOOD[50:]]
    assert (
        read_prices(write_rows(tmp_path / "x.csv", rows)).bars == read_prices(write_rows(tmp_path / "y.csv", GOOD)).bars
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*GOOD[:50], (GOOD[49][0], 1, 1, 1, 1, 1), *GOOD[50:]], r"line 52: time \d+ is there twice, with two prices"),
        ([*GOOD[:50], *GOOD[60:], *GOOD[50:60]], r"line 192: time \d+ is before \d+"),
        ([*GOOD[:50], (GOOD[50][0] + 7, 1, 1, 1, 1, 1), *GOOD[51:]], r"time \d+ is off the grid of 1800 seconds"),
        ([(row[0] * 1000, *row[1:]) for row in GOOD], r"is not in unix seconds"),
        ([("soon", *GOOD[0][1:]), *GOOD[1:]], r"line 2: there is no time in it"),
        (GOOD[:20], r"20 good bars, 100 are needed"),
    ],
)
def test_what_makes_every_later_row_doubtful_is_one_clear_line(
    tmp_path: Path, rows: list[tuple[object, ...]], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_prices(write_rows(tmp_path / "x.csv", rows))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    headless = tmp_path / "headless.csv"
    headless.write_text("1600560000,1,2,1,2,5\n" * 200)
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"not packed")
    for path, words in (
        (headless, "does not name its columns"),
        (broken, "cannot be read"),
        (tmp_path / "none.csv", "there is no price file"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_prices(path)


def test_a_bad_print_is_out_and_a_price_that_stays_costs_one_bar(tmp_path: Path) -> None:
    times = range(START, START + 400 * STEP, STEP)
    spike = [1000.0] * 50 + [5000.0] + [1000.0] * 349
    rows = [(time, close, close, close, close, 1) for time, close in zip(times, spike, strict=True)]
    rows[100] = (rows[100][0], 1000, 1000, 10, 1000, 1)
    rows[200:] = [(row[0], 400, 400, 400, 400, 1) for row in rows[200:]]
    got = read_prices(write_rows(tmp_path / "x.csv", rows))
    assert [(fault.time - START) // STEP for fault in got.faults] == [50, 100, 200]
    assert {bar.close // WAD for bar in got.bars if bar.start >= START + 201 * STEP} == {400}
    assert len(got.bars) == 397


def test_two_rumours_that_disagree_are_both_out(tmp_path: Path) -> None:
    bars = read_prices(write_rows(tmp_path / "x.csv", rows_of([1000.0] * 200))).bars
    wild = [1000, 5000, 90_000, 1000, 1000]
    odd = [type(bars[0])(at, *(4 * (price * WAD,)), stale=False) for at, price in enumerate(wild)]
    good, faults = believed(odd)
    assert [bar.start for bar in good] == [0, 3, 4]
    assert [fault.time for fault in faults] == [1, 2]
