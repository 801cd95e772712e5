"""What the sender does about each class of refusal, where it makes a difference (F26)."""

from pathlib import Path

import pytest
from sender_desk import Desk, intent, read_raw

from keeper.chain.fees import GWEI
from keeper.records.outcome import IntentState


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def tries(desk: Desk, blocks: int) -> list[int]:
    """How often the bytes were offered, block by block."""
    counts = []
    for _ in range(blocks):
        before = len(desk.said("tx_error"))
        desk.block()
        counts.append(len(desk.said("tx_error")) - before)
    return counts


@pytest.mark.parametrize("text", ["transaction already finalized", "nonce too low: next nonce 1, tx nonce 0"])
def test_f26_what_was_mined_already_is_looked_up_and_found(desk: Desk, text: str) -> None:
    desk.node.send_error = text
    row = desk.sender.submit(intent())
    desk.node.head += 1
    desk.node.take(read_raw(row.attempts[0].raw))
    (row,) = desk.sender.settle()
    assert (row.state, len(row.attempts)) == (IntentState.MINED, 1)


def test_f26_a_nonce_too_high_is_kept_and_offered_again_every_block(desk: Desk) -> None:
    desk.node.send_error = "nonce too high"
    row = desk.sender.submit(intent())
    assert tries(desk, 4) == [1, 1, 1, 1]
    desk.node.send_error = ""
    desk.block()
    assert desk.node.sent == [row.attempts[0].raw]


@pytest.mark.parametrize("text", ["txpool is full", "HTTP 503", "Too Many Requests", "what nobody has seen"])
def test_f26_a_full_busy_or_unknown_node_is_left_alone_longer_each_time(desk: Desk, text: str) -> None:
    desk.node.send_error = text
    desk.sender.submit(intent())
    assert tries(desk, 8) == [1, 0, 1, 0, 0, 0, 1, 0]


def test_f26_a_nodes_own_fee_cap_is_named_with_the_node_and_its_option(desk: Desk) -> None:
    desk.node.send_error = "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)"
    row = desk.sender.submit(intent())
    assert row.error == (
        "test has a fee cap of its own: tx fee (1.10 ether) exceeds the configured cap (1.00 ether); "
        "raise it there (geth: --rpc.txfeecap)"
    )


@pytest.mark.parametrize(
    "text", ["intrinsic gas too low", "not enough keccak counters to continue the execution", "oversized data"]
)
def test_f26_hopeless_bytes_give_their_nonce_to_a_no_op(desk: Desk, text: str) -> None:
    desk.node.send_error = text
    row = desk.sender.submit(intent())
    assert (row.state, row.cancelled, len(row.attempts)) == (IntentState.SIGNED, True, 2)
    # The no-op is refused too: nothing is signed any more, it only waits longer each time.
    desk.block(6)
    (row,) = desk.store.intents.open_intents()
    assert len(row.attempts) == 2
    desk.node.send_error = ""
    assert "cancelled" in desk.block(12)
    assert [read_raw(raw).call for raw in desk.node.sent] == [b""]


@pytest.mark.parametrize(
    "text", ["transaction underpriced", "gas price too low: 1 wei, use at least tx.gasPrice = 2 wei"]
)
def test_f26_a_price_below_the_market_is_raised_and_one_at_the_market_waits(desk: Desk, text: str) -> None:
    desk.node.send_error = text
    row = desk.sender.submit(intent())
    assert len(row.attempts) == 1
    desk.node.base_fee = 30 * GWEI
    desk.block()
    (row,) = desk.store.intents.open_intents()
    first, second = (attempt.price for attempt in row.attempts)
    assert second.max_fee_wei >= max(30 * GWEI, first.max_fee_wei * 9 // 8)
    desk.node.send_error = ""
    desk.block(2)
    assert [read_raw(raw).fee_wei for raw in desk.node.sent] == [second.max_fee_wei]
