"""Logs are events with fields, on stderr: one JSON object a line, or plain text for people."""

import logging
import sys
from typing import Any

from keeper.cli.output import plain

WARNINGS = frozenset(
    {
        "cycle_failed",
        "cycle_refused",
        "degraded",
        "no_safe_block",
        "node_silent",
        "reorg",
        "market_starts_again",
        "report_refused",
        "store_is_older",
        "store_moved_aside",
        "state_adopted",
        "tick_missed",
    }
)
ERRORS = frozenset({"cycle_crashed", "finality_violation", "halted", "market_failed"})


def configure(level: str, log_format: str) -> None:
    """Set up the log of this process."""
    import structlog

    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    last: Any = (
        structlog.processors.JSONRenderer(default=str)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=not plain())
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def emit(event: str, **fields: object) -> None:
    """Write one event."""
    import structlog

    log = structlog.get_logger()
    known = {key: value for key, value in fields.items() if value is not None}
    if event in ERRORS:
        log.error(event, **known)
    elif event in WARNINGS:
        log.warning(event, **known)
    else:
        log.info(event, **known)
