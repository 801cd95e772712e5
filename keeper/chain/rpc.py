"""One node over raw JSON-RPC: a deadline, checked ids, and errors that name the node but not its secrets.

Hot paths send raw JSON (toolchain.md 5): a client library costs some 40 times as much and sends three requests a call.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from keeper.errors import Refused, RetryLater

DEADLINE_SECONDS = 5
"""For one request from first to last byte."""

MAX_REPLY_BYTES = 64 << 20
"""A longer reply is no reply (reliability.md F18)."""

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
    """

    def __init__(self, name: str, url: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.name = name
        self.label = f"node {name} ({masked(url)})"
        self._url = url
        self._secrets = _secrets(url)
        self._deadline = deadline_seconds
        self._client = httpx.Client(timeout=deadline_seconds, trust_env=False, follow_redirects=False)
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
        return self._result(method, request["id"], self._post(request))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the calls; raises for the first one that failed."""
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            part = calls[start : start + MAX_BATCH]
            requests = [self._request(method, params) for method, params in part]
            reply = self._post(requests)
            if not isinstance(reply, list):
                self._result(part[0][0], requests[0]["id"], reply)
                raise RpcError(f"{self.label} answered a batch with a single reply")
            by_id = {row.get("id"): row for row in reply if isinstance(row, dict)}
            for request, (method, _) in zip(requests, part, strict=True):
                results.append(self._result(method, request["id"], by_id.get(request["id"])))
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
            return json.loads(reply)
        except ValueError:
            # A gateway refuses too large a question with a page of its own.
            raise TooSlow(f"{self.label} answered HTTP {status} without JSON") from None

    def _exchange(self, content: bytes) -> tuple[int, bytes]:
        started = time.monotonic()
        reply = bytearray()
        headers = {"content-type": "application/json"}
        with self._client.stream("POST", self._url, content=content, headers=headers) as response:
            for chunk in response.iter_bytes():
                reply += chunk
                if len(reply) > MAX_REPLY_BYTES:
                    raise TooSlow(f"{self.label} answered more than {MAX_REPLY_BYTES >> 20} MiB")
                # The client's timeout is per read; a slow drip would never meet it.
                if time.monotonic() - started > self._deadline:
                    raise httpx.ReadTimeout("deadline")
            return response.status_code, bytes(reply)

    def _result(self, method: str, number: int, reply: Any) -> Any:
        if not isinstance(reply, dict):
            raise RpcError(f"{self.label} did not answer {method}")
        error = reply.get("error")
        if isinstance(error, dict):
            raise self._error(method, error)
        if reply.get("id") != number:
            raise RpcError(f"{self.label} answered another request than {method}")
        if "result" not in reply:
            raise RpcError(f"{self.label} answered {method} with neither result nor error")
        return reply["result"]

    def _error(self, method: str, error: dict[str, Any]) -> RpcError | Reverted:
        code = error["code"] if isinstance(error.get("code"), int) else 0
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
