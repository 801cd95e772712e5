"""Rules of the clamp, each shown once on numbers; equality with the contract is shown in tests/chain."""

from dataclasses import replace

import pytest
from factories import make_law, make_limits, make_words
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough

from keeper.maths.ceiling import encode_down
from keeper.records.decision import Targets
from keeper.records.live import (
    FLAG_AUX,
    FLAG_LIQUIDATION,
    FLAG_LISTED,
    AuxWord,
    ContractWords,
    Law,
    Limits,
    LiquidationWord,
    LiveWord,
)
from keeper.records.report import Report
from keeper.risk.applied import Applied
from keeper.risk.budgets import budget_bps
from keeper.risk.limits import activate, advance, apply_report, available_bps, update_id

NOW = 1_800_000_000
HOUR = 3_600
DAY = 86_400
LIMITS = make_limits(fresh_seconds=25 * HOUR, grace_seconds=19 * HOUR, decay_floor=1)
LAW = make_law(premium_cap_bps=2_000, ceiling_stretch=10)
PREMIUM_CAP_BPS = 2_000
RAMP = LiquidationWord(ramp_time=NOW, ramp_seconds=3 * DAY)
LIVE = LiveWord(
    haircut_bps=3_000,
    liquidation_target_bps=2_000,
    ramp_from_bps=2_000,
    bonus_bps=500,
    observed_time=NOW - 300,
    observed_block=1_000,
    sequence=7,
    day_highest_bps=3_000,
    flags=FLAG_LISTED,
)


def words(aux: AuxWord | None = None, limits: Limits = LIMITS, law: Law = LAW, **live: int) -> ContractWords:
    waiting = aux or AuxWord()
    flags = FLAG_LISTED | FLAG_LIQUIDATION | (FLAG_AUX if waiting.staged_bps or waiting.pending_time else 0)
    return make_words(replace(LIVE, **{"flags": flags, **live}), waiting, limits, law, RAMP)


def report(haircut_bps: int, base_sequence: int = 7, **targets: int) -> Report:
    return Report(bytes(32), Targets(haircut_bps, 1, 2, **targets), base_sequence, 0, b"core")


def routine(state: ContractWords, asked: Report, now: int = NOW) -> ContractWords:
    applied = apply_report(state, asked, 1_025, now - 24, 0, now, True)
    assert applied.refusal == ""
    return applied.words


def emergency(state: ContractWords, asked: Report, now: int = NOW) -> Applied:
    return apply_report(state, replace(asked, core=b""), 1_025, now - 24, 0, now, False)


def test_a_small_tightening_holds_at_once_and_touches_no_aux_word() -> None:
    after = routine(words(), report(3_400))
    assert after.live.haircut_bps == 3_400
    assert after.aux == AuxWord()
    assert (after.live.sequence, after.live.observed_block, after.live.flags) == (
        8,
        1_025,
        FLAG_LISTED | FLAG_LIQUIDATION,
    )


def test_an_emergency_cut_takes_one_step_and_stages_the_rest() -> None:
    after = routine(words(), report(6_500))
    assert (after.live.haircut_bps, after.aux.staged_bps, after.aux.staged_time) == (4_000, 6_500, NOW)
    assert advance(after, NOW + 299).refusal == "StageNotDue"
    path = []
    for step in range(1, 4):
        after = advance(after, NOW + 300 * step).words
        path.append(after.live.haircut_bps)
    assert path == [5_000, 6_000, 6_500]
    assert after.aux == AuxWord(extra_updates=3)
    assert advance(after, NOW + HOUR).refusal == "NothingStaged"


def test_the_newest_routine_report_replaces_the_stage() -> None:
    staged = routine(words(), report(6_500))
    calmer = apply_report(staged, report(4_200, 8), 1_050, NOW, 0, NOW, True)
    assert (calmer.live.haircut_bps, calmer.aux) == (4_200, AuxWord())


def test_an_emergency_report_widens_a_stage_and_never_narrows_it() -> None:
    staged = words(AuxWord(staged_bps=6_500, staged_time=NOW - 60))
    narrower = emergency(staged, report(3_500))
    assert (narrower.live.haircut_bps, narrower.aux.staged_bps) == (3_500, 6_500)
    wider = emergency(staged, report(8_000))
    assert (wider.live.haircut_bps, wider.aux.staged_bps) == (4_000, 8_000)
    assert wider.aux.tightened_time == NOW


@pytest.mark.parametrize("wish", [0, 2_999, 3_000])
def test_an_emergency_report_that_is_not_tighter_changes_nothing(wish: int) -> None:
    state = words(AuxWord(pending_bps=2_500, pending_time=NOW - HOUR))
    refused = emergency(state, report(wish))
    assert (refused.refusal, refused.live, refused.aux) == ("NotTighter", state.live, state.aux)


def test_an_emergency_report_cannot_slow_the_decay_down() -> None:
    assert emergency(words(decay=100), report(3_500, decay=5)).live.decay == 100


def test_a_loosening_waits_and_leaves_the_live_haircut_alone() -> None:
    after = routine(words(), report(2_500))
    assert (after.live.haircut_bps, after.aux.pending_bps, after.aux.pending_time) == (3_000, 2_500, NOW)
    assert after.live.flags == FLAG_LISTED | FLAG_AUX | FLAG_LIQUIDATION


def test_a_loosening_on_another_base_is_refused_and_a_tightening_is_not() -> None:
    assert apply_report(words(), report(2_900, 6), 1_025, NOW, 0, NOW, True).refusal == "WrongBase"
    assert apply_report(words(), report(3_100, 6), 1_025, NOW, 0, NOW, True).refusal == ""
    assert apply_report(words(), report(3_000, 6), 1_025, NOW, 0, NOW, True).refusal == ""


def test_a_pending_keeps_the_tightest_target_and_its_time() -> None:
    opened = routine(words(), report(2_500))
    later = NOW + HOUR
    tighter = apply_report(opened, report(2_700, 8), 1_050, later, 0, later, True)
    assert (tighter.aux.pending_bps, tighter.aux.pending_time) == (2_700, NOW)
    looser = apply_report(tighter.words, report(2_100, 9), 1_075, later, 0, later, True)
    assert (looser.aux.pending_bps, looser.aux.pending_time) == (2_700, NOW)


def test_an_expired_pending_opens_anew() -> None:
    state = words(AuxWord(pending_bps=2_700, pending_time=NOW))
    last = NOW + 6 * HOUR + DAY
    assert routine(state, report(2_500), last).aux.pending_time == NOW
    reopened = routine(state, report(2_500), last + 1).aux
    assert (reopened.pending_bps, reopened.pending_time) == (2_500, last + 1)


@pytest.mark.parametrize("wish", [3_000, 3_001, 9_999])
def test_asking_for_no_loosening_clears_the_pending(wish: int) -> None:
    state = words(AuxWord(pending_bps=2_500, pending_time=NOW - HOUR))
    assert routine(state, report(wish)).aux.pending_time == 0


def test_targets_are_clamped_into_floor_cap_and_the_liquidation_haircut() -> None:
    assert routine(words(haircut_bps=8_500), report(65_535)).live.haircut_bps == 9_000
    assert routine(words(), report(0)).aux.pending_bps == 2_000
    assert routine(words(liquidation_target_bps=0, ramp_from_bps=0), report(0)).aux.pending_bps == 500
    assert routine(words(liquidation_target_bps=0), report(0)).aux.pending_bps == 2_000


def test_no_report_moves_the_liquidation_haircut_or_the_bonus() -> None:
    after = routine(words(), Report(bytes(32), Targets(5_000, 9_000, 9_000), 7, 0, b""))
    assert (after.live.liquidation_target_bps, after.live.ramp_from_bps, after.live.bonus_bps) == (2_000, 2_000, 500)


@pytest.mark.parametrize(
    ("state", "asked", "block", "refusal"),
    [
        (words(flags=0), report(4_000), 1_025, "Unlisted"),
        (words(), report(4_000), 1_000, "NotNewer"),
        (words(observed_time=NOW + 1), report(4_000), 1_025, "TimeBehind"),
        (words(), report(4_000, ceiling=1 << 20), 1_025, "CeilingTooWide"),
        (words(), report(4_000, regime=4), 1_025, "UnknownRegime"),
        (words(), replace(report(4_000), core=bytes(193)), 1_025, "CoreTooLong"),
        (words(), report(4_000, decay=1 << 14), 1_025, "DecayTooLarge"),
    ],
)
def test_a_refused_report_changes_no_word(state: ContractWords, asked: Report, block: int, refusal: str) -> None:
    refused = apply_report(state, asked, block, NOW, 0, NOW, True)
    assert (refused.refusal, refused.live, refused.aux) == (refusal, state.live, state.aux)


def test_an_emergency_report_with_a_core_is_refused() -> None:
    assert apply_report(words(), report(4_000), 1_025, NOW, 0, NOW, False).refusal == "CoreForbidden"


def matured(**live: int) -> ContractWords:
    fresh = {"observed_time": NOW + 6 * HOUR - 60, **live}
    return words(AuxWord(pending_bps=2_750, pending_time=NOW), **fresh)


def test_activation_drains_the_bucket_and_leaves_the_rest_pending() -> None:
    now = NOW + 6 * HOUR
    first = activate(matured(), now)
    assert (first.live.haircut_bps, first.aux.pending_bps, first.aux.drained) == (2_900, 2_750, 100 * DAY)
    assert activate(first.words, now).refusal == "LooseningExhausted"
    # 50 bps a day: 25 come back in 12 hours, a quarter of the bucket; less would be a crumb.
    assert activate(first.words, now + 12 * HOUR - 1).refusal == "LooseningExhausted"
    second = activate(first.words, now + 12 * HOUR)
    assert second.live.haircut_bps == 2_875
    assert update_id(second.words) == 7 + 2


def test_a_pending_that_is_reached_is_cleared() -> None:
    applied = activate(matured(haircut_bps=2_800), NOW + 6 * HOUR)
    assert (applied.live.haircut_bps, applied.aux.pending_time, applied.aux.drained) == (2_750, 0, 50 * DAY)


@pytest.mark.parametrize(
    ("state", "seconds", "refusal"),
    [
        (words(flags=0), 6 * HOUR, "UnknownMarket"),
        (words(observed_time=NOW), 6 * HOUR, "NothingPending"),
        (matured(), 6 * HOUR - 1, "PendingNotMature"),
        (matured(observed_time=NOW + 30 * HOUR), 30 * HOUR + 1, "PendingExpired"),
        (matured(observed_time=NOW - 19 * HOUR - 1), 6 * HOUR, "ReportNotFresh"),
        (matured(regime=1, regime_expiry=NOW // 1024 + 60), 6 * HOUR, "RegimeNotNormal"),
        (matured(liquidation_target_bps=3_000), 6 * HOUR, "LooseningExhausted"),
        (matured(ramp_from_bps=3_000), 6 * HOUR, "LooseningExhausted"),
    ],
)
def test_an_activation_that_is_refused_changes_no_word(state: ContractWords, seconds: int, refusal: str) -> None:
    refused = activate(state, NOW + seconds)
    assert (refused.refusal, refused.live, refused.aux) == (refusal, state.live, state.aux)


@thorough
@given(st.lists(st.integers(0, 6 * HOUR), min_size=2, max_size=60))
def test_p22_no_24_hours_loosen_by_more_than_the_printed_budget(waits: list[int]) -> None:
    limits = replace(LIMITS, dispute_seconds=0, pending_expiry_seconds=10 * 365 * DAY, fresh_seconds=10 * 365 * DAY)
    state = words(AuxWord(pending_bps=2_000, pending_time=NOW), limits, haircut_bps=9_000)
    now, loosened = NOW, []
    for wait in waits:
        now += wait
        applied = activate(state, now)
        loosened.append((now, state.live.haircut_bps - applied.live.haircut_bps))
        state = applied.words
    for start, _ in loosened:
        assert sum(bps for time, bps in loosened if start <= time <= start + DAY) <= budget_bps(limits, DAY)


def test_a_lowered_bucket_never_underflows() -> None:
    aux = AuxWord(drained=400 * DAY, drained_time=NOW)
    assert available_bps(aux, replace(LIMITS, bucket_bps=100), NOW) == 0
    assert available_bps(aux, LIMITS, NOW + 7 * DAY) == 50
    assert available_bps(aux, LIMITS, NOW + 365 * DAY) == 100


def test_premium_and_ceiling_tighten_whole_and_at_once_inside_their_bounds() -> None:
    debt = encode_down(10**12)
    after = routine(words(), report(3_000, premium_bps=5_000, ceiling=debt))
    assert (after.live.premium_bps, after.live.ceiling, after.live.haircut_bps) == (PREMIUM_CAP_BPS, debt, 3_000)
    assert after.aux == AuxWord()


def test_no_opinion_about_the_ceiling_leaves_it_and_a_higher_one_waits() -> None:
    low, high = encode_down(10**12), encode_down(2 * 10**12)
    held = words(ceiling=low)
    assert routine(held, report(3_000)).aux == AuxWord()
    waiting = routine(held, report(3_000, ceiling=high))
    assert (waiting.live.ceiling, waiting.aux.pending_ceiling, waiting.aux.pending_time) == (low, high, NOW)


def test_a_tightening_of_one_value_clears_what_waits_of_the_others() -> None:
    state = words(AuxWord(pending_bps=2_500, pending_time=NOW - HOUR), premium_bps=100)
    after = routine(state, report(2_000, premium_bps=200))
    assert (after.live.haircut_bps, after.live.premium_bps, after.aux) == (3_000, 200, AuxWord())


def test_one_bucket_pays_for_haircut_premium_and_ceiling() -> None:
    low, high = encode_down(10**12), encode_down(11 * 10**11)
    aux = AuxWord(pending_bps=2_900, pending_time=NOW, pending_premium_bps=470, pending_ceiling=high)
    state = words(aux, premium_bps=500, ceiling=low, observed_time=NOW + 6 * HOUR)
    applied = activate(state, NOW + 6 * HOUR)
    # The ceiling grows by 10 %: at 10 bps of growth a bps of the bucket that is 100, as much as the haircut takes.
    assert (applied.live.haircut_bps, applied.live.premium_bps, applied.live.ceiling) == (2_900, 470, high)
    assert (applied.aux.drained, applied.aux.pending_time) == (100 * DAY, 0)


def test_a_ceiling_beyond_the_bucket_rises_in_part() -> None:
    low, high = encode_down(1_000), encode_down(4_000)
    aux = AuxWord(pending_bps=3_000, pending_time=NOW, pending_ceiling=high)
    applied = activate(words(aux, ceiling=low, observed_time=NOW + 6 * HOUR), NOW + 6 * HOUR)
    assert (applied.live.ceiling, applied.aux.pending_ceiling) == (encode_down(1_100), high)


def test_a_regime_of_a_report_is_raised_and_ends_by_itself() -> None:
    after = routine(words(), report(3_000, regime=2))
    assert (after.live.regime, after.live.regime_expiry) == (2, -(-(NOW + DAY) // 1024))
    # No opinion leaves it; a lower one neither lowers nor lengthens it.
    for regime in (0, 1):
        again = apply_report(after, report(3_000, 8, regime=regime), 1_050, NOW + 60, 0, NOW + 60, True)
        assert (again.live.regime, again.live.regime_expiry) == (2, after.live.regime_expiry)
    late = after.live.regime_expiry * 1024
    assert apply_report(after, report(3_000, 8), 1_050, late, 0, late, True).live.regime == 0


def test_an_emergency_report_may_tighten_premium_ceiling_or_regime_alone() -> None:
    for asked in (report(0, premium_bps=1), report(0, ceiling=encode_down(5)), report(0, regime=1)):
        applied = emergency(words(), asked)
        assert (applied.refusal, applied.live.haircut_bps, applied.aux.tightened_time) == ("", 3_000, NOW)


def test_an_emergency_report_of_another_value_keeps_the_stage() -> None:
    staged = words(AuxWord(staged_bps=6_500, staged_time=NOW - 60))
    assert emergency(staged, report(0, premium_bps=1)).aux.staged_bps == 6_500


def test_decay_has_a_floor_and_crunch_a_top() -> None:
    after = routine(words(limits=replace(LIMITS, decay_floor=200)), report(3_000, decay=5, crunch_permille=60_000))
    assert (after.live.decay, after.live.crunch_permille) == (200, 1_000)
