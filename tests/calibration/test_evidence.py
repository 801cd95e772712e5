"""Who speaks and why; what jumps, horizons, multipliers and costs come to where the answer is known."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from worlds import SIGMA, garch_t, gbm, prepared, rng

from keeper.calibration.answers import Floats, NoValue
from keeper.calibration.candles import DAY_SECONDS, Candles, log_returns
from keeper.calibration.daily_models import DAILY_MODELS, fit_ewma, fit_model, judge
from keeper.calibration.har import fit_har
from keeper.calibration.horizon import measure_horizon, trailing_variance
from keeper.calibration.implied import Quote, expiry_variance
from keeper.calibration.liquidity import measure_costs
from keeper.calibration.multiplier import measure_multiplier
from keeper.calibration.tail_evidence import measure_tail


def daily(candles: Candles) -> Floats:
    return log_returns(prepared(candles))[-1] * 100


def test_gjr_speaks_where_volatility_clusters_and_the_tail_is_found() -> None:
    returns = daily(garch_t())
    fit, fallback = fit_model(returns, DAILY_MODELS["gjr_t"]), fit_ewma(returns)
    assert not isinstance(fit, NoValue)
    assert not isinstance(fallback, NoValue)
    verdict = judge(fit, fallback)
    assert verdict.spoke == "gjr_t"
    assert 0.8 < fit.parameters.persistence < 0.99
    assert fit.parameters.gamma > 0.02
    tail = measure_tail(returns, verdict, None)
    assert not isinstance(tail, NoValue)
    assert not isinstance(tail.nu, NoValue)
    assert tail.nu.low < 5 < tail.nu.high
    assert tail.evt_ratio == pytest.approx(1, abs=0.25)


def test_every_reject_rule_names_itself_and_hands_over_to_ewma() -> None:
    returns = daily(garch_t())
    fit, fallback = fit_model(returns, DAILY_MODELS["gjr_t"]), fit_ewma(returns)
    assert not isinstance(fit, NoValue)
    assert not isinstance(fallback, NoValue)
    rules = {
        "did not converge": replace(fit, converged=False),
        "persistence": replace(fit, parameters=replace(fit.parameters, beta=1.0)),
        "nu 2.05": replace(fit, parameters=replace(fit.parameters, nu=2.05)),
        "below EWMA": replace(fit, log_likelihood=fallback.log_likelihood - 1),
        "no fit": NoValue("no fit"),
    }
    for word, changed in rules.items():
        verdict = judge(changed, fallback)
        assert verdict.spoke == "ewma"
        assert len(verdict.reasons) == 1
        assert word in verdict.reasons[0]
        assert verdict.variance is fallback.variance
    both = replace(fit, converged=False, log_likelihood=fallback.log_likelihood - 1)
    assert len(judge(both, fallback).reasons) == 2


def test_fewer_than_250_days_are_ewma_s() -> None:
    short = fit_model(daily(gbm(days=250, interval=DAY_SECONDS)), DAILY_MODELS["gjr_t"])
    assert short == NoValue("249 daily returns, 250 are needed")
    enough = fit_model(daily(gbm(days=251, interval=DAY_SECONDS)), DAILY_MODELS["gjr_t"])
    assert not isinstance(enough, NoValue)


def test_a_fall_over_a_horizon_is_normal_at_its_end_and_folded_on_the_way() -> None:
    found = measure_horizon(prepared(gbm(seed=7, days=1_500)), 43_200)
    assert not isinstance(found, NoValue)
    assert found.variance_ratio == pytest.approx(1, abs=0.05)
    # 99 % ES of a normal, and of its absolute value (reflection principle); lows are sampled, so a little less.
    assert found.terminal_multiple_99 == pytest.approx(2.665, rel=0.08)
    assert found.first_passage_multiple_99 == pytest.approx(2.892, rel=0.08)
    scale = SIGMA * math.sqrt(0.5 / 365)
    assert found.terminal_es_99 == pytest.approx(2.665 * scale, rel=0.08)
    assert found.first_passage_es_99 == pytest.approx(2.892 * scale, rel=0.08)
    assert found.first_passage_es_99 > found.terminal_es_99
    assert found.first_passage_multiple_99 > found.terminal_multiple_99


@pytest.mark.parametrize("last", [0.0, 0.05])
def test_the_larger_of_two_memories_counts(last: float) -> None:
    base = gbm(days=30)
    steps = np.where(np.arange(len(base.times)) % 2, 0.004, -0.004)
    steps[-1] = last
    found = trailing_variance(replace(base, close=1_000 * np.exp(np.cumsum(steps))), 1_800)
    keeps = [0.5 ** (1_800 / half_life) for half_life in (86_400, 950_400)]
    assert found[-2] == pytest.approx(0.004**2)
    assert found[-1] == pytest.approx(max(keep * 0.004**2 + (1 - keep) * last**2 for keep in keeps))


def test_the_multiplier_of_a_normal_world_is_the_formula_at_kurtosis_3() -> None:
    found = measure_multiplier(prepared(gbm(seed=8, days=400)))
    assert not isinstance(found, NoValue)
    assert found.n_effective == pytest.approx(47 / 1.125)
    assert found.raw_kurtosis == pytest.approx(3, abs=0.3)
    assert found.scaled_kurtosis > found.raw_kurtosis
    kurtosis = max(found.raw_kurtosis, found.scaled_kurtosis)
    assert found.value == pytest.approx(1 + 1.2816 * math.sqrt((kurtosis - 1) / (4 * 47 / 1.125)))
    assert 1.13 < found.value < 1.20


def test_costs_follow_the_square_root_of_the_share() -> None:
    found = measure_costs(prepared(gbm()), SIGMA, None)
    assert not isinstance(found, NoValue)
    assert found.lvar is None
    assert found.median_daily_volume == 480
    shares = dict(found.impacts)
    whole = SIGMA / math.sqrt(365)
    assert shares[Fraction(1, 100)].peak_impact == pytest.approx(0.1 * whole)
    assert shares[Fraction(1, 100)].mean_cost == pytest.approx(0.1 * whole * 2 / 3)
    assert shares[Fraction(1, 2)].peak_impact == pytest.approx(math.sqrt(0.5) * whole)


def test_the_log_forecast_is_the_mean_and_not_the_median() -> None:
    # Independent log-normal variances: their mean is e**(s2/2) times their median.
    variances = 1e-3 * np.exp(0.8 * rng(9).standard_normal(2_000))
    found = fit_har(variances)
    assert not isinstance(found, NoValue)
    assert found.log_s2 == pytest.approx(0.64, rel=0.1)
    assert found.next_rv_log == pytest.approx(1e-3 * math.exp(0.32), rel=0.1)
    assert found.next_rv == pytest.approx(1e-3 * math.exp(0.32), rel=0.15)


def test_a_negative_har_forecast_is_the_smallest_variance() -> None:
    # High follows low and low high, and the last day is wild: the line points far below 0.
    noise = rng(10).uniform(0.0, 0.2, 1_000)
    variances = np.where(np.arange(1_000) % 2, 1.9, 0.1) + noise
    variances[-1] = 20.0
    found = fit_har(variances)
    assert not isinstance(found, NoValue)
    assert found.clipped
    assert found.next_rv == variances.min()


def test_a_forward_between_two_strikes_is_corrected() -> None:
    quotes = [Quote(90, 14.2, 0.9), Quote(100, 6.3, 3.0), Quote(110, 1.9, 8.6), Quote(120, 0.4, 17.1)]
    years, rate = 0.1, 0.05
    growth = math.exp(rate * years)
    # The closest call and put are those of strike 100.
    forward = 100 + growth * (6.3 - 3.0)
    contributions = 10 / 90**2 * 0.9 + 10 / 100**2 * (6.3 + 3.0) / 2 + 10 / 110**2 * 1.9 + 10 / 120**2 * 0.4
    expected = 2 / years * growth * contributions - (forward / 100 - 1) ** 2 / years
    found = expiry_variance(quotes, years, rate)
    assert not isinstance(found, NoValue)
    assert found.forward == forward
    assert found.k0 == 100
    assert found.variance == pytest.approx(expected, rel=1e-12)
