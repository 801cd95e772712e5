"""The JSON-RPC client against a server that answers whatever a test wants: every fault becomes a named error."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from keeper.chain.rpc import Reverted, Rpc, RpcError, masked
from keeper.errors import Refused, RetryLater

SECRET = "s3cr3t-t0ken"

Reply = Callable[[Any], "bytes | dict[str, Any] | list[Any]"]


class Node:
    """An HTTP server with one scripted reply."""

    def __init__(self) -> None:
        self.reply: Reply = lambda body: {"jsonrpc": "2.0", "id": body["id"], "result": "0x1"}
        self.status = 200
        self.chunk = 1 << 20
        self.pause = 0.0
        """Seconds after each chunk."""
        self.bodies: list[Any] = []
        self.connections: set[Any] = set()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                node.bodies.append(body)
                node.connections.add(self.client_address)
                answer = node.reply(body)
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(node.status)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                try:
                    for start in range(0, len(raw), node.chunk):
                        self.wfile.write(raw[start : start + node.chunk])
                        time.sleep(node.pause)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://user:{SECRET}@127.0.0.1:{self.server.server_port}/v3/{SECRET}?key={SECRET}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def node() -> Iterator[Node]:
    running = Node()
    yield running
    running.stop()


@pytest.fixture
def rpc(node: Node) -> Iterator[Rpc]:
    with Rpc("alpha", node.url, deadline_seconds=0.5) as client:
        yield client


def failure(rpc: Rpc, method: str = "eth_call") -> RetryLater | Refused:
    with pytest.raises((RetryLater, Refused)) as caught:
        rpc.call(method)
    error = caught.value
    shown = f"{error} {error!r} {error.__cause__!r}"
    assert SECRET not in shown
    # No chained traceback either: it could print the URL.
    assert error.__suppress_context__ or error.__context__ is None
    return error


def test_results_come_back_over_one_kept_connection(node: Node, rpc: Rpc) -> None:
    assert [rpc.call("eth_blockNumber") for _ in range(5)] == ["0x1"] * 5
    assert len(node.connections) == 1
    assert rpc.requests == 5
    assert [body["method"] for body in node.bodies] == ["eth_blockNumber"] * 5
    assert len({body["id"] for body in node.bodies}) == 5


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda body: {"jsonrpc": "2.0", "id": body["id"] + 1, "result": 1}, "answered another request"),
        (lambda _: {"jsonrpc": "2.0", "id": None, "result": 1}, "answered another request"),
        (lambda body: {"jsonrpc": "2.0", "id": body["id"]}, "neither result nor error"),
        (lambda _: [], "did not answer eth_call"),
        (lambda _: b"<html>busy</html>", "without JSON"),
        (lambda _: b"", "without JSON"),
        (lambda _: b'{"jsonrpc":"2.0","id":1,"resu', "without JSON"),
    ],
)
def test_garbage_is_retried_later_and_named(node: Node, rpc: Rpc, reply: Reply, message: str) -> None:
    node.reply = reply
    error = failure(rpc)
    assert isinstance(error, RpcError)
    assert message in error.message
    assert error.message.startswith(f"node alpha (http://127.0.0.1:{node.server.server_port})")


def test_an_http_error_says_its_status(node: Node, rpc: Rpc) -> None:
    node.status, node.reply = 429, lambda _: b"slow down"
    assert "HTTP 429" in failure(rpc).message


def test_a_request_that_the_node_found_too_big_is_seen_by_its_id(node: Node, rpc: Rpc) -> None:
    # Anvil answers HTTP 200 with id null.
    node.reply = lambda _: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "too large"}}
    error = failure(rpc)
    assert isinstance(error, RpcError)
    assert (error.code, "too large" in error.message) == (-32600, True)


def test_the_deadline_holds_for_a_silent_node(node: Node, rpc: Rpc) -> None:
    node.reply = lambda _: time.sleep(1) or b""  # type: ignore[func-returns-value]
    started = time.monotonic()
    assert "did not answer within 0.5 s" in failure(rpc).message
    assert time.monotonic() - started < 0.9


def test_the_deadline_holds_for_a_slow_drip(node: Node, rpc: Rpc) -> None:
    node.chunk, node.pause = 1, 0.1
    started = time.monotonic()
    assert "did not answer within 0.5 s" in failure(rpc).message
    assert time.monotonic() - started < 0.9


def test_a_node_that_is_down_is_named_with_a_remedy() -> None:
    with Rpc("beta", f"http://127.0.0.1:9/{SECRET}") as rpc:
        error = failure(rpc)
    assert error.message == "node beta (http://127.0.0.1:9) is not reachable: ConnectError"
    assert error.hint == "is it running?"


def test_a_flood_is_cut_off(node: Node) -> None:
    node.reply = lambda _: b" " * (80 << 20)
    with Rpc("alpha", node.url, deadline_seconds=10) as rpc:
        assert "more than 16 MiB" in failure(rpc).message


@pytest.mark.parametrize(
    ("error", "data"),
    [
        ({"code": 3, "message": "execution reverted", "data": "0x08c379a0"}, "08c379a0"),
        ({"code": -32000, "message": "execution reverted"}, ""),
        ({"code": -32015, "message": "VM execution error.", "data": "Reverted 0xdeadbeef"}, "deadbeef"),
        ({"code": 3, "message": "x", "data": {"data": "0x01"}}, "01"),
        ({"code": -32603, "message": "Error: VM Exception: revert", "data": None}, ""),
    ],
)
def test_reverts_of_every_dialect_carry_their_data(node: Node, rpc: Rpc, error: dict[str, Any], data: str) -> None:
    node.reply = lambda body: {"jsonrpc": "2.0", "id": body["id"], "error": error}
    caught = failure(rpc)
    assert isinstance(caught, Reverted)
    assert caught.data.hex() == data


def test_other_errors_keep_code_and_message_without_secrets_or_controls(node: Node, rpc: Rpc) -> None:
    text = f"nonce too low\x1b[31m\nsee {node.url} {SECRET} " + "x" * 500
    node.reply = lambda body: {"jsonrpc": "2.0", "id": body["id"], "error": {"code": -32000, "message": text}}
    error = failure(rpc, "eth_sendRawTransaction")
    assert isinstance(error, RpcError)
    assert error.code == -32000
    assert "refused eth_sendRawTransaction: nonce too low" in error.message
    assert error.message.isprintable()
    assert len(error.message) < 400


def test_a_batch_comes_back_in_the_order_of_its_calls(node: Node, rpc: Rpc) -> None:
    def backwards(body: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"jsonrpc": "2.0", "id": row["id"], "result": hex(row["params"][0])} for row in reversed(body)]

    node.reply = backwards
    assert rpc.batch([("eth_chainId", [i]) for i in range(250)]) == [hex(i) for i in range(250)]
    assert [len(body) for body in node.bodies] == [100, 100, 50]


def test_a_batch_with_a_missing_or_failed_answer_is_no_batch(node: Node, rpc: Rpc) -> None:
    node.reply = lambda body: [{"jsonrpc": "2.0", "id": body[0]["id"], "result": "0x"}]
    with pytest.raises(RpcError, match="did not answer eth_call"):
        rpc.batch([("eth_call", []), ("eth_call", [])])
    node.reply = lambda _: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "too large"}}
    with pytest.raises(RpcError, match="too large"):
        rpc.batch([("eth_call", []), ("eth_call", [])])


def test_nothing_is_shown_of_a_url_but_scheme_host_and_port() -> None:
    assert masked(f"https://user:{SECRET}@host.example/{SECRET}?k={SECRET}") == "https://host.example"
    assert masked(f"http://host:99999/{SECRET}") == masked(f"http://[{SECRET}") == "a malformed URL"
    assert SECRET not in repr(Rpc("alpha", f"http://host/{SECRET}"))
