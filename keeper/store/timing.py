"""Times every commit, for ``keeper_db_commit_seconds``."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

STARTED = "commit_started"


def time_commits(engine: Engine, emit: Callable[..., None]) -> None:
    """Say ``db_commit`` (seconds) for each: from the call to the moment when the connection is free again."""

    @event.listens_for(engine, "commit")
    def _(connection: Any) -> None:
        connection.info[STARTED] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def _(_connection: Any, record: Any) -> None:
        started = record.info.pop(STARTED, None)
        if started is not None:
            emit("db_commit", seconds=round(time.monotonic() - started, 6))
