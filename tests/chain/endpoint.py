"""A second address of a node: forwards bytes over loopback, counts, and can be made to fail in the middle of things."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK = 1 << 18
LOOK_SECONDS = 0.02
"""How often the loop looks whether it should stop."""


class Endpoint:
    """Forwards every connection to ``url``; close it before the node stops.

    Parameters
    ----------
    url
        The node, ``http://host:port``.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.requests = 0
        """Pieces that clients sent; small requests are one piece each."""
        self.failures = 0
        """Connections that were cut or refused on purpose."""
        self._allowance: int | None = None
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def fail_after(self, pieces: int) -> None:
        """Let this many more pieces through, then cut every connection until :meth:`heal`."""
        self._allowance = pieces

    def heal(self) -> None:
        """Work again."""
        self._allowance = None

    def close(self) -> None:
        """Close the listener and every connection."""
        self._stop.set()
        self._thread.join()
        for client in list(self._clients):
            self._drop(client)
        self._selector.close()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(LOOK_SECONDS):
                if key.fileobj is self._server:
                    self._accept()
                elif key.fileobj in self._peers:
                    self._forward(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._server.accept()
        if self._allowance == 0:
            self.failures += 1
            client.close()
            return
        node = socket.create_connection(self._target)
        for near, far in ((client, node), (node, client)):
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[near] = far
            self._selector.register(near, selectors.EVENT_READ)
        self._clients.add(client)

    def _forward(self, near: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = near.recv(CHUNK)
        if near in self._clients and data:
            if self._allowance == 0:
                self.failures += 1
                data = b""
            else:
                self.requests += 1
                self._allowance = self._allowance and self._allowance - 1
        if data:
            with contextlib.suppress(OSError):
                self._peers[near].sendall(data)
                return
        self._drop(near)

    def _drop(self, near: socket.socket) -> None:
        far = self._peers[near]
        for end in (near, far):
            self._selector.unregister(end)
            self._clients.discard(end)
            del self._peers[end]
            end.close()
