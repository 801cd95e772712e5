"""The demo's verdicts fail when they should: a judge that always says yes is worth nothing."""

from dataclasses import replace

from factories import make_block, make_snapshot, make_words, market_settings

from keeper.protocols.bulkhead_events import (
    BatchPublished,
    Event,
    MarketListed,
    PendingActivated,
    Refusal,
    ReportApplied,
    ReportRefused,
)
from keeper.records.decision import Decision, Due, Folded
from keeper.records.estimates import Estimates, SampleDepth
from keeper.records.live import AuxWord, LiveWord
from keeper.records.outcome import Attempt, IntentState, Landing, Outcome, Price, TxIntent
from keeper.records.settings import MarketSettings
from keeper.records.units import Address
from keeper.store.samples import StoredSample
from keeper.testing.judge import Moment, landed_once, loosened_late, rose_early
from keeper.testing.scenario import Step
from keeper.testing.screen import spark
from keeper.testing.watch import ChainEvent, MarketView, Transaction

KEY = b"\x01" * 32
HASH = b"\x02" * 32
DWELL, DISPUTE = 300, 300


def at(time: int, event: Event, tx: bytes = HASH) -> ChainEvent:
    return ChainEvent(event, time // 12, time, f"0x{tx.hex()}")


def applied(time: int, sequence: int, haircut: int, pending_time: int = 0, observed: int = 0) -> ChainEvent:
    live = LiveWord(
        haircut_bps=haircut,
        observed_time=observed or time - 24,
        observed_block=(observed or time) // 12,
        sequence=sequence,
    )
    return at(time, ReportApplied(KEY, live, AuxWord(pending_time=pending_time, pending_bps=1_500)))


def activated(time: int, haircut: int) -> ChainEvent:
    return at(time, PendingActivated(KEY, LiveWord(haircut_bps=haircut), AuxWord()))


def story() -> list[ChainEvent]:
    return [
        at(1_200, MarketListed(KEY, LiveWord(haircut_bps=1_200))),
        at(2_400, BatchPublished(200, 0, HASH, HASH, True)),
        applied(2_400, 1, 2_000),
        applied(3_000, 2, 2_000, pending_time=3_000),
        activated(3_400, 1_500),
    ]


def final(state: IntentState = IntentState.FINAL_OK, tx_hash: bytes = HASH) -> Outcome:
    intent = TxIntent(HASH, "publish", Address("0x" + "11" * 20), b"", 200, 0, (KEY,))
    attempt = Attempt(1, False, Price(1, 1), 100_000, b"", tx_hash)
    return Outcome(intent, state, 0, (attempt,), Landing(tx_hash, 200, HASH, 0, 100_000, 1, True))


SENT = [Transaction(f"0x{HASH.hex()}", 200, 100_000, True)]


def test_a_good_story_passes() -> None:
    verdict = landed_once(story(), [final()], SENT, [KEY])
    assert (verdict.ok, verdict.answer) == (True, "1 batches, 1 transactions, 1 intents, 0 of them superseded")
    assert loosened_late(story(), [KEY], DWELL, DISPUTE).ok


def test_the_same_observed_block_twice_is_a_duplicate() -> None:
    events = [*story(), applied(3_600, 3, 2_000, observed=3_000)]
    events[3] = applied(3_000, 2, 2_000, pending_time=3_000, observed=3_000)
    verdict = landed_once(events, [final()], SENT, [KEY])
    assert not verdict.ok
    assert "observed block 250 was applied twice" in verdict.answer


def test_a_gap_in_the_sequence_is_a_loss() -> None:
    events = [*story(), applied(3_600, 4, 2_000)]
    assert "the sequence has a gap" in landed_once(events, [final()], SENT, [KEY]).answer


def test_an_intent_that_was_never_sent_is_a_loss() -> None:
    verdict = landed_once(story(), [final(), final(IntentState.PLANNED)], SENT, [KEY])
    assert (verdict.ok, verdict.answer) == (False, "publish is planned")


def test_an_intent_that_the_chain_has_but_the_keeper_did_not_see_yet_landed() -> None:
    assert landed_once(story(), [final(IntentState.SENT)], SENT, [KEY]).ok
    assert not landed_once(story(), [final(IntentState.SENT)], [], [KEY]).ok


def test_an_expired_or_reverted_intent_did_not_land() -> None:
    for state in (IntentState.EXPIRED, IntentState.FINAL_REVERTED, IntentState.SIGNED):
        assert not landed_once(story(), [final(state)], SENT, [KEY]).ok


def test_a_transaction_without_an_intent_is_not_ours_to_send() -> None:
    stray = Transaction("0x" + "33" * 32, 201, 100_000, True)
    verdict = landed_once(story(), [final()], [*SENT, stray], [KEY])
    assert (verdict.ok, verdict.answer) == (False, f"transaction {stray.tx_hash} has no intent")


def test_a_superseded_intent_is_neither_lost_nor_may_it_be_mined() -> None:
    other = b"\x07" * 32
    assert landed_once(story(), [final(), final(IntentState.SUPERSEDED, other)], SENT, [KEY]).ok
    mined = [*SENT, Transaction(f"0x{other.hex()}", 201, 100_000, True)]
    assert not landed_once(story(), [final(), final(IntentState.SUPERSEDED, other)], mined, [KEY]).ok


def test_a_failed_transaction_and_a_refused_report_count() -> None:
    refused = at(3_700, ReportRefused(KEY, 300, Refusal.NOT_NEWER, 300, 300))
    verdict = landed_once([*story(), refused], [final()], [replace(SENT[0], ok=False)], [KEY])
    assert "a report was refused" in verdict.answer
    assert "failed" in verdict.answer


def test_an_intent_whose_transaction_was_never_mined_is_a_loss() -> None:
    verdict = landed_once(story(), [final(tx_hash=b"\x09" * 32)], [], [KEY])
    assert not verdict.ok
    assert "was never mined" in verdict.answer


def test_loosening_before_the_dispute_window_fails() -> None:
    events = [*story()[:-1], activated(3_299, 1_500)]
    verdict = loosened_late(events, [KEY], DWELL, DISPUTE)
    assert (verdict.ok, verdict.answer) == (False, "block 274 loosened after 299 s")


def test_loosening_without_a_pending_fails() -> None:
    events = [*story()[:-1], applied(3_400, 3, 1_500)]
    assert loosened_late(events, [KEY], DWELL, DISPUTE).answer == "block 283 loosened without a pending"


def test_a_loosening_asked_for_before_the_dwell_fails() -> None:
    events = story()
    events[3] = applied(2_700, 2, 2_000, pending_time=2_700)
    assert not loosened_late(events, [KEY], DWELL, DISPUTE).ok


def test_a_story_that_never_loosens_shows_nothing() -> None:
    assert not loosened_late(story()[:-1], [KEY], DWELL, DISPUTE).ok


def test_nothing_published_is_no_success() -> None:
    assert not landed_once([], [], [], [KEY]).ok


def test_bars_span_lowest_to_highest_and_leave_gaps() -> None:
    assert spark([1.0, None, 8.0, 4.5]) == "▁ █▅"
    assert spark([None]) == ""


def view(market: MarketSettings, depth: float, haircut: int, block: int) -> MarketView:
    sold = SampleDepth(0, block, None, None, int(depth * 10**18), None)
    estimates = Estimates(None, None, None, (), sold, (), True, None, None, (), None)
    decision = Decision(None, Due.NONE, (), haircut, b"")
    snapshot = make_snapshot(block=make_block(block))
    sample = StoredSample(KEY, 0, 0, b"", snapshot, Folded(estimates, decision))
    return MarketView(market, sample, make_words(live=LiveWord(haircut_bps=haircut)))


def rising(depths: list[float], haircuts: list[int], rise_at: int) -> bool:
    """Moments a minute apart with these depths; the live haircut rises in an event at ``rise_at``."""
    market = market_settings()
    moments = []
    for index, (depth, haircut) in enumerate(zip(depths, haircuts, strict=True)):
        step = Step(index, "calm" if index < 2 else "sell-off", (1.0,), 0, 10 * index + 2, index)
        moments.append(Moment(step, (view(market, depth, haircut, block=10 * index),)))
    events = [at(0, MarketListed(KEY, LiveWord(haircut_bps=1_200))), applied(rise_at * 12, 1, 2_000)]
    return rose_early(moments, events, [KEY]).ok


def test_a_rise_before_half_of_the_depth_is_gone_passes() -> None:
    assert rising([100, 100, 80, 40], [1_200, 1_200, 2_000, 2_000], rise_at=25)


def test_a_rise_after_half_of_the_depth_is_gone_fails() -> None:
    assert not rising([100, 100, 80, 40], [1_200, 1_200, 1_200, 1_200], rise_at=31)


def test_a_story_in_which_depth_never_halves_proves_nothing() -> None:
    assert not rising([100, 100, 80, 60], [1_200, 1_200, 2_000, 2_000], rise_at=25)
