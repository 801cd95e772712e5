"""A node between keeper and Anvil that does whatever a test tells it, and counts what really went through.

A rule is a function around the node, ``fault(request, forward) -> reply``, for one method, some or all; ``lies.py`` has
the usual ones. What concerns the whole HTTP reply (status, half a body, drip) is raised as :class:`Wire`.
"""

import contextlib
import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from faults.mempool import Mempool

Request = dict[str, Any]
Reply = dict[str, Any]
Forward = Callable[[Request], Reply]
Fault = Callable[[Request, Forward], Reply]

NODE_SECONDS = 60


class Wire(Exception):
    """How the HTTP reply goes out where it is no ordinary one.

    Parameters
    ----------
    body
        The bytes; None drops the connection without a word.
    cut
        So many bytes are sent of it, then the connection is reset.
    drip_seconds
        Pause after each byte.
    """

    def __init__(
        self,
        body: "bytes | Iterable[bytes] | None" = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cut: int | None = None,
        drip_seconds: float = 0,
    ) -> None:
        super().__init__()
        self.body, self.status, self.headers = body, status, dict(headers or {})
        self.cut, self.drip_seconds = cut, drip_seconds


@dataclass(slots=True)
class Rule:
    """One fault and when it strikes."""

    methods: frozenset[str]
    """Empty: every method."""
    fault: Fault
    after: int
    """Matching requests that pass before the first one it strikes."""
    times: int | None
    """How many it strikes; None: all."""
    when: Callable[[Request], bool]
    seen: int = 0
    """Matching requests so far."""

    def strikes(self, request: Request) -> bool:
        """Whether this request is hit; counts it."""
        if (self.methods and request.get("method") not in self.methods) or not self.when(request):
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + (self.seen if self.times is None else self.times)


class FaultProxy:
    """An HTTP JSON-RPC server in front of ``url``; close it before the node stops.

    Parameters
    ----------
    url
        The node, ``http://host:port``.
    mempool
        Who counts and judges raw transactions; give several proxies the same one to count over all of them.
    """

    def __init__(self, url: str, mempool: Mempool | None = None) -> None:
        self._target = urlsplit(url)
        self.mempool = mempool or Mempool()
        self.rules: list[Rule] = []
        self.bodies = 0
        """HTTP requests that arrived."""
        self.calls: Counter[str] = Counter()
        """JSON-RPC requests that arrived, by method, batches taken apart."""
        self.log: list[tuple[str, list[Any]]] = []
        """(method, params), in the order of arrival."""
        self.failures = 0
        """HTTP requests that were answered with a fault of the wire."""
        self._allowance: int | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.listen()

    @property
    def url(self) -> str:
        """Where the keeper finds it; the same after :meth:`refuse` and :meth:`listen`."""
        return f"http://127.0.0.1:{self._port}"

    def on(
        self,
        methods: "str | Iterable[str]",
        fault: Fault,
        *,
        after: int = 0,
        times: int | None = None,
        when: Callable[[Request], bool] = lambda _request: True,
    ) -> Rule:
        """Add a rule for a method, some, or with ``"*"`` all of them. Later rules stand outside of earlier ones."""
        names = frozenset({methods} if isinstance(methods, str) else methods) - {"*"}
        rule = Rule(names, fault, after, times, when)
        with self._lock:
            self.rules.append(rule)
        return rule

    def off(self, rule: Rule) -> None:
        """Take one rule away."""
        with self._lock:
            self.rules.remove(rule)

    def heal(self) -> None:
        """Be an honest node again."""
        with self._lock:
            self.rules.clear()
            self._allowance = None
        if self._server is None:
            self.listen()

    def fail_after(self, bodies: int) -> None:
        """Let this many more HTTP requests through, then drop every one until :meth:`heal`."""
        with self._lock:
            self._allowance = bodies

    def seen(self, method: str) -> list[list[Any]]:
        """Parameters of every request of a method."""
        return [params for name, params in self.log if name == method]

    def refuse(self) -> None:
        """Stop listening and cut every connection: the port refuses."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._cut_all()

    def listen(self) -> None:
        """Listen (again), on the same port."""
        self._server = _server(self, self._port)
        self._port = self._server.server_port
        # The default looks for a shutdown twice a second only.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the proxy's own end."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Close the listener and every connection."""
        self._closing.set()
        self.refuse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, method: str, *params: object) -> Any:
        """The node's own answer, past every rule and uncounted."""
        with self._connection() as node:
            return self._forward(node, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).get("result")

    def answer(self, raw: bytes, node: http.client.HTTPConnection) -> bytes:
        """Reply body to a request body; :class:`Wire` where a rule wants it otherwise."""
        body = json.loads(raw)
        requests = body if isinstance(body, list) else [body]
        with self._lock:
            self.bodies += 1
            self.calls.update(str(row.get("method")) for row in requests)
            self.log += [(str(row.get("method")), list(row.get("params", ()))) for row in requests]
            dropped = self._allowance == 0
            if self._allowance:
                self._allowance -= 1
            struck = [[rule.fault for rule in self.rules if rule.strikes(row)] for row in requests]
        if dropped:
            raise Wire(None)
        if not any(struck) and not any(self.mempool.concerns(row) for row in requests):
            return _post(node, raw)
        replies = [self._through(row, faults, node) for row, faults in zip(requests, struck, strict=True)]
        return json.dumps(replies if isinstance(body, list) else replies[0]).encode()

    def _through(self, request: Request, faults: list[Fault], node: http.client.HTTPConnection) -> Reply:
        def judged(request: Request) -> Reply:
            return self.mempool.take(request, lambda row: self._forward(node, row))

        forward: Forward = judged
        for fault in faults:
            forward = _around(fault, forward)
        return forward(request)

    @staticmethod
    def _forward(node: http.client.HTTPConnection, request: Request) -> Reply:
        reply: Reply = json.loads(_post(node, json.dumps(request).encode()))
        return reply

    @contextlib.contextmanager
    def _connection(self):  # type: ignore[no-untyped-def]
        node = http.client.HTTPConnection(str(self._target.hostname), self._target.port, timeout=NODE_SECONDS)
        try:
            yield node
        finally:
            node.close()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Everything that comes over one client's connection."""
        with self._lock:
            self._open.add(handler.connection)
        try:
            with self._connection() as node, contextlib.suppress(OSError):
                handler.close_connection = False
                while not handler.close_connection:
                    handler.upstream = node  # type: ignore[attr-defined]
                    handler.handle_one_request()
        finally:
            with self._lock:
                self._open.discard(handler.connection)

    def send(self, handler: BaseHTTPRequestHandler, wire: Wire) -> None:
        """One HTTP reply, as told."""
        if wire.body is None:
            _reset(handler)
            return
        pieces = [wire.body] if isinstance(wire.body, bytes) else wire.body
        handler.send_response(wire.status)
        for name, value in wire.headers.items():
            handler.send_header(name, value)
        if isinstance(wire.body, bytes):
            handler.send_header("content-length", str(len(wire.body)))
        else:
            handler.send_header("connection", "close")
        handler.end_headers()
        for piece in pieces:
            self._send_piece(handler, piece if wire.cut is None else piece[: wire.cut], wire.drip_seconds)
        if wire.cut is not None:
            _reset(handler)

    def _send_piece(self, handler: BaseHTTPRequestHandler, piece: bytes, drip_seconds: float) -> None:
        if not drip_seconds:
            handler.wfile.write(piece)
            return
        for at in range(len(piece)):
            if self._closing.is_set():
                return
            handler.wfile.write(piece[at : at + 1])
            handler.wfile.flush()
            self.pause(drip_seconds)

    def _cut_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _around(fault: Fault, forward: Forward) -> Forward:
    return lambda request: fault(request, forward)


def _post(node: http.client.HTTPConnection, body: bytes) -> bytes:
    node.request("POST", "/", body, {"content-type": "application/json"})
    return node.getresponse().read()


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """End the connection with a RST, as a node that died would."""
    with contextlib.suppress(OSError):
        handler.wfile.flush()
        # l_onoff, l_linger = 0: close sends RST.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    handler.close_connection = True


def _server(proxy: FaultProxy, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            proxy.serve(self)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            try:
                wire = Wire(proxy.answer(raw, self.upstream))  # type: ignore[attr-defined]
            except Wire as other:
                proxy.failures += 1
                wire = other
            except (OSError, http.client.HTTPException):
                wire = Wire(None)
            try:
                proxy.send(self, wire)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    return Server(("127.0.0.1", port), Handler)
