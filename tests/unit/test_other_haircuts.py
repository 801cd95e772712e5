"""The models that ours is compared with: Risk DAO's SmartLTV to the unit, and the band of five sigma."""

import math
from fractions import Fraction

import pytest
from factories import model_settings
from hypothesis import given
from hypothesis import strategies as st
from shared import vectors

from keeper.haircuts import sigma_band, smart_ltv
from keeper.haircuts.bars import bounded, of_log_losses
from keeper.records.units import WAD, YEAR_SECONDS

DAY = 86_400


def test_smart_ltv_is_the_contract_s_to_the_unit() -> None:
    for case in vectors("smart_ltv"):
        given_, want = case["inputs"], case["expected"]
        c, sigma = int(given_["c_wad"]), int(given_["sigma_wad"])
        keep = smart_ltv.before_bonus_wad(c, sigma, given_["liquidity"], given_["debt_cap"])
        got = smart_ltv.ltv_wad(keep, int(given_["bonus_wad"]))
        if want["ltv_onchain_wad"].startswith("negative"):
            assert (got, want["ltv"] < 0) == (0, True), case["id"]
        else:
            assert got == int(want["ltv_onchain_wad"]), case["id"]
            assert math.isclose(got / WAD, want["ltv"], rel_tol=1e-9), case["id"]


@given(c=st.integers(0, 20 * WAD), sigma=st.integers(0, 5 * WAD), days=st.fractions(Fraction(1, 100), Fraction(400)))
def test_smart_ltv_agrees_with_its_formula(c: int, sigma: int, days: Fraction) -> None:
    got = smart_ltv.before_bonus_wad(c, sigma, 365 * days.denominator * 10**9, days.numerator * 10**9)
    want = math.exp(-c / WAD * sigma / WAD * math.sqrt(days / 365))
    # The contract's square root keeps nine digits after the point, and 33 terms carry the series to about e**10.
    if want > 1e-4:
        assert math.isclose(got / WAD, want, rel_tol=1e-6, abs_tol=1e-12)
    assert 0 <= got <= WAD


@pytest.mark.parametrize(("liquidity", "debt_cap"), [(0, 1), (1, 10**40)])
def test_without_liquidity_nothing_may_be_lent(liquidity: int, debt_cap: int) -> None:
    assert smart_ltv.before_bonus_wad(WAD, WAD, liquidity, debt_cap) == 0


def test_smart_ltv_of_a_market_names_its_two_parts() -> None:
    # 100 sell, 50 of them an hour: two hours. exp(-5 * 0.8 * sqrt(2/8760)) = 0.94135.
    model = model_settings(k_wad=5 * WAD, t_rep_seconds=3600, size=100 * 10**18, bonus_bps=500, haircut_min_bps=0)
    got = smart_ltv.waterfall(model, 8 * 10**17, 50 * 10**18)
    assert got.bars == (("price_move", 587), ("liquidation_bonus", 500))
    assert got.haircut_bps == 1087


def test_smart_ltv_that_sells_at_once_loses_the_bonus_only() -> None:
    model = model_settings(t_rep_seconds=0, bonus_bps=700, haircut_min_bps=0)
    assert smart_ltv.waterfall(model, WAD, 10**18).bars == (("price_move", 0), ("liquidation_bonus", 700))


def test_five_sigma_in_a_day() -> None:
    model = model_settings(k_wad=5 * WAD, tau0_seconds=DAY, haircut_min_bps=0)
    got = sigma_band.waterfall(model, 8 * 10**17, 10**18)
    want = 1 - math.exp(-5 * 0.8 * math.sqrt(DAY / YEAR_SECONDS))
    assert got.bars == (("price_move", math.ceil(want * 10_000)),)
    assert got.haircut_bps == 1890


@given(losses=st.lists(st.integers(0, 2 * WAD), min_size=1, max_size=8))
def test_bars_of_log_losses_add_up_to_one_minus_the_product(losses: list[int]) -> None:
    bars = of_log_losses([(str(at), loss) for at, loss in enumerate(losses)])
    whole = -math.expm1(-sum(losses) / WAD) * 10_000
    assert whole - 1e-6 <= sum(bps for _, bps in bars) <= whole + 1 + 1e-6
    assert all(bps >= 0 for _, bps in bars)


def test_floor_and_cap_are_bars_only_where_they_bind() -> None:
    assert bounded([("a", 300)], 300, 300).bars == (("a", 300),)
    assert bounded([("a", 300)], 400, 900).bars == (("a", 300), ("floor", 100))
    capped = bounded([("a", 300)], 0, 200)
    assert (capped.bars, capped.capped, capped.unquotable) == ((("a", 300), ("cap", -100)), True, False)
