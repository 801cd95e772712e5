"""The decision table: what is due, to which value, and what restarts the dwell clock."""

from dataclasses import dataclass, replace

import pytest
from factories import (
    BLOCK_SECONDS,
    make_block,
    make_law,
    make_limits,
    make_live,
    make_settings,
    make_snapshot,
    make_words,
    market_settings,
    model_settings,
)
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.core import Core, decode_core
from keeper.records.decision import Decision, Due
from keeper.records.estimates import Estimates, SampleDepth, SourceVolatility, Waterfall
from keeper.records.live import AuxWord, Law, Limits, LiveWord
from keeper.records.report import Report
from keeper.records.settings import ModelSettings, Settings
from keeper.records.units import WAD, Price
from keeper.risk.decide import decide
from keeper.risk.limits import apply_report

BLOCK = make_block()
NOW = BLOCK.timestamp
WINDOW = 1000
DWELL = 21_600
MODEL = model_settings(buffer_bps=0, haircut_min_bps=0, haircut_max_bps=9500)
MARKET = market_settings(model=MODEL)
FRESH = make_live(observed_time=NOW - 600, observed_block=24_000, sequence=7)


AUX, LIMITS, LAW, SETTINGS = AuxWord(), make_limits(), make_law(), make_settings()
BEFORE = Core(WINDOW - 1, NOW - 300, 0, ())


@dataclass(frozen=True, slots=True)
class Case:
    """What the model asks for, and what holds."""

    target_bps: int = 2500
    live: LiveWord = FRESH
    aux: AuxWord = AUX
    limits: Limits = LIMITS
    before: Core | None = BEFORE
    missing: tuple[str, ...] = ()
    warm: bool = True
    blind: bool = False
    settings: Settings = SETTINGS
    sources: tuple[SourceVolatility, ...] = ()
    size: int = 0
    price: Price | None = None
    liquidation_bps: int = 0
    """0 = the target."""
    model: ModelSettings = MODEL
    law: Law = LAW


def estimates(case: Case) -> Estimates:
    depth = SampleDepth(WINDOW, BLOCK.number, 10**20, 10**19, 10**19, 10**19)
    waterfall = Waterfall(case.target_bps, (("price_move", case.target_bps),), capped=False, unquotable=False)
    sigma = None if case.blind else WAD
    return Estimates(
        mid_price=case.price,
        oracle_price=case.price,
        sigma_wad=sigma,
        sources=case.sources,
        depth=depth,
        daily_minima=(1, 2, 3),
        warm=case.warm,
        q_star=10**19,
        waterfall=None if case.blind else waterfall,
        missing=case.missing,
        size=case.size,
        liquidation_bps=None if case.blind else case.liquidation_bps or case.target_bps,
    )


def run(case: Case) -> Decision:
    market = replace(MARKET, model=case.model)
    snapshot = make_snapshot(BLOCK, words=make_words(case.live, case.aux, case.limits, case.law), market=market)
    return decide(estimates(case), snapshot, before=case.before, sources=(), market=market, settings=case.settings)


def clock(decision: Decision) -> int:
    core = decode_core(decision.core_after)
    assert core is not None
    return core.dwell_since


def dwelt(seconds: int = DWELL, **changes: object) -> Case:
    """The model has asked for 300 bps less for some time."""
    before = Core(WINDOW - 1, NOW - 300, NOW - seconds, ())
    return replace(Case(target_bps=2200, before=before), **changes)


def test_a_market_that_agrees_with_its_model_rests() -> None:
    got = run(Case())
    assert (got.due, got.predicted_haircut_bps, clock(got)) == (Due.NONE, 2500, 0)
    assert got.reasons == ("the model asks for 2500 bps, 2500 bps hold", "within the bands: nothing is due")


def test_the_core_names_window_and_time() -> None:
    assert decode_core(run(Case()).core_after) == Core(WINDOW, NOW, 0, ())


@pytest.mark.parametrize(("target", "due"), [(2549, Due.NONE), (2550, Due.TIGHTEN), (3500, Due.TIGHTEN)])
def test_tightening_is_due_at_once_from_the_band_on(target: int, due: Due) -> None:
    got = run(Case(target_bps=target))
    assert got.due is due
    assert got.targets is not None
    assert got.targets.haircut_bps == target
    assert got.predicted_haircut_bps == (target if due is Due.TIGHTEN else 2500)


def test_a_clamped_tightening_names_the_step_and_the_rest() -> None:
    got = run(Case(target_bps=6000))
    assert (got.due, got.predicted_haircut_bps) == (Due.TIGHTEN, 3500)
    assert got.reasons[-1] == "tighten from 2500 bps to 3500 bps, the rest to 6000 bps is staged"


def test_the_cap_of_the_contract_counts_and_not_the_wish() -> None:
    at_cap = replace(FRESH, haircut_bps=9000)
    assert run(Case(target_bps=9400, live=at_cap)).due is Due.NONE


@pytest.mark.parametrize(
    ("target", "due"), [(6000, Due.NONE), (6049, Due.NONE), (5951, Due.NONE), (6050, Due.TIGHTEN), (5900, Due.TIGHTEN)]
)
def test_a_stage_under_way_is_left_alone_until_the_model_wants_another(target: int, due: Due) -> None:
    staged = AuxWord(staged_bps=6000, staged_time=NOW - 60)
    assert run(Case(target_bps=target, live=replace(FRESH, haircut_bps=3500), aux=staged)).due is due


def test_the_first_report_is_due_and_never_loosens() -> None:
    unborn = replace(FRESH, sequence=0)
    for target in (1000, 2500, 2501):
        got = run(Case(target_bps=target, live=unborn, before=None))
        assert got.due is Due.FIRST
        assert got.targets is not None
        assert got.targets.haircut_bps == max(target, 2500)
        assert got.predicted_haircut_bps >= 2500


def test_the_targets_carry_the_model_and_not_the_contract() -> None:
    got = run(Case(target_bps=3000))
    assert got.targets is not None
    assert (got.targets.liquidation_haircut_bps, got.targets.bonus_bps) == (3000, 500)
    assert got.targets.decay == -(-3_691_500_000_000_000_000 * 256 // WAD)


def test_the_haircut_is_never_below_the_live_liquidation_haircut() -> None:
    got = run(Case(target_bps=700, live=replace(FRESH, haircut_bps=1000), before=None))
    assert got.targets is not None
    assert got.targets.haircut_bps == 1000


def test_the_full_band_starts_the_clock() -> None:
    assert clock(run(Case(target_bps=2400))) == NOW
    assert clock(run(Case(target_bps=2401))) == 0


def test_the_clock_runs_on_while_the_band_holds() -> None:
    got = run(dwelt(3600))
    assert (got.due, clock(got)) == (Due.NONE, NOW - 3600)
    assert got.reasons[-1] == "the dwell clock runs for another 18000 seconds"


def test_loosening_is_due_after_the_dwell_and_stops_a_margin_above() -> None:
    assert run(dwelt(DWELL - 1)).due is Due.NONE
    got = run(dwelt(DWELL))
    assert got.due is Due.LOOSEN
    assert got.targets is not None
    assert got.targets.haircut_bps == 2250
    assert got.predicted_haircut_bps == 2500


RESTARTS = {
    "band lost": dwelt(target_bps=2401),
    "not warm": dwelt(warm=False),
    "one input missing": dwelt(missing=("depth: a venue failed",)),
    "silence": dwelt(before=Core(WINDOW - 30, NOW - 7201, NOW - DWELL, ())),
    "emergency tightening": dwelt(aux=AuxWord(tightened_time=NOW - 60)),
    "blind": dwelt(blind=True, missing=("feed: none",)),
}


@pytest.mark.parametrize("name", RESTARTS)
def test_the_clock_restarts(name: str) -> None:
    got = run(RESTARTS[name])
    assert got.due is not Due.LOOSEN
    assert clock(got) in {0, NOW, NOW - 60}


def test_a_silence_of_exactly_the_largest_gap_does_not_restart_the_clock() -> None:
    got = run(dwelt(before=Core(WINDOW - 30, NOW - 7200, NOW - DWELL, ())))
    assert (got.due, clock(got)) == (Due.LOOSEN, NOW - DWELL)


def test_a_loosening_that_already_waits_is_not_reported_again() -> None:
    waiting = AuxWord(pending_bps=2250, pending_time=NOW - 600)
    got = run(dwelt(aux=waiting))
    assert (got.due, got.reasons[-1]) == (Due.NONE, "a loosening to 2250 bps waits")
    assert run(dwelt(aux=replace(waiting, pending_bps=2300))).due is Due.NONE


def test_a_pending_below_what_the_model_asks_now_is_raised() -> None:
    got = run(dwelt(aux=AuxWord(pending_bps=2200, pending_time=NOW - 600)))
    assert got.due is Due.LOOSEN
    assert got.targets is not None
    assert got.targets.haircut_bps == 2250


def test_an_expired_pending_does_not_count_as_waiting() -> None:
    expired = AuxWord(pending_bps=2250, pending_time=NOW - 21_600 - 86_400 - 1)
    assert run(dwelt(aux=expired)).due is Due.LOOSEN


def test_a_pending_that_the_model_no_longer_supports_is_cleared() -> None:
    waiting = AuxWord(pending_bps=2250, pending_time=NOW - 600)
    case = Case(target_bps=2500, aux=waiting)
    got = run(case)
    assert got.due is Due.TIGHTEN
    assert got.targets is not None
    assert got.targets.haircut_bps == 2500
    assert got.reasons[-1] == "the loosening to 2250 bps that waits is no longer supported: it is cleared"
    assert run(replace(case, target_bps=2299)).due is Due.NONE


def test_the_heartbeat_counts_from_the_last_report_and_never_loosens() -> None:
    old = replace(FRESH, observed_time=NOW - 64_800)
    got = run(Case(target_bps=2000, live=old))
    assert got.due is Due.HEARTBEAT
    assert got.targets is not None
    assert got.targets.haircut_bps == 2500
    assert run(Case(live=replace(old, observed_time=NOW - 64_799))).due is Due.NONE


def test_a_heartbeat_leaves_a_supported_pending_alone() -> None:
    waiting = AuxWord(pending_bps=2250, pending_time=NOW - 600)
    old = replace(FRESH, observed_time=NOW - 64_800)
    got = run(dwelt(live=old, aux=waiting))
    assert got.due is Due.HEARTBEAT
    assert got.targets is not None
    assert got.targets.haircut_bps == 2250


def test_a_market_that_is_not_listed_has_not_started() -> None:
    snapshot = make_snapshot(BLOCK, words=None, market=MARKET)
    for before, core in ((None, None), (Core(5, NOW - 300, 9, ()), Core(WINDOW, NOW, 0, ()))):
        got = decide(estimates(Case()), snapshot, before=before, sources=(), market=MARKET, settings=SETTINGS)
        assert (got.targets, got.due) == (None, Due.NONE)
        assert decode_core(got.core_after) == core


def test_what_the_contract_would_refuse_is_not_due() -> None:
    got = run(Case(target_bps=3500, live=replace(FRESH, observed_block=BLOCK.number)))
    assert got.due is Due.NONE
    assert got.reasons[-1] == "the contract would refuse it: NotNewer"


def test_a_missing_input_reports_nothing() -> None:
    got = run(Case(target_bps=9000, blind=True, missing=("feed: none",)))
    assert (got.targets, got.due, got.predicted_haircut_bps) == (None, Due.NONE, 2500)
    assert got.reasons == ("feed: none", "an input is missing: nothing is reported, the old value ages")


def test_one_venue_less_still_tightens() -> None:
    assert run(Case(target_bps=3000, missing=("depth: a venue failed",))).due is Due.TIGHTEN


TIMES = st.one_of(st.just(0), st.integers(NOW - 200_000, NOW))
CASES = st.builds(
    Case,
    target_bps=st.integers(0, 9500),
    live=st.builds(
        make_live,
        haircut_bps=st.integers(1000, 9000),
        observed_time=st.integers(NOW - 200_000, NOW),
        sequence=st.integers(0, 3),
    ),
    aux=st.builds(
        AuxWord,
        staged_bps=st.integers(0, 9000),
        staged_time=TIMES,
        pending_bps=st.integers(0, 9000),
        pending_time=TIMES,
        tightened_time=TIMES,
    ),
    before=st.one_of(
        st.none(),
        st.builds(Core, st.just(WINDOW - 1), st.integers(NOW - 20_000, NOW - BLOCK_SECONDS), TIMES, st.just(())),
    ),
    missing=st.sampled_from([(), ("depth: a venue failed",)]),
    warm=st.booleans(),
    blind=st.booleans(),
)


@given(case=CASES)
def test_missing_data_never_loosens(case: Case) -> None:
    got = run(case)
    if case.missing or not case.warm or case.blind:
        assert got.due is not Due.LOOSEN
        assert clock(got) == 0
        assert got.targets is None or got.due is Due.NONE or got.targets.haircut_bps >= case.live.haircut_bps


@given(case=CASES)
def test_a_report_below_the_live_value_needs_the_full_dwell(case: Case) -> None:
    got = run(case)
    if got.due is not Due.NONE and got.targets is not None and got.targets.haircut_bps < case.live.haircut_bps:
        assert got.due in {Due.LOOSEN, Due.HEARTBEAT}
        assert case.before is not None
        assert clock(got) <= NOW - DWELL
        assert got.targets.haircut_bps >= case.target_bps + 50 or case.target_bps < 500


@given(case=CASES)
def test_the_prediction_is_what_the_contract_does(case: Case) -> None:
    got = run(case)
    assert got.predicted_haircut_bps >= case.live.haircut_bps
    if got.due in {Due.TIGHTEN, Due.LOOSEN}:
        assert got.targets is not None
        assert got.reasons


@given(case=CASES)
def test_needed_tightening_shows_in_the_first_update(case: Case) -> None:
    """P21: unless a stage is already on its way there."""
    got = run(case)
    goal = max(min(max(case.target_bps, 500), 9000), 1000)
    if not case.blind and not case.aux.staged_bps and goal - case.live.haircut_bps >= 50:
        assert got.due in {Due.TIGHTEN, Due.FIRST}
        assert got.predicted_haircut_bps == min(goal, case.live.haircut_bps + 1000)


def test_noise_within_the_margin_moves_nothing_twice() -> None:
    """P23: a target that shakes by the margin after a change changes no direction."""
    words, seen = make_words(FRESH), []
    before: Core | None = BEFORE
    for step in range(60):
        block = replace(BLOCK, number=BLOCK.number + 25 * step, timestamp=NOW + 300 * step)
        snapshot = make_snapshot(block, words=words, market=MARKET)
        wish = estimates(Case(target_bps=3000 - 50 * (step % 2)))
        got = decide(wish, snapshot, before=before, sources=(), market=MARKET, settings=SETTINGS)
        before = decode_core(got.core_after)
        if got.due is not Due.NONE and got.targets is not None:
            report = Report(snapshot.market, got.targets, words.live.sequence, 0, got.core_after)
            applied = apply_report(words, report, block.number, block.timestamp, 0, block.timestamp, routine=True)
            words = make_words(applied.live, applied.aux)
        seen.append(words.live.haircut_bps)
    assert seen == [3000] * 60
