"""The effect of a transaction, checked before it is signed: the contract itself against our twin of it.

A limit that governance changed, a report that landed in between or an error of ours shows here, where it costs nothing
(reliability.md B1 rule 5).
"""

from dataclasses import replace
from typing import cast

from keeper.chain.rehearsals import words_after
from keeper.errors import Refused
from keeper.protocols.bulkhead import (
    ACTIVATE_SELECTOR,
    ADVANCE_SELECTOR,
    PUBLISH_SELECTOR,
    Bulkhead,
    decode_publish,
    parse_words,
    word_slots,
)
from keeper.records.live import ContractWords
from keeper.records.outcome import TxIntent
from keeper.records.ports import Asking, ChainReader
from keeper.records.report import Batch, Report
from keeper.records.units import BlockRef
from keeper.risk.applied import Applied
from keeper.risk.limits import activate, advance, apply_report
from keeper.risk.packing import unpack_reports

WORDS = 6


def rehearse(intent: TxIntent, node: Asking, reader: ChainReader, gas: int) -> None:
    """Compare every market's words after the call with the twin's, at one block.

    Raises
    ------
    Reverted
        The contract refuses the call.
    Refused
        It would do something else than the twin says; nothing is sent.
    RetryLater
        The node did not answer.
    """
    block = reader.block("latest")
    before = _words(intent, reader, block)
    slots = [slot for market in intent.markets for slot in word_slots(market, before[market].live.profile)]
    found = words_after(node, intent.to, intent.data, slots, block=block, gas=gas)
    for at, market in enumerate(intent.markets):
        words = parse_words(*(int.from_bytes(word, "big") for word in found[WORDS * at : WORDS * (at + 1)]))
        _compare(intent, market, predicted(intent, market, before[market], block.timestamp), words)


def predicted(intent: TxIntent, market: bytes, words: ContractWords, now: int) -> Applied:
    """What the twin says of one market."""
    selector = intent.data[:4]
    if selector == ADVANCE_SELECTOR:
        return advance(words, now)
    if selector == ACTIVATE_SELECTOR:
        return activate(words, now)
    if selector != PUBLISH_SELECTOR:
        raise Refused(f"no twin of the call 0x{selector.hex()}", "this is a fault of the keeper: report it")
    batch, packed, _ = decode_publish(intent.data)
    return _published(batch, {row.market: row for row in unpack_reports(packed)}[market], words, now)


def _published(batch: Batch, report: Report, words: ContractWords, now: int) -> Applied:
    return apply_report(words, report, batch.observed_block, batch.observed_time, 0, now, routine=True)


def _words(intent: TxIntent, reader: ChainReader, block: BlockRef) -> dict[bytes, ContractWords]:
    answers = reader.run([Bulkhead().read(intent.to, market) for market in intent.markets], block)
    found = {}
    for market, answer in zip(intent.markets, answers, strict=True):
        words, _ = cast("tuple[ContractWords | None, object]", answer)
        if words is None:
            raise Refused(f"market 0x{market.hex()[:8]} is not listed any more", "correct the settings")
        found[market] = words
    return found


def _compare(intent: TxIntent, market: bytes, twin: Applied, found: ContractWords) -> None:
    # The place of a batch within its block is known only once it is there.
    expected, seen = (_without_place(words) for words in (twin.words, found))
    if expected == seen:
        return
    parts = ("live", "aux", "liquidation", "guard", "limits", "law")
    wrong = [name for name in parts if getattr(expected, name) != getattr(seen, name)]
    what = f"{intent.purpose} of market 0x{market.hex()[:8]} would not do what its twin says: {', '.join(wrong)} word"
    raise Refused(what, "the contract or its limits changed, or this is a fault of the keeper: nothing is sent")


def _without_place(words: ContractWords) -> ContractWords:
    return replace(words, live=replace(words.live, batch_index=0))
