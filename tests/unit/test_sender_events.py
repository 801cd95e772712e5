"""What the sender says, field by field: alarms, metrics and ``keeper top`` are made of these lines."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sender_desk import TIME, Desk, intent, read_raw, urgent

from keeper.chain.fees import GWEI
from keeper.chain.rpc import Reverted
from keeper.maths.keccak import keccak
from keeper.records.outcome import IntentState, Landing, Outcome

ROUTINE = {"intent": intent().key.hex()[:16], "purpose": "publish", "tier": "routine", "nonce": 0}
URGENT = ROUTINE | {"intent": urgent().key.hex()[:16], "tier": "emergency"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def said(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    """Every event since the last look."""
    rows, desk.events[:] = list(desk.events), []
    return rows


def hash_of(desk: Desk, at: int) -> bytes:
    return keccak(desk.node.sent[at])


def test_a_calm_life(desk: Desk) -> None:
    desk.sender.submit(intent())
    first = hash_of(desk, 0)
    assert said(desk) == [("tx_sent", {"hash": first, "attempt": 1, **ROUTINE})]
    desk.block()
    price = 11 * GWEI
    paid = {"ok": True, "fee_wei": 90_000 * price, "gas_used": 90_000}
    assert said(desk) == [("tx_mined", {"hash": first, "block": 101, "blocks": 1, **paid, **ROUTINE})]
    desk.block(2)
    assert said(desk) == [("tx_final", {"state": "final_ok", "hash": first, "error": None, **ROUTINE})]


def test_a_transaction_that_is_outbid_and_then_comes_too_late(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent(valid_until=TIME + 60))
    said(desk)
    desk.node.base_fee = 30 * GWEI
    desk.block(3)
    bumped = {"attempt": 2, "max_fee_wei": 61 * GWEI, "tip_wei": GWEI * 9 // 8}
    sent = {"hash": hash_of(desk, 1), "attempt": 2}
    assert said(desk) == [("tx_bumped", bumped | ROUTINE), ("tx_sent", sent | ROUTINE)]
    desk.block(3)
    late = {"reason": "valid_until passed before it was mined", "attempt": 3}
    no_op = {"hash": hash_of(desk, 2), "attempt": 3}
    assert said(desk) == [("tx_cancelling", late | ROUTINE), ("tx_sent", no_op | ROUTINE)]
    (row,) = desk.store.intents.open_intents()
    assert [(made.number, made.signed_block, made.sent_block) for made in row.attempts] == [
        (1, 100, 100),
        (2, 103, 103),
        (3, 106, 106),
    ]
    desk.node.mines = True
    desk.block(3)
    mined, final = said(desk)
    assert (mined[0], mined[1]["hash"], mined[1]["blocks"]) == ("tx_mined", no_op["hash"], 7)
    over = {"state": "cancelled", "hash": no_op["hash"], "error": "a no-op took its nonce"}
    assert final == ("tx_final", over | ROUTINE)


def test_a_no_op_behind_which_something_newer_stands_is_superseded(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent())
    desk.is_superseded = lambda wanted: wanted.key == intent().key
    desk.block()
    desk.node.mines = True
    desk.block(3)
    newer = "the contract holds something at least as new"
    over = {"state": "superseded", "hash": hash_of(desk, 1), "error": newer}
    assert said(desk)[-1] == ("tx_final", over | ROUTINE)


def test_a_transaction_that_the_mempool_forgot_and_one_that_a_reorg_took_back(desk: Desk) -> None:
    desk.sender.submit(intent())
    first = hash_of(desk, 0)
    desk.node.pool.clear()
    said(desk)
    desk.node.head += 1
    desk.sender.settle()
    assert said(desk) == [("tx_rebroadcast", {"accepted": True, "hash": first, **ROUTINE})]
    desk.block()
    said(desk)
    desk.node.reorg()
    desk.sender.settle()
    unwound, sent = said(desk)
    assert unwound == ("tx_unwound", {"hash": first, **ROUTINE})
    assert sent == ("tx_sent", {"hash": first, "attempt": 1, **ROUTINE})
    assert desk.store.intents.find(intent().key).error == ""


def test_a_node_that_refuses_is_named_with_its_words(desk: Desk) -> None:
    desk.node.send_error = "nobody knows this one"
    desk.sender.submit(intent())
    refused = {"error_class": "unknown", "provider": "test", "error": "nobody knows this one"}
    assert said(desk) == [("tx_error", refused | ROUTINE)]
    desk.node.send_error = "replacement transaction underpriced"
    desk.block()
    row = desk.store.intents.find(intent().key)
    assert (row.state, row.error) == (IntentState.SENT, "replacement transaction underpriced")


def test_hopeless_bytes_say_why_they_are_given_up(desk: Desk) -> None:
    desk.node.send_error = "intrinsic gas too low"
    desk.sender.submit(intent())
    refused, given_up = said(desk)
    assert refused[1]["error_class"] == "fatal"
    assert given_up == ("tx_cancelling", {"reason": "intrinsic gas too low", "attempt": 2, **ROUTINE})


def test_a_market_above_the_cap_and_an_empty_purse(desk: Desk) -> None:
    desk.node.base_fee = 100 * GWEI
    desk.sender.submit(intent())
    nobody = ROUTINE | {"nonce": None}
    reason = "the base fee of 100 gwei is above the routine cap of 80 gwei"
    assert said(desk) == [("fee_deferred", {"reason": reason, **nobody})]
    desk.node.base_fee = 10 * GWEI
    desk.node.balance = 10**14
    desk.block(2)
    purse = {"balance_wei": 10**14, "needed_wei": 130_000 * 21 * GWEI}
    assert said(desk) == [("insufficient_funds", purse | nobody)]


def test_a_used_nonce_is_said_with_the_row_that_lost_it(desk: Desk) -> None:
    desk.sender.submit(intent())
    desk.node.pool.clear()
    desk.node.nonce = 1
    said(desk)
    desk.sender.settle()
    name, fields = said(desk)[0]
    assert (name, fields) == ("foreign_nonce", {"up_to": 0, **ROUTINE})


def test_the_no_op_of_a_gap_is_the_first_attempt_of_its_own_row(desk: Desk) -> None:
    desk.node.nonce = 2
    desk.sender.submit(intent())
    desk.node.nonce = 1
    desk.node.mines = False
    desk.block(4)
    (fills,) = [row for row in desk.store.intents.open_intents() if row.nonce == 1]
    (made,) = fills.attempts
    assert (made.number, made.cancels, made.signed_block, made.gas) == (1, True, 104, 130_000)
    assert made.price.max_fee_wei == 21 * GWEI
    gap = ROUTINE | {"intent": fills.intent.key.hex()[:16], "purpose": "repair", "tier": "repair", "nonce": 1}
    assert ("tx_sent", {"hash": made.tx_hash, "attempt": 1, **gap}) in said(desk)


def test_an_empty_purse_fills_no_gap_and_says_so_until_it_can(desk: Desk) -> None:
    desk.node.nonce = 2
    desk.sender.submit(intent())
    desk.node.nonce = 1
    desk.node.mines = False
    desk.node.balance = 130_000 * 21 * GWEI - 1
    desk.block(5)
    assert len(desk.node.sent) == 1
    purse = {"balance_wei": desk.node.balance, "needed_wei": desk.node.balance + 1}
    assert desk.said("insufficient_funds") == [{"purpose": "repair", "nonce": 1, **purse}] * 2
    desk.node.balance += 1
    desk.block()
    assert len(desk.node.sent) == 2


def test_an_emergency_says_so(desk: Desk) -> None:
    desk.sender.submit(urgent())
    assert said(desk) == [("tx_sent", {"hash": hash_of(desk, 0), "attempt": 1, **URGENT})]


@pytest.mark.parametrize(
    ("reverts_at", "error"),
    [
        ({100}, "decoded 64"),
        ({101}, "decoded 65"),
        (set(), "reverted on chain; the same call passes before and after its block"),
    ],
)
def test_a_revert_is_explained_by_the_block_before_it_or_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, reverts_at: set[int], error: str
) -> None:
    desk.sender.submit(intent())
    call = read_raw(desk.node.sent[0]).call
    asked: list[int] = []

    def eth_call(request: dict[str, str], at: str) -> str:
        number = int(at, 16)
        asked.append(number)
        assert bytes.fromhex(request["data"][2:]) == call
        if number in reverts_at:
            raise Reverted("eth_call reverted", bytes([number]))
        return "0x"

    monkeypatch.setattr(desk.node, "eth_call", eth_call, raising=False)
    desk.node.mine(ok=False)
    assert desk.block(3) == ["mined", "final_reverted"]
    assert desk.store.intents.find(intent().key).error == error
    assert asked == ([100] if 100 in reverts_at else [100, 101])


def test_the_landing_is_kept_from_the_first_receipt_on_and_follows_a_reorg(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keeper.chain.lookup.Lookup._final", lambda *_: 0)
    desk.sender.submit(intent())
    desk.block()

    def kept() -> Outcome:
        return desk.store.intents.find(intent().key)

    fee = 90_000 * 11 * GWEI
    first = Landing(hash_of(desk, 0), 101, keccak((101).to_bytes(8, "big")), TIME + 12, 90_000, fee, ok=True)
    assert (kept().state, kept().landing) == (IntentState.MINED, first)
    # The same transaction in another block: the row follows, without a word.
    desk.node.head = 103
    desk.node.take(read_raw(desk.node.sent[0]))
    desk.sender.settle()
    second = Landing(hash_of(desk, 0), 103, keccak((103).to_bytes(8, "big")), TIME + 36, 90_000, fee, ok=True)
    assert (kept().state, kept().landing) == (IntentState.MINED, second)
    desk.block(2)
    assert (kept().state, kept().landing) == (IntentState.CONFIRMED, second)


def test_a_no_op_is_outbid_under_the_repairs_cap_and_patience(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent(valid_until=TIME + 12))
    desk.block(2)
    assert desk.store.intents.find(intent().key).cancelled
    desk.node.base_fee = 200 * GWEI
    desk.block(2)
    fees = [read_raw(raw).fee_wei // GWEI for raw in desk.node.sent]
    assert fees == [21, 23, 401]


def test_a_price_at_the_market_is_not_outbid_and_one_below_it_is(desk: Desk) -> None:
    desk.node.mines = False
    desk.sender.submit(intent())
    desk.node.base_fee = 20 * GWEI
    desk.block(4)
    assert len(desk.node.sent) == 1
    desk.node.base_fee = 20 * GWEI + 1
    desk.block()
    assert len(desk.node.sent) == 2


def test_a_refusal_that_is_not_of_the_price_raises_none(desk: Desk) -> None:
    desk.node.send_error = "nobody knows this one"
    desk.sender.submit(intent())
    desk.node.base_fee = 30 * GWEI
    desk.block(4)
    assert len(desk.store.intents.find(intent().key).attempts) == 1


def test_a_replacements_budget_is_asked_at_the_time_of_the_chain(desk: Desk) -> None:
    asked: list[int] = []
    desk.sender._guards = desk.sender._offers._guards = replace(
        desk.sender._guards, afford=lambda _intent, _wei, now: asked.append(now)
    )
    desk.sender.submit(intent())
    desk.node.base_fee = 30 * GWEI
    desk.node.mine(3)
    desk.sender.settle()
    assert asked == [TIME, TIME + 36]
