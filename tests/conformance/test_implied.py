"""Every estimator of implied volatility answers with a value or a reason, clamped, and never from dust."""

from dataclasses import replace

import pytest
from factories import model_settings
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.records.estimates import FeeSample
from keeper.records.units import WAD
from keeper.volatility import IMPLIED

pytestmark = pytest.mark.parametrize("name", sorted(IMPLIED))

DAY = 86_400
NOW = 1_700_000_000
MODEL = model_settings(implied_seconds=DAY, implied_change_wad=10**16, implied_min_liquidity=1000)


def sample(ago: int, earned: int = 0, liquidity: int = 5000, root: int = 1 << 96) -> FeeSample:
    return FeeSample(NOW - ago, earned % 2**256, 0, liquidity, root)


def earning(per_cent: int) -> int:
    """Fee growth in a day at a price of one that implies so much a year: sigma**2 / 4 / 365 per unit, times 2**128."""
    return (per_cent**2 << 128) // (4 * 365 * 100 * 100)


EARNED = st.integers(0, 2**140)
PAST = st.lists(
    st.builds(sample, st.integers(1, 5 * DAY), EARNED, st.integers(0, 3000), st.integers(1, 2**150)), max_size=12
).map(lambda rows: sorted(rows, key=lambda row: row.time))


@given(past=PAST, now=st.builds(sample, st.just(0), EARNED, st.integers(0, 3000)))
def test_it_gives_a_value_or_a_reason_and_the_same_each_time(name: str, past: list[FeeSample], now: FeeSample) -> None:
    got = IMPLIED[name]("pool", now, past, MODEL)
    assert got.source == "pool"
    assert got.reason
    assert got == IMPLIED[name]("pool", now, past, MODEL)
    if got.sigma_wad is not None:
        assert got.sigma_wad >= 0
        assert got.weight >= MODEL.implied_min_liquidity


def test_a_day_of_fees_is_what_it_says(name: str) -> None:
    got = IMPLIED[name]("pool", sample(0, earning(80)), [sample(DAY)], MODEL)
    assert got.sigma_wad is not None
    assert abs(got.sigma_wad - 80 * WAD // 100) <= 2 * 10**9
    assert (got.reason, got.weight) == ("fees", 5000)


@pytest.mark.parametrize(("ago", "speaks"), [(DAY - 1, False), (DAY, True), (2 * DAY, True), (2 * DAY + 1, False)])
def test_the_span_is_at_least_what_is_set_and_at_most_twice_that(name: str, ago: int, speaks: bool) -> None:
    got = IMPLIED[name]("pool", sample(0, earning(80)), [sample(ago)], MODEL)
    assert (got.sigma_wad is not None) is speaks
    if not speaks:
        assert got.reason == "no sample between 86400 and 172800 seconds ago"


def test_the_newest_sample_that_is_old_enough_counts(name: str) -> None:
    rows = [sample(DAY + 600, earning(500)), sample(DAY), sample(600, earning(900))]
    got = IMPLIED[name]("pool", sample(0, earning(80)), rows, replace(MODEL, implied_change_wad=WAD))
    assert got == IMPLIED[name]("pool", sample(0, earning(80)), [sample(DAY)], MODEL)


@pytest.mark.parametrize("thin", [0, 1, 2, 3])
def test_a_pool_that_held_dust_at_any_sample_of_the_span_does_not_speak(name: str, thin: int) -> None:
    rows = [sample(DAY), sample(DAY // 2), sample(600), sample(0, earning(80))]
    rows[thin] = replace(rows[thin], liquidity=999)
    got = IMPLIED[name]("pool", rows[3], rows[:3], MODEL)
    assert got.sigma_wad is None
    assert got.reason == "liquidity was down to 999, at least 1000 counts"


def test_dust_before_the_span_is_forgotten(name: str) -> None:
    rows = [sample(2 * DAY, liquidity=1), sample(DAY)]
    assert IMPLIED[name]("pool", sample(0, earning(80)), rows, MODEL).sigma_wad is not None


@pytest.mark.parametrize(("now", "want"), [(200, 81), (20, 79), (80, 80)])
def test_the_change_from_the_span_before_is_clamped_both_ways(name: str, now: int, want: int) -> None:
    rows = [sample(2 * DAY), sample(DAY, earning(80))]
    got = IMPLIED[name]("pool", sample(0, earning(80) + earning(now)), rows, MODEL)
    assert got.sigma_wad is not None
    assert abs(got.sigma_wad - want * WAD // 100) <= 10**10


def test_a_venue_without_fee_growth_says_so(name: str) -> None:
    got = IMPLIED[name]("pool", None, [sample(DAY)], MODEL)
    assert got.sigma_wad is None
    assert "keeps no fee growth" in got.reason


@thorough
@given(earned=EARNED, before=EARNED, ago=st.integers(DAY, 2 * DAY), change=st.integers(0, WAD))
def test_p12_no_pool_moves_faster_than_the_clamp(name: str, earned: int, before: int, ago: int, change: int) -> None:
    model = replace(MODEL, implied_change_wad=change)
    first, second = sample(ago + DAY), sample(ago, before)
    earlier = IMPLIED[name]("pool", second, [first], replace(model, implied_change_wad=10**30))
    got = IMPLIED[name]("pool", sample(0, before + earned), [first, second], model)
    assert earlier.sigma_wad is not None
    assert got.sigma_wad is not None
    assert abs(got.sigma_wad - earlier.sigma_wad) <= -(-change * ago // DAY)
