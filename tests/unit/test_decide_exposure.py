"""Premium and ceiling in the decision table: tightened at once, loosened only with a report that may, else kept."""

from dataclasses import replace

import pytest
from factories import make_law, make_limits, make_live, make_words, model_settings
from hypothesis import given
from hypothesis import strategies as st
from properties import thorough
from test_decide import BLOCK, DWELL, NOW, WINDOW, Case, dwelt, run

from keeper.maths import ceiling
from keeper.records.core import Core
from keeper.records.decision import Decision, Due
from keeper.records.live import AuxWord
from keeper.records.report import Report
from keeper.records.units import Price
from keeper.risk.limits import apply_report

MODEL = model_settings(
    buffer_bps=0, haircut_min_bps=0, haircut_max_bps=9500, premium_max_bps=1000, ceiling_share_bps=5000
)
PRICE = Price(2000, 10**12)
"""2,000 units of 6 decimals for one of 18. With Q* = 10 and a haircut of 25 %: half of 15,000."""
CEILING = ceiling.encode_down(7500 * 10**6)
LIVE = make_live(observed_time=NOW - 600, observed_block=24_000, sequence=7, premium_bps=0, ceiling=CEILING)
OPEN = {"size": 10**19, "price": PRICE, "model": MODEL, "live": LIVE}
CASE = Case(**OPEN)
LAW = make_law(ceiling_stretch=10)
OLD = replace(LIVE, observed_time=NOW - 64_800)


def exposure(got: Decision) -> tuple[int, int]:
    assert got.targets is not None
    return got.targets.premium_bps, got.targets.ceiling


def test_a_market_that_agrees_rests() -> None:
    got = run(CASE)
    assert (got.due, got.reasons[-1]) == (Due.NONE, "within the bands: nothing is due")
    assert exposure(got) == (0, CEILING)


@pytest.mark.parametrize(
    ("size", "due"), [(10**19 * 10_000 // 9_511, Due.NONE), (10**19 * 10_000 // 9_500, Due.TIGHTEN)]
)
def test_the_premium_is_due_from_the_band_on(size: int, due: Due) -> None:
    got = run(replace(CASE, size=size))
    assert got.due is due
    if due is Due.TIGHTEN:
        assert exposure(got) == (50, 0)
        assert got.reasons[-1] == "the premium rises from 0 to 50 bps"
        assert got.predicted_haircut_bps == 2500


@pytest.mark.parametrize(("price", "due"), [(1802, Due.NONE), (1799, Due.TIGHTEN)])
def test_the_ceiling_is_due_from_a_tenth_on(price: int, due: Due) -> None:
    got = run(replace(CASE, price=Price(price, 10**12)))
    assert got.due is due
    if due is Due.TIGHTEN:
        assert exposure(got)[0] == 0
        assert ceiling.decode(exposure(got)[1]) <= 7500 * 10**6 * price // 2000


def test_a_market_without_a_ceiling_gets_one_at_once_and_the_first_report_brings_it() -> None:
    for live, due in ((replace(LIVE, ceiling=0), Due.TIGHTEN), (replace(LIVE, ceiling=0, sequence=0), Due.FIRST)):
        got = run(replace(CASE, live=live))
        assert (got.due, exposure(got)) == (due, (0, CEILING))


def test_a_tightening_of_the_haircut_takes_along_what_tightens_and_keeps_what_would_loosen() -> None:
    live = replace(LIVE, premium_bps=300, ceiling=ceiling.encode_down(10**9))
    got = run(replace(CASE, target_bps=3000, live=live))
    assert (got.due, exposure(got)) == (Due.TIGHTEN, (300, 0))
    got = run(replace(CASE, target_bps=3000, size=10**19 * 100 // 96))
    assert (got.due, got.targets.haircut_bps if got.targets else 0) == (Due.TIGHTEN, 3000)
    assert exposure(got)[0] == 40
    assert ceiling.decode(exposure(got)[1]) == pytest.approx(7000 * 10**6, rel=1e-3)


def test_a_tightening_premium_does_not_clear_a_stage() -> None:
    staged = AuxWord(staged_bps=6000, staged_time=NOW - 60)
    live = replace(LIVE, haircut_bps=3500, ceiling=1)
    case = replace(CASE, target_bps=6000, live=live, aux=staged, size=2 * 10**19)
    got = run(case)
    assert (got.due, got.targets.haircut_bps if got.targets else 0) == (Due.TIGHTEN, 6000)
    applied = applied_to(case, got)
    assert (applied.aux.staged_bps, applied.live.premium_bps) == (6000, 500)


def test_a_loosening_takes_along_what_loosens_and_never_what_tightens() -> None:
    live = replace(LIVE, premium_bps=300)
    got = run(dwelt(**OPEN | {"live": live, "law": LAW}))
    assert (got.due, exposure(got)) == (Due.LOOSEN, (0, ceiling.encode_down(7800 * 10**6)))
    got = run(dwelt(**OPEN | {"size": 10**19 * 100 // 96, "law": LAW}))
    assert (got.due, exposure(got)[0]) == (Due.LOOSEN, 0)
    assert applied_to(dwelt(**OPEN | {"size": 10**19 * 100 // 96}), got).aux.pending_time == NOW


def test_a_heartbeat_asks_for_what_loosens_by_the_band() -> None:
    for premium, want in ((300, 0), (100, 0), (7, 0)):
        got = run(replace(CASE, live=replace(OLD, premium_bps=premium)))
        assert (got.due, exposure(got)[0]) == (Due.HEARTBEAT, want)
    half = 10**19 * 10_000 // 9_000
    got = run(replace(CASE, live=replace(OLD, premium_bps=199), size=half))
    assert (got.due, exposure(got)[0]) == (Due.HEARTBEAT, 199)


@pytest.mark.parametrize("changes", [{"missing": ("depth: a venue failed",)}, {"warm": False}])
def test_a_heartbeat_on_missing_data_keeps_what_holds(changes: dict[str, object]) -> None:
    live = replace(OLD, premium_bps=300, ceiling=ceiling.encode_down(10**6))
    got = run(replace(CASE, live=live, law=LAW, **changes))
    assert (got.due, exposure(got)) == (Due.HEARTBEAT, (300, 0))


def test_a_heartbeat_does_not_clear_a_loosening_that_is_supported() -> None:
    waiting = AuxWord(pending_bps=2250, pending_time=NOW - 600, pending_premium_bps=0, pending_ceiling=CEILING)
    case = dwelt(**OPEN | {"live": OLD, "aux": waiting, "size": 10**19 * 100 // 97})
    got = run(case)
    assert (got.due, exposure(got)[0]) == (Due.HEARTBEAT, 0)
    assert applied_to(case, got).aux.pending_time == NOW - 600


def test_a_waiting_premium_that_the_model_no_longer_supports_is_cleared() -> None:
    waiting = AuxWord(pending_bps=2500, pending_time=NOW - 600, pending_premium_bps=0, pending_ceiling=CEILING)
    case = replace(CASE, live=replace(LIVE, premium_bps=300), aux=waiting, size=10**19 * 10 // 8)
    got = run(case)
    assert (got.due, exposure(got)) == (Due.TIGHTEN, (300, 0))
    assert applied_to(case, got).aux.pending_time == 0
    assert run(replace(case, size=10**19 * 100 // 96)).due is Due.NONE


def test_a_waiting_loosening_of_both_is_raised_where_only_the_premium_has_outgrown_it() -> None:
    waiting = AuxWord(pending_bps=2250, pending_time=NOW - 600, pending_premium_bps=0, pending_ceiling=CEILING)
    case = dwelt(**OPEN | {"live": replace(LIVE, premium_bps=300), "aux": waiting, "size": 10**19 * 10 // 8})
    got = run(case)
    assert (got.due, exposure(got)[0]) == (Due.LOOSEN, 200)
    aux = applied_to(case, got).aux
    assert (aux.pending_bps, aux.pending_premium_bps, aux.pending_time) == (2250, 200, NOW - 600)


def test_a_model_without_an_opinion_reports_what_holds() -> None:
    live = replace(LIVE, premium_bps=77)
    for case in (Case(target_bps=3000, live=live), Case(live=replace(live, observed_time=NOW - 64_800))):
        got = run(case)
        assert got.due in {Due.TIGHTEN, Due.HEARTBEAT}
        assert exposure(got) == (77, 0)
        after = applied_to(case, got).live
        assert (after.premium_bps, after.ceiling) == (77, CEILING)


def applied_to(case: Case, got: Decision):  # type: ignore[no-untyped-def]
    words = make_words(case.live, case.aux, case.limits, case.law)
    assert got.targets is not None
    report = Report(bytes(32), got.targets, case.live.sequence, 0, b"")
    return apply_report(words, report, BLOCK.number, NOW, 0, NOW, routine=True)


TIMES = st.one_of(st.just(0), st.integers(NOW - 100_000, NOW))
CEILINGS = st.one_of(st.just(0), st.integers(1, (1 << 20) - 1))
CASES = st.builds(
    Case,
    target_bps=st.integers(0, 9500),
    live=st.builds(
        make_live,
        haircut_bps=st.integers(1000, 9000),
        observed_time=st.integers(NOW - 200_000, NOW),
        sequence=st.integers(0, 3),
        premium_bps=st.integers(0, 2000),
        ceiling=CEILINGS,
    ),
    aux=st.builds(
        AuxWord,
        staged_bps=st.integers(0, 9000),
        staged_time=TIMES,
        pending_bps=st.integers(0, 9000),
        pending_time=TIMES,
        pending_premium_bps=st.integers(0, 2000),
        pending_ceiling=CEILINGS,
    ),
    limits=st.builds(make_limits, bounded=st.integers(0, 1)),
    before=st.one_of(
        st.none(), st.builds(Core, st.just(WINDOW - 1), st.integers(NOW - 9_000, NOW - 12), TIMES, st.just(()))
    ),
    missing=st.sampled_from([(), ("depth: a venue failed",)]),
    warm=st.booleans(),
    size=st.integers(0, 10**21),
    price=st.builds(Price, st.integers(1, 10**6), st.just(10**12)),
    model=st.builds(
        model_settings,
        premium_max_bps=st.sampled_from([0, 500, 3000]),
        ceiling_share_bps=st.sampled_from([0, 5000, 10_000]),
    ),
    law=st.builds(make_law, ceiling_stretch=st.sampled_from([0, 10]), ceiling_floor=CEILINGS, ceiling_cap=CEILINGS),
)


@thorough
@given(case=CASES)
def test_p21_what_is_needed_comes_with_the_first_update_and_missing_data_loosens_nothing(case: Case) -> None:
    got = run(case)
    applied = applied_to(case, got) if got.due is not Due.NONE else None
    after = applied.live if applied else case.live
    if case.model.premium_max_bps:
        short = max(0, case.size - 10**19)
        wish = -(-case.model.premium_max_bps * short // case.size) if case.size else 0
        assert min(wish, case.law.premium_cap_bps) - after.premium_bps < 50
    if applied is None:
        return
    premium, debt = exposure(got)
    assert after.premium_bps >= case.live.premium_bps
    assert after.ceiling == case.live.ceiling or ceiling.is_lower(after.ceiling, case.live.ceiling)
    if case.missing or not case.warm:
        assert premium >= case.live.premium_bps
        assert debt == 0 or ceiling.is_lower(debt, case.live.ceiling)
    if got.due is Due.LOOSEN:
        assert applied.aux.pending_time != 0
        assert after.haircut_bps == case.live.haircut_bps
        assert (case.before.dwell_since if case.before else NOW) <= NOW - DWELL
