"""What readers get, and what the law of the liquidation haircut and the trips allow, each shown on numbers."""

from dataclasses import replace

import pytest
from factories import make_law, make_limits, make_words
from hypothesis import given
from hypothesis import strategies as st

from keeper.maths import ceiling
from keeper.records.decision import Targets
from keeper.records.live import FLAG_LISTED, AuxWord, ContractWords, GuardWord, LiquidationWord, LiveWord
from keeper.records.parameters import NO_CEILING
from keeper.records.report import Report
from keeper.risk.budgets import liquidation_budget_bps, silent_haircut_bps, stolen_quorum
from keeper.risk.days import note
from keeper.risk.effective import describe, haircut_bps, liquidation_bps
from keeper.risk.limits import apply_report
from keeper.risk.liquidation import activate_liquidation, is_coupled
from keeper.risk.trips import hold_loosening, raise_regime, stop, trip

MIDNIGHT = 1_800_057_600
NOW = MIDNIGHT + 43_200
HOUR, DAY = 3_600, 86_400
LIVE = LiveWord(
    haircut_bps=3_000,
    liquidation_target_bps=2_000,
    ramp_from_bps=2_000,
    bonus_bps=500,
    observed_time=NOW,
    observed_block=1_000,
    sequence=7,
    decay=256,
    day_highest_bps=3_000,
    flags=FLAG_LISTED,
)
LIMITS = make_limits(grace_seconds=19 * HOUR)
BOUNDED = replace(LIMITS, bounded=1)


def words(limits: object = LIMITS, liquidation: LiquidationWord | None = None, **live: int) -> ContractWords:
    return make_words(replace(LIVE, **live), limits=limits, law=make_law(), liquidation=liquidation)


# ----------------------------------------------------------------------------------------------------------- ceilings


@given(st.integers(0, 2**140 - 1))
def test_a_ceiling_is_rounded_down_by_less_than_one_in_4096(value: int) -> None:
    held = ceiling.decode(ceiling.encode_down(value))
    assert held <= value < held + max(1, value >> 12)


def test_no_ceiling_is_the_highest() -> None:
    low, high = ceiling.encode_down(5), ceiling.encode_down(6)
    assert ceiling.is_lower(low, high)
    assert ceiling.is_lower(high, 0)
    assert not ceiling.is_lower(0, low)
    assert not ceiling.is_lower(low, low)


# ---------------------------------------------------------------------------------------------------------- effective


def test_a_fresh_market_serves_what_is_stored() -> None:
    got = describe(words(), NOW + 19 * HOUR)
    assert (got.haircut_bps, got.stored_haircut_bps, got.stale, got.age_seconds) == (3_000, 3_000, False, 19 * HOUR)
    assert (got.ceiling, got.regime, got.regime_expiry, got.update_id) == (NO_CEILING, 0, 0, 7)


def test_silence_widens_up_to_the_cap_and_a_sunset_stops_it() -> None:
    # k sigma = 1 a root of a year: 24 h beyond the grace add (1 - 0.3) sqrt(1 / 365) = 3.66 %.
    late = NOW + 19 * HOUR + DAY
    assert haircut_bps(words(), late, late) == 3_367
    assert describe(words(), late).stale
    assert describe(words(), late, NOW + HOUR).haircut_bps == 3_000
    assert haircut_bps(words(), NOW + 400 * DAY, NOW + 400 * DAY) == 9_000


def test_the_floor_of_the_decay_counts_where_governance_raised_it() -> None:
    late = NOW + 19 * HOUR + DAY
    assert haircut_bps(words(replace(LIMITS, decay_floor=512)), late, late) == 3_733


@pytest.mark.parametrize(("regime", "bps"), [(1, 3_500), (2, 4_500), (3, 10_000)])
def test_a_regime_raises_the_effective_haircut_until_it_ends(regime: int, bps: int) -> None:
    raised = words(regime=regime, regime_expiry=(NOW + HOUR) // 1024)
    assert describe(raised, NOW).haircut_bps == bps
    assert describe(raised, NOW).ceiling == (0 if regime == 3 else NO_CEILING)
    assert describe(raised, NOW + HOUR).haircut_bps == 3_000


def test_a_ramp_is_never_ahead_of_its_line() -> None:
    state = LiquidationWord(ramp_time=NOW, ramp_seconds=3 * DAY)
    up, down = words(liquidation=state, liquidation_target_bps=2_100), words(liquidation=state, ramp_from_bps=2_100)
    third = NOW + DAY + 1
    assert (liquidation_bps(up, third), liquidation_bps(down, third)) == (2_033, 2_067)
    assert (liquidation_bps(up, NOW + 3 * DAY), liquidation_bps(down, NOW + 3 * DAY)) == (2_100, 2_000)


def test_a_ramp_that_has_arrived_binds_the_haircut_no_longer() -> None:
    state = LiquidationWord(ramp_time=NOW, ramp_seconds=3 * DAY)
    down = words(liquidation=state, ramp_from_bps=2_900)
    asked = Report(bytes(32), Targets(2_500, 0, 0), 7, 0, b"core")
    early = apply_report(down, asked, 1_025, NOW + DAY, 0, NOW + DAY, True)
    assert (early.aux.pending_bps, early.live.ramp_from_bps) == (2_900, 2_900)
    late = apply_report(down, asked, 1_025, NOW + 3 * DAY, 0, NOW + 3 * DAY, True)
    assert (late.aux.pending_bps, late.live.ramp_from_bps, late.words.liquidation) == (2_500, 2_000, LiquidationWord())


# ---------------------------------------------------------------------------------------------------- day's highest


def test_the_highest_value_of_a_day_survives_a_loosening_the_same_day() -> None:
    after = replace(words(), live=replace(LIVE, haircut_bps=2_900))
    assert note(words(), after, NOW + HOUR) == 3_000


def test_a_regime_that_ended_counts_for_its_day() -> None:
    raised = words(regime=2, regime_expiry=(NOW + HOUR) // 1024)
    assert note(raised, words(observed_time=NOW + 2 * HOUR), NOW + 2 * HOUR) == 4_500


def test_the_first_write_of_another_day_rests_on_slots_that_no_keeper_reads() -> None:
    tomorrow = MIDNIGHT + DAY + HOUR
    assert note(words(), words(observed_time=tomorrow), tomorrow) is None


def test_a_market_listed_anew_stood_for_nothing() -> None:
    assert note(words(flags=0, day_highest_bps=9_000), words(), NOW) == 3_000


# ------------------------------------------------------------------------------------------------- liquidation haircut


def wish(state: ContractWords, liquidation_bps_: int, bonus: int = 500, base: int = 7, now: int = NOW) -> ContractWords:
    report = Report(bytes(32), Targets(state.live.haircut_bps, liquidation_bps_, bonus), base, 0, b"core")
    applied = apply_report(state, report, state.live.observed_block + 25, now, 0, now, True)
    assert applied.refusal == ""
    return applied.words


def test_an_advisory_profile_takes_no_proposal() -> None:
    assert wish(words(), 2_500).liquidation == LiquidationWord()


def test_a_proposal_waits_and_then_moves_inside_its_budget_along_a_ramp() -> None:
    proposed = wish(words(BOUNDED), 2_200)
    assert (proposed.liquidation.pending_bps, proposed.live.liquidation_target_bps) == (2_200, 2_000)
    assert activate_liquidation(proposed, NOW + 6 * HOUR - 1).refusal == "PendingNotMature"
    moved = activate_liquidation(proposed, NOW + 6 * HOUR)
    # Half of the day's 100 bps lies in the bucket.
    assert (moved.live.ramp_from_bps, moved.live.liquidation_target_bps) == (2_000, 2_050)
    assert (moved.words.liquidation.pending_bps, moved.aux.extra_updates) == (2_200, 1)
    assert liquidation_bps(moved.words, NOW + 6 * HOUR) == 2_000
    assert activate_liquidation(moved.words, NOW + 6 * HOUR + 1).refusal == "MoveExhausted"


def test_a_proposal_keeps_what_is_nearest_and_ends_when_a_report_disagrees() -> None:
    opened = wish(words(BOUNDED), 2_200)
    nearer = wish(opened, 2_100, base=8, now=NOW + HOUR)
    assert (nearer.liquidation.pending_bps, nearer.liquidation.pending_time) == (2_100, NOW)
    assert wish(nearer, 2_300, base=9, now=NOW + HOUR).liquidation.pending_bps == 2_100
    assert wish(nearer, 1_900, base=9, now=NOW + HOUR).liquidation.pending_time == 0
    assert wish(nearer, 2_300, base=3, now=NOW + HOUR).liquidation.pending_time == 0


def test_a_proposal_that_expired_opens_anew() -> None:
    opened = wish(words(BOUNDED), 2_100)
    last = NOW + 6 * HOUR + DAY
    assert wish(opened, 2_300, base=8, now=last).liquidation.pending_bps == 2_100
    anew = wish(opened, 2_300, base=8, now=last + 1).liquidation
    assert (anew.pending_bps, anew.pending_time) == (2_300, last + 1)


def test_a_move_raises_the_haircut_that_would_lie_below() -> None:
    proposed = wish(words(BOUNDED, haircut_bps=2_010), 2_040)
    assert activate_liquidation(proposed, NOW + 6 * HOUR).live.haircut_bps == 2_040


def test_a_loosening_that_breaks_the_group_is_refused_whole_and_a_tightening_lowers_the_bonus() -> None:
    tight = {"liquidation_target_bps": 500, "ramp_from_bps": 500, "bonus_bps": 520}
    loosening = wish(words(BOUNDED, **tight), 500, bonus=560)
    assert activate_liquidation(loosening, NOW + 6 * HOUR).refusal == "GroupBroken"
    broken = wish(words(BOUNDED, **{**tight, "bonus_bps": 600}), 540, bonus=600)
    repaired = activate_liquidation(broken, NOW + 6 * HOUR)
    assert (repaired.live.liquidation_target_bps, repaired.live.bonus_bps) == (540, 526)
    assert is_coupled(500, 526)
    assert not is_coupled(500, 527)


@given(st.lists(st.tuples(st.integers(0, 2 * DAY), st.booleans()), min_size=2, max_size=40))
def test_no_period_moves_the_liquidation_haircut_by_more_than_its_budget(steps: list[tuple[int, bool]]) -> None:
    limits = replace(BOUNDED, dispute_seconds=0, pending_expiry_seconds=4_000_000, fresh_seconds=4_000_000)
    state, now, moves = words(limits), NOW, []
    for wait, up in steps:
        now += wait
        held = state.live.liquidation_target_bps
        pending = LiquidationWord(pending_bps=held + (400 if up else -400), pending_bonus_bps=500, pending_time=now)
        budget = state.liquidation
        pending = replace(
            pending,
            drained_day=budget.drained_day,
            drained_fortnight=budget.drained_fortnight,
            drained_time=budget.drained_time,
        )
        live = replace(state.live, observed_time=now)
        applied = activate_liquidation(replace(state, live=live, liquidation=pending), now)
        moves.append((now, abs(applied.live.liquidation_target_bps - held)))
        state = applied.words
    for period in (DAY, 14 * DAY):
        most = liquidation_budget_bps(state, period)
        assert all(sum(bps for time, bps in moves if first <= time <= first + period) <= most for first, _ in moves)


# -------------------------------------------------------------------------------------------- trips, guardian, disputes


def test_a_trip_raises_guarded_and_the_week_has_room_for_two() -> None:
    first = trip(words(), NOW)
    assert (first.live.regime, first.words.guard.trip_end, first.aux.extra_updates) == (1, NOW + 2 * HOUR, 1)
    assert trip(first.words, NOW + HOUR).refusal == "RegimeNotNormal"
    assert trip(first.words, NOW + 3 * HOUR - 1).refusal == "TripCoolingDown"
    second = trip(first.words, NOW + 3 * HOUR)
    assert second.refusal == ""
    assert trip(second.words, NOW + 7 * HOUR).refusal == "TripBudgetSpent"


def test_the_guardian_raises_and_holds_within_its_bounds() -> None:
    raised = raise_regime(words(), 3, DAY, NOW)
    assert (raised.live.regime, raised.live.regime_expiry) == (3, -(-(NOW + DAY) // 1024))
    assert raise_regime(raised.words, 2, DAY, NOW).refusal == "BadRaise"
    assert raise_regime(words(), 0, DAY, NOW).refusal == "BadRaise"
    assert raise_regime(words(), 1, 7 * DAY + 1, NOW).refusal == "BadRaise"
    assert hold_loosening(words(), 30 * DAY + 1, NOW).refusal == "BadHold"
    held = hold_loosening(words(), DAY, NOW).words
    assert held.guard.held_until == NOW + DAY
    assert hold_loosening(held, HOUR, NOW).words.guard.held_until == NOW + DAY


def test_a_dispute_voids_what_waits_and_stops_a_ramp_where_it_is() -> None:
    ramp = LiquidationWord(ramp_time=NOW, ramp_seconds=3 * DAY)
    state = replace(ramp, pending_bps=2_200, pending_bonus_bps=500, pending_time=NOW)
    base = words(BOUNDED, liquidation=state, liquidation_target_bps=2_090)
    waiting = replace(base, aux=AuxWord(staged_bps=4_000, staged_time=NOW, pending_bps=2_900, pending_time=NOW))
    stopped = stop(waiting, NOW + DAY)
    assert (stopped.live.ramp_from_bps, stopped.live.liquidation_target_bps) == (2_030, 2_030)
    assert stopped.words.liquidation == LiquidationWord()
    assert stopped.aux == AuxWord(staged_bps=4_000, staged_time=NOW, extra_updates=1)


@pytest.mark.parametrize("call", [trip, stop])
def test_an_unlisted_market_takes_no_calls(call: object) -> None:
    assert call(words(flags=0), NOW).refusal == "UnknownMarket"


# ------------------------------------------------------------------------------------------------------------ budgets


def test_what_a_stolen_quorum_can_loosen_is_bounded_and_advisory_means_nothing() -> None:
    day = stolen_quorum(words(premium_bps=120), DAY)
    assert (day.haircut_bps, day.premium_bps, day.ceiling_growth_bps, day.liquidation_bps) == (150, 120, 0, 0)
    fortnight = stolen_quorum(words(premium_bps=2_000), 14 * DAY)
    assert (fortnight.haircut_bps, fortnight.premium_bps) == (800, 800)


def test_a_bounded_quorum_moves_the_liquidation_haircut_by_its_budget_and_the_haircut_follows() -> None:
    most = stolen_quorum(words(BOUNDED, haircut_bps=2_020), 14 * DAY)
    assert (most.liquidation_bps, most.haircut_bps) == (300, 320)
    assert stolen_quorum(words(BOUNDED), DAY).liquidation_bps == 100


def test_the_growth_of_a_ceiling_compounds_and_ends_at_its_cap() -> None:
    held = ceiling.encode_down(8_000)
    free = stolen_quorum(words(ceiling=held), DAY)
    # 150 steps of 0.1 %.
    assert free.ceiling_growth_bps == 1_618
    capped = replace(words(ceiling=held), law=make_law(ceiling_cap=ceiling.encode_down(8_400)))
    assert stolen_quorum(capped, DAY).ceiling_growth_bps == 500
    still = replace(words(ceiling=held), law=make_law(ceiling_stretch=0))
    assert stolen_quorum(still, DAY).ceiling_growth_bps == 0


def test_silence_costs_new_borrowing_only() -> None:
    assert silent_haircut_bps(words(), DAY) == 3_168
    assert silent_haircut_bps(words(), 14 * DAY) == 4_332
    assert liquidation_bps(words(), NOW + 14 * DAY) == 2_000


def test_a_hold_stops_a_move() -> None:
    held = replace(wish(words(BOUNDED), 2_200), guard=GuardWord(held_until=NOW + 7 * HOUR))
    assert activate_liquidation(held, NOW + 6 * HOUR).refusal == "LooseningHeld"
