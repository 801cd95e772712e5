"""One node over raw JSON-RPC: a deadline, checked ids, and errors that name the node but not its secrets.

Hot paths send raw JSON (toolchain.md 5): a client library costs some 40 times as much and sends three requests a call.
"""

import itertools
import json
import math
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from keeper.chain.quantities import Malformed, check_answer
from keeper.errors import Refused, RetryLater

DEADLINE_SECONDS = 5
"""For one request from first to last byte."""

CONNECT_SECONDS = 1
"""For the connection alone (reliability.md B2)."""

MAX_REPLY_BYTES = 16 << 20
"""A longer reply is no reply (reliability.md F18)."""

MOST_DEPTH = 3_000
"""Of nested calls, and so of brackets in a reply; deeper ones are no answer."""

TOO_MANY_REQUESTS = 429
DEFAULT_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 600.0
"""Where a node says that it is busy, but not for how long in seconds; and what is believed at most."""

MAX_BATCH = 100
"""Requests in one HTTP body; providers limit it to between 50 and 1,000 (toolchain.md 5)."""

REVERT_CODES = frozenset({3, -32015})
"""JSON-RPC codes of a reverted execution: geth, reth, Anvil; Nethermind, Erigon's older dialect."""


class RpcError(RetryLater):
    """The node answered with an error that is not a revert, or did not answer."""

    def __init__(self, message: str, hint: str = "", code: int = 0) -> None:
        super().__init__(message, hint)
        self.code = code
        """JSON-RPC code, or 0 when the transport failed."""


class TooSlow(RpcError):
    """No usable answer in time or size; a smaller question may get one."""


class Busy(TooSlow):
    """HTTP 429: asked too often. ``retry_after`` says for how many seconds it wants no question."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, "the provider's plan allows fewer requests")
        self.retry_after = retry_after


class Violation(RpcError):
    """The node answered what no node may answer; twice within an hour, and it is not believed any more."""


class Reverted(Refused):
    """The EVM reverted. ``data`` is what it reverted with; empty when the node does not tell."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class Rpc:
    """One node. Safe to share between threads; connections are kept and reused.

    Parameters
    ----------
    name
        The configured name; the only thing that logs and metrics may call the node.
    url
        Endpoint with its secrets; never shown.
    deadline_seconds
        For one request; the connection has :data:`CONNECT_SECONDS` of it at most.
    max_reply_bytes
        A longer reply is given up.
    """

    def __init__(
        self,
        name: str,
        url: str,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.name = name
        self.label = f"node {name} ({masked(url)})"
        self._url = url
        self._secrets = _secrets(url)
        self._deadline = deadline_seconds
        self._max_reply_bytes = max_reply_bytes
        timeout = httpx.Timeout(deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds))
        self._client = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self.requests = 0
        """JSON-RPC requests sent so far, one by one also inside batches."""

    def __repr__(self) -> str:
        return f"Rpc({self.name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one request.

        Raises
        ------
        Reverted
            The call was executed and reverted.
        RpcError
            Anything else: no answer, an answer to another question, an error.
        """
        request = self._request(method, params)
        return self._result(request, self._post(request))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the calls; raises for the first one that failed."""
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            for result in self._each(calls[start : start + MAX_BATCH]):
                if isinstance(result, RpcError | Reverted):
                    raise result
                results.append(result)
        return results

    def each(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """As :meth:`batch`, but a call that failed has its error in the list, :class:`RpcError` or :class:`Reverted`.

        Raises
        ------
        RpcError
            There was no answer at all.
        """
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            results += self._each(calls[start : start + MAX_BATCH])
        return results

    def _each(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        requests = [self._request(method, params) for method, params in calls]
        reply = self._post(requests)
        if not isinstance(reply, list):
            self._result(requests[0], reply)
            raise RpcError(f"{self.label} answered a batch with a single reply")
        by_id = {row["id"]: row for row in reply if isinstance(row, dict) and isinstance(row.get("id"), int)}
        results: list[Any] = []
        for request in requests:
            try:
                results.append(self._result(request, by_id.get(request["id"])))
            except (RpcError, Reverted) as error:
                results.append(error)
        return results

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        with self._lock:
            self.requests += 1
            number = next(self._ids)
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}

    def _post(self, body: object) -> Any:
        content = json.dumps(body, separators=(",", ":")).encode()
        try:
            status, reply = self._exchange(content)
        except httpx.TimeoutException:
            raise TooSlow(f"{self.label} did not answer within {self._deadline:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The class alone: messages and chained tracebacks may hold the URL.
            raise RpcError(f"{self.label} is not reachable: {type(error).__name__}", "is it running?") from None
        try:
            return _parsed(reply)
        except (ValueError, RecursionError):
            text = f"{self.label} answered HTTP {status} without JSON"
        # A gateway refuses too large a question with a page of its own.
        raise Violation(text) if status < httpx.codes.BAD_REQUEST else TooSlow(text)

    def _exchange(self, content: bytes) -> tuple[int, bytearray]:
        started = time.monotonic()
        reply = bytearray()
        headers = {"content-type": "application/json"}
        with self._client.stream("POST", self._url, content=content, headers=headers) as response:
            if response.status_code == TOO_MANY_REQUESTS:
                raise Busy(f"{self.label} answered HTTP 429", _retry_after(response.headers.get("retry-after", "")))
            for chunk in response.iter_bytes():
                reply += chunk
                if len(reply) > self._max_reply_bytes:
                    raise TooSlow(f"{self.label} answered more than {self._max_reply_bytes >> 20} MiB")
                # The client's timeout is per read; a slow drip would never meet it.
                if time.monotonic() - started > self._deadline:
                    raise httpx.ReadTimeout("deadline")
            return response.status_code, reply

    def _result(self, request: dict[str, Any], reply: Any) -> Any:
        method = request["method"]
        if not isinstance(reply, dict):
            raise Violation(f"{self.label} did not answer {method}")
        error, number = reply.get("error"), reply.get("id")
        # A request that could not be read has no id to answer with.
        if number != request["id"] and not (number is None and error is not None):
            raise Violation(f"{self.label} answered another request than {method}")
        if error is not None:
            if not isinstance(error, dict) or reply.get("result") is not None:
                raise Violation(f"{self.label} answered {method} with both result and error, or an error that is none")
            raise self._error(method, error)
        if "result" not in reply:
            raise Violation(f"{self.label} answered {method} with neither result nor error")
        try:
            check_answer(method, request["params"], reply["result"])
        except Malformed as fault:
            raise Violation(f"{self.label} answered {method}: {self._clean(str(fault))}") from None
        return reply["result"]

    def _error(self, method: str, error: dict[str, Any]) -> RpcError | Reverted:
        # 0 is ours: no answer at all.
        code = error["code"] if isinstance(error.get("code"), int) and error["code"] else -1
        text = self._clean(str(error.get("message", "")))
        if code in REVERT_CODES or "revert" in text.lower():
            return Reverted(f"{method} reverted: {text}", _revert_data(error.get("data")))
        return RpcError(f"{self.label} refused {method}: {text} (code {code})", code=code)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(char if char.isprintable() else " " for char in text)[:200]


def masked(url: str) -> str:
    """Scheme, host and port of a URL; user, path and query may be secrets."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a malformed URL"
    return f"{parts.scheme}://{parts.hostname or '?'}{port}"


def _parsed(reply: bytearray) -> Any:
    # py_ecc, which eth-account may load, raises the limit so far that brackets alone overflow the C stack.
    if sys.getrecursionlimit() > MOST_DEPTH:
        sys.setrecursionlimit(MOST_DEPTH)
    return json.loads(reply)


def _retry_after(value: str) -> float:
    """Seconds; a date would need a clock that agrees with the node's."""
    try:
        seconds = float(value)
    except ValueError:
        return DEFAULT_RETRY_SECONDS
    return min(max(seconds, 0.0), LONGEST_RETRY_SECONDS) if math.isfinite(seconds) else DEFAULT_RETRY_SECONDS


def _secrets(url: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    pieces = [url, parts.query, parts.username or "", parts.password or "", *parts.path.split("/")]
    return tuple(sorted({piece for piece in pieces if len(piece) >= 4}, key=len, reverse=True))


def _revert_data(data: Any) -> bytes:
    """Bytes from the dialects: a hex string, one behind a word, or an object that holds one."""
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    found = re.search(r"0x((?:[0-9a-fA-F]{2})*)", data) if isinstance(data, str) else None
    return bytes.fromhex(found.group(1)) if found else b""
