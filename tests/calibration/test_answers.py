"""No NaN and no infinity leaves an estimator, whatever goes in (models.md P54); what must hold for any input."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.calibration.answers import Floats, NoValue, finite, is_finite
from keeper.calibration.backtests import acerbi_szekely, christoffersen, kupiec
from keeper.calibration.blend import blend, one_way
from keeper.calibration.candles import Candles, history_of
from keeper.calibration.ewma import ewma
from keeper.calibration.garch import Parameters, conditional_variance, forecast_variance, log_likelihood
from keeper.calibration.har import fit_har
from keeper.calibration.implied import Quote, black_implied, black_price, expiry_variance, index_volatility
from keeper.calibration.liquidity import liquidity_var, square_root_impact
from keeper.calibration.noise import bandwidth_for, realised, subgrids_for
from keeper.calibration.proposal import quantise_up
from keeper.calibration.ranges import Bars, close_to_close, garman_klass, parkinson, rogers_satchell, yang_zhang
from keeper.calibration.sigmas import SIGMAS
from keeper.calibration.student_t import cornish_fisher_var, fit_nu, student_tail
from keeper.calibration.tails import Tail, exceedance, fit_tail, historical_risk, tail_risk
from keeper.calibration.windows import window_mean_squares
from keeper.records.units import WAD

ANYTHING = st.floats(allow_nan=True, allow_infinity=True, width=64)
SERIES = st.lists(ANYTHING, max_size=120).map(lambda rows: np.array(rows, dtype=np.float64))
CONFIDENCE = Fraction(99, 100)
RETURNS = st.lists(st.floats(-0.5, 0.5, width=32), min_size=12, max_size=60)

OF_A_SERIES = {
    "ewma": ewma,
    "ewma from a start": lambda x: ewma(x, 0.94, x[0] if len(x) else 0.0),
    "har": fit_har,
    "realised": lambda x: realised(x, 2, 2),
    "parkinson": lambda x: parkinson(Bars(x, x, x, x, x)),
    "garman_klass": lambda x: garman_klass(Bars(x, x * 2, x / 2, x, x)),
    "rogers_satchell": lambda x: rogers_satchell(Bars(x, x * 2, x / 2, x, x)),
    "yang_zhang": lambda x: yang_zhang(Bars(x, x, x, x, x[::-1])),
    "close_to_close": lambda x: close_to_close(Bars(x, x, x, x, x[::-1])),
    "fit_nu": lambda x: fit_nu(x, 5),
    "fit_tail": lambda x: fit_tail(x, 30),
    "historical": lambda x: historical_risk(x, Fraction(9, 10)),
    "windows": lambda x: window_mean_squares(x, 3),
    "garch": lambda x: conditional_variance(x, Parameters(0.1, 0.1, 0.1, 0.8, None), 1.0),
    "egarch": lambda x: conditional_variance(x, Parameters(0.1, 0.1, 0.1, 0.8, None, exponential=True), 1.0),
    "likelihood": lambda x: log_likelihood(x, x, 4.0),
    "acerbi": lambda x: acerbi_szekely(x, x[::-1], x, 0.99),
}


@pytest.mark.parametrize("name", sorted(OF_A_SERIES))
@settings(max_examples=100)
@given(series=SERIES)
def test_any_series_gives_finite_numbers_or_a_reason(name: str, series: Floats) -> None:
    with np.errstate(all="ignore"):
        answer = OF_A_SERIES[name](series)
    assert answer.reason if isinstance(answer, NoValue) else is_finite(answer)


@given(a=ANYTHING, b=ANYTHING, c=ANYTHING, d=ANYTHING)
def test_any_numbers_give_finite_numbers_or_a_reason(a: float, b: float, c: float, d: float) -> None:
    answers = (
        black_implied(a, b, c, d, is_call=True),
        black_implied(a, b, c, d, is_call=False),
        expiry_variance([Quote(a, b, c), Quote(b, c, d), Quote(c, d, a)], d, a),
        index_volatility((a, b), (c, d)),
        blend(a, b, c, d),
        one_way(a, (b,), c, d),
        student_tail(a, CONFIDENCE, b),
        cornish_fisher_var(a, b, CONFIDENCE),
        liquidity_var(a, b, CONFIDENCE, c, d, 3.0),
        square_root_impact(a, b, c, d),
        forecast_variance(Parameters(a, b, c, d, None), a, 5),
        tail_risk(Tail(a, b, c, d, 30, 300), CONFIDENCE),
        kupiec(250, 3, a),
        christoffersen([True, False, True], a),
    )
    for answer in answers:
        assert answer.reason if isinstance(answer, NoValue) else is_finite(answer)


@given(
    times=st.lists(st.integers(0, 10), min_size=0, max_size=8),
    prices=st.lists(ANYTHING, min_size=8, max_size=8),
    volume=ANYTHING,
)
def test_any_history_is_answered_by_every_estimator(times: list[int], prices: list[float], volume: float) -> None:
    count = len(times)
    close = np.array(prices[:count])
    stamps = np.array(times, dtype=np.int64) * 1_800
    history = history_of(Candles(stamps, close, close, close, close, np.full(count, volume)))
    if isinstance(history, NoValue):
        assert history.reason
        return
    for estimate in SIGMAS.values():
        answer = estimate(history) if len(history.days.times) else NoValue("no day")
        assert answer.reason if isinstance(answer, NoValue) else is_finite(answer)


def test_the_guard_turns_every_way_of_being_wrong_into_a_reason() -> None:
    @dataclass(frozen=True)
    class Pair:
        good: float
        bad: float

    wrong = {
        "nan": lambda: math.nan,
        "array": lambda: np.array([1.0, np.inf]),
        "nested": lambda: {"a": (Pair(1.0, -math.inf),)},
        "division": lambda: 1 / 0,
        "overflow": lambda: math.exp(1e6),
        "domain": lambda: math.log(-1.0),
    }
    for run in wrong.values():
        assert isinstance(finite(run)(), NoValue)
    assert finite(lambda: Pair(1.0, 2.0))() == Pair(1.0, 2.0)
    with pytest.raises(KeyError):
        finite(lambda: {}["a"])()


@given(returns=RETURNS)
def test_realised_measures_do_not_know_the_direction_of_time(returns: list[float]) -> None:
    steps = np.array(returns)
    forth = np.concatenate(([0.0], np.cumsum(steps)))
    back = -forth[::-1]
    there, again = realised(forth, 3, 3), realised(back, 3, 3)
    if isinstance(there, NoValue) or isinstance(again, NoValue):
        assert isinstance(there, NoValue) == isinstance(again, NoValue)
        return
    for name in ("rv", "tsrv", "realised_kernel_parzen", "bipower", "med_rv", "tripower_quarticity"):
        assert getattr(again, name) == pytest.approx(getattr(there, name), rel=1e-6, abs=1e-12)


@given(returns=RETURNS)
def test_grids_and_bandwidths_fit_the_day(returns: list[float]) -> None:
    prices = np.concatenate(([0.0], np.cumsum(returns)))
    assert 1 <= bandwidth_for(prices) <= len(returns) // 3
    assert 2 <= subgrids_for(prices) <= len(returns) // 3


@given(
    realised_vol=st.floats(0.01, 3), stress=st.floats(0, 3), floor=st.floats(0, 3), sources=st.lists(st.floats(0, 5))
)
def test_a_source_never_lowers_the_blend(
    realised_vol: float, stress: float, floor: float, sources: list[float]
) -> None:
    alone, with_sources = one_way(realised_vol, (), stress, floor), one_way(realised_vol, sources, stress, floor)
    assert not isinstance(alone, NoValue)
    assert not isinstance(with_sources, NoValue)
    assert with_sources >= alone >= max(realised_vol, floor)


def test_one_call_of_the_blend_can_lie_below_the_call_without_implied() -> None:
    alone, low = blend(0.2, None, 0.1, 0.0), blend(0.2, 0.05, 0.1, 0.0)
    alone_stressed, low_stressed = blend(0.6, None, 1.5, 0.4), blend(0.6, 0.1, 1.5, 0.4)
    for first, second in ((alone, low), (alone_stressed, low_stressed)):
        assert not isinstance(first, NoValue)
        assert not isinstance(second, NoValue)
        assert second.sigma_used <= first.sigma_used
    assert one_way(0.6, (0.1,), 1.5, 0.4) == alone_stressed.sigma_used


@given(sd=st.floats(0.01, 2), moneyness=st.floats(-0.6, 0.6), years=st.floats(0.01, 2), is_call=st.booleans())
def test_an_implied_volatility_prices_the_option_again(
    sd: float, moneyness: float, years: float, is_call: bool
) -> None:
    forward, strike = 2_000.0, 2_000.0 * math.exp(moneyness)
    price = black_price(forward, strike, sd, is_call)
    found = black_implied(forward, strike, years, price, is_call=is_call)
    if isinstance(found, NoValue):
        # The time value is below a double's last digit beside the intrinsic one.
        assert price - max(0.0, forward - strike if is_call else strike - forward) < 1e-9 * forward
        return
    again = black_price(forward, strike, found * math.sqrt(years), is_call)
    assert again == pytest.approx(price, rel=1e-9, abs=1e-12 * forward)


def test_strikes_after_two_zero_bids_are_dropped() -> None:
    quotes = [Quote(100.0 + 5 * at, max(0.1, 20.0 - 5 * at), max(0.1, 5.0 * at - 20.0), 1.0, 1.0) for at in range(9)]
    whole = expiry_variance(quotes, 0.1, 0.0)
    assert not isinstance(whole, NoValue)
    assert whole.strikes == 9
    assert whole.k0 == 120
    bids = [1.0, 1.0, 0.0, 0.0, 1.0]
    wing = [Quote(row.strike, row.call, row.put, bid, row.put_bid) for row, bid in zip(quotes[4:], bids, strict=True)]
    fewer = expiry_variance([*quotes[:4], *wing], 0.1, 0.0)
    assert not isinstance(fewer, NoValue)
    # The strike behind the two without a bid does not count, though it has one.
    assert fewer.strikes == 6
    single = [
        Quote(row.strike, row.call, row.put, bid, 1.0) for row, bid in zip(quotes[4:], (1, 0, 1, 0, 1), strict=True)
    ]
    jumped = expiry_variance([*quotes[:4], *single], 0.1, 0.0)
    assert not isinstance(jumped, NoValue)
    assert jumped.strikes == 7


@settings(max_examples=30)
@given(losses=st.lists(st.floats(-10, 10), min_size=100, max_size=300), scale=st.floats(0.01, 100))
def test_shortfall_is_never_below_value_at_risk_and_scales(losses: list[float], scale: float) -> None:
    values = np.array(losses)
    for risk, larger in (
        (historical_risk(values, CONFIDENCE), historical_risk(values * scale, CONFIDENCE)),
        *[
            (tail_risk(a, CONFIDENCE), tail_risk(b, CONFIDENCE))
            for a, b in [(fit_tail(values, 40), fit_tail(values * scale, 40))]
            if isinstance(a, Tail) and isinstance(b, Tail)
        ],
    ):
        if not isinstance(risk, NoValue) and not isinstance(larger, NoValue):
            assert risk.es >= risk.var - 1e-9
            assert larger.es == pytest.approx(risk.es * scale, rel=1e-3, abs=1e-6 * scale)


def test_a_tail_says_how_many_losses_lie_above_its_own_value_at_risk() -> None:
    for xi in (-0.3, 0.0, 0.4):
        tail = Tail(1.0, xi, 0.5, 0.0, 50, 500)
        risk = tail_risk(tail, CONFIDENCE)
        assert not isinstance(risk, NoValue)
        assert exceedance(tail, np.array([risk.var]))[0] == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(("count", "reason"), [(29, "a tail of 29 losses, 30 are needed"), (30, "30 losses, 31 are")])
def test_a_tail_of_too_few_losses_has_no_value(count: int, reason: str) -> None:
    answer = fit_tail(np.arange(30.0), count)
    assert isinstance(answer, NoValue)
    assert answer.reason.startswith(reason)


def test_a_tail_without_a_mean_has_no_value() -> None:
    wild = 1 / (1 - np.linspace(0, 0.999, 500)) ** 1.2
    answer = fit_tail(wild, 50)
    assert isinstance(answer, NoValue)
    assert "next to infinite" in answer.reason


@given(value=st.floats(0, 100), step=st.sampled_from([10**14, WAD // 100]))
def test_quantising_never_rounds_down(value: float, step: int) -> None:
    found = quantise_up(value, step)
    assert found % step == 0
    assert 0 <= Fraction(found) - Fraction(value) * WAD < step


def test_every_k_of_the_specification_is_met() -> None:
    table = {
        3: (2.91, 4.04, 8.90),
        4: (2.82, 3.69, 6.85),
        5: (2.73, 3.45, 5.82),
        8: (2.57, 3.11, 4.62),
        30: (2.40, 2.77, 3.63),
    }
    for nu, row in table.items():
        for level, expected in zip((Fraction(975, 1000), CONFIDENCE, Fraction(999, 1000)), row, strict=True):
            tail = student_tail(nu, level)
            assert not isinstance(tail, NoValue)
            assert tail.es_unit_variance == pytest.approx(expected, abs=0.006)
    four = student_tail(4, CONFIDENCE)
    assert not isinstance(four, NoValue)
    assert f"{four.es_unit_variance:.4f}" == "3.6915"
