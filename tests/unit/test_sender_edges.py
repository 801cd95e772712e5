"""Rare orders of events, one by one: what the machine walks into by chance is pinned here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sender_desk import TIME, Desk, intent, read_raw, urgent

from keeper.chain.failpoints import VARIABLE, BrokenOff
from keeper.chain.fees import GWEI
from keeper.chain.lookup import FINAL_WITHOUT_TAG
from keeper.chain.rpc import RpcError
from keeper.records.outcome import IntentState, Outcome, TxIntent


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def row_of(desk: Desk, wanted: TxIntent | None = None) -> Outcome:
    found = desk.store.intents.find((wanted or intent()).key)
    assert found is not None
    return found


def test_without_a_finalized_block_64_blocks_make_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    known = desk.node.eth_getBlockByNumber

    def untagged(at: str, full: bool) -> Any:
        if at == "finalized":
            raise RpcError("node test refused eth_getBlockByNumber: unknown block tag")
        return known(at, full)

    monkeypatch.setattr(desk.node, "eth_getBlockByNumber", untagged)
    desk.sender.submit(intent())
    desk.block()
    assert row_of(desk).landing.block_number == 101
    desk.block(FINAL_WITHOUT_TAG - 1)
    assert (desk.node.head, row_of(desk).state) == (164, IntentState.CONFIRMED)
    desk.block()
    assert row_of(desk).state is IntentState.FINAL_OK


def test_a_gap_that_was_planned_and_not_prepared_is_looked_at_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.node.nonce = 2
    desk.sender.submit(intent())
    desk.node.nonce = 1
    desk.node.mines = False
    desk.block(3)
    prepare = desk.store.intents.prepare

    def dies(*_: Any, **__: Any) -> None:
        raise BrokenOff

    monkeypatch.setattr(desk.store.intents, "prepare", dies)
    with pytest.raises(BrokenOff):
        desk.block()
    monkeypatch.setattr(desk.store.intents, "prepare", prepare)
    desk.restarted()
    desk.block()
    repairs = [row for row in desk.store.intents.outcomes() if row.intent.purpose == "repair"]
    assert [(row.state, row.nonce, row.error) for row in repairs] == [
        (IntentState.EXPIRED, None, "the gap is looked at anew")
    ]
    desk.block(3)
    repairs = [row for row in desk.store.intents.open_intents() if row.intent.purpose == "repair"]
    assert [(row.state, row.nonce) for row in repairs] == [(IntentState.SENT, 1)]


def test_a_nonce_that_was_used_before_our_bytes_went_out_is_looked_into(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "signed:post_commit=break")
    with pytest.raises(BrokenOff):
        desk.sender.submit(intent())
    monkeypatch.delenv(VARIABLE)
    desk.node.nonce, desk.node.deep_count = 1, 0
    desk.node.head += 1
    desk.restarted().settle()
    row = row_of(desk)
    assert (row.state, row.error) == (
        IntentState.SENT,
        "its nonce is used; whose transaction it was shows two blocks later",
    )
    assert desk.node.sent == []


def test_a_halt_keeps_signed_bytes_at_home_and_says_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "signed:post_commit=break")
    with pytest.raises(BrokenOff):
        desk.sender.submit(intent())
    monkeypatch.delenv(VARIABLE)
    desk.halted = "a finalized block changed"
    desk.restarted()
    desk.block(2)
    assert (row_of(desk).state, row_of(desk).error) == (IntentState.SIGNED, "a finalized block changed")
    assert desk.node.sent == []
    desk.halted = ""
    desk.block()
    assert row_of(desk).state is IntentState.SENT


def test_what_is_mined_while_its_lateness_is_found_out_is_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sender.submit(intent())
    raw = read_raw(desk.node.sent[0])
    desk.node.head += 1
    asked: list[TxIntent] = []

    def newer(wanted: TxIntent) -> bool:
        # The block that holds our report comes between the two questions.
        asked.append(wanted)
        desk.node.pool.clear()
        desk.node.take(raw)
        return True

    monkeypatch.setattr(desk, "is_superseded", newer)
    (row,) = desk.sender.settle()
    assert (row.state, row.tx_hash, len(row.attempts)) == (IntentState.MINED, bytes.fromhex(raw.hash[2:]), 1)
    assert asked == [intent()]


def test_the_guards_are_asked_about_the_intent_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, TxIntent]] = []
    monkeypatch.setattr(desk, "is_superseded", lambda wanted: bool(asked.append(("superseded", wanted))))
    monkeypatch.setattr(desk, "_rehearse", lambda wanted: asked.append(("rehearsed", wanted)))
    desk.restarted().submit(intent())
    assert asked[:2] == [("superseded", intent()), ("rehearsed", intent())]


def test_what_never_took_a_nonce_ends_with_its_reason(desk: Desk) -> None:
    desk.node.base_fee = 100 * GWEI
    desk.sender.submit(intent("late", valid_until=TIME + 12))
    desk.sender.submit(intent("last", valid_until=TIME + 24))
    desk.block(2)
    late, last = (row_of(desk, intent(name)) for name in ("late", "last"))
    assert (late.state, late.error) == (IntentState.EXPIRED, "valid_until passed before it was signed")
    assert last.state is IntentState.PLANNED, "its last second counts"
    desk.superseded = True
    desk.sender.settle()
    last = row_of(desk, intent("last"))
    assert (last.state, last.error) == (IntentState.SUPERSEDED, "the contract holds something at least as new")


def test_why_a_routine_transaction_waits_is_said(desk: Desk) -> None:
    desk.node.mines = False
    desk.node.degraded = True
    assert desk.sender.submit(intent("a")).error == "one node answers alone: only tightening is sent"
    desk.node.degraded = False
    desk.sender.submit(urgent())
    assert desk.sender.submit(intent("b")).error == "waits for the transaction before it"


def test_the_simulation_offers_what_the_transaction_will(desk: Desk) -> None:
    desk.sender.submit(intent())
    (call,) = [params[0] for method, params in desk.node.calls if method == "eth_call"]
    raw = read_raw(desk.node.sent[0])
    assert (int(call["maxFeePerGas"], 16), int(call["maxPriorityFeePerGas"], 16)) == (raw.fee_wei, raw.tip_wei)
    assert int(call["gas"], 16) == 130_000


def test_a_nonce_right_after_our_last_is_nobodys(desk: Desk) -> None:
    desk.sender.submit(intent("a"))
    desk.block(3)
    desk.sender.submit(intent("b"))
    desk.block(3)
    assert desk.said("foreign_nonce") == []
    desk.node.nonce = 3
    desk.sender.submit(intent("c"))
    assert desk.said("foreign_nonce") == [{"nonce": 2, "up_to": 2}]
