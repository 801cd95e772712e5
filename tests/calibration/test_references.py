"""Our figures beside R's TTR and fGarch, and our filters beside arch's, on real data."""

import csv
import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_path

from keeper.calibration.answers import Floats, NoValue
from keeper.calibration.candles import DAY_SECONDS, history_of
from keeper.calibration.daily_models import DAILY_MODELS, fit_model
from keeper.calibration.garch import Parameters, conditional_variance, first_variance, log_likelihood
from keeper.calibration.price_file import read_candles
from keeper.calibration.ranges import (
    Bars,
    close_to_close,
    garman_klass,
    garman_klass_yang_zhang,
    parkinson,
    rogers_satchell,
    yang_zhang,
)

TTR = {
    "close": close_to_close,
    "garman_klass": garman_klass,
    "parkinson": parkinson,
    "rogers_satchell": rogers_satchell,
    "gk_yz": garman_klass_yang_zhang,
    "yang_zhang": yang_zhang,
}
WINDOW = 30


def table(name: str) -> list[dict[str, str]]:
    with gzip.open(shared_path(f"data/references/{name}.csv.gz"), "rt") as source:
        return list(csv.DictReader(source))


def dem2gbp() -> Floats:
    return np.array([float(row["ret"]) for row in table("dem2gbp_returns")])


@pytest.mark.parametrize("column", sorted(TTR))
def test_range_estimators_equal_ttr_in_every_row(column: str) -> None:
    days = table("eth_daily_2020-09-20_2024-06-30")
    prices = {name: np.array([float(day[name]) for day in days]) for name in ("Open", "High", "Low", "Close")}
    rows = table("ttr_volatility_eth_daily_n30_N365")
    compared = 0
    for at, row in enumerate(rows):
        # The first day has no close before it: sums over whole bars start at row 30, the others at row 31.
        first = at - WINDOW + 1
        if row[column] == "NA" or first < 0:
            assert at < WINDOW
            continue
        span = slice(first, at + 1)
        before = np.concatenate(([prices["Open"][0]], prices["Close"]))[span]
        bars = Bars(prices["Open"][span], prices["High"][span], prices["Low"][span], prices["Close"][span], before)
        if column == "close":
            # TTR's n closes make n - 1 returns.
            bars = Bars(*(getattr(bars, name)[1:] for name in Bars.__slots__))
        answer = TTR[column](bars)
        assert not isinstance(answer, NoValue)
        assert math.sqrt(answer * 365) == pytest.approx(float(row[column]), rel=2e-14)
        compared += 1
    assert compared in {len(rows) - WINDOW, len(rows) - WINDOW + 1}


def test_days_made_from_half_hours_equal_the_reference_days() -> None:
    history = history_of(read_candles(shared_path("data/prices/ethusdt_30m_2020-09-20_2024-06-30.csv.gz")))
    assert not isinstance(history, NoValue)
    reference = table("eth_daily_2020-09-20_2024-06-30")
    assert len(history.days.times) == len(reference) == 1380
    assert (np.diff(history.days.times) == DAY_SECONDS).all()
    # Six stale candles stand beside two outages and are taken out; every day closes as the reference does.
    assert history.stale == 6
    assert history.bad_prints == 0
    for name in ("Open", "High", "Low", "Close"):
        assert getattr(history.days, name.lower()).tolist() == [float(day[name]) for day in reference]


def test_the_filter_has_the_likelihood_of_fgarch() -> None:
    found = json.loads(shared_path("data/references/fgarch_dem2gbp.json").read_text())["dem2gbp_garch11_norm"]
    rest = dem2gbp() - found["mu"]
    parameters = Parameters(found["omega"], found["alpha1"], 0.0, found["beta1"], None)
    # fGarch starts from the mean square.
    variance = conditional_variance(rest, parameters, first_variance(parameters, float(np.mean(rest**2))))
    assert not isinstance(variance, NoValue)
    assert log_likelihood(rest, variance[:-1], None) == pytest.approx(-1106.60785, abs=5e-6)


def test_a_fit_finds_the_coefficients_of_fgarch() -> None:
    found = json.loads(shared_path("data/references/fgarch_dem2gbp.json").read_text())["dem2gbp_garch11_norm"]
    rest = dem2gbp() - found["mu"]
    # From arch's own start alpha comes out at 0.1455: the start moves the coefficients by more than 1e-3.
    spec = {"vol": "GARCH", "p": 1, "o": 0, "q": 1, "dist": "normal"}
    fit = fit_model(rest, spec, before=float(np.mean(rest**2)))
    assert not isinstance(fit, NoValue)
    assert fit.parameters.omega == pytest.approx(found["omega"], abs=1e-3)
    assert fit.parameters.alpha == pytest.approx(found["alpha1"], abs=1e-3)
    assert fit.parameters.beta == pytest.approx(found["beta1"], abs=1e-3)


@pytest.mark.parametrize("model", sorted(DAILY_MODELS))
@settings(max_examples=20)
@given(
    omega=st.floats(0.01, 0.5),
    alpha=st.floats(0.01, 0.3),
    gamma=st.floats(-0.2, 0.3),
    rest=st.floats(0.1, 0.97),
    nu=st.floats(2.5, 30),
)
def test_the_reference_filter_equals_arch(  # noqa: PLR0917
    model: str, omega: float, alpha: float, gamma: float, rest: float, nu: float
) -> None:
    from arch import arch_model

    spec = DAILY_MODELS[model]
    gamma = (gamma if spec["vol"] == "EGARCH" else max(gamma, -alpha)) if spec["o"] else 0.0
    beta = rest if spec["vol"] == "EGARCH" else rest * max(0.0, 1 - alpha - gamma / 2)
    returns = dem2gbp()
    values = [omega, alpha, *([gamma] if spec["o"] else []), beta, nu]
    result = arch_model(returns, mean="Zero", rescale=False, **spec).fix(values)
    parameters = Parameters(omega, alpha, gamma, beta, nu, exponential=spec["vol"] == "EGARCH")
    from keeper.calibration.garch import backcast

    variance = conditional_variance(returns, parameters, first_variance(parameters, backcast(returns)))
    assert not isinstance(variance, NoValue)
    assert np.sqrt(variance[:-1]) == pytest.approx(result.conditional_volatility, rel=1e-9)
    assert log_likelihood(returns, variance[:-1], nu) == pytest.approx(result.loglikelihood, rel=1e-9)
    forecast = result.forecast(horizon=1, reindex=False).variance.to_numpy()[0, 0]
    assert variance[-1] == pytest.approx(forecast, rel=1e-9)
