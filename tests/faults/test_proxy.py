"""The proxy itself: what it lets through unchanged, what it breaks, and what it counts."""

import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from eth_account import Account
from faults import lies
from faults.mempool import UNDERPRICED
from faults.proxy import FaultProxy

from keeper.testing.client import DevChain

KEY = "0x" + "11" * 32
SENDER = Account.from_key(KEY).address
GWEI = 10**9


@pytest.fixture
def proxy(chain: DevChain) -> Iterator[FaultProxy]:
    chain.fund(SENDER, 10**18)
    with FaultProxy(chain.url) as between:
        yield between


def ask(proxy: FaultProxy, method: str, *params: object, timeout: float = 5) -> dict:  # type: ignore[type-arg]
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    with httpx.Client(timeout=timeout, trust_env=False) as client:
        answer: dict = client.post(proxy.url, json=body).json()  # type: ignore[type-arg]
    return answer


def signed(nonce: int, max_fee: int, tip: int = GWEI, data: str = "0x") -> str:
    fields = {"chainId": 31337, "nonce": nonce, "to": SENDER, "value": 0, "gas": 30_000, "data": data, "type": 2}
    fees = {"maxFeePerGas": max_fee, "maxPriorityFeePerGas": tip}
    return "0x" + Account.sign_transaction(fields | fees, KEY).raw_transaction.hex()


def test_without_rules_it_is_the_node(chain: DevChain, proxy: FaultProxy) -> None:
    through = DevChain(proxy.url)
    chain.mine(3)
    assert through.block() == chain.block()
    assert [int(row, 16) for row in through.batch([("eth_blockNumber", ()), ("eth_chainId", ())])] == [3, 31337]
    assert proxy.calls["eth_chainId"] == 2
    assert proxy.seen("eth_getBlockByNumber") == [["latest", False]]


def test_a_rule_strikes_its_method_so_often_and_so_late(proxy: FaultProxy) -> None:
    proxy.on("eth_blockNumber", lies.result("0x63"), after=1, times=2)
    found = [ask(proxy, "eth_blockNumber")["result"] for _ in range(4)]
    assert found == ["0x0", "0x63", "0x63", "0x0"]
    assert ask(proxy, "eth_chainId")["result"] == "0x7a69"
    proxy.on("*", lies.error(-32005, "busy"))
    assert ask(proxy, "eth_chainId")["error"] == {"code": -32005, "message": "busy"}
    proxy.heal()
    assert ask(proxy, "eth_chainId")["result"] == "0x7a69"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (lies.drop(), httpx.TransportError),
        (lies.reset_after(20), httpx.TransportError),
        (lies.truncated(), json.JSONDecodeError),
        (lies.body(b"<html>"), json.JSONDecodeError),
        (lies.drip(0.2), httpx.ReadTimeout),
        (lies.delay(2), httpx.ReadTimeout),
    ],
)
def test_the_wire_breaks_as_told(proxy: FaultProxy, fault: object, raised: type[Exception]) -> None:
    proxy.on("*", fault)  # type: ignore[arg-type]
    with pytest.raises(raised):
        ask(proxy, "eth_blockNumber", timeout=0.15)


def test_a_refused_port_is_open_again_at_the_same_address(proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(httpx.ConnectError):
        ask(proxy, "eth_blockNumber")
    proxy.heal()
    assert ask(proxy, "eth_blockNumber")["result"] == "0x0"
    proxy.fail_after(1)
    assert ask(proxy, "eth_blockNumber")["result"] == "0x0"
    with pytest.raises(httpx.TransportError):
        ask(proxy, "eth_blockNumber")
    assert proxy.failures == 1


def test_a_status_carries_its_headers(proxy: FaultProxy) -> None:
    proxy.on("*", lies.status(429, b"slow", retry_after="2"))
    answer = httpx.post(proxy.url, json={"id": 1, "method": "eth_chainId", "params": []})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


def test_a_held_reply_waits_though_the_node_has_done_it(chain: DevChain, proxy: FaultProxy) -> None:
    until, done = threading.Event(), threading.Event()
    proxy.on("eth_sendRawTransaction", lies.hold(until, done))
    caller = threading.Thread(target=ask, args=(proxy, "eth_sendRawTransaction", signed(0, 5 * GWEI)))
    caller.start()
    assert done.wait(5)
    chain.mine()
    assert int(chain.rpc("eth_getTransactionCount", SENDER, "latest"), 16) == 1
    until.set()
    caller.join(5)
    assert not caller.is_alive()


def test_a_frozen_head_hides_every_later_block(chain: DevChain, proxy: FaultProxy) -> None:
    chain.mine(10)
    proxy.on("*", lies.frozen_head(4))
    assert ask(proxy, "eth_blockNumber")["result"] == "0x4"
    assert ask(proxy, "eth_getBlockByNumber", "latest", False)["result"]["number"] == "0x4"
    assert ask(proxy, "eth_getBlockByNumber", "0x5", False)["result"] is None
    assert ask(proxy, "eth_getBlockByNumber", "0x3", False)["result"]["number"] == "0x3"


def test_a_swallowed_transaction_is_answered_and_never_reaches_the_node(chain: DevChain, proxy: FaultProxy) -> None:
    raw = signed(0, 5 * GWEI)
    proxy.on("eth_sendRawTransaction", lies.swallow())
    tx_hash = ask(proxy, "eth_sendRawTransaction", raw)["result"]
    assert chain.rpc("eth_getTransactionByHash", tx_hash) is None
    assert not proxy.mempool.reached
    proxy.heal()
    assert ask(proxy, "eth_sendRawTransaction", raw)["result"] == tx_hash
    assert proxy.mempool.hashes(SENDER, 0) == [tx_hash]


def test_duplicates_are_different_hashes_at_one_nonce(proxy: FaultProxy) -> None:
    raw, other = signed(0, 5 * GWEI), signed(0, 9 * GWEI, 3 * GWEI, "0x01")
    for row in (raw, raw, other):
        ask(proxy, "eth_sendRawTransaction", row)
    assert len(proxy.mempool.hashes(SENDER, 0)) == 2
    assert [row.max_fee_wei for row in proxy.mempool.arrived] == [5 * GWEI, 5 * GWEI, 9 * GWEI]
    assert proxy.mempool.nonces(SENDER) == [0]


@pytest.mark.parametrize(
    ("max_fee", "tip", "taken"),
    [(1100, 110, True), (1099, 110, False), (1100, 109, False), (2000, 100, False)],
)
def test_a_replacement_bids_a_tenth_more_on_both_fields(proxy: FaultProxy, max_fee: int, tip: int, taken: bool) -> None:
    proxy.mempool.replacement_percent = 10
    scale = GWEI // 100
    ask(proxy, "eth_sendRawTransaction", signed(0, 1000 * scale, 100 * scale))
    answer = ask(proxy, "eth_sendRawTransaction", signed(0, max_fee * scale, tip * scale))
    assert ("result" in answer) is taken
    if not taken:
        assert answer["error"]["message"] == UNDERPRICED
    assert len(proxy.mempool.hashes(SENDER, 0)) == 1 + taken


def test_a_transaction_below_the_base_fee_is_kept_until_it_can_pay(chain: DevChain, proxy: FaultProxy) -> None:
    proxy.mempool.holds_underpriced = True
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    chain.mine()
    tx_hash = ask(proxy, "eth_sendRawTransaction", signed(0, 5 * GWEI))["result"]
    assert ask(proxy, "eth_getTransactionByHash", tx_hash)["result"]["blockNumber"] is None
    assert chain.rpc("eth_getTransactionByHash", tx_hash) is None
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    ask(proxy, "eth_blockNumber")
    chain.mine()
    assert ask(proxy, "eth_getTransactionByHash", tx_hash)["result"]["blockNumber"] is not None


def test_logs_are_limited_by_range_and_count(chain: DevChain, proxy: FaultProxy) -> None:
    chain.mine(20)
    proxy.on("eth_getLogs", lies.logs_limit(blocks=10, pruned_below=2))
    query = {"address": SENDER, "fromBlock": "0x2", "toBlock": "0xb"}
    assert ask(proxy, "eth_getLogs", query)["result"] == []
    assert ask(proxy, "eth_getLogs", query | {"toBlock": "0xc"})["error"]["code"] == -32602
    assert ask(proxy, "eth_getLogs", query | {"fromBlock": "0x1"})["error"]["code"] == 4444


def test_it_ends_at_once_though_a_client_still_waits(chain: DevChain) -> None:
    def wait() -> None:
        with pytest.raises(httpx.TransportError):
            ask(proxy, "eth_chainId")

    with FaultProxy(chain.url) as proxy:
        proxy.on("*", lies.drip(5))
        caller = threading.Thread(target=wait)
        caller.start()
        time.sleep(0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    caller.join(10)
