"""F1 to F10 and F12: the process dies at every edge of a send; the update lands once, at the nonce that it had."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import lies
from faults.programs import SECONDS, mining, program, wait_for
from faults.proxy import FaultProxy
from faults.world import GWEI, World, config_of, keeper

from keeper.config import Config
from keeper.records.outcome import IntentState

EDGES = {
    "F1": "planned:pre_commit",
    "F2": "planned:post_commit",
    "F3": "prepared:post_commit",
    "F4": "signed:pre_commit",
    "F5": "signed:post_commit",
    "F7": "sent:pre_commit",
}


def killed_at(town: World, folder: Path, point: str, *, base_fee: int = 0, mine: bool = False) -> None:
    """Run the program until it kills itself there."""
    with program(town, folder, "--once", point=point) as process:
        if mine:
            wait_for(lambda: bool(town.pending()))
            with mining(town, base_fee):
                process.wait(SECONDS)
        else:
            process.wait(SECONDS)
        assert process.returncode == -signal.SIGKILL


def recovered(town: World, config: Config, most: int = 2) -> int:
    """Start again, block by block until every market has its first report; blocks it took."""
    with keeper(config) as again:
        for blocks in range(most + 1):
            again.cycle()
            town.chain.mine()
            if len(town.applied()) == len(town.devnet.market_keys):
                town.chain.mine(3)
                again.cycle()
                states = {row.state for row in again.rows()}
                assert states <= {IntentState.FINAL_OK, IntentState.SUPERSEDED}, states
                return blocks + 1
    raise AssertionError("the update was lost")


@pytest.mark.parametrize(
    ("fault", "point"),
    [
        pytest.param(fault, point, marks=[] if fault in {"F3", "F7"} else pytest.mark.matrix)
        for fault, point in EDGES.items()
    ],
)
def test_f01_to_f07_a_kill_at_any_edge_before_it_is_mined_leaves_one_update(
    town: World, tmp_path: Path, verdict: Callable[..., None], fault: str, point: str
) -> None:
    killed_at(town, tmp_path, point)
    waiting = town.pending()
    blocks = recovered(town, config_of(town.devnet, tmp_path, [town.chain.url]))
    town.whole()
    assert town.nonce() == 1
    if waiting:
        assert town.chain.rpc("eth_getTransactionReceipt", waiting[0])["status"] == "0x1", "the very same bytes"
    verdict(fault, f"killed at {point}: 1 transaction, 1 update a market", blocks)


@pytest.mark.matrix
def test_f06_a_kill_while_the_node_s_reply_is_unread_leaves_one_update(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    never, done = threading.Event(), threading.Event()
    with FaultProxy(town.chain.url) as proxy:
        proxy.on("eth_sendRawTransaction", lies.hold(never, done))
        with program(town, tmp_path, "--once", url=proxy.url) as process:
            assert done.wait(SECONDS)
            process.kill()
        never.set()
    (sent,) = town.pending()
    blocks = recovered(town, config_of(town.devnet, tmp_path, [town.chain.url]))
    assert town.chain.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"
    assert town.nonce() == 1
    town.whole()
    verdict("F6", "killed before it read the node's answer: the same bytes counted, none sent anew", blocks)


@pytest.mark.matrix
def test_f08_a_kill_before_the_receipt_is_kept_resends_nothing(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    killed_at(town, tmp_path, "mined:pre_commit", mine=True)
    assert town.nonce() == 1
    with FaultProxy(town.chain.url) as proxy:
        blocks = recovered(town, config_of(town.devnet, tmp_path, [proxy.url]))
        assert proxy.seen("eth_sendRawTransaction") == []
    town.whole()
    verdict("F8", "killed with the receipt in hand: found again, nothing resent", blocks)


@pytest.mark.matrix
def test_f09_a_kill_between_a_replacement_s_signature_and_its_send_leaves_one_update(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    killed_at(town, tmp_path, "bumped:post_commit", base_fee=20 * GWEI, mine=True)
    assert town.nonce() == 0
    blocks = recovered(town, config_of(town.devnet, tmp_path, [town.chain.url]))
    assert town.nonce() == 1
    town.whole()
    verdict("F9", "killed with a signed replacement: one attempt mined, the row closed", blocks)


@pytest.mark.matrix
def test_f10_a_kill_while_confirmations_are_awaited_is_resumed(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    with program(town, tmp_path) as process:
        wait_for(lambda: bool(town.pending()))
        town.chain.mine()
        time.sleep(1.5)
        process.kill()
    blocks = recovered(town, config_of(town.devnet, tmp_path, [town.chain.url]))
    assert town.nonce() == 1
    town.whole()
    verdict("F10", "killed between receipt and finality: it goes on to the end", blocks)


def test_f12_sigterm_during_a_send_ends_within_five_seconds_with_the_bytes_kept(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    with FaultProxy(town.chain.url) as proxy:
        proxy.on("eth_sendRawTransaction", lies.delay(2))
        with program(town, tmp_path, url=proxy.url) as process:
            wait_for(lambda: bool(proxy.seen("eth_sendRawTransaction")))
            started = time.monotonic()
            process.terminate()
            process.wait(SECONDS)
            took = time.monotonic() - started
    assert process.returncode == 143
    assert took < 6
    with keeper(config_of(town.devnet, tmp_path, [town.chain.url]), broadcast=False) as shadow:
        (row,) = shadow.rows()
        assert row.state in {IntentState.SIGNED, IntentState.SENT}
        assert row.attempts[0].raw
    recovered(town, config_of(town.devnet, tmp_path, [town.chain.url]))
    town.whole()
    verdict("F12", f"SIGTERM in the middle of a send: ended within {took:.1f} s, bytes kept")
