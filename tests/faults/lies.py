"""The usual faults of a node, as rules for the proxy: ``proxy.on("eth_call", delay(30))``."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from faults.proxy import Fault, Forward, Reply, Request, Wire

TAGS = frozenset({"latest", "pending"})
SMALL_PIECE = b"x" * (1 << 16)


def drop() -> Fault:
    """The connection ends without a word, and the node never hears of it."""
    return lambda _request, _forward: _raise(Wire(None))


def drop_reply() -> Fault:
    """The node does it, and the answer is lost."""

    def fault(request: Request, forward: Forward) -> Reply:
        forward(request)
        raise Wire(None)

    return fault


def delay(seconds: float) -> Fault:
    """The node is asked only after this long."""

    def fault(request: Request, forward: Forward) -> Reply:
        threading.Event().wait(seconds)
        return forward(request)

    return fault


def hold(until: threading.Event, done: threading.Event | None = None) -> Fault:
    """The node does it (then ``done`` is set); its answer waits for ``until``."""

    def fault(request: Request, forward: Forward) -> Reply:
        reply = forward(request)
        if done:
            done.set()
        until.wait(60)
        return reply

    return fault


def drip(seconds: float = 1.0) -> Fault:
    """One byte each so many seconds."""
    return _whole(lambda body: Wire(body, drip_seconds=seconds))


def reset_after(bytes_sent: int) -> Fault:
    """The connection is reset in the middle of the body."""
    return _whole(lambda body: Wire(body, cut=bytes_sent))


def truncated() -> Fault:
    """Half of the JSON, with a length that says it is all."""
    return _whole(lambda body: Wire(body[: len(body) // 2]))


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """An HTTP status; ``retry_after="2"`` becomes ``Retry-After: 2``."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return lambda _request, _forward: _raise(Wire(body, status=code, headers=named))


def body(content: bytes) -> Fault:
    """These bytes instead of JSON-RPC, with HTTP 200."""
    return lambda _request, _forward: _raise(Wire(content))


def huge(size: int) -> Fault:
    """A body of so many bytes, none of which the proxy itself holds."""

    def pieces() -> Iterator[bytes]:
        for _ in range(size // len(SMALL_PIECE)):
            yield SMALL_PIECE

    return lambda _request, _forward: _raise(Wire(pieces()))


def alter(change: Callable[[Request, Any], Any]) -> Fault:
    """The result goes through ``change(request, result)``; an error passes."""

    def fault(request: Request, forward: Forward) -> Reply:
        reply = forward(request)
        return reply | {"result": change(request, reply["result"])} if "result" in reply else reply

    return fault


def result(value: Any) -> Fault:
    """This result, whatever was asked; the node never hears of it."""
    return lambda request, _forward: {"jsonrpc": "2.0", "id": request["id"], "result": value}


def reply(change: Callable[[Request, Reply], Any]) -> Fault:
    """The whole JSON-RPC object goes through ``change(request, reply)``: another id, result and error at once."""
    return lambda request, forward: change(request, forward(request))


def error(code: int, message: str, data: object = None, *, forwarded: bool = False) -> Fault:
    """A JSON-RPC error; with ``forwarded`` the node does it nevertheless."""

    def fault(request: Request, forward: Forward) -> Reply:
        if forwarded:
            forward(request)
        what = {"code": code, "message": message} | ({} if data is None else {"data": data})
        return {"jsonrpc": "2.0", "id": request["id"], "error": what}

    return fault


def chain_id(number: int) -> Fault:
    """For ``eth_chainId``."""
    return result(hex(number))


def swallow() -> Fault:
    """For ``eth_sendRawTransaction``: answers the hash, forwards nothing."""
    from faults.mempool import decode_raw

    return lambda request, _forward: {
        "jsonrpc": "2.0",
        "id": request["id"],
        "result": decode_raw(request["params"][0]).hash,
    }


def frozen_head(number: "int | Callable[[], int]") -> Fault:
    """For ``"*"``: the head stands at this height, and later blocks do not exist."""

    def fault(request: Request, forward: Forward) -> Reply:
        at = number() if callable(number) else number
        if request["method"] == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": request["id"], "result": hex(at)}
        params = [hex(at) if isinstance(row, str) and row in TAGS else row for row in request.get("params", [])]
        reply = forward(request | {"params": params})
        found = reply.get("result")
        later = isinstance(found, dict) and request["method"].startswith("eth_getBlockBy") and _height(found) > at
        return reply | {"result": None} if later else reply

    return fault


def oscillating(heights: "Callable[[], int]", back: int = 1) -> Fault:
    """For ``"*"``: the head is in turn the newest block and one that lies ``back`` blocks behind."""
    turn = iter(range(1 << 60))
    return frozen_head(lambda: heights() - back * (next(turn) % 2))


def stale_state(number: int) -> Fault:
    """For ``eth_call``: whatever block was named, the state is that of this one."""

    def fault(request: Request, forward: Forward) -> Reply:
        first, _, *rest = request["params"]
        return forward(request | {"params": [first, hex(number), *rest]})

    return fault


def pending_count(off_by: int) -> Fault:
    """For ``eth_getTransactionCount``: the pending count lies; the latest one is true."""

    def change(request: Request, found: Any) -> Any:
        return hex(max(0, int(found, 16) + off_by)) if request["params"][1] == "pending" else found

    return alter(change)


def logs_limit(blocks: int | None = None, results: int | None = None, pruned_below: int = 0) -> Fault:
    """For ``eth_getLogs``: a range or a result that is too large is refused, and so is what lies too far back."""

    def fault(request: Request, forward: Forward) -> Reply:
        query = request["params"][0]
        if "blockHash" in query:
            return forward(request)
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if first < pruned_below:
            return error(4444, "pruned history unavailable")(request, forward)
        if blocks is not None and last - first + 1 > blocks:
            return error(-32602, f"eth_getLogs is limited to a {blocks} block range")(request, forward)
        found = forward(request)
        if results is not None and len(found.get("result", ())) > results:
            return error(-32005, f"query returned more than {results} results")(request, forward)
        return found

    return fault


def _whole(wire: Callable[[bytes], Wire]) -> Fault:
    def fault(request: Request, forward: Forward) -> Reply:
        raise wire(json.dumps(forward(request)).encode())

    return fault


def _raise(wire: Wire) -> Reply:
    raise wire


def _height(block: dict[str, Any]) -> int:
    return int(block["number"], 16)
