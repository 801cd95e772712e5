"""Every estimator in worlds whose truth is known: right where it can be, silent with a reason where it cannot."""

import math
from dataclasses import replace

import numpy as np
import pytest
from worlds import (
    SIGMA,
    WORLDS,
    constant,
    garch_t,
    gbm,
    jumps,
    manipulated,
    prepared,
    regime_switch,
    scaled,
    stale,
    without,
)

from keeper.calibration.answers import NoValue, is_finite
from keeper.calibration.calibrate import Calibration, Request, calibrate
from keeper.calibration.candles import DAY_SECONDS, Candles, history_of, log_returns
from keeper.calibration.jumps import find_jumps
from keeper.calibration.sigmas import SIGMAS, Sigma, published_twin, whole_history
from keeper.records.units import WAD

PATHS, MANY_PATHS = 500, 4_000


def sigma_of(name: str, candles: Candles) -> Sigma:
    answer = SIGMAS[name](prepared(candles))
    assert not isinstance(answer, NoValue), answer
    return answer


def calibrated(candles: Candles) -> Calibration:
    found = calibrate("X", candles, Request())
    assert not isinstance(found, NoValue), found
    return found


@pytest.mark.parametrize("world", sorted(WORLDS))
@pytest.mark.parametrize("name", sorted(SIGMAS))
def test_every_estimator_answers_a_finite_sigma_or_a_reason(name: str, world: str) -> None:
    answer = SIGMAS[name](prepared(WORLDS[world]()))
    if isinstance(answer, NoValue):
        assert answer.reason
    else:
        assert math.isfinite(answer.annual)
        assert answer.annual >= 0
        assert answer.n > 0
        assert answer.low is None or answer.low <= answer.annual
        assert answer.high is None or answer.annual <= answer.high


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_a_whole_calibration_holds_no_number_that_is_not_finite(world: str) -> None:
    found = calibrated(WORLDS[world]())
    for name in ("sigmas", "tail", "multiplier", "jumps", "horizon", "stressed", "costs", "blended", "proposals"):
        assert is_finite(getattr(found, name)), name


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("whole_history", 0.97, 1.03),
        ("close_to_close", 0.85, 1.15),
        # Four moves a candle show less than the true high and low.
        ("parkinson", 0.85, 1.1),
        ("garman_klass", 0.85, 1.1),
        ("rogers_satchell", 0.85, 1.1),
        ("yang_zhang", 0.85, 1.1),
        ("realised", 0.95, 1.05),
        ("two_scale", 0.94, 1.06),
        ("realised_kernel", 0.85, 1.15),
        ("bipower", 0.95, 1.05),
        ("med_rv", 0.94, 1.06),
        ("har_rv", 0.8, 1.2),
        ("har_rv_log", 0.8, 1.2),
        ("window_means", 0.7, 1.3),
        ("ewma", 0.7, 1.3),
    ],
)
def test_brownian_motion_is_measured_as_it_is(name: str, low: float, high: float) -> None:
    assert low < sigma_of(name, gbm(seed=11, days=1_000)).annual / SIGMA < high


def covered(paths: int, first: int) -> tuple[float, float]:
    """Share of paths whose 95 % interval holds the truth, of the long history and of the published twin."""
    hits = np.zeros(2)
    for seed in range(first, first + paths):
        long = whole_history(prepared(gbm(seed, days=250, interval=DAY_SECONDS)))
        short = published_twin(prepared(gbm(seed, days=2, interval=300)))
        for at, answer in enumerate((long, short)):
            assert not isinstance(answer, NoValue)
            assert answer.low is not None
            assert answer.high is not None
            hits[at] += answer.low <= SIGMA <= answer.high
    return float(hits[0]) / paths, float(hits[1]) / paths


def test_the_interval_covers_the_truth_over_500_brownian_paths() -> None:
    for share in covered(PATHS, 1_000):
        assert 0.93 <= share <= 0.97


@pytest.mark.slow
def test_the_interval_covers_the_truth_over_many_brownian_paths() -> None:
    long, short = covered(MANY_PATHS, 10_000)
    assert 0.94 <= long <= 0.96
    assert 0.93 <= short <= 0.96


def test_jump_days_are_flagged_and_jump_proof_measures_do_not_see_them() -> None:
    calm, wild = gbm(seed=3), jumps()
    found, none = find_jumps(prepared(wild)), find_jumps(prepared(calm))
    assert not isinstance(found, NoValue)
    assert not isinstance(none, NoValue)
    assert none.flagged == 0
    assert found.flagged == 6
    assert found.largest == pytest.approx(0.15, rel=0.1)
    before = {name: sigma_of(name, calm).annual for name in ("realised", "bipower", "med_rv")}
    after = {name: sigma_of(name, wild).annual for name in before}
    assert after["realised"] > 1.3 * before["realised"]
    assert after["bipower"] < 1.15 * before["bipower"]
    assert after["med_rv"] < 1.05 * before["med_rv"]


def test_a_regime_switch_moves_the_short_memories_and_not_the_long_one() -> None:
    switched = regime_switch()
    for name in ("ewma", "yang_zhang", "realised", "window_means"):
        assert 0.6 < sigma_of(name, switched).annual / SIGMA < 1.4
    # Half the variance of the wild regime, and a sixteenth of it.
    assert sigma_of("whole_history", switched).annual / SIGMA == pytest.approx(math.sqrt((1 + 1 / 16) / 2), rel=0.1)


@pytest.mark.parametrize("name", sorted(SIGMAS))
def test_stale_ticks_count_as_absent_and_not_as_calm(name: str) -> None:
    base = gbm()
    lying, missing = prepared(stale(base, 2_800, 20)), prepared(without(base, 2_800, 20))
    assert lying.stale == 20
    assert SIGMAS[name](lying) == SIGMAS[name](missing)


def test_one_manipulated_window_moves_squares_and_not_what_is_robust_to_noise() -> None:
    base = gbm()
    pushed = manipulated(base, 2_700, 1.2)
    assert prepared(pushed).bad_prints == 0
    assert sigma_of("realised", pushed).annual > 1.1 * sigma_of("realised", base).annual
    # A push and its return cancel in neighbouring products.
    for name in ("two_scale", "realised_kernel"):
        assert sigma_of(name, pushed).annual == pytest.approx(sigma_of(name, base).annual, rel=0.1)


@pytest.mark.parametrize("factor", [3.0, 1 / 3, 1e6])
def test_a_bad_print_is_taken_out_and_said(factor: float) -> None:
    base = gbm()
    found = calibrated(manipulated(base, 1_000, factor))
    assert found.history.bad_prints >= 1
    assert any("bad prints" in line for line in found.warnings)
    clean = calibrated(base)
    was, now = clean.sigmas["whole_history"], found.sigmas["whole_history"]
    assert isinstance(was, Sigma)
    assert isinstance(now, Sigma)
    assert now.annual == pytest.approx(was.annual, rel=0.01)


def test_a_gap_of_a_day_is_not_differenced_across() -> None:
    base = gbm(seed=5)
    gapped = without(base, 2_880 - 96, 48)
    logs = np.log(prepared(gapped).days.close)
    assert sum(map(len, log_returns(prepared(gapped)))) == len(logs) - 2
    truth = sigma_of("window_means", base)
    assert sigma_of("window_means", gapped).annual == pytest.approx(truth.annual, rel=0.3)


def test_a_hole_of_166_days_is_no_return_and_no_reason_to_stay_silent() -> None:
    base = gbm(days=300)
    hole = without(base, 2_000, 166 * 48)
    # The price comes back five times as high; that is no move of a day.
    late = hole.times > base.times[2_000]
    for name in ("open", "high", "low", "close"):
        getattr(hole, name)[late] *= 5.0
    found = calibrated(hole)
    floor = found.sigmas["whole_history"]
    assert isinstance(floor, Sigma)
    assert floor.annual == pytest.approx(SIGMA, rel=0.15)
    ewma = found.sigmas["ewma"]
    assert isinstance(ewma, Sigma)
    assert ewma.n == 92 - 1
    assert found.sigmas["gjr_t"] == NoValue("91 daily returns, 250 are needed")
    (horizon,) = (row for row in found.proposals if row.setting == "tau0_seconds")
    assert horizon.value == 43_200
    assert "hole of 3984 h" in horizon.method


def test_too_little_after_a_hole_is_no_value_and_the_long_history_still_speaks() -> None:
    found = calibrated(without(gbm(days=300), 48 * 100, 48 * 190))
    assert found.verdict == NoValue("9 returns, 20 are needed")
    assert isinstance(found.tail, NoValue)
    assert [row.setting for row in found.proposals if isinstance(row.value, NoValue)] == ["k_wad", "t_rep_seconds"]
    assert isinstance(found.sigmas["whole_history"], Sigma)


def test_a_long_silence_of_the_source_lengthens_the_horizon() -> None:
    found = calibrated(without(gbm(), 1_000, 29))
    (horizon,) = (row for row in found.proposals if row.setting == "tau0_seconds")
    assert horizon.value == 15 * 3_600


def test_a_constant_price_has_sigma_0_and_no_proposal_but_the_horizon() -> None:
    found = calibrated(constant())
    assert found.sigmas["whole_history"] == Sigma(0.0, 299, "daily returns", 0.0, 0.0)
    for name in ("parkinson", "garman_klass", "rogers_satchell", "yang_zhang", "close_to_close"):
        answer = found.sigmas[name]
        assert isinstance(answer, Sigma)
        assert answer.annual == 0
    assert found.verdict == NoValue("the price did not move")
    assert {row.setting for row in found.proposals if isinstance(row.value, NoValue)} == {
        "k_wad",
        "sigma_floor_wad",
        "model_mult_wad",
        "t_rep_seconds",
    }


@pytest.mark.parametrize("power", [-18, -3, 6, 18])
def test_the_unit_of_the_price_changes_nothing_that_is_proposed(power: int) -> None:
    base = gbm(days=400)
    here, there = calibrated(base), calibrated(scaled(base, 10.0**power))
    assert [row.value for row in there.proposals] == [row.value for row in here.proposals]
    for name, sigma in here.sigmas.items():
        other = there.sigmas[name]
        if isinstance(sigma, Sigma):
            assert isinstance(other, Sigma)
            # Without clustering the likelihood of a GARCH is flat: the last bit of a price moves where the fit ends.
            assert other.annual == pytest.approx(sigma.annual, rel=1e-2 if name.endswith("_t") else 1e-9)


def test_the_same_history_gives_the_same_answers_twice() -> None:
    first, second = calibrated(garch_t()), calibrated(garch_t())
    assert first.sigmas == second.sigmas
    assert first.proposals == second.proposals
    assert first.tail == second.tail


def test_proposals_are_rounded_up() -> None:
    found = calibrated(gbm(days=400))
    values = {row.setting: row.value for row in found.proposals}
    floor = found.sigmas["whole_history"]
    assert isinstance(floor, Sigma)
    assert not isinstance(found.tail, NoValue)
    assert not isinstance(found.multiplier, NoValue)
    for name, real, step in (
        ("k_wad", found.tail.k, WAD // 100),
        ("sigma_floor_wad", floor.annual, 10**14),
        ("model_mult_wad", found.multiplier.value, WAD // 100),
    ):
        value = values[name]
        assert isinstance(value, int)
        assert value % step == 0
        assert 0 <= value - real * WAD < step * 1.0001


def broken(name: str, at: int, value: float) -> Candles:
    base = gbm(days=2)
    changed = getattr(base, name).copy()
    changed[at] = value
    return replace(base, **{name: changed})


@pytest.mark.parametrize(
    ("candles", "reason"),
    [
        (without(gbm(days=1), 1, 47), "1 open prices, 2 are needed"),
        (without(gbm(days=1), 0, 48), "0 open prices, 2 are needed"),
        (broken("close", 5, math.nan), "1 of the close prices are not finite numbers"),
        (broken("high", 5, math.inf), "1 of the high prices are not finite numbers"),
        (broken("open", 5, -1.0), "1 of the open prices are zero or negative"),
        (broken("low", 5, 0.0), "1 of the low prices are zero or negative"),
        (broken("high", 5, 1e-3), "row 6 opens or closes outside its own range"),
        (broken("times", 5, gbm(days=2).times[4]), "the time of row 6 is duplicated"),
        (broken("times", 5, gbm(days=2).times[3]), "the time of row 6 is backward"),
        (broken("times", 5, gbm(days=2).times[5] + 7), "candles of 1793 seconds do not divide a day"),
        (broken("volume", 5, math.nan), "1 of the volumes are not finite numbers"),
    ],
)
def test_a_history_that_cannot_be_used_says_why(candles: Candles, reason: str) -> None:
    assert history_of(candles) == NoValue(reason)


def test_a_history_without_trade_says_so() -> None:
    flat = constant(days=2)
    assert history_of(replace(flat, volume=np.zeros(len(flat.times)))) == NoValue(
        "nothing was traded: every candle is flat and without volume"
    )
