"""Whatever the model: the value that is named moves its haircut by the full step, and its neighbour does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from factories import model_settings
from hypothesis import given
from hypothesis import strategies as st

from keeper.haircuts import MODELS
from keeper.haircuts.sensitivities import MOVE_BPS, Sensitivity, sensitivities
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
    haircut_min_bps=st.sampled_from([0, 500]),
    haircut_max_bps=st.sampled_from([5000, 10_000]),
)
SIGMAS, DEPTHS = st.integers(0, 5 * WAD), st.integers(0, 10**9)
NAMES = ["sigma_wad", "q_star", "size", "oracle_deviation_wad", "bonus_bps", "tau0_seconds", "t_rep_seconds"]


def haircut_at(name: str, model: ModelSettings, sigma: int, depth: int) -> Callable[[str, int], int]:
    """The haircut with one input at another value."""

    def at(field: str, value: int) -> int:
        if field == "sigma_wad":
            return MODELS[name](model, value, depth).haircut_bps
        if field == "q_star":
            return MODELS[name](model, sigma, value).haircut_bps
        return MODELS[name](replace(model, **{field: value}), sigma, depth).haircut_bps

    return at


@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS)
def test_a_found_value_moves_it_by_the_full_step_and_its_neighbour_does_not(
    name: str, model: ModelSettings, sigma: int, depth: int
) -> None:
    at, rows = haircut_at(name, model, sigma, depth), sensitivities(MODELS[name], model, sigma, depth)
    here = MODELS[name](model, sigma, depth).haircut_bps
    assert [row.name for row in rows] == NAMES
    for row in rows:
        assert at(row.name, row.value) == here, row
        for found, sign in ((row.tighter, 1), (row.looser, -1)):
            if found is None:
                continue
            nearer = found + (1 if found < row.value else -1)
            assert sign * (at(row.name, found) - here) >= MOVE_BPS, (row, sign)
            assert sign * (at(row.name, nearer) - here) < MOVE_BPS, (row, sign)
            rises = row.name != "q_star"
            assert (found > row.value) == (rises == (sign == 1)), (row, sign)


@given(model=SETTINGS, sigma=SIGMAS, depth=DEPTHS, field=st.sampled_from(NAMES), value=st.integers(0, 10**25))
def test_where_no_value_is_named_none_does_it(  # noqa: PLR0917 - hypothesis passes each by name
    name: str, model: ModelSettings, sigma: int, depth: int, field: str, value: int
) -> None:
    highest = {"oracle_deviation_wad": WAD, "tau0_seconds": 2**32 - 1, "t_rep_seconds": 2**32 - 1, "bonus_bps": 10**9}
    value = min(value, highest.get(field, 2**80 - 1))
    at, here = haircut_at(name, model, sigma, depth), MODELS[name](model, sigma, depth).haircut_bps
    row: Sensitivity = next(row for row in sensitivities(MODELS[name], model, sigma, depth) if row.name == field)
    moved = at(field, value) - here
    if row.tighter is None:
        assert moved < MOVE_BPS
    if row.looser is None:
        assert moved > -MOVE_BPS


def test_what_cannot_move_it_is_said(name: str) -> None:
    """At the cap nothing tightens; with nothing to sell into, only depth loosens, or nothing that must be sold."""
    model = model_settings(haircut_max_bps=9000)
    rows = {row.name: row for row in sensitivities(MODELS[name], model, WAD, 0)}
    assert all(row.tighter is None for row in rows.values())
    assert {field for field, row in rows.items() if row.looser is not None} == {"q_star", "size"}
    assert rows["size"].looser == 0


def test_depth_beyond_the_domain_counts_as_its_edge(name: str) -> None:
    rows = [sensitivities(MODELS[name], model_settings(), WAD, depth) for depth in (2**112 - 1, 2**200)]
    assert rows[0] == rows[1]
