"""Which event counts for which metric."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

PROVIDER_STATES = ("unknown", "alive", "out_of_sync", "unreachable", "wrong_chain", "syncing", "no_final", "unusable")
"""The number of a state is its place."""
LEADING = frozenset({"held", "leader"})
"""States of the lease in which this keeper may send."""
MOST_LABEL = 64
"""Letters of a label that comes from an event."""
MOST_TRACKED = 1_000
"""Transactions whose times are remembered at once."""

Fields = Mapping[str, Any]


@dataclass(slots=True)
class Transit:
    """One intent between broadcast and end."""

    sent: float | None = None
    """Monotonic seconds of the first broadcast: a bump does not make the wait shorter."""
    fee_wei: int = 0
    markets: list[str] = field(default_factory=list)


class Transits:
    """What is remembered of each intent until it is final; the oldest is forgotten when there are too many.

    Parameters
    ----------
    monotonic
        Clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.head = 0
        """Newest head that is known."""
        self._monotonic = monotonic
        self._open: dict[str, Transit] = {}

    def of(self, intent: str) -> Transit:
        """The intent's, made at first sight."""
        while intent not in self._open and len(self._open) >= MOST_TRACKED:
            self._open.pop(next(iter(self._open)))
        return self._open.setdefault(intent, Transit())

    def depart(self, intent: str) -> None:
        """Broadcast."""
        transit = self.of(intent)
        transit.sent = self._monotonic() if transit.sent is None else transit.sent

    def since(self, sent: float) -> float:
        """Seconds since then."""
        return self._monotonic() - sent

    def arrive(self, intent: str) -> Transit:
        """Final: hand it over and forget it."""
        return self._open.pop(intent, None) or Transit()


class Registry(Protocol):
    """What counting needs of :class:`keeper.monitor.metrics.Metrics`."""

    transits: Transits
    wall: Callable[[], float]

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raise a counter."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add to a histogram."""


Handler = Callable[[Registry, Fields], None]


def provider_state(metrics: Registry, fields: Fields) -> None:
    """A provider changed its state."""
    state = str(fields.get("state", ""))
    number = PROVIDER_STATES.index(state) if state in PROVIDER_STATES else 0
    metrics.set("provider_state", number, provider=_label(fields, "provider"))
    metrics.add("provider_transitions_total", to=PROVIDER_STATES[number])


def rpc_done(metrics: Registry, fields: Fields) -> None:
    """A request ended; code is ok, or what went wrong."""
    labels = {name: _label(fields, name) for name in ("method", "provider", "code")}
    metrics.observe("rpc_seconds", float(fields.get("seconds", 0)), **labels)


def job_done(metrics: Registry, fields: Fields) -> None:
    """A job of the daemon ended."""
    job, result = _label(fields, "job"), _label(fields, "result")
    metrics.add("cycle_total", job=job, result=result)
    metrics.observe("cycle_seconds", float(fields.get("seconds", 0)), job=job)
    if result == "ok":
        metrics.set("last_success_timestamp", metrics.wall(), job=job)


def tx_sent(metrics: Registry, fields: Fields) -> None:
    """A provider took a transaction."""
    metrics.add("tx_broadcast_total")
    metrics.transits.depart(str(fields.get("intent")))


def intent(metrics: Registry, fields: Fields) -> None:
    """Where an intent stands; the sender's own events do not name its markets."""
    if not fields.get("final"):
        names = [str(name)[:MOST_LABEL] for name in fields.get("markets") or ()]
        metrics.transits.of(str(fields.get("intent"))).markets = names


def tx_mined(metrics: Registry, fields: Fields) -> None:
    """A transaction is in a block; what it cost counts once it is final."""
    transit = metrics.transits.of(str(fields.get("intent")))
    transit.fee_wei = int(fields.get("fee_wei") or 0)
    if transit.sent is not None:
        metrics.observe("tx_confirm_seconds", metrics.transits.since(transit.sent), stage="mined")
    if (blocks := fields.get("blocks")) is not None:
        metrics.observe("tx_confirm_blocks", max(0, int(blocks)))


def tx_final(metrics: Registry, fields: Fields) -> None:
    """A transaction is final; its markets share what it cost."""
    transit = metrics.transits.arrive(str(fields.get("intent")))
    if transit.sent is not None:
        metrics.observe("tx_confirm_seconds", metrics.transits.since(transit.sent), stage="final")
    if fields.get("state") == "final_reverted":
        metrics.add("tx_reverts_total", 1, error=_error_name(str(fields.get("error"))))
    markets = transit.markets or [""]
    for name in markets:
        metrics.add("gas_spent_wei_total", transit.fee_wei / len(markets), tier=_label(fields, "tier"), market=name)


def lease(metrics: Registry, fields: Fields) -> None:
    """The right to send came or went."""
    metrics.set("leader", int(fields.get("state") in LEADING))


def reorg(metrics: Registry, fields: Fields) -> None:
    """The chain took blocks back."""
    metrics.observe("reorg_depth", int(fields.get("depth") or 1))


def _counts(name: str, *labels: str) -> Handler:
    """Handler that counts the event, with these fields as labels."""

    def count(metrics: Registry, fields: Fields) -> None:
        values = {label: _label(fields, label) for label in labels}
        metrics.add(name, 1, **values)

    return count


def _sets(name: str, value: float) -> Handler:
    return lambda metrics, _fields: metrics.set(name, value)


HANDLERS: Mapping[str, Handler] = {
    "provider_state": provider_state,
    "rpc_done": rpc_done,
    "quorum_mismatch": _counts("quorum_mismatch_total"),
    "broadcast_conflict": _counts("broadcast_conflict_total"),
    "job_done": job_done,
    "tick_missed": _counts("job_missed_total", "job"),
    "intent": intent,
    "tx_sent": tx_sent,
    "tx_bumped": _counts("tx_bumps_total"),
    "tx_mined": tx_mined,
    "tx_final": tx_final,
    "tx_error": lambda metrics, fields: metrics.add("tx_errors_total", 1, **{"class": _label(fields, "error_class")}),
    "foreign_nonce": _counts("foreign_nonce_total"),
    "fee_deferred": _counts("fee_deferred_total", "tier"),
    "balance_fell": _counts("balance_fell_total"),
    "reorg": reorg,
    "finality_violation": _counts("finality_violations_total"),
    "halted": _sets("halted", 1),
    "resumed": _sets("halted", 0),
    "lease": lease,
    "db_commit": lambda metrics, fields: metrics.observe("db_commit_seconds", float(fields.get("seconds", 0))),
    "alert_sent": _counts("alerts_sent_total", "sink"),
    "alert_failed": _counts("alerts_failed_total", "sink"),
    "alert_dropped": _counts("alerts_dropped_total"),
    "config_reloaded": lambda metrics, _fields: metrics.add("config_reloads_total", result="ok"),
    "config_reload_failed": lambda metrics, _fields: metrics.add("config_reloads_total", result="failed"),
}
"""Event -> what it does to the metrics."""


def _label(fields: Fields, name: str) -> str:
    return str(fields.get(name, ""))[:MOST_LABEL]


def _error_name(text: str) -> str:
    """Name of the contract's error alone: its arguments would make a series of every transaction."""
    found = re.match(r"[A-Za-z]\w{0,40}(?=\(|$)", text)
    return found.group() if found else "other"
