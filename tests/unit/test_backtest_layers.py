"""Both layers and the moves, counted by hand on small series."""

import random
from fractions import Fraction
from math import exp, isclose, log, sqrt
from pathlib import Path

import pytest
from backtests import STEP, history_of, rows_of, wobble
from hypothesis import given
from hypothesis import strategies as st

from keeper.backtest.haircut_layer import coverage
from keeper.backtest.losses import Loss
from keeper.backtest.procyclicality import largest_gap, largest_rise, procyclicality
from keeper.backtest.records import Series, Span
from keeper.backtest.var_layer import (
    Multiplier,
    chosen_multipliers,
    expected_shortfall_score,
    phases,
    standardised,
    student_multipliers,
)
from keeper.backtest.verdicts import pooled, verdicts
from keeper.records.units import WAD, YEAR_SECONDS

VALUES = st.lists(st.none() | st.integers(1, 10_000), max_size=40)


def series(*bps: int | None) -> Series:
    return Series("ours", "model", bps)


def lost(*fractions: float | None, complete: bool = True) -> list[Loss | None]:
    return [None if fraction is None else Loss(fraction, complete) for fraction in fractions]


def test_exceptions_episodes_and_caution_are_counted() -> None:
    got = coverage(
        series(1000, 1000, None, 1000, 1000, 1000, 1000, 1000, 1000, 1000),
        lost(0.05, 0.11, 0.5, 0.12, 0.1, None, 0.02, 0.3, 0.01, 0.9),
        Span("all", 0, 10),
        2,
    )
    # Starts 8 and 9 end outside of the span; 2 has no haircut, 5 no loss; 4 is exactly covered.
    assert (got.n, got.exceptions, got.episodes) == (6, 3, 2)
    assert got.mean_bps == 1000
    assert got.worst_bps == pytest.approx(2000)
    assert got.caution_bps == pytest.approx(1000 - 3000)


def test_a_loss_with_holes_counts_when_it_is_an_exception_already() -> None:
    got = coverage(series(1000, 1000, 1000), lost(0.05, 0.2, 0.0, complete=False), Span("all", 0, 3), 1)
    assert (got.n, got.exceptions) == (1, 1)


def test_under_covering_is_found_and_over_covering_is_no_fault() -> None:
    span = Span("all", 0, 1001)
    often = [0.2 if at % 40 == 0 else 0.0 for at in range(1001)]
    bad = coverage(series(*[1000] * 1001), lost(*often), span, 1)
    assert (bad.exceptions, bad.is_covering) == (25, False)
    good = coverage(series(*[3000] * 1001), lost(*often), span, 1)
    assert (good.exceptions, good.is_covering, good.phases_passed) == (0, True, 1)


@given(values=VALUES, width=st.integers(1, 12))
def test_moves_agree_with_every_pair(values: list[int | None], width: int) -> None:
    pairs = [
        (b - a)
        for i, a in enumerate(values)
        for j, b in enumerate(values)
        if a is not None and b is not None and i <= j <= i + width
    ]
    assert largest_rise(values, width) == (max(0, *pairs, 0) if pairs else None)
    assert largest_gap(values, width) == (max(abs(pair) for pair in pairs) if pairs else None)


def test_days_at_the_cap_and_days_with_a_move() -> None:
    day = [1000] * 48
    got = procyclicality(
        series(*day, *day, *[1000] * 47, 9000, *[9000] * 48, *[None] * 48), Span("all", 0, 240), STEP, 9000
    )
    assert (got.days, got.days_at_cap, got.days_with_a_move) == (4, 2, 1)
    assert (got.peak_to_trough_bps, got.rise_1d_bps, got.rise_30d_bps) == (8000, 8000, 8000)


def test_standardised_losses_use_sigma_of_the_start_and_no_window_with_a_hole(tmp_path: Path) -> None:
    closes: list[float | None] = [*wobble(200), *[500.0] * 100]
    closes[250] = None
    history = history_of(tmp_path, rows_of(closes))
    scores = standardised(history, 6)
    row = history.readings[195]
    sigma = max(row.sigma_wad or 0, history.market.model.sigma_floor_wad) / WAD
    want = log((row.close_wad or 0) / (500 * WAD)) / (sigma * sqrt(6 * 3600 / YEAR_SECONDS))
    assert scores[195] == pytest.approx(want)
    assert scores[237] is not None
    assert scores[238:251] == [None] * 13
    assert scores[-12:] == [None] * 12


def test_every_phase_counts_its_own_disjoint_windows() -> None:
    scores = [3.0 if at % 10 == 4 else 0.0 for at in range(1000)]
    rows = phases(scores, [Span("later", 0, 1000)], [Multiplier("m", Fraction(99, 100), 2.0)], 10)
    assert [row.n for row in rows] == [99] * 10
    assert [row.exceptions for row in rows] == [99 if phase == 4 else 0 for phase in range(10)]
    assert [row.light for row in rows] == ["red" if phase == 4 else "green" for phase in range(10)]
    assert rows[4].passes == (False, False)


def test_a_normal_world_passes_and_a_calm_multiplier_does_not() -> None:
    chance = random.Random(11)
    scores = [chance.gauss(0, 1) for _ in range(6000)]
    right, wrong = Multiplier("right", Fraction(95, 100), 1.6449), Multiplier("wrong", Fraction(95, 100), 1.2)
    rows = phases(scores, [Span("later", 0, 6000)], [right, wrong], 6)
    told = {row.question: row.holds for row in verdicts("ours", "later", rows, [], [])}
    assert told["VaR 95 %, right: Kupiec passes in a majority of phases"] is True
    assert told["VaR 95 %, wrong: Kupiec passes in a majority of phases"] is False
    both = pooled([rows, rows], "later")
    assert [(row.holds, "all assets pooled" in row.question) for row in both] == [(True, True), (False, True)]


def test_a_var_figure_that_does_not_hold_says_to_which_side_it_errs() -> None:
    chance = random.Random(11)
    scores = [chance.gauss(0, 1) for _ in range(6000)]
    lumps = [3.0 if at % 400 < 20 else 0.0 for at in range(6000)]
    values = {"wide": 2.2, "narrow": 1.2, "right": 1.6449}
    seen = {}
    for name, value in values.items():
        rows = phases(scores, [Span("later", 0, 6000)], [Multiplier(name, Fraction(95, 100), value)], 6)
        seen[name] = [row.seen for row in (*verdicts("ours", "later", rows, [], []), *pooled([rows, rows], "later"))]
    assert all("fewer than the 5 % promised: too wide, which errs to the safe side" in line for line in seen["wide"])
    assert all("more than the 5 % promised: too narrow" in line for line in seen["narrow"])
    assert not any("promised" in line for line in seen["right"])
    rows = phases(lumps, [Span("later", 0, 6000)], [Multiplier("lumps", Fraction(95, 100), 2.0)], 1)
    rate, alone = verdicts("ours", "later", rows, [], [])
    assert (rate.holds, alone.holds) == (True, False)
    assert alone.seen.endswith("as many as promised, but they come together")


def test_multipliers_are_the_student_t_s_or_the_m_th_worst_of_the_span() -> None:
    assert [round(row.value, 3) for row in student_multipliers(4)] == [1.507, 2.649]
    scores: list[float | None] = [float(at) for at in range(1, 201)]
    chosen = chosen_multipliers([*scores, 10**6, None], Span("first", 0, 200))
    # n = 200: the 11th and the 3rd worst.
    assert [row.value for row in chosen] == [190.0, 198.0]


def test_expected_shortfall_of_a_world_as_promised_is_near_zero() -> None:
    chance = random.Random(5)
    scores: list[float | None] = []
    for _ in range(40_000):
        chi = sum(chance.gauss(0, 1) ** 2 for _ in range(4))
        scores.append(chance.gauss(0, 1) / sqrt(chi / 4) * sqrt(0.5))
    (z2,) = expected_shortfall_score(scores, Span("later", 0, 40_000), 4, 1)
    assert isclose(z2, 0, abs_tol=0.1)
    (worse,) = expected_shortfall_score([2 * (s or 0) for s in scores], Span("later", 0, 40_000), 4, 1)
    assert worse < -1


def test_half_high_plus_low_of_a_traded_bar_tells_the_volatility(tmp_path: Path) -> None:
    """A random walk of 240 steps a bar: the middle of the range has 92 % of a mean's variance (decision 0021)."""
    chance, price, rows = random.Random(3), 1000.0, []
    sigma = 0.8
    step = sigma * sqrt(STEP / 240 / YEAR_SECONDS)
    for at in range(1500):
        path = [price]
        for _ in range(240):
            path.append(path[-1] * exp(chance.gauss(0, step)))
        rows.append((at * STEP, path[0], max(path), min(path), path[-1], 1))
        price = path[-1]
    history = history_of(tmp_path, rows)
    slow = sorted(row.sigma_wad or 0 for row in history.readings[600:])
    assert 0.70 * sigma < slow[len(slow) // 2] / WAD < 1.1 * sigma
