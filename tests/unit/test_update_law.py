"""Tighten fast, relax slowly: the vectors, and models.md's P21 to P27 of the reference and of what really runs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from shared import vectors
from update_law import DAY, LAWS, Law, RealLaw, ReferenceLaw, Rules

from keeper.maths.fixed import cdiv

EVERY_LAW = pytest.mark.parametrize("name", sorted(LAWS))
RULES = Rules(band_up=50)
BPS = st.integers(0, 9500)


def steps_of(targets: int, longest: int = 900) -> st.SearchStrategy[tuple[int, int]]:
    """(seconds since the step before, target below ``targets``), out of one number: twice as quick as out of two."""
    top = targets * (longest - 24) - 1
    return st.integers(0, top).map(lambda drawn: (12 * (25 + drawn // targets), drawn % targets))


STEPS = st.lists(steps_of(9501), min_size=1, max_size=8)
"""Some gaps are longer than the longest that is allowed."""


def walked(law: Law, steps: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(time, target, haircut) after every step."""
    time, rows = 0, []
    for seconds, target in steps:
        time += seconds
        rows.append((time, target, law.step(time, target)))
    return rows


def test_every_vector_of_the_reference_comes_out_step_by_step() -> None:
    cases = vectors("update_law")
    for case in cases:
        given_ = dict(case["inputs"])
        targets, start = given_.pop("targets"), given_.pop("start_bps")
        law = ReferenceLaw(start, Rules(**given_))
        assert [law.step(time, target) for time, target in targets] == case["expected"]["published_bps"], case["id"]
    assert len(cases) == 3


@EVERY_LAW
@thorough
@given(start=BPS, steps=STEPS)
def test_p21_needed_tightening_shows_in_the_first_update_up_to_the_step(
    name: str, start: int, steps: list[tuple[int, int]]
) -> None:
    law, time = LAWS[name](start, RULES), 0
    for seconds, target in steps:
        time += seconds
        law.settle(time)
        before, staged = law.haircut, law.staged
        after = law.step(time, target)
        if target - before >= RULES.band_up and not staged:
            assert after == min(target, before + RULES.max_up)


@EVERY_LAW
@thorough
@given(start=BPS, steps=STEPS)
def test_p22_no_fall_is_larger_than_its_budget(name: str, start: int, steps: list[tuple[int, int]]) -> None:
    law = LAWS[name](start, RULES)
    rows = [(0, 0, start), *walked(law, steps)]
    for at, (time, _, haircut) in enumerate(rows):
        if at and name == "reference":
            elapsed = time - rows[at - 1][0]
            assert rows[at - 1][2] - haircut <= cdiv((elapsed + RULES.max_gap) * RULES.down_per_day, DAY)
        if name != "reference":
            falls = [max(0, rows[i - 1][2] - rows[i][2]) for i in range(1, at + 1) if rows[i][0] > time - DAY]
            assert sum(falls) <= RULES.bucket + RULES.down_per_day


@EVERY_LAW
@thorough
@given(
    start=BPS,
    low=st.integers(0, 9000),
    noise=st.lists(steps_of(51, 600), max_size=8),
)
def test_p23_noise_within_the_margin_changes_no_direction(
    name: str, start: int, low: int, noise: list[tuple[int, int]]
) -> None:
    law = LAWS[name](start, RULES)
    settle = [(7200, low)] * 6
    seen = [start, *(row[2] for row in walked(law, [*settle, *((seconds, low + more) for seconds, more in noise)]))]
    moves = {(after > before) for before, after in pairwise(seen) if after != before}
    assert len(moves) <= 1


@EVERY_LAW
@thorough
@given(start=BPS, steps=STEPS)
def test_p24_after_every_update_the_haircut_is_within_the_band_of_the_target(
    name: str, start: int, steps: list[tuple[int, int]]
) -> None:
    law, time = LAWS[name](start, RULES), 0
    for seconds, target in steps:
        time += seconds
        law.settle(time)
        before = law.haircut
        after = law.step(time, target)
        assert after > target - RULES.band_up or after == before + RULES.max_up or law.staged


@EVERY_LAW
@thorough
@given(start=st.integers(0, 3000), target=st.integers(0, 3000))
def test_p25_with_a_constant_target_the_last_gap_is_within_the_band(name: str, start: int, target: int) -> None:
    law = LAWS[name](start, Rules(band_up=50, down_per_day=40_000, bucket=3000))
    walked(law, [(7200, target)] * 16)
    assert -RULES.band_up < law.haircut - target <= RULES.band_down


@EVERY_LAW
@thorough
@given(start=BPS, steps=STEPS, back=st.integers(1, 10_000), target=BPS)
def test_p26_time_that_goes_back_is_refused_and_changes_nothing(
    name: str, start: int, steps: list[tuple[int, int]], back: int, target: int
) -> None:
    law = LAWS[name](start, RULES)
    *_, (time, _, haircut) = walked(law, steps)
    with pytest.raises(ValueError, match="is before"):
        law.step(time - back, target)
    assert law.haircut == haircut


@EVERY_LAW
@thorough
@given(
    start=BPS,
    rest=st.integers(1, 3),
    targets=st.lists(steps_of(9501, 600), min_size=1, max_size=8),
)
def test_p27_whoever_controls_the_target_for_less_than_the_dwell_lowers_nothing(
    name: str, start: int, rest: int, targets: list[tuple[int, int]]
) -> None:
    law = LAWS[name](start, RULES)
    rows = walked(law, [(300, start)] * rest)
    assert {row[2] for row in rows} == {start}
    control, held = [], 0
    for seconds, target in targets:
        # The clock starts with the first of them, so its own wait does not count.
        held += seconds if control else 0
        if held < RULES.dwell:
            control.append((seconds, target))
    time, lowest = 300 * rest, start
    for seconds, target in control:
        time += seconds
        after = law.step(time, target)
        assert after >= lowest
        lowest = max(lowest, after)


@thorough
@given(start=BPS, steps=STEPS)
def test_both_laws_tighten_alike_until_a_stage_is_needed(start: int, steps: list[tuple[int, int]]) -> None:
    """The reference asks again where the contract stages; up to there the two are one law."""
    rising = [(seconds, max(target, start)) for seconds, target in steps]
    reference, real, time = ReferenceLaw(start, RULES), RealLaw(start, RULES), 0
    for seconds, target in rising:
        time += seconds
        if target - reference.haircut > RULES.max_up or target < reference.haircut:
            return
        assert reference.step(time, target) == real.step(time, target)
