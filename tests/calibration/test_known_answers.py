"""Every case and every field of the shared vectors that belong to calibration, within their stated tolerances."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from shared import ROOT, vectors

from keeper.calibration.answers import NoValue
from keeper.calibration.backtests import acerbi_szekely, christoffersen, kupiec
from keeper.calibration.blend import blend
from keeper.calibration.daily_models import fit_model
from keeper.calibration.ewma import ewma
from keeper.calibration.garch import (
    Parameters,
    backcast,
    conditional_variance,
    first_variance,
    forecast_variance,
    log_likelihood,
)
from keeper.calibration.har import fit_har
from keeper.calibration.implied import Quote, black_implied, black_price, expiry_variance, index_volatility
from keeper.calibration.liquidity import liquidity_var, square_root_impact
from keeper.calibration.noise import realised
from keeper.calibration.ranges import (
    Bars,
    close_to_close,
    garman_klass,
    garman_klass_yang_zhang,
    parkinson,
    rogers_satchell,
    yang_zhang,
    yang_zhang_weight,
)
from keeper.calibration.student_t import (
    cornish_fisher_is_valid,
    cornish_fisher_quantile,
    cornish_fisher_var,
    student_tail,
)
from keeper.calibration.tails import fit_tail, historical_risk, standardised_losses, tail_risk
from keeper.calibration.windows import difference_factor

Fields = dict[str, Any]
INFORMATIONAL = {"convergence", "scipy_fit", "lbr_implied_vol", "lbr_price", "mp_price", "vega", "reason"}


def exact(level: float | str) -> Fraction:
    """A confidence as the decimal that it is meant to be."""
    return Fraction(str(level))


def run_ewma(given: Fields) -> Fields:
    path = ewma(np.array(given["returns"]), given["lam"], given["initial_variance"])
    assert not isinstance(path, NoValue)
    return {
        "variance_path": path.variance.tolist(),
        "next_variance": path.next_variance,
        "next_vol": math.sqrt(path.next_variance),
    }


def run_garch_filter(given: Fields) -> Fields:
    spec = given["spec"]
    values = iter(given["params"])
    parameters = Parameters(
        omega=next(values),
        alpha=next(values),
        gamma=next(values) if spec["o"] else 0.0,
        beta=next(values),
        nu=next(values) if spec["dist"] == "t" else None,
        exponential=spec["vol"] == "EGARCH",
    )
    returns = np.array(given["returns_pct"])
    before = backcast(returns)
    stated = math.exp(given["backcast"]) if parameters.exponential else given["backcast"]
    assert before == pytest.approx(stated, rel=1e-12)
    variance = conditional_variance(returns, parameters, first_variance(parameters, before))
    assert not isinstance(variance, NoValue)
    volatility = np.sqrt(variance)
    forecast = forecast_variance(parameters, float(variance[-1]), 1 if parameters.exponential else 10)
    return {
        "loglik": log_likelihood(returns, variance[:-1], parameters.nu),
        "cond_vol_first5": volatility[:5].tolist(),
        "cond_vol_last5": volatility[-6:-1].tolist(),
        "forecast_variance": list(forecast),
    }


def run_har(given: Fields) -> Fields:
    found = fit_har(np.array(given["rv"]), tuple(given["lags"]), given["scale"])
    assert not isinstance(found, NoValue)
    return {
        "params_const_d_w_m": list(found.parameters),
        "r2": found.r2,
        "next_rv": found.next_rv,
        "log_har_params": list(found.log_parameters),
        "log_har_s2": found.log_s2,
    }


def run_ranges(given: Fields) -> Fields:
    bars = Bars(*(np.array(given[name]) for name in ("open", "high", "low", "close", "prev_close")))
    return {
        "parkinson": parkinson(bars),
        "garman_klass": garman_klass(bars),
        "rogers_satchell": rogers_satchell(bars),
        "yang_zhang": yang_zhang(bars),
        "yz_k": yang_zhang_weight(len(bars.open)),
        "close_to_close": close_to_close(bars),
        "gk_yz": garman_klass_yang_zhang(bars),
    }


def run_noise(given: Fields) -> Fields:
    found = realised(np.array(given["log_price"]), given["K"], given["H"])
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_vix(given: Fields) -> Fields:
    sides = {}
    for name in ("near", "next"):
        chain = [Quote(strike, call, put) for strike, call, put in given[name]["chain"]]
        sides[name] = expiry_variance(chain, given[name]["T"], given["rate"])
    near, later = sides["near"], sides["next"]
    assert not isinstance(near, NoValue)
    assert not isinstance(later, NoValue)
    ends = (given["near"]["T"], near.variance), (given["next"]["T"], later.variance)
    return {
        "near_variance": near.variance,
        "next_variance": later.variance,
        "near_forward": near.forward,
        "near_k0": near.k0,
        "index_vol": index_volatility(*ends, given["target_minutes"]),
    }


def run_black(given: Fields) -> Fields:
    is_call = given["flag"] == "c"
    found = black_implied(
        given["forward"], given["strike"], given["expiry_years"], given["undiscounted_price"], is_call=is_call
    )
    if isinstance(found, NoValue):
        return {"implied_vol": None}
    sd = found * math.sqrt(given["expiry_years"])
    again = black_price(given["forward"], given["strike"], sd, is_call)
    assert again == pytest.approx(given["undiscounted_price"], rel=1e-12, abs=1e-14 * given["forward"])
    return {"implied_vol": found}


def run_student(given: Fields) -> Fields:
    found = student_tail(given["nu"], exact(given["confidence"]), given["sigma"])
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_cornish_fisher(given: Fields) -> Fields:
    skew, kurtosis, level = given["skew"], given["excess_kurtosis"], exact(given["confidence"])
    quantile, valid = cornish_fisher_quantile(skew, kurtosis, level), cornish_fisher_is_valid(skew, kurtosis)
    var = cornish_fisher_var(skew, kurtosis, level)
    # Outside its domain the expansion is refused; the polynomial itself is what the vector states.
    assert isinstance(var, NoValue) if not valid else var == -quantile
    return {"z_cf": quantile, "var_unit": -quantile, "valid_globally": valid}


def run_gpd(given: Fields) -> Fields:
    tail = fit_tail(np.array(given["losses"]), given["tail_count"])
    assert not isinstance(tail, NoValue)
    return {
        "threshold": tail.threshold,
        "xi": tail.xi,
        "beta": tail.beta,
        "negloglik": tail.negative_log_likelihood,
        "tail": {level: asdict(tail_risk(tail, exact(level))) for level in ("0.99", "0.995", "0.999")},
    }


def run_filtered(given: Fields) -> Fields:
    returns = np.array(given["returns_pct"])
    parameters = Parameters(given["omega"], given["alpha"], 0.0, given["beta"], None)
    variance = conditional_variance(returns, parameters, given["initial_variance"])
    assert not isinstance(variance, NoValue)
    losses = standardised_losses(returns, variance)
    tail, sigma = fit_tail(losses, given["tail_count"]), math.sqrt(variance[-1])
    assert not isinstance(tail, NoValue)
    risk = {}
    for level in ("0.99", "0.995"):
        evt, fhs = tail_risk(tail, exact(level)), historical_risk(losses, exact(level))
        assert not isinstance(evt, NoValue)
        assert not isinstance(fhs, NoValue)
        risk[level] = {"evt_var": sigma * evt.var, "evt_es": sigma * evt.es}
        risk[level] |= {"fhs_var": sigma * fhs.var, "fhs_es": sigma * fhs.es}
    return {"next_variance": float(variance[-1]), "xi": tail.xi, "beta": tail.beta, "risk": risk}


def run_liquidity(given: Fields) -> Fields:
    if given.get("model") == "sqrt_impact":
        found = square_root_impact(given["sigma"], given["quantity"], given["daily_volume"], given["Y"])
    else:
        spreads = given["mean_rel_spread"], given["std_rel_spread"], given["spread_multiple"]
        found = liquidity_var(given["price"], given["sigma"], exact(given["confidence"]), *spreads)
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_kupiec(given: Fields) -> Fields:
    found = kupiec(given["n"], given["exceptions"], given["p"])
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_christoffersen(given: Fields) -> Fields:
    found = christoffersen(given["hits"], given["p"])
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_acerbi(given: Fields) -> Fields:
    losses = -np.array(given["returns"])
    figures = (np.full(len(losses), given[name]) for name in ("var", "es"))
    found = acerbi_szekely(losses, *figures, given["confidence"])
    assert not isinstance(found, NoValue)
    return asdict(found)


def run_difference(given: Fields) -> Fields:
    found = difference_factor(*(given[name] for name in ("points_first", "points_second", "gap_points")))
    scaled = difference_factor(given["points_first"], given["points_second"], given["gap_points"], 4.0)
    assert scaled.discrete == 4 * found.discrete
    return {
        "var_of_difference_discrete": found.discrete * given["step_variance"],
        "var_continuous_limit": found.continuous * given["step_variance"],
        "shrink_vs_centres": found.shrink_vs_centres,
    }


def run_blend(given: Fields) -> Fields:
    found = blend(**given)
    assert not isinstance(found, NoValue)
    return asdict(found)


FILES: dict[str, Callable[[Fields], Fields]] = {
    "ewma": run_ewma,
    "garch_filter": run_garch_filter,
    "har_rv": run_har,
    "range_vol": run_ranges,
    "realised_noise": run_noise,
    "vix_replication": run_vix,
    "black_iv": run_black,
    "student_t_tail": run_student,
    "cornish_fisher": run_cornish_fisher,
    "gpd_pot": run_gpd,
    "filtered_tail": run_filtered,
    "liquidity_var": run_liquidity,
    "kupiec_traffic": run_kupiec,
    "christoffersen": run_christoffersen,
    "acerbi_szekely": run_acerbi,
    "twap_variance_factor": run_difference,
    "blend_and_concentration": run_blend,
}


def cases(name: str) -> list[Fields]:
    path = ROOT / "vectors" / f"{name}.json"
    rows = json.loads(path.read_text())["cases"] if path.exists() else [{"id": "absent", "expected": {}}]
    # Concentration is measured from pool positions, in another room.
    return [row for row in rows if "hhi" not in row["expected"]]


@pytest.mark.parametrize(("name", "case"), [(name, row["id"]) for name in FILES for row in cases(name)])
def test_known_answers(name: str, case: str) -> None:
    row = next(row for row in vectors(name) if row["id"] == case)
    default = json.loads((ROOT / "vectors" / f"{name}.json").read_text())["default_tolerance"]
    tolerance = default | (row.get("tolerance") or {})
    got = FILES[name](row["inputs"])
    for field, want in row["expected"].items():
        if field not in INFORMATIONAL:
            compare(f"{name} {case} {field}", got[field], want, field, tolerance)


def compare(where: str, got: Any, want: Any, field: str, tolerance: Fields) -> None:
    if isinstance(want, dict):
        for key, value in want.items():
            compare(f"{where}.{key}", got[key], value, key, tolerance)
    elif isinstance(want, list):
        assert len(got) == len(want), where
        for index, value in enumerate(want):
            compare(f"{where}[{index}]", got[index], value, field, tolerance)
    elif isinstance(want, float):
        family = field.split("_", maxsplit=1)[0]
        named = {f"{field}_rel", f"{field}_abs", f"{family}_rel"} & set(tolerance)
        rel = tolerance.get(f"{field}_rel", tolerance.get(f"{family}_rel", 0 if named else tolerance.get("rel", 0)))
        allowed = tolerance.get(f"{field}_abs", 0 if named else tolerance.get("abs", 0)) + rel * abs(want)
        assert abs(got - want) <= allowed, f"{where}: {got} is not {want}"
    else:
        assert got == want, f"{where}: {got} is not {want}"


@pytest.mark.parametrize("case", [row["id"] for row in cases("garch_fit")])
def test_a_fit_is_as_likely_and_forecasts_the_same(case: str) -> None:
    row = next(row for row in vectors("garch_fit") if row["id"] == case)
    expected, tolerance = row["expected"], row["tolerance"]
    fit = fit_model(np.array(row["inputs"]["returns_pct"]), row["inputs"]["spec"])
    assert not isinstance(fit, NoValue)
    assert fit.converged == (expected["convergence"] == 0)
    assert fit.log_likelihood >= expected["loglik"] - tolerance["loglik_abs"]
    forecast = forecast_variance(fit.parameters, fit.next_variance, 5)
    assert not isinstance(forecast, NoValue)
    assert forecast == pytest.approx(expected["forecast_variance"], rel=tolerance["forecast_rel"])
    for name, value in (("omega", fit.parameters.omega), ("alpha[1]", fit.parameters.alpha)):
        assert value == pytest.approx(expected["params"][name], abs=tolerance["params_abs"])
    assert fit.parameters.beta == pytest.approx(expected["params"]["beta[1]"], abs=tolerance["params_abs"])
    if "nu" in expected["params"]:
        assert fit.parameters.nu == pytest.approx(expected["params"]["nu"], rel=tolerance["nu_rel"])
