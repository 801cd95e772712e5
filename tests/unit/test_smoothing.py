"""Anti-procyclicality: the blend to its vectors, one-way, and a buffer that is held in calm and given up in a storm."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors

from keeper.records.units import BPS, WAD
from keeper.risk.smoothing import Smoothing, blend_up, buffered_up, model_mult_up, smoothed_sigma_up

SIGMAS = st.integers(0, 5 * WAD)
RULES = st.builds(
    Smoothing,
    stressed_wad=SIGMAS,
    stress_weight_bps=st.integers(0, BPS),
    floor_wad=SIGMAS,
    realised_weight_bps=st.integers(0, BPS),
    buffer_bps=st.integers(0, BPS),
)


def wad(value: float) -> int:
    return round(value * 10**6) * 10**12


def test_the_blend_agrees_with_the_vectors() -> None:
    cases = [case for case in vectors("blend_and_concentration") if "realised" in case["inputs"]]
    assert len(cases) >= 2
    for case in cases:
        given_ = case["inputs"]
        rules = Smoothing(
            stressed_wad=wad(given_["stressed"]),
            stress_weight_bps=round(given_["stress_weight"] * BPS),
            floor_wad=wad(given_["floor"]),
            realised_weight_bps=round(given_["weight_realised"] * BPS),
        )
        implied = None if given_["implied"] is None else wad(given_["implied"])
        got = blend_up(wad(given_["realised"]), implied, rules)
        for name, value in (("blend", got.blend), ("with_stress", got.with_stress), ("sigma_used", got.sigma)):
            assert math.isclose(value / WAD, case["expected"][name], rel_tol=1e-12), (case["id"], name)


@thorough
@given(realised=SIGMAS, implied=st.lists(st.none() | SIGMAS, max_size=4), rules=RULES)
def test_p12_a_source_never_lowers_and_nothing_lies_below_the_realised_figure(
    realised: int, implied: list[int | None], rules: Smoothing
) -> None:
    alone = smoothed_sigma_up(realised, [], rules)
    assert alone >= max(realised, rules.floor_wad)
    assert smoothed_sigma_up(realised, implied, rules) >= alone
    assert smoothed_sigma_up(realised, implied[::-1], rules) == smoothed_sigma_up(realised, implied, rules)


@given(realised=SIGMAS, more=SIGMAS, rules=RULES)
def test_more_volatility_never_publishes_less(realised: int, more: int, rules: Smoothing) -> None:
    assert smoothed_sigma_up(realised + more, [], rules) >= smoothed_sigma_up(realised, [], rules)
    wilder = replace(rules, stressed_wad=rules.stressed_wad + more)
    assert smoothed_sigma_up(realised, [], wilder) >= smoothed_sigma_up(realised, [], rules)


def test_a_low_implied_figure_alone_would_have_lowered() -> None:
    """The trap that the maximum over calls is for (models.md 2.8)."""
    rules = Smoothing(stressed_wad=15 * WAD // 10)
    one_call = blend_up(6 * WAD // 10, 2 * WAD // 10, rules).sigma
    assert one_call < blend_up(6 * WAD // 10, None, rules).sigma
    assert smoothed_sigma_up(6 * WAD // 10, [2 * WAD // 10], rules) == smoothed_sigma_up(6 * WAD // 10, [], rules)


def test_the_buffer_is_whole_in_calm_and_gone_in_a_storm() -> None:
    def buffered(per_cent: int) -> int:
        return buffered_up(per_cent * WAD // 100, 80 * WAD // 100, 2500) * 100 // WAD

    assert [buffered(at) for at in (0, 40, 80, 90, 100, 101, 150)] == [0, 50, 100, 100, 100, 101, 150]


def test_the_model_multiplier_of_48_normal_half_hours() -> None:
    got = model_mult_up(3 * WAD, 48)
    assert got is not None
    assert math.isclose(got / WAD, 1 + 1.2816 * math.sqrt(2 / (4 * 48)), rel_tol=1e-15)
    assert got >= WAD + math.floor(1.2816 * math.sqrt(2 / 192) * WAD * (1 - 1e-15))
    assert model_mult_up(3 * WAD, 0) is None
    assert model_mult_up(0, 48) == WAD
