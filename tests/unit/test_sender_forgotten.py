"""A transaction that the mempool forgot goes out again, also where no replacement of it can be afforded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sender_desk import TIME, Desk, Raw, intent, read_raw, urgent

from keeper.chain.fees import GWEI
from keeper.records.outcome import IntentState, Tier


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def only(desk: Desk):
    (row,) = desk.store.intents.outcomes(10)
    return row


def test_a_no_op_above_the_cap_is_cut_to_it_and_takes_the_nonce_of_a_forgotten_call(desk: Desk) -> None:
    desk.node.base_fee = 749 * GWEI + GWEI // 2
    desk.sender.submit(urgent(valid_until=TIME + 30))
    assert read_raw(desk.node.sent[0]).fee_wei == 1_500 * GWEI
    desk.node.mines = False
    desk.block(2)
    desk.node.pool.clear()
    desk.node.mines = True
    states = desk.block(6)
    assert states[-1] == "cancelled"
    no_op = read_raw(desk.node.sent[-1])
    assert (no_op.nonce, no_op.call, no_op.fee_wei) == (0, b"", 1_500 * GWEI)
    assert desk.node.nonce == 1


def test_a_no_op_at_the_cap_is_no_replacement_and_the_call_that_still_waits_is_mined(desk: Desk) -> None:
    desk.node.base_fee = 749 * GWEI + GWEI // 2
    desk.sender.submit(urgent(valid_until=TIME + 30))
    desk.node.mines = False
    desk.block(5)
    row = only(desk)
    assert (row.state, row.cancelled) == (IntentState.SENT, True)
    desk.node.mines = True
    assert desk.block(4)[-1] == "final_ok"


def test_a_no_op_is_not_signed_while_the_market_itself_is_above_the_cap(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent(valid_until=TIME + 30))
    desk.node.base_fee = 1_600 * GWEI
    desk.block(5)
    row = only(desk)
    assert (row.state, row.cancelled) == (IntentState.SENT, False)
    assert row.error == "a replacement costs 1601 gwei, above the repair cap of 1500 gwei"


def test_what_was_replaced_twelve_times_is_still_sent_again(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(urgent(valid_until=TIME + 10**6))
    desk.block(200)
    assert len(only(desk).attempts) == 12
    desk.node.pool.clear()
    desk.block()
    assert desk.node.pool[0].data == only(desk).attempts[-1].raw


def test_what_no_budget_replaces_is_still_sent_again(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.budget = 0
    desk.node.base_fee = 30 * GWEI
    desk.block(4)
    desk.node.pool.clear()
    desk.block()
    row = only(desk)
    assert "above the budget" in row.error
    assert desk.node.pool[0].data == row.attempts[0].raw


def test_an_emergency_goes_out_also_where_what_is_before_it_cannot_be_hurried(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent())
    desk.afford = lambda wanted: wanted.key != intent().key
    desk.node.base_fee = 100 * GWEI
    row = desk.sender.submit(urgent())
    assert (row.state, row.nonce, len(row.attempts)) == (IntentState.SENT, 1, 1)
    before = desk.store.intents.find(intent().key)
    assert (before.state, len(before.attempts)) == (IntentState.SENT, 1)
    assert "above the budget" in before.error


def test_what_an_emergency_hurries_is_asked_of_its_reserve(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent())
    desk.afford = lambda wanted: wanted.tier is Tier.EMERGENCY
    desk.node.base_fee = 100 * GWEI
    desk.sender.submit(urgent())
    before = desk.store.intents.find(intent().key)
    assert [made.price.max_fee_wei // GWEI for made in before.attempts] == [21, 201]


def test_an_emergency_also_hurries_what_no_node_has_taken_yet(desk: Desk) -> None:
    desk.node.send_error = "transaction pool says something nobody knows"
    desk.sender.submit(intent())
    desk.block(4)
    desk.node.base_fee = 100 * GWEI
    desk.sender.submit(urgent())
    assert [(row["nonce"], row["attempt"]) for row in desk.said("tx_bumped")] == [(0, 2)]
    desk.node.send_error = ""
    desk.node.head += 1
    desk.sender.settle()
    assert sorted(desk.node.pool) == [0, 1]
    assert desk.block()[:2] == ["mined", "mined"]


def test_a_strangers_transaction_that_waits_at_our_nonce_is_outbid_by_its_tip_at_the_cap(desk: Desk) -> None:
    desk.node.base_fee = 749 * GWEI + GWEI // 2
    desk.sender.submit(urgent(valid_until=TIME + 10**6))
    ours = read_raw(desk.node.sent[0])
    desk.node.base_fee = 5 * GWEI
    desk.node.pool[0] = Raw(b"a stranger's", 0, ours.tip_wei, GWEI, bytes(20), b"")
    assert "mined" in desk.block(15)
    landed = only(desk)
    assert [(made.price.max_fee_wei, made.price.tip_wei) for made in landed.attempts] == [
        (1_500 * GWEI, GWEI),
        (1_500 * GWEI, GWEI * 9 // 8),
    ]
    assert landed.landing.tx_hash == landed.attempts[1].tx_hash
