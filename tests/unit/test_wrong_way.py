"""Wrong-way pairs: a lower tail counted by ranks, and a volatility that only ever rises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.units import BPS, WAD
from keeper.risk.wrong_way import is_wrong_way, lower_tail_bps, pair_sigma

CHANGES = st.lists(st.integers(-1000, 1000), min_size=200, max_size=300)


def test_a_pair_with_itself_shares_its_whole_tail_and_a_mirror_none() -> None:
    changes = [step * 7919 % 100_003 for step in range(1000)]
    assert lower_tail_bps(changes, changes) == BPS
    assert lower_tail_bps(changes, [-change for change in changes]) == 0


def test_half_of_the_worst_together_is_not_yet_wrong_way_and_one_more_is() -> None:
    first = list(range(400))  # the worst twenty are 0..19
    for shared, want in ((10, 5000), (11, 5500)):
        second = [at if at < shared else 1000 + at for at in range(400)]
        second[-(20 - shared) :] = [100 + at for at in range(20 - shared)]
        assert lower_tail_bps(first, second) == want
        assert is_wrong_way(same_issuer=False, coefficient_bps=want) is (shared == 11)


@given(first=CHANGES, data=st.data())
def test_the_coefficient_does_not_know_which_asset_is_first_nor_the_unit(first: list[int], data: st.DataObject) -> None:
    second = data.draw(st.lists(st.integers(-1000, 1000), min_size=len(first), max_size=len(first)))
    got = lower_tail_bps(first, second)
    assert got is not None
    assert 0 <= got <= BPS
    assert lower_tail_bps(second, first) == got
    assert lower_tail_bps([7 * change + 3 for change in first], second) == got


def test_too_few_observations_have_no_coefficient_and_count_as_wrong_way() -> None:
    assert lower_tail_bps([1] * 199, [1] * 199) is None
    assert is_wrong_way(same_issuer=False, coefficient_bps=None)
    with pytest.raises(ValueError, match="3 changes of one, 2 of the other"):
        lower_tail_bps([1, 2, 3], [1, 2])


@pytest.mark.parametrize(
    ("same_issuer", "coefficient", "want"),
    [(False, 5000, 60), (False, 5001, 150), (True, 0, 150), (False, None, 150)],
)
def test_the_stressed_volatility_counts_where_the_way_is_wrong(
    same_issuer: bool, coefficient: int | None, want: int
) -> None:
    got = pair_sigma(60 * WAD // 100, 150 * WAD // 100, same_issuer=same_issuer, coefficient_bps=coefficient)
    assert got == want * WAD // 100


@given(sigma=st.integers(0, 5 * WAD), stressed=st.integers(0, 5 * WAD), issuer=st.booleans(), bps=st.integers(0, BPS))
def test_a_pair_s_volatility_never_falls(sigma: int, stressed: int, issuer: bool, bps: int) -> None:
    assert pair_sigma(sigma, stressed, same_issuer=issuer, coefficient_bps=bps) >= sigma
