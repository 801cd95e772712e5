"""The line between a keeper and its database server, to be cut and mended."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

PIECE = 1 << 16


class Wire:
    """Forwards a TCP port to a Unix socket.

    Parameters
    ----------
    target
        The server's socket.
    """

    url: str

    def __init__(self, target: str) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._whole = True
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def to(cls, url: str) -> Self:
        """A wire to the server of a URL; its own ``url`` goes through it."""
        parts = make_url(url)
        folder = str(parts.query["host"])
        wire = cls(f"{folder}/.s.PGSQL.{parts.port or 5432}")
        through = parts.set(host="127.0.0.1", port=wire.port, query={})
        wire.url = through.render_as_string(hide_password=False)
        return wire

    def cut(self) -> None:
        """Nothing goes through any more, and new connections end at once."""
        self._whole = False
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def mend(self) -> None:
        """Let new connections through."""
        self._whole = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
