"""The loopback HTTP server: ``/live``, ``/ready``, ``/fresh``, ``/metrics`` and ``/status``.

The standard library's threading server: four small GETs on loopback need neither routing nor TLS nor an event loop, and
a probe must be answered while every other part of the process hangs.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from keeper.monitor.metrics import CONTENT_TYPE

READ_SECONDS = 5
"""A client that says nothing for so long is left."""

Probe = Callable[[], list[str]]


class MonitorServer:
    """Serves until it is closed.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    probes
        Path -> reasons why the answer is no.
    metrics
        The text that Prometheus scrapes.
    status
        Everything for ``keeper top``, ready for JSON.

    Raises
    ------
    OSError
        The address is taken or not ours.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        probes: Mapping[str, Probe],
        metrics: Callable[[], bytes],
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._server = _Server((host, port), _handler(probes, metrics, status))
        self.address = f"{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event of ours."""


def _handler(
    probes: Mapping[str, Probe], metrics: Callable[[], bytes], status: Callable[[], dict[str, Any]]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = READ_SECONDS
        server_version = "keeper"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path in probes:
                reasons = probes[path]()
                self._json(503 if reasons else 200, {"ok": not reasons, "reasons": reasons})
            elif path == "/metrics":
                self._send(200, CONTENT_TYPE, metrics())
            elif path == "/status":
                self._json(200, status())
            else:
                self._json(404, {"paths": [*probes, "/metrics", "/status"]})

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
            """Requests of probes are not events."""

        def _json(self, code: int, document: dict[str, Any]) -> None:
            self._send(code, "application/json", json.dumps(document).encode() + b"\n")

        def _send(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
