"""Every haircut model keeps the promises of models.md 5.3, whatever is inside."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from factories import model_settings
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.haircuts import MODELS
from keeper.records.settings import ModelSettings
from keeper.records.units import WAD

pytestmark = pytest.mark.parametrize("name", sorted(MODELS))

SETTINGS = st.builds(
    model_settings,
    k_wad=st.integers(0, 10 * WAD),
    model_mult_wad=st.integers(WAD, 2 * WAD),
    oracle_deviation_wad=st.integers(0, WAD // 5),
    bonus_bps=st.integers(0, 2500),
    tau0_seconds=st.integers(0, 86_400),
    t_rep_seconds=st.integers(0, 7200),
    size=st.integers(1, 10**9),
    haircut_min_bps=st.integers(0, 1000),
    haircut_max_bps=st.integers(1000, 10_000),
)
SIGMAS, DEPTHS = st.integers(0, 5 * WAD), st.integers(0, 10**9)

RISING: dict[str, Callable[[ModelSettings], int]] = {
    "k_wad": lambda row: row.k_wad,
    "model_mult_wad": lambda row: row.model_mult_wad,
    "bonus_bps": lambda row: row.bonus_bps,
    "tau0_seconds": lambda row: row.tau0_seconds,
    "t_rep_seconds": lambda row: row.t_rep_seconds,
    "size": lambda row: row.size,
}


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS)
def test_p01_the_haircut_lies_between_floor_and_cap(name: str, model: ModelSettings, sigma: int, depth: int) -> None:
    got = MODELS[name](model, sigma, depth)
    assert model.haircut_min_bps <= got.haircut_bps <= model.haircut_max_bps


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS, field=st.sampled_from(sorted(RISING)), more=st.integers(0, 10**6))
def test_p02_more_risk_never_lowers_the_haircut(  # noqa: PLR0917 - hypothesis passes each by name
    name: str, model: ModelSettings, sigma: int, depth: int, field: str, more: int
) -> None:
    riskier = replace(model, **{field: RISING[field](model) + more})
    assert MODELS[name](riskier, sigma, depth).haircut_bps >= MODELS[name](model, sigma, depth).haircut_bps


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS, more=st.integers(0, WAD))
def test_p02_more_volatility_or_deviation_never_lowers_the_haircut(
    name: str, model: ModelSettings, sigma: int, depth: int, more: int
) -> None:
    got = MODELS[name](model, sigma, depth).haircut_bps
    assert MODELS[name](model, sigma + more, depth).haircut_bps >= got
    deviating = replace(model, oracle_deviation_wad=model.oracle_deviation_wad + more)
    assert MODELS[name](deviating, sigma, depth).haircut_bps >= got


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS, more=st.integers(0, 10**9))
def test_p03_more_depth_never_raises_the_haircut(
    name: str, model: ModelSettings, sigma: int, depth: int, more: int
) -> None:
    assert MODELS[name](model, sigma, depth + more).haircut_bps <= MODELS[name](model, sigma, depth).haircut_bps


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS, zeros=st.integers(1, 20))
def test_p04_size_and_depth_in_another_unit_give_the_same_haircut(
    name: str, model: ModelSettings, sigma: int, depth: int, zeros: int
) -> None:
    scaled = replace(model, size=model.size * 10**zeros)
    assert MODELS[name](scaled, sigma, depth * 10**zeros) == MODELS[name](model, sigma, depth)


@thorough
@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS)
def test_p08_the_bars_add_up_to_the_haircut(name: str, model: ModelSettings, sigma: int, depth: int) -> None:
    got = MODELS[name](model, sigma, depth)
    assert sum(bps for _, bps in got.bars) == got.haircut_bps


@thorough
@given(model=SETTINGS, sigma=SIGMAS)
def test_p09_no_depth_is_the_cap_and_says_so(name: str, model: ModelSettings, sigma: int) -> None:
    got = MODELS[name](model, sigma, 0)
    assert (got.haircut_bps, got.unquotable, got.capped) == (model.haircut_max_bps, True, True)
