"""The write-ahead sender against a node made of a dict: nothing lost, nothing doubled, whatever the node says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from sender_desk import SELECTOR, TIME, Desk, down, intent, read_raw, urgent

from keeper.chain.fees import GWEI
from keeper.chain.rpc import Reverted
from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.records.outcome import UNMINED, IntentState


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def only(desk: Desk, name: str = "a"):
    return desk.store.intents.find(intent(name).key)


def test_a_submitted_intent_is_sent_confirmed_and_final(desk: Desk) -> None:
    assert desk.sender.submit(intent()).state is IntentState.SENT
    assert desk.sender.settle() == []
    assert desk.block(3) == ["mined", "final_ok"]
    row = only(desk)
    assert (row.landing.block_number, row.landing.gas_used, row.landing.fee_wei) == (101, 90_000, 90_000 * 11 * GWEI)
    assert desk.store.intents.open_intents() == []
    assert [name for name, _ in desk.events] == ["tx_sent", "tx_mined", "tx_final"]


def test_depth_confirms_and_only_finality_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    final = desk.node.eth_getBlockByNumber
    monkeypatch.setattr(
        desk.node, "eth_getBlockByNumber", lambda at, full: final(hex(90) if at == "finalized" else at, full)
    )
    desk.sender.submit(intent())
    assert desk.block(5) == ["mined", "confirmed"]
    assert only(desk).state is IntentState.CONFIRMED


def test_a_key_is_never_sent_twice(desk: Desk) -> None:
    for _ in range(3):
        desk.sender.submit(intent())
    desk.block(3)
    assert desk.sender.submit(intent()).state is IntentState.FINAL_OK
    assert len(desk.node.sent) == 1


def test_what_was_signed_is_sent_again_byte_by_byte(desk: Desk) -> None:
    desk.node.send_error = "node test did not answer within 5 s"
    row = desk.sender.submit(intent())
    assert (row.state, row.error) == (IntentState.SIGNED, "node test did not answer within 5 s")
    assert desk.said("tx_error")[0]["error_class"] == "service_unavailable"
    desk.node.send_error, desk.node.base_fee = "", 30 * GWEI
    desk.node.head += 1
    (sent,) = desk.restarted().settle()
    assert sent.state is IntentState.SENT
    assert desk.node.sent == [row.attempts[0].raw]


@pytest.mark.parametrize("text", ["already known", "transaction already imported", "ALREADY_KNOWN: already known"])
def test_already_known_counts_as_sent(desk: Desk, text: str) -> None:
    desk.node.send_error = text
    assert desk.sender.submit(intent()).state is IntentState.SENT


def test_a_refused_send_pauses_twice_as_long_each_time_but_an_emergency_never(desk: Desk) -> None:
    desk.node.send_error = "transaction pool says something nobody knows"
    desk.sender.submit(intent())
    tried = []
    for _ in range(16):
        before = len(desk.said("tx_error"))
        desk.block()
        tried.append(len(desk.said("tx_error")) - before)
    assert tried == [1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_a_used_nonce_with_our_receipt_is_ours(desk: Desk) -> None:
    desk.node.send_error = "down"
    row = desk.sender.submit(intent())
    desk.node.head += 1
    desk.node.take(read_raw(row.attempts[0].raw))
    (row,) = desk.sender.settle()
    assert row.state is IntentState.MINED


def test_a_used_nonce_without_our_receipt_is_foreign_two_blocks_later_and_planned_again_once(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.pool.clear()
    desk.node.nonce, desk.node.deep_count = 1, 0
    (row,) = desk.sender.settle()
    assert (row.state, row.error[:18]) == (IntentState.SENT, "its nonce is used;")
    desk.node.deep_count = 1
    (row,) = desk.sender.settle()
    assert (row.state, row.error) == (IntentState.FOREIGN, "nonce 0 was used by a transaction that is not ours")
    (again,) = desk.store.intents.open_intents()
    assert (again.intent.replaces, again.nonce, again.state) == (intent().key, 1, IntentState.SENT)
    assert desk.said("foreign_nonce")[0]["nonce"] == 0
    desk.node.pool.clear()
    desk.node.nonce = desk.node.deep_count = 2
    desk.sender.settle()
    assert desk.store.intents.open_intents() == []


def test_a_gap_below_our_nonces_is_filled_by_a_no_op_after_three_blocks(desk: Desk) -> None:
    desk.node.nonce = 2
    desk.sender.submit(intent())
    desk.node.nonce = 1
    desk.block(2)
    assert len(desk.node.sent) == 1
    desk.block(6)
    noop = read_raw(desk.node.sent[1])
    assert (noop.nonce, noop.call) == (1, b"")
    assert {row.state.value for row in desk.store.intents.outcomes()} == {"final_ok", "cancelled"}
    assert [row["nonce"] for row in desk.said("nonce_gap")] == [1]


def test_a_nonce_that_jumps_between_two_rows_is_said(desk: Desk) -> None:
    desk.sender.submit(intent("a"))
    desk.block(3)
    desk.node.nonce = 5
    assert desk.sender.submit(intent("b")).nonce == 5
    assert [(row["nonce"], row["up_to"]) for row in desk.said("foreign_nonce")] == [(1, 4)]


def test_a_dropped_transaction_is_sent_again_unchanged(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.pool.clear()
    desk.node.head += 1
    desk.sender.settle()
    assert len(desk.node.sent) == 2
    assert desk.node.sent[0] == desk.node.sent[1]


def test_an_outbidden_transaction_is_replaced_at_an_eighth_more_on_both_fees(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.base_fee = 30 * GWEI
    desk.block(2)
    assert len(desk.node.sent) == 1, "a routine transaction has three blocks"
    desk.block()
    first, second = (read_raw(raw) for raw in desk.node.sent)
    assert (first.nonce, first.to, first.call) == (second.nonce, second.to, second.call)
    assert second.fee_wei == 61 * GWEI
    assert second.tip_wei == -(-first.tip_wei * 9 // 8)
    assert desk.block() == ["mined"]
    assert only(desk).tx_hash == keccak(second.data)


def test_a_bump_is_durable_before_it_is_sent(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.base_fee = 30 * GWEI
    desk.node.mine(3)
    desk.node.send_error = "down"
    desk.sender.settle()
    row = only(desk)
    assert (row.state, len(row.attempts), len(desk.node.sent)) == (IntentState.SIGNED, 2, 1)
    desk.node.send_error = ""
    desk.node.head += 1
    desk.restarted().settle()
    assert desk.node.sent[1] == row.attempts[1].raw


def test_an_older_attempt_that_is_mined_closes_the_row(desk: Desk) -> None:
    desk.sender.submit(intent())
    older = read_raw(desk.node.sent[0])
    desk.node.base_fee = 30 * GWEI
    desk.block(3)
    assert len(desk.node.sent) == 2
    desk.node.pool.clear()
    desk.node.take(older)
    (row,) = desk.sender.settle()
    assert (row.state, row.tx_hash) == (IntentState.MINED, keccak(older.data))


def test_a_replacement_stops_at_the_tier_s_cap(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.base_fee = 100 * GWEI
    desk.block(4)
    row = only(desk)
    assert (row.state, len(row.attempts)) == (IntentState.SENT, 1)
    assert row.error == "a replacement costs 101 gwei, above the routine cap of 80 gwei"
    assert len(desk.said("fee_deferred")) == 1


def test_twelve_attempts_are_the_most(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(urgent(valid_until=TIME + 10**6))
    desk.block(200)
    (row,) = desk.store.intents.open_intents()
    assert len(row.attempts) == 12


def test_a_reorg_takes_a_mined_transaction_back_and_it_is_sent_again(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.block()
    desk.node.reorg()
    (row,) = desk.sender.settle()
    assert row.state is IntentState.SENT
    assert row.landing is None
    assert desk.node.sent[0] == desk.node.sent[1]
    assert len(desk.said("tx_unwound")) == 1


def test_a_reorg_in_which_another_report_won_ends_in_a_no_op_at_the_same_nonce(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.block()
    desk.node.reorg()
    desk.superseded = True
    assert desk.block(4)[-1] == "superseded"
    call, noop = (read_raw(raw) for raw in (desk.node.sent[0], desk.node.sent[-1]))
    assert (noop.nonce, noop.call) == (call.nonce, b"")
    assert only(desk).cancelled


def test_what_is_late_with_a_nonce_becomes_a_no_op_and_what_is_late_without_one_is_dropped(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent("a", valid_until=TIME + 30))
    assert desk.sender.submit(intent("b", valid_until=TIME + 30)).state is IntentState.PLANNED
    desk.block(3)
    assert only(desk, "b").state is IntentState.EXPIRED
    assert only(desk, "a").cancelled
    desk.node.mines = True
    assert desk.block(3)[-1] == "cancelled"
    assert desk.node.nonce == 1


def test_signed_bytes_that_would_revert_by_now_are_replaced_by_a_no_op(desk: Desk) -> None:
    desk.node.send_error = "down"
    desk.sender.submit(intent())
    desk.node.send_error = ""
    desk.node.head += 1
    desk.node.call_error = Reverted("eth_call reverted", b"\xaa")
    desk.node.eth_estimateGas = lambda _call, _at: hex(21_000)
    desk.sender.settle()
    (raw,) = desk.node.sent
    assert read_raw(raw).call == b""
    assert desk.said("tx_cancelling")[0]["reason"] == "decoded aa"


def test_a_refused_simulation_sends_nothing_and_says_why(desk: Desk) -> None:
    desk.node.call_error = Reverted("eth_estimateGas reverted", b"\xaa\xbb")
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce, row.error) == (IntentState.PLANNED, None, "decoded aabb")
    assert desk.node.sent == []
    desk.node.call_error = None
    (row,) = desk.sender.settle()
    assert row.state is IntentState.SENT


def test_an_effect_that_the_twin_does_not_predict_takes_no_nonce(desk: Desk) -> None:
    desk.refusal = Refused("publish of market 0x00 would not do what its twin says: live word")
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce) == (IntentState.PLANNED, None)
    assert "would not do what its twin says" in row.error


def test_the_simulation_has_the_fees_and_gas_of_the_transaction(desk: Desk) -> None:
    row = desk.sender.submit(intent())
    (call,) = [params[0] for method, params in desk.node.calls if method == "eth_call"]
    assert int(call["maxFeePerGas"], 16) == 21 * GWEI
    assert int(call["gas"], 16) == 130_000
    assert Account.recover_transaction(row.attempts[0].raw).lower() == call["from"]


def test_a_superseded_intent_is_never_signed(desk: Desk) -> None:
    desk.superseded = True
    assert desk.sender.submit(intent()).state is IntentState.SUPERSEDED
    assert desk.node.sent == []


def test_an_expired_intent_is_never_signed(desk: Desk) -> None:
    desk.node.time = TIME + 6_001
    assert desk.sender.submit(intent()).state is IntentState.EXPIRED
    assert desk.node.sent == []


def test_one_unmined_nonce_at_a_time(desk: Desk) -> None:
    desk.sender.submit(intent("a"))
    waiting = desk.sender.submit(intent("b"))
    assert (waiting.state, waiting.error) == (IntentState.PLANNED, "waits for the transaction before it")
    desk.node.mine()
    moved = desk.sender.settle()
    assert [(row.intent.key, row.state, row.nonce) for row in moved] == [
        (intent("a").key, IntentState.MINED, 0),
        (intent("b").key, IntentState.SENT, 1),
    ]


def test_sixteen_in_flight_keep_their_order_and_leave_no_gap(tmp_path: Path) -> None:
    desk = Desk(tmp_path, in_flight=16)
    rows = [desk.sender.submit(intent(str(index))) for index in range(17)]
    assert [row.nonce for row in rows] == [*range(16), None]
    desk.node.base_fee = 25 * GWEI
    desk.block(40)
    assert desk.store.intents.open_intents() == []
    assert desk.node.nonce == 17
    desk.store.close()


def test_an_emergency_takes_the_next_nonce_at_once_and_hurries_what_is_before_it(desk: Desk) -> None:
    desk.sender.submit(intent("routine"))
    desk.node.base_fee = 100 * GWEI
    desk.node.mine()
    row = desk.sender.submit(urgent())
    assert (row.state, row.nonce) == (IntentState.SENT, 1)
    routine = read_raw(desk.node.sent[1])
    assert (routine.nonce, routine.fee_wei) == (0, 201 * GWEI)
    desk.block()
    assert {row.state for row in desk.store.intents.open_intents()} == {IntentState.MINED}


def test_an_emergency_is_outbid_at_every_block_up_to_its_own_cap(desk: Desk) -> None:
    desk.sender.submit(urgent())
    for base in (50, 200, 700):
        desk.node.base_fee = base * GWEI
        desk.block()
    fees = [read_raw(raw).fee_wei // GWEI for raw in desk.node.sent]
    assert fees == [21, 101, 401, 1401]
    assert desk.block() == ["mined"]


def test_a_base_fee_above_the_cap_defers_and_is_said_once(desk: Desk) -> None:
    desk.node.base_fee = 100 * GWEI
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce) == (IntentState.PLANNED, None)
    assert row.error == "the base fee of 100 gwei is above the routine cap of 80 gwei"
    desk.block(3)
    assert len(desk.said("fee_deferred")) == 1
    desk.node.base_fee = 10 * GWEI
    assert desk.block() == ["sent"]


def test_the_tip_is_the_market_s_low_end_within_bounds(desk: Desk) -> None:
    for tip, paid in ((0, 1), (3, 3), (50, 10)):
        desk.node.tip = tip * GWEI
        desk.sender.submit(intent(str(tip)))
        desk.block(3)
        assert read_raw(desk.node.sent[-1]).tip_wei == paid * GWEI


def test_an_empty_purse_takes_no_nonce_and_goes_on_when_it_is_filled(desk: Desk) -> None:
    desk.node.balance = 10**14
    row = desk.sender.submit(intent())
    assert (row.state, row.nonce) == (IntentState.PLANNED, None)
    assert row.error == "the key holds 100000000000000 wei and may need 2730000000000000"
    desk.block(5)
    assert desk.node.sent == []
    desk.node.balance = 10**18
    assert desk.block() == ["sent"]


def test_a_budget_forbids_what_may_cost_more_also_of_a_replacement(desk: Desk) -> None:
    desk.budget = 130_000 * 20 * GWEI
    assert desk.sender.submit(intent("a")).nonce is None
    desk.budget = 130_000 * 30 * GWEI
    desk.node.base_fee = 10 * GWEI
    desk.block()
    desk.node.base_fee = 30 * GWEI
    desk.block(4)
    row = only(desk)
    assert (row.state, len(row.attempts)) == (IntentState.SENT, 1)
    assert "above the budget" in row.error


def test_one_node_alone_sends_tightening_only(desk: Desk) -> None:
    desk.node.degraded = True
    assert desk.sender.submit(intent()).state is IntentState.PLANNED
    assert desk.sender.submit(urgent()).state is IntentState.SENT


def test_a_halt_sends_nothing_and_still_sees_receipts(desk: Desk) -> None:
    desk.sender.submit(intent("a"))
    desk.halted = "a finalized block changed: keeper resume"
    assert desk.sender.submit(urgent()).error == desk.halted
    desk.node.mines = False
    desk.node.pool.clear()
    desk.block(3)
    assert len(desk.node.sent) == 1
    desk.node.take(read_raw(desk.node.sent[0]))
    assert desk.block() == ["mined"]


def test_a_private_relay_has_three_blocks_then_everybody_gets_the_same_bytes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, private=True)
    desk.sender.submit(intent())
    desk.block(2)
    assert desk.node.sent == []
    desk.block()
    assert desk.node.sent == [desk.node.private[0]]
    assert desk.block() == ["mined"]
    desk.store.close()


def test_a_node_that_is_down_leaves_the_plan(desk: Desk) -> None:
    desk.node.call_error = down()
    assert desk.sender.submit(intent()).state is IntentState.PLANNED


def test_a_transaction_that_reverts_on_chain_ends_with_its_reason_and_is_not_tried_again(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.mine(ok=False)
    desk.node.call_error = Reverted("eth_call reverted", b"\x01")
    assert desk.block(3) == ["mined", "final_reverted"]
    assert only(desk).error == "decoded 01"
    assert len(desk.node.sent) == 1


def test_a_row_never_broadcast_holds_its_nonce_and_nothing_else(desk: Desk) -> None:
    desk.node.send_error = "down"
    desk.sender.submit(intent("a"))
    held = [row for row in desk.store.intents.open_intents() if row.state in UNMINED]
    assert [row.nonce for row in held] == [0]
    assert desk.sender.submit(intent("b")).nonce is None
    desk.node.send_error = ""
    desk.node.head += 1
    desk.block(3)
    assert (only(desk, "a").nonce, only(desk, "b").nonce) == (0, 1)


def test_the_calldata_that_is_signed_is_the_intent_s(desk: Desk) -> None:
    desk.sender.submit(replace(intent(), data=SELECTOR + b"other"))
    assert read_raw(desk.node.sent[0]).call == SELECTOR + b"other"
