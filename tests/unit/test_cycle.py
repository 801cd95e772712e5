"""What may be sent: a report that would change nothing is skipped, a loosening that the model left is not helped."""

from dataclasses import replace

import pytest
from factories import make_block, make_live, make_settings, make_snapshot, make_words, market_settings

from keeper.acting import _worth_activating, effect, still_due
from keeper.fold import fold_sample
from keeper.records.decision import Decision, Due, Targets
from keeper.records.live import AuxWord, ContractWords
from keeper.risk.limits import activate
from keeper.store.samples import StoredSample

SETTINGS = make_settings()
WINDOW = 1000
HEAD = make_block(WINDOW * 25 + 5)


def row(due: Due, target_bps: int, seen: ContractWords | None = None) -> StoredSample:
    """A sample whose decision is given; its snapshot saw ``seen``."""
    seen = seen or make_words()
    snapshot = make_snapshot(block=make_block(WINDOW * 25), words=seen)
    folded = fold_sample(b"", snapshot, WINDOW, (), market_settings(), SETTINGS)
    decision = replace(folded.decision, due=due, targets=Targets(target_bps, 1000, 500))
    folded = replace(folded, decision=decision)
    return StoredSample(snapshot.market, WINDOW, seen.live.sequence, b"", snapshot, folded)


def test_a_report_is_due_while_the_contract_holds_what_its_sample_saw() -> None:
    assert still_due(row(Due.TIGHTEN, 3000), make_words(), HEAD, SETTINGS)
    assert still_due(row(Due.LOOSEN, 2300), make_words(), HEAD, SETTINGS)
    assert still_due(row(Due.HEARTBEAT, 2500), make_words(), HEAD, SETTINGS)


def test_a_report_that_another_keeper_landed_is_skipped() -> None:
    done = make_words(make_live(sequence=2, observed_block=WINDOW * 25, haircut_bps=3000))
    for due in (Due.TIGHTEN, Due.LOOSEN, Due.HEARTBEAT, Due.FIRST):
        assert not still_due(row(due, 3000), done, HEAD, SETTINGS)


@pytest.mark.parametrize("due", [Due.LOOSEN, Due.HEARTBEAT, Due.FIRST])
def test_only_a_tightening_outlives_a_report_in_between(due: Due) -> None:
    newer = make_words(make_live(sequence=2, observed_block=WINDOW * 25 - 30))
    assert not still_due(row(due, 2000 if due is Due.LOOSEN else 3000), newer, HEAD, SETTINGS)
    assert still_due(row(Due.TIGHTEN, 3000), newer, HEAD, SETTINGS)


def test_a_tightening_that_is_staged_already_is_not_sent_again() -> None:
    live = make_live(sequence=2, observed_block=WINDOW * 25 - 30, haircut_bps=3500)
    staged = make_words(live, AuxWord(staged_bps=6000, staged_time=HEAD.timestamp))
    assert not still_due(row(Due.TIGHTEN, 6000), staged, HEAD, SETTINGS)
    assert not still_due(row(Due.TIGHTEN, 6049), staged, HEAD, SETTINGS)
    assert still_due(row(Due.TIGHTEN, 6050), staged, HEAD, SETTINGS)


def test_a_sample_without_targets_is_never_due() -> None:
    sample = row(Due.TIGHTEN, 3000)
    decision = replace(sample.folded.decision, targets=None)
    blind = replace(sample, folded=replace(sample.folded, decision=decision))
    assert not still_due(blind, make_words(), HEAD, SETTINGS)
    assert effect(blind, make_words(), HEAD).refusal == "NothingToReport"


def test_the_effect_is_the_clamped_one() -> None:
    applied = effect(row(Due.TIGHTEN, 6000), make_words(), HEAD)
    assert (applied.live.haircut_bps, applied.aux.staged_bps) == (3500, 6000)
    assert (applied.live.sequence, applied.live.observed_block) == (2, WINDOW * 25)


def pending(target_bps: int, **changes: int) -> ContractWords:
    aux = AuxWord(pending_bps=target_bps, pending_time=HEAD.timestamp - 30_000)
    return make_words(make_live(observed_time=HEAD.timestamp - 100), replace(aux, **changes))


def decision(target_bps: int | None) -> Decision:
    targets = None if target_bps is None else Targets(target_bps, 1000, 500)
    return Decision(targets, Due.NONE, (), 2500, b"")


def helped(words: ContractWords, said: Decision | None) -> bool:
    after = activate(words, HEAD.timestamp)
    assert not after.refusal
    return _worth_activating(words, after, said, SETTINGS)


def test_a_matured_loosening_is_activated_while_the_model_supports_it() -> None:
    assert helped(pending(2450), decision(2400))
    assert helped(pending(2450), decision(2499))


def test_a_loosening_is_not_helped_against_the_model_or_without_a_model() -> None:
    assert not helped(pending(2450), decision(2500))
    assert not helped(pending(2450), decision(None))
    assert not helped(pending(2450), None)


def test_crumbs_of_the_bucket_wait() -> None:
    drained = 70 * 86_400
    words = pending(2000, drained=drained, drained_time=HEAD.timestamp)
    assert activate(words, HEAD.timestamp).live.haircut_bps == 2470
    assert not helped(words, decision(1900))
    almost_there = pending(2490, drained=drained, drained_time=HEAD.timestamp)
    assert helped(almost_there, decision(2400))


def test_the_contract_takes_no_crumbs_at_all() -> None:
    words = pending(2000, drained=80 * 86_400, drained_time=HEAD.timestamp)
    assert activate(words, HEAD.timestamp).refusal == "LooseningExhausted"


def premium_row(premium_bps: int) -> StoredSample:
    sample = row(Due.TIGHTEN, 2500)
    targets = Targets(2500, 1000, 500, premium_bps=premium_bps)
    told = replace(sample.folded.decision, targets=targets)
    return replace(sample, folded=replace(sample.folded, decision=told))


def test_a_premium_that_rises_outlives_a_report_in_between_and_is_not_sent_twice() -> None:
    newer = make_live(sequence=2, observed_block=WINDOW * 25 - 30)
    assert still_due(premium_row(300), make_words(newer), HEAD, SETTINGS)
    assert not still_due(premium_row(300), make_words(replace(newer, premium_bps=300)), HEAD, SETTINGS)
    assert not still_due(premium_row(49), make_words(newer), HEAD, SETTINGS)


def test_a_matured_premium_is_activated_while_the_model_supports_it() -> None:
    aux = AuxWord(pending_bps=2500, pending_time=HEAD.timestamp - 30_000, pending_premium_bps=200)
    words = make_words(make_live(observed_time=HEAD.timestamp - 100, premium_bps=400), aux)
    # The bucket holds 100 bps: half of what waits.
    assert activate(words, HEAD.timestamp).live.premium_bps == 300
    for premium, want in ((200, True), (249, True), (250, False)):
        assert helped(words, replace(decision(2500), targets=Targets(2500, 1000, 500, premium))) is want
    drained = replace(words, aux=replace(aux, drained=70 * 86_400, drained_time=HEAD.timestamp))
    assert not helped(drained, replace(decision(2500), targets=Targets(2500, 1000, 500, 200)))
