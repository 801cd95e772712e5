"""A node whose every request is timed, for ``keeper_rpc_seconds``."""

import time
from collections.abc import Callable
from typing import Any

from keeper.chain.rpc import Rpc, RpcError

BATCH = "batch"
"""What a body of several requests is called: its parts have no times of their own."""


class TimedRpc(Rpc):
    """Says ``rpc_done`` (provider, method, code, seconds) after each HTTP request, however it ended.

    Parameters
    ----------
    name, url, deadline_seconds, max_reply_bytes
        As for :class:`Rpc`.
    emit
        Where to say it; may be called by any thread.
    """

    def __init__(
        self, name: str, url: str, deadline_seconds: float, max_reply_bytes: int, *, emit: Callable[..., None]
    ) -> None:
        super().__init__(name, url, deadline_seconds, max_reply_bytes)
        self._emit = emit

    def _post(self, body: object) -> Any:
        started, code = time.monotonic(), "ok"
        try:
            return super()._post(body)
        except RpcError as error:
            code = type(error).__name__
            raise
        finally:
            method = body.get("method", "") if isinstance(body, dict) else BATCH
            seconds = round(time.monotonic() - started, 6)
            self._emit("rpc_done", provider=self.name, method=method, code=code, seconds=seconds)
