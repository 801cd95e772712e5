"""Rules of the clamp, each shown once on numbers; equality with the contract is shown in tests/chain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.decision import Targets
from keeper.records.live import FLAG_AUX, FLAG_LISTED, AuxWord, ContractWords, Limits, LiveWord
from keeper.records.report import Report
from keeper.risk.limits import activate, advance, apply_report, available_bps, daily_budget_bps, update_id

NOW = 1_800_000_000
HOUR = 3_600
DAY = 86_400
LIMITS = Limits(500, 9_000, 1_000, 300, 100, 50, 6 * HOUR, DAY, 25 * HOUR)
LIVE = LiveWord(
    haircut_bps=3_000,
    liquidation_haircut_bps=2_000,
    ramp_from_bps=2_000,
    bonus_bps=500,
    observed_time=NOW - 300,
    observed_block=1_000,
    sequence=7,
    flags=FLAG_LISTED,
)


def words(aux: AuxWord | None = None, limits: Limits = LIMITS, **live: int) -> ContractWords:
    waiting = aux or AuxWord()
    flags = FLAG_LISTED | (FLAG_AUX if waiting != AuxWord() else 0)
    return ContractWords(replace(LIVE, **{"flags": flags, **live}), waiting, limits)


def report(haircut_bps: int, base_sequence: int = 7, **targets: int) -> Report:
    return Report(bytes(32), Targets(haircut_bps, 1, 2, **targets), base_sequence, 0, b"core")


def routine(state: ContractWords, asked: Report, now: int = NOW) -> ContractWords:
    applied = apply_report(state, asked, 1_025, now - 24, 0, now, True)
    assert applied.refusal == ""
    return ContractWords(applied.live, applied.aux, state.limits)


def emergency(state: ContractWords, asked: Report, now: int = NOW) -> object:
    return apply_report(state, replace(asked, core=b""), 1_025, now - 24, 0, now, False)


def test_a_small_tightening_holds_at_once_and_touches_no_aux_word() -> None:
    after = routine(words(), report(3_400))
    assert after.live.haircut_bps == 3_400
    assert after.aux == AuxWord()
    assert (after.live.sequence, after.live.observed_block, after.live.flags) == (8, 1_025, FLAG_LISTED)


def test_an_emergency_cut_takes_one_step_and_stages_the_rest() -> None:
    after = routine(words(), report(6_500))
    assert (after.live.haircut_bps, after.aux.staged_bps, after.aux.staged_time) == (4_000, 6_500, NOW)
    assert advance(after, NOW + 299).refusal == "StageNotDue"
    path = []
    for step in range(1, 4):
        applied = advance(after, NOW + 300 * step)
        after = ContractWords(applied.live, applied.aux, LIMITS)
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
    assert after.live.flags == FLAG_LISTED | FLAG_AUX


def test_a_loosening_on_another_base_is_refused_and_a_tightening_is_not() -> None:
    assert apply_report(words(), report(2_900, 6), 1_025, NOW, 0, NOW, True).refusal == "WrongBase"
    assert apply_report(words(), report(3_100, 6), 1_025, NOW, 0, NOW, True).refusal == ""
    assert apply_report(words(), report(3_000, 6), 1_025, NOW, 0, NOW, True).refusal == ""


def test_a_pending_keeps_the_tightest_target_and_its_time() -> None:
    opened = routine(words(), report(2_500))
    later = NOW + HOUR
    tighter = apply_report(opened, report(2_700, 8), 1_050, later, 0, later, True)
    assert (tighter.aux.pending_bps, tighter.aux.pending_time) == (2_700, NOW)
    looser = apply_report(
        ContractWords(tighter.live, tighter.aux, LIMITS), report(2_100, 9), 1_075, later, 0, later, True
    )
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
    assert routine(words(liquidation_haircut_bps=0), report(0)).aux.pending_bps == 500


def test_no_report_moves_the_liquidation_haircut_or_the_bonus() -> None:
    after = routine(words(), Report(bytes(32), Targets(5_000, 9_000, 9_000), 7, 0, b""))
    assert (after.live.liquidation_haircut_bps, after.live.ramp_from_bps, after.live.bonus_bps) == (2_000, 2_000, 500)


@pytest.mark.parametrize(
    ("state", "asked", "block", "refusal"),
    [
        (words(flags=0), report(4_000), 1_025, "Unlisted"),
        (words(), report(4_000), 1_000, "NotNewer"),
        (words(), report(4_000, premium_bps=1), 1_025, "NotEnabled"),
        (words(), report(4_000, ceiling=1), 1_025, "NotEnabled"),
        (words(), report(4_000, crunch_permille=1), 1_025, "NotEnabled"),
        (words(), report(4_000, regime=1), 1_025, "NotEnabled"),
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
    state = ContractWords(first.live, first.aux, LIMITS)
    assert activate(state, now).refusal == "LooseningExhausted"
    # 50 bps a day: after an hour 2.08 bps have come back, of which whole ones count.
    second = activate(state, now + HOUR)
    assert second.live.haircut_bps == 2_898
    assert update_id(ContractWords(second.live, second.aux, LIMITS)) == 7 + 2


def test_a_pending_that_is_reached_is_cleared() -> None:
    applied = activate(matured(haircut_bps=2_800), NOW + 6 * HOUR)
    assert (applied.live.haircut_bps, applied.aux.pending_time, applied.aux.drained) == (2_750, 0, 50 * DAY)


@pytest.mark.parametrize(
    ("state", "seconds", "refusal"),
    [
        (words(flags=0), 6 * HOUR, "UnknownMarket"),
        (words(), 6 * HOUR, "NothingPending"),
        (matured(), 6 * HOUR - 1, "PendingNotMature"),
        (matured(observed_time=NOW + 30 * HOUR), 30 * HOUR + 1, "PendingExpired"),
        (matured(observed_time=NOW - 19 * HOUR - 1), 6 * HOUR, "ReportNotFresh"),
        (matured(regime=1), 6 * HOUR, "RegimeNotNormal"),
        (matured(liquidation_haircut_bps=3_000), 6 * HOUR, "LooseningExhausted"),
    ],
)
def test_an_activation_that_is_refused_changes_no_word(state: ContractWords, seconds: int, refusal: str) -> None:
    refused = activate(state, NOW + seconds)
    assert (refused.refusal, refused.live, refused.aux) == (refusal, state.live, state.aux)


@given(st.lists(st.integers(0, 6 * HOUR), min_size=2, max_size=60))
def test_no_24_hours_loosen_by_more_than_the_printed_budget(waits: list[int]) -> None:
    limits = replace(LIMITS, dispute_seconds=0, pending_expiry_seconds=10 * 365 * DAY, fresh_seconds=10 * 365 * DAY)
    state = words(AuxWord(pending_bps=2_000, pending_time=NOW), limits, haircut_bps=9_000)
    now, loosened = NOW, []
    for wait in waits:
        now += wait
        applied = activate(state, now)
        loosened.append((now, state.live.haircut_bps - applied.live.haircut_bps))
        state = ContractWords(applied.live, applied.aux, limits)
    for start, _ in loosened:
        assert sum(bps for time, bps in loosened if start <= time <= start + DAY) <= daily_budget_bps(limits)


def test_a_lowered_bucket_never_underflows() -> None:
    aux = AuxWord(drained=400 * DAY, drained_time=NOW)
    assert available_bps(aux, replace(LIMITS, bucket_bps=100), NOW) == 0
    assert available_bps(aux, LIMITS, NOW + 7 * DAY) == 50
    assert available_bps(aux, LIMITS, NOW + 365 * DAY) == 100
