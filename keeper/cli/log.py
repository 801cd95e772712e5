"""Logs are events with fields, on stderr: one JSON object a line, or plain text for people.

Every line of a cycle carries its id, every line of an intent's life the intent's (structlog's context variables).
Nothing that a stranger chose can break a line or steer a terminal, and no configured secret passes.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Iterable, MutableMapping
from types import TracebackType
from typing import Any

from keeper.cli.output import plain

WARNINGS = frozenset(
    {
        "alert_dropped",
        "alert_failed",
        "balance_low",
        "broadcast_conflict",
        "budget_exhausted",
        "clock_skew",
        "clock_stepped",
        "config_reload_failed",
        "cycle_failed",
        "cycle_refused",
        "degraded",
        "fee_deferred",
        "insufficient_funds",
        "library",
        "market_held",
        "market_starts_again",
        "monitor_off",
        "no_safe_block",
        "node_silent",
        "provider_state",
        "quorum_mismatch",
        "degraded_quorum",
        "last_provider",
        "headers_not_recomputed",
        "hole_in_logs",
        "reorg",
        "report_refused",
        "store_is_older",
        "store_moved_aside",
        "state_adopted",
        "tick_missed",
        "tx_cancelling",
        "tx_error",
        "tx_unwound",
    }
)
ERRORS = frozenset(
    {
        "balance_fell",
        "crashed",
        "cycle_crashed",
        "finality_violation",
        "foreign_nonce",
        "halted",
        "market_failed",
        "store_failed",
        "stuck",
    }
)
QUIET = frozenset({"alert_sent", "db_commit", "job_done", "rpc_done"})
"""What happens all the time: for --log-level debug."""
LIBRARIES = {
    **dict.fromkeys(("alembic", "asyncio", "httpcore", "httpx", "urllib3", "web3"), logging.WARNING),
    # It would name the service that failed by its URL; alert_failed says it by name.
    "apprise": logging.CRITICAL,
    # Missed runs and failed jobs are events of ours; that no thread could be had is said by the scheduler alone.
    "apscheduler.scheduler": logging.ERROR,
    "apscheduler.executors": logging.CRITICAL,
}
"""From which level on libraries are heard: below it they print URLs and whole replies (reliability.md I)."""
MOST_LETTERS = 4_000
"""Of one value; a node may answer a megabyte."""
SHORTEST_SECRET = 4
"""Shorter ones would blot out half the log."""


class Masker:
    """Replaces configured secrets in whatever is logged."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def add(self, secrets: Iterable[str]) -> None:
        """Learn more secrets; what is shorter than four letters cannot be told from text."""
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def clean(self, value: Any) -> Any:
        """The value as it may be shown: bytes as hex, strings masked, escaped and cut, containers likewise."""
        if isinstance(value, bytes):
            return "0x" + value.hex()
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._text(str(key)): self.clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.clean(item) for item in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self._text(str(value))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        return {key: self.clean(value) for key, value in event.items()}

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if len(text) > MOST_LETTERS:
            text = f"{text[:MOST_LETTERS]}... ({len(text)} letters)"
        return text if text.isprintable() else "".join(map(_visible, text))


MASKER = Masker()
"""Of this process: its log is one, however many configurations it reads."""


class _Bridge(logging.Handler):
    """What libraries say, as events of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        emit("library", logger=record.name, message=record.getMessage())


def configure(level: str, log_format: str) -> None:
    """Set up the log of this process."""
    import structlog

    last: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=not plain())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            MASKER,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Bridge) for handler in root.handlers):
        root.addHandler(_Bridge(logging.WARNING))
    for name, lowest in LIBRARIES.items():
        logging.getLogger(name).setLevel(lowest)
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed


def mask(secrets: Iterable[str]) -> None:
    """Never show these from now on."""
    MASKER.add(secrets)


def emit(event: str, **fields: object) -> None:
    """Write one event."""
    import structlog

    log = structlog.get_logger()
    known = {key: value for key, value in fields.items() if value is not None}
    if event in ERRORS:
        log.error(event, **known)
    elif event in WARNINGS:
        log.warning(event, **known)
    elif event in QUIET:
        log.debug(event, **known)
    else:
        log.info(event, **known)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught: a bug. Its trace goes the way of all events, so that it shows no secret either."""
    emit("crashed", error=repr(error), trace="".join(traceback.format_exception(kind, error, trace)))


def _thread_crashed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        _crashed(failure.exc_type, failure.exc_value, failure.exc_traceback)
