"""One volatility from many sources: the realised one leads, every other may only raise, order does not matter."""

from dataclasses import replace

import pytest
from factories import FEED, feed_reading, model_settings
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.maths.variance import SIGMA_STEP
from keeper.records.estimates import ImpliedVolatility
from keeper.records.settings import FeedSettings, ModelSettings
from keeper.records.units import BPS, WAD
from keeper.risk.sigma import MAX_SIGMA_WAD, haircut_sigma_up, implied_sigma, of_feed

SIGMAS = st.integers(0, 5 * WAD)
MODELS = st.builds(
    model_settings,
    sigma_floor_wad=SIGMAS,
    stressed_sigma_wad=SIGMAS,
    stress_weight_bps=st.integers(0, BPS),
    realised_weight_bps=st.integers(0, BPS),
    sigma_buffer_bps=st.integers(0, BPS),
    same_issuer=st.booleans(),
    tail_coefficient_bps=st.integers(0, BPS),
)
ROWS = st.lists(
    st.builds(ImpliedVolatility, st.just("pool"), st.none() | SIGMAS, st.just(""), st.integers(0, 2**100)), max_size=6
)
DVOL = FeedSettings("chainlink", FEED, 8, 3600)


def row(sigma: int | None, weight: int = 1) -> ImpliedVolatility:
    return ImpliedVolatility("pool", sigma, "fees", weight)


def feed(sigma: int | None) -> ImpliedVolatility:
    return ImpliedVolatility(FEED, sigma, "feed")


def test_without_terms_it_is_the_larger_of_realised_and_floor() -> None:
    model = model_settings(sigma_floor_wad=WAD // 5)
    assert haircut_sigma_up(WAD // 2, None, (), model) == WAD // 2
    assert haircut_sigma_up(WAD // 10, None, (), model) == WAD // 5
    assert haircut_sigma_up(WAD // 2 + 1, None, (), model) == WAD // 2 + SIGMA_STEP


def test_known_values_of_blend_stress_buffer_and_wrong_way() -> None:
    model = model_settings(sigma_floor_wad=0)
    # sqrt((0.6**2 + 0.8**2) / 2) = 0.70711
    assert haircut_sigma_up(6 * WAD // 10, 8 * WAD // 10, (), model) == 7072 * 10**14
    assert haircut_sigma_up(6 * WAD // 10, None, (feed(8 * WAD // 10),), model) == 7072 * 10**14
    # sqrt(0.75 * 0.36 + 0.25 * 2.25) = 0.91241
    stressed = replace(model, stressed_sigma_wad=15 * WAD // 10)
    assert haircut_sigma_up(6 * WAD // 10, None, (), stressed) == 9125 * 10**14
    assert haircut_sigma_up(6 * WAD // 10, None, (), replace(stressed, same_issuer=True)) == 15 * WAD // 10
    assert haircut_sigma_up(6 * WAD // 10, None, (), replace(stressed, tail_coefficient_bps=5001)) == 15 * WAD // 10
    assert haircut_sigma_up(6 * WAD // 10, None, (), replace(stressed, tail_coefficient_bps=5000)) == 9125 * 10**14
    buffered = replace(model, sigma_floor_wad=8 * WAD // 10, sigma_buffer_bps=2500)
    assert haircut_sigma_up(6 * WAD // 10, None, (), buffered) == WAD


@thorough
@given(realised=SIGMAS, implied=st.none() | SIGMAS, feeds=st.lists(st.none() | SIGMAS, max_size=3), model=MODELS)
def test_p12_an_implied_volatility_or_a_feed_never_lowers(
    realised: int, implied: int | None, feeds: list[int | None], model: ModelSettings
) -> None:
    alone = haircut_sigma_up(realised, None, (), model)
    rows = tuple(map(feed, feeds))
    got = haircut_sigma_up(realised, implied, rows, model)
    assert alone >= max(realised, model.sigma_floor_wad)
    assert got >= max(
        alone, haircut_sigma_up(realised, implied, (), model), haircut_sigma_up(realised, None, rows, model)
    )
    assert got % SIGMA_STEP == 0
    assert haircut_sigma_up(realised, implied, rows[::-1], model) == got


@thorough
@given(realised=SIGMAS, more=SIGMAS, implied=st.none() | SIGMAS, model=MODELS)
def test_p2_more_volatility_of_any_kind_never_publishes_less(
    realised: int, more: int, implied: int | None, model: ModelSettings
) -> None:
    got = haircut_sigma_up(realised, implied, (), model)
    assert haircut_sigma_up(realised + more, implied, (), model) >= got
    assert haircut_sigma_up(realised, (implied or 0) + more, (), model) >= haircut_sigma_up(
        realised, implied, (), model
    )
    assert haircut_sigma_up(realised, implied, (feed(more),), model) >= got


@pytest.mark.parametrize(
    ("rows", "want"),
    [
        ([], None),
        ([row(None)], None),
        ([row(30)], 30),
        ([row(30), row(50)], 50),
        ([row(30), row(50), row(90)], 50),
        ([row(30, 3), row(50), row(90)], 30),
        ([row(30), row(50), row(90, 2)], 90),
        ([row(30), row(50), row(None, 100)], 50),
        ([row(500)], 200),
    ],
)
def test_the_median_is_weighted_by_liquidity_and_stops_at_twice_the_realised_figure(
    rows: list[ImpliedVolatility], want: int | None
) -> None:
    assert implied_sigma(rows, 100) == want


@thorough
@given(rows=ROWS, realised=SIGMAS)
def test_p13_the_order_of_pools_does_not_matter(rows: list[ImpliedVolatility], realised: int) -> None:
    got = implied_sigma(rows, realised)
    assert implied_sigma(rows[::-1], realised) == implied_sigma([*rows[1:], *rows[:1]], realised) == got
    assert got is None or got <= 2 * realised


def test_an_index_in_per_cent_becomes_a_volatility_rounded_up() -> None:
    assert of_feed(DVOL, feed_reading(5_512_345_678)).sigma_wad == 551_234_567_800_000_000
    assert of_feed(replace(DVOL, decimals=20), feed_reading(1)).sigma_wad == 1
    assert of_feed(replace(DVOL, decimals=0), feed_reading(10_000)).sigma_wad == MAX_SIGMA_WAD


def test_an_index_that_nobody_believes_or_that_failed_has_no_value_and_a_reason() -> None:
    got = of_feed(replace(DVOL, decimals=0), feed_reading(10_001))
    assert (got.sigma_wad, got.reason) == (None, "answer 10001 is more than 10,000 % a year")
    got = of_feed(DVOL, feed_reading(None))
    assert (got.sigma_wad, got.reason) == (None, "the feed reverted")
