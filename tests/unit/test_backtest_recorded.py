"""Recorded depth beside recorded prices: what counts, from when on, and what is no recording."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import log
from pathlib import Path

import pytest
from backtests import HOUR, START, STEP, rows_of, silent, wobble, write_rows
from shared import shared_path

from keeper.backtest.assumptions import constant_product, market_of, starting_model, starting_settings, starting_words
from keeper.backtest.bars import read_prices
from keeper.backtest.candidates import ours
from keeper.backtest.readings import read_history
from keeper.backtest.recorded import STALE_SECONDS, Recording, Row, opened, read_recordings
from keeper.backtest.records import History
from keeper.backtest.walk import walk
from keeper.errors import ConfigError
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.units import WAD

MINUTE, DAY = 60, 86_400
MODEL = starting_model("liquidity_adjusted", 6 * HOUR, 100 * WAD)
USDC_WETH = round(log(1e12 / 1000) / log(1.0001))
"""Tick at which one WETH, token 1 with 18 decimals, costs 1,000 USDC of 6."""
LIQUIDITY = 10**18


def rows_from(start: int, liquidity: Sequence[int], tick: int = USDC_WETH) -> list[Row]:
    return [Row(start + MINUTE * at, tick, one) for at, one in enumerate(liquidity)]


def recording(rows: list[Row], *, is_token0: bool = False) -> Recording:
    return Recording(rows, MODEL, collateral_is_token0=is_token0)


def depth_at(rows: list[Row], time: int) -> int:
    depth = recording(rows).at(time)
    assert depth is not None
    return depth.q_star


def test_steady_liquidity_is_the_pair_that_it_is_around_its_price() -> None:
    rows = rows_from(START, [LIQUIDITY] * 60)
    got = recording(rows).at(rows[-1].time)
    assert got is not None
    want = constant_product(LIQUIDITY * sqrt_ratio_at_tick(USDC_WETH) >> 96, MODEL)
    assert got.q_star == pytest.approx(want.q_star, rel=2e-3)
    assert got.cost == pytest.approx(want.cost, rel=1e-2)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("price", [1000.0, 2200.0])
def test_the_collateral_is_the_side_whose_price_the_candles_show(tmp_path: Path, sign: int, price: float) -> None:
    """At 1,000 both sides are a power of ten away: only the one that moves along is right."""
    closes = wobble(400, price=price)
    prices = read_prices(write_rows(tmp_path / "prices.csv", rows_of(closes)))
    cells = [
        (START + STEP * (at + 1) - MINUTE, sign * round(log(1e12 / close) / log(1.0001)), LIQUIDITY)
        for at, close in enumerate(closes)
    ]
    found = opened([write(tmp_path / "depth.csv", cells)], prices, MODEL).at(START + STEP)
    assert found is not None
    rows = rows_from(START + STEP, [LIQUIDITY], tick=sign * round(log(1e12 / price) / log(1.0001)))
    want = recording(rows, is_token0=sign < 0).at(START + STEP)
    assert want is not None
    assert found.q_star == pytest.approx(want.q_star, rel=0.01)


def test_another_pair_s_recording_is_refused(tmp_path: Path) -> None:
    prices = read_prices(write_rows(tmp_path / "prices.csv", rows_of(wobble(400, price=2500.0))))
    file = write(tmp_path / "depth.csv", [(START + STEP - MINUTE, USDC_WETH, LIQUIDITY)])
    with pytest.raises(ConfigError, match="not that of the candles"):
        opened([file], prices, MODEL)


def test_liquidity_of_one_minute_counts_up_to_the_half_hour_s_harmonic_mean() -> None:
    flat = [LIQUIDITY] * 60
    calm = depth_at(rows_from(START, flat), START + 59 * MINUTE)
    assert depth_at(rows_from(START, [*flat[:-1], 1000 * LIQUIDITY]), START + 59 * MINUTE) < calm * 1.04
    gone = depth_at(rows_from(START, [*flat[:-1], LIQUIDITY // 10]), START + 59 * MINUTE)
    assert gone == pytest.approx(calm / 10, rel=0.01)
    assert depth_at(rows_from(START, [*flat[:-1], 0]), START + 59 * MINUTE) == 0


def test_a_day_s_lowest_depth_holds_as_long_as_it_is_remembered() -> None:
    rows = rows_from(START, [LIQUIDITY] * 60 + [LIQUIDITY // 4] * 60 + [LIQUIDITY] * 120)
    seen = recording(rows)
    first, low, later = (seen.at(START + MINUTE * at) for at in (59, 119, 239))
    assert first is not None
    assert low is not None
    assert later is not None
    assert low.q_star == later.q_star == pytest.approx(first.q_star / 4, rel=0.01)


def test_where_the_newest_row_is_old_there_is_no_depth() -> None:
    rows = [*rows_from(START, [LIQUIDITY] * 60), *rows_from(START + DAY, [LIQUIDITY] * 60)]
    seen = recording(rows)
    assert seen.at(START - 1) is None
    assert seen.at(START + 59 * MINUTE + STALE_SECONDS) is not None
    assert seen.at(START + 59 * MINUTE + STALE_SECONDS + 1) is None
    assert seen.at(START + DAY) is not None


def walked(folder: Path, rows: list[Row]) -> History:
    prices = read_prices(write_rows(folder / "prices.csv", rows_of(wobble(400))))
    market = market_of(prices.name, MODEL)
    return read_history(prices, market, starting_settings(market), starting_words(), recording(rows), silent)


def test_only_readings_that_the_recording_covers_are_walked_and_its_holes_have_no_value(tmp_path: Path) -> None:
    since = START + 200 * STEP
    parts = [rows_from(since, [LIQUIDITY] * 600), rows_from(since + DAY, [LIQUIDITY] * 600)]
    history = walked(tmp_path, [*parts[0], *parts[1]])
    assert (history.start, history.end) == (since, since + DAY + 20 * STEP)
    known = [row.q_star is not None for row in history.readings]
    assert known == [True] * 21 + [False] * 27 + [True] * 21
    hole = history.readings[30]
    assert hole.missing == ("depth: the recording has no row of this time",)
    assert hole.sigma_wad is not None, "earlier bars have warmed it up"
    steps = walk(ours(history.market.model, None), history, silent)
    assert {step.model_bps is None for step in steps[21:48]} == {True}
    held = [step.published_bps for step in steps[20:48]]
    assert held == sorted(held)
    assert "only readings inside of it are judged" in history.depth


def test_a_recording_of_other_days_is_refused(tmp_path: Path) -> None:
    prices = read_prices(write_rows(tmp_path / "prices.csv", rows_of(wobble(400))))
    file = write(tmp_path / "depth.csv", [(START - DAY, USDC_WETH, LIQUIDITY)])
    with pytest.raises(ConfigError, match="no bar lies inside the recorded depth"):
        opened([file], prices, MODEL)


HEAD = "timestamp,closeTick,currentLiquidity"


def write(path: Path, rows: Sequence[tuple[int, object, object]], head: str = HEAD) -> Path:
    lines = [f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S},{tick},{one}" for time, tick, one in rows]
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_four_recorded_days_of_weth_on_polygon() -> None:
    names = [f"data/liquidity/uniswap_v3_polygon_usdc_weth_005_2023-08-{day}.minute.csv.gz" for day in (16, 13, 15, 14)]
    rows = read_recordings([shared_path(name) for name in names])
    assert len(rows) == 1440 + 1439 + 1440 + 1440
    seen = recording(rows)
    depths = [seen.at(time) for time in range(rows[0].time, rows[-1].time, 3600)]
    sold = [depth.q_star / WAD for depth in depths if depth]
    assert len(sold) == len(depths) == 96
    # Some hundred WETH, the least where the active liquidity was least (1.2e18, on the 16th).
    assert (round(min(sold), -1), round(max(sold), -1)) == (570, 990)
    assert sold.index(min(sold)) >= 72


def test_files_are_read_in_any_order_and_a_row_tells_the_end_of_its_minute(tmp_path: Path) -> None:
    late = write(tmp_path / "b.csv", [(START + MINUTE, "7.0", 2)])
    early = write(tmp_path / "a.csv", [(START, -7, 1)])
    assert read_recordings([late, early]) == [Row(START + 60, -7, 1), Row(START + 120, 7, 2)]
    with pytest.raises(ConfigError, match="is there twice"):
        read_recordings([late, late])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((START, "x", 1), "line 2: no time, tick and liquidity"),
        ((START, 1.5, 1), "line 2: no pool has this tick"),
        ((START, "nan", 1), "line 2: no pool has this tick"),
        ((START, 900_000, 1), "line 2: no pool has this tick"),
        ((START, 1, -1), "line 2: no pool has this tick or liquidity"),
        ((START, 1, ""), "line 2: no time, tick and liquidity"),
    ],
)
def test_a_row_that_is_no_pool_s_is_refused_by_its_line(
    tmp_path: Path, row: tuple[int, object, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        read_recordings([write(tmp_path / "depth.csv", [row])])


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not name its columns"):
        read_recordings([write(tmp_path / "depth.csv", [], head="a,b")])
    with pytest.raises(ConfigError, match="there is no recording"):
        read_recordings([tmp_path / "none.csv"])
    (tmp_path / "x.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recordings([tmp_path / "x.csv.gz"])
