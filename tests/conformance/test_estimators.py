"""Every volatility estimator answers with a value or a reason, from integers, the same way each time."""

import pytest
from factories import make_block, make_settings, pool_settings, pool_state
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.maths.keccak import source_id
from keeper.maths.variance import SIGMA_STEP
from keeper.records.core import Core, SourceCore, decode_core, encode_core
from keeper.records.pools import Cumulative, UniswapV2State, UniswapV3State
from keeper.volatility import ESTIMATORS

pytestmark = pytest.mark.parametrize("name", sorted(ESTIMATORS))

BLOCK, SETTINGS, POOL = make_block(), make_settings(), pool_settings()
TICKS = st.lists(st.integers(-887_272, 887_272), min_size=1, max_size=50)


def state_of(ticks: list[int], sign: int = 1, shift: int = 0, seconds: int = 1800) -> UniswapV3State:
    """A pool whose mean ticks over the last windows were these."""
    times = [BLOCK.timestamp - seconds * ago for ago in range(len(ticks), -1, -1)]
    cumulative, points = 0, [Cumulative(times[0], 0, 0)]
    for tick, time in zip(ticks, times[1:], strict=True):
        cumulative += sign * (tick + shift) * seconds
        points.append(Cumulative(time, cumulative, 0))
    return pool_state(now=points[-1], ring=tuple(points[:-1]))


@given(ticks=TICKS)
def test_a_start_gives_a_value_or_a_reason(name: str, ticks: list[int]) -> None:
    entry, said = ESTIMATORS[name](None, POOL, state_of(ticks), BLOCK, SETTINGS)
    assert (said.sigma_wad is None) == (len(ticks) < SETTINGS.bootstrap_min_windows) == (entry is None)
    assert said.reason
    assert said.pool == POOL.address
    if said.sigma_wad is not None:
        assert said.sigma_wad % SIGMA_STEP == 0
        assert said.sigma_wad >= max(said.fast_wad, said.slow_wad) > said.sigma_wad - SIGMA_STEP or not said.sigma_wad


@given(ticks=TICKS)
def test_an_entry_survives_the_packed_core(name: str, ticks: list[int]) -> None:
    entry, _ = ESTIMATORS[name](None, POOL, state_of(ticks), BLOCK, SETTINGS)
    if entry is not None:
        assert entry.pool == source_id(POOL.venue, POOL.address)
        core = Core(1, 2, 0, (entry,))
        assert decode_core(encode_core(core)) == core


@given(ticks=TICKS, shift=st.integers(-100_000, 100_000))
def test_sigma_depends_on_neither_direction_nor_decimals(name: str, ticks: list[int], shift: int) -> None:
    _, said = ESTIMATORS[name](None, POOL, state_of(ticks), BLOCK, SETTINGS)
    for other in (state_of(ticks, sign=-1), state_of(ticks, shift=shift)):
        assert ESTIMATORS[name](None, POOL, other, BLOCK, SETTINGS)[1] == said


@thorough
@given(ticks=TICKS)
def test_p55_the_inverse_pair_has_exactly_the_same_sigma(name: str, ticks: list[int]) -> None:
    assert sigma(name, state_of(ticks, sign=-1)) == sigma(name, state_of(ticks))


@thorough
@given(ticks=TICKS)
def test_p56_time_backwards_gives_the_same_sigma(name: str, ticks: list[int]) -> None:
    assert sigma(name, state_of(ticks[::-1])) == sigma(name, state_of(ticks))


def sigma(name: str, state: UniswapV3State) -> int | None:
    return ESTIMATORS[name](None, POOL, state, BLOCK, SETTINGS)[1].sigma_wad


@given(ticks=TICKS, more=TICKS)
def test_the_same_sample_twice_gives_the_same_bytes(name: str, ticks: list[int], more: list[int]) -> None:
    entry, _ = ESTIMATORS[name](None, POOL, state_of(ticks), BLOCK, SETTINGS)
    first = ESTIMATORS[name](entry, POOL, state_of(more), BLOCK, SETTINGS)
    assert ESTIMATORS[name](entry, POOL, state_of(more), BLOCK, SETTINGS) == first


def test_a_state_without_cumulatives_has_no_value_and_keeps_the_entry(name: str) -> None:
    entry = SourceCore(bytes(7), 1, 2, 3, 4, 5, 6)
    after, said = ESTIMATORS[name](entry, POOL, UniswapV2State(1, 1), BLOCK, SETTINGS)
    assert after == entry
    assert said.sigma_wad is None
    assert said.reason
