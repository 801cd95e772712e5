"""Refill after shocks: half-lives that are known beforehand come out; what never came back says so."""

import csv
import gzip
import math
import random
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_path

from keeper.refill import Rules, half_life_seconds, refill, shocks

MINUTE = 60
NORMAL = 1_000.0
Series = list[tuple[int, float]]


def calm(minutes: int, start: int = 0) -> Series:
    return [(start + MINUTE * at, NORMAL) for at in range(minutes)]


def shock(start: int, half_life: float, share: float, minutes: int) -> Series:
    rho = math.log(2) / half_life
    return [(start + MINUTE * at, NORMAL * (1 - share * math.exp(-rho * MINUTE * at))) for at in range(minutes)]


def several(lives: list[float], share: float = 0.6) -> Series:
    series = calm(60)
    for life in lives:
        series += shock(series[-1][0] + MINUTE, life, share, 1_000)
        series += calm(30, series[-1][0] + MINUTE)
    return series


@settings(max_examples=40)
@given(st.floats(600, 9_000), st.floats(0.35, 0.97))
def test_a_known_half_life_comes_out(life: float, share: float) -> None:
    (found,) = shocks(several([life], share))
    assert found.half_life_seconds == pytest.approx(life, rel=1e-9)
    assert found.missing == pytest.approx(share)
    assert found.recovered
    assert (found.start, found.lowest) == (3_600, 3_600)


def test_median_and_ninetieth_percentile_over_shocks() -> None:
    lives = [600.0 * count for count in range(1, 11)]
    random.Random(3).shuffle(lives)
    got = refill(shocks(several(lives)))
    assert got is not None
    assert got.count == 10
    assert got.median_seconds == pytest.approx(3_600, rel=1e-3)
    assert got.p90_seconds == pytest.approx(5_400, rel=1e-3)


def test_noise_moves_the_half_life_a_little() -> None:
    chance = random.Random(5)
    noisy = [(time, depth * chance.uniform(0.99, 1.01)) for time, depth in several([1_800.0] * 8)]
    got = refill(shocks(noisy))
    assert got is not None
    assert got.count == 8
    assert got.median_seconds == pytest.approx(1_800, rel=0.1)


@given(st.lists(st.floats(0, 999), min_size=2, max_size=40))
def test_the_regression_is_the_one_of_numpy(depths: list[float]) -> None:
    points = [(17 + MINUTE * at, depth) for at, depth in enumerate(depths)]
    missing = np.log(np.maximum(0.02, 1 - np.array(depths) / NORMAL))
    slope = np.polyfit([time for time, _ in points], missing, 1)[0]
    got = half_life_seconds(points, NORMAL, 0.02)
    if abs(slope) < 1e-9:
        return
    assert got == (pytest.approx(math.log(2) / -slope, rel=1e-5) if slope < 0 else math.inf)


def test_what_never_comes_back_is_never_and_becomes_the_new_normal() -> None:
    low = [(3_600 + MINUTE * at, NORMAL / 4) for at in range(3 * 1_440)]
    found = shocks(calm(60) + low)
    assert found[0].half_life_seconds == math.inf
    assert not found[0].recovered
    got = refill(found)
    assert got is not None
    assert got.p90_seconds == math.inf
    # A day later the low level is what is normal: nothing more is found, and a fall from there is a shock again.
    assert len(found) <= 2
    fallen = shocks(calm(60) + low + [(low[-1][0] + MINUTE, NORMAL / 8), (low[-1][0] + 2 * MINUTE, NORMAL / 4)])
    assert fallen[-1].normal == NORMAL / 4


def test_a_series_that_ends_in_a_shock_does_not_say_never() -> None:
    (found,) = shocks([*calm(60), (3_600, NORMAL / 2)])
    assert found.half_life_seconds is None
    assert refill([found]) is None
    (flat,) = shocks(calm(60) + [(3_600 + MINUTE * at, NORMAL / 2) for at in range(5)])
    assert flat.half_life_seconds is None


def test_depth_that_is_back_at_the_next_sample_has_a_short_half_life() -> None:
    (found,) = shocks([*calm(60), (3_600, 500.0), (3_660, NORMAL), *calm(60, 3_720)])
    # From a half missing to the floor of 2 % in a minute.
    assert found.half_life_seconds == pytest.approx(MINUTE * math.log(2) / math.log(25))


def test_less_than_the_threshold_is_no_shock() -> None:
    dip = [*calm(60), (3_600, 701.0), *calm(60, 3_660)]
    assert shocks(dip) == []
    assert len(shocks(dip, Rules(drop=0.25))) == 1


def test_nothing_is_normal_before_there_are_points_enough() -> None:
    assert shocks([*calm(9), (600, 1.0)]) == []
    assert len(shocks([*calm(10), (600, 1.0)])) == 1


def polygon(*days: str) -> Series:
    """Active liquidity of a real pool, minute by minute; it also moves when the price crosses a range's end."""
    rows: Series = []
    for day in days:
        file = shared_path(f"data/liquidity/uniswap_v3_polygon_usdc_weth_005_{day}.minute.csv.gz")
        with gzip.open(file, "rt") as text:
            for row in csv.DictReader(text):
                rows.append(
                    (
                        int(datetime.fromisoformat(row["timestamp"] + "+00:00").timestamp()),
                        float(row["currentLiquidity"]),
                    )
                )
    return rows


def test_real_minutes_of_2023_have_a_shock_that_did_not_come_back_within_a_day() -> None:
    found = shocks(polygon("2023-08-13", "2023-08-14", "2023-08-15", "2023-08-16"))
    assert [round(row.missing, 2) for row in found] == [0.58, 0.46]
    assert found[0].half_life_seconds == math.inf
    assert not found[0].recovered


def test_real_minutes_of_2025_are_calm() -> None:
    assert shocks(polygon("2025-07-01", "2025-07-02")) == []
