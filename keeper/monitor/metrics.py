"""Metrics of one keeper: a registry of its own, fed by every event and by the readings of ``watch``."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from keeper.monitor.catalogue import CATALOGUE, COUNTER, GAUGE, PREFIX, Metric
from keeper.monitor.counting import HANDLERS, Fields, Transits
from keeper.monitor.reading import Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REGIMES = ("NORMAL", "GUARDED", "STRESSED", "HALTED")


class Metrics:
    """All of :data:`keeper.monitor.catalogue.CATALOGUE`; safe to use from every thread.

    Parameters
    ----------
    monotonic, wall
        Clocks in seconds; tests give their own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        # Each counter would bring a gauge of its own; no rule of ours reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.wall = wall
        self.transits = Transits(monotonic)
        self._families: dict[str, Any] = {row.name: _family(row, self.registry) for row in CATALOGUE}
        self._lock = threading.Lock()

    def on_event(self, event: str, fields: Fields) -> None:
        """Count one event; those that count for nothing are passed over."""
        if handler := HANDLERS.get(event):
            with self._lock:
                handler(self, fields)

    def on_reading(self, reading: Reading) -> None:
        """Take over what ``watch`` saw."""
        with self._lock:
            self.transits.head = reading.head_block
            self._chain(reading)
            self._markets(reading)
            self._intents(reading)

    def identify(self, *, version: str, **labels: str) -> None:
        """Say once who this is; ``labels`` are those of ``config_info``."""
        self.set("build_info", 1, version=version)
        self._families["config_info"].clear()
        self.set("config_info", 1, **labels)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._of(name, labels).set(value)

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raise a counter."""
        self._of(name, labels).inc(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add to a histogram."""
        self._of(name, labels).observe(value)

    def _of(self, name: str, labels: Mapping[str, str]) -> Any:
        family = self._families[name]
        return family.labels(**labels) if labels else family

    def _chain(self, reading: Reading) -> None:
        self.set("head_block", reading.head_block, provider=reading.provider)
        self.set("head_age_seconds", reading.head_age_seconds)
        self.set("finalized_block", reading.finalized_block)
        self.set("clock_skew_seconds", reading.clock_skew_seconds)
        self.set("heartbeat_seconds", reading.heartbeat_seconds)
        if reading.db_size_bytes is not None:
            self.set("db_size_bytes", reading.db_size_bytes)
        if reading.budget_ratio is not None:
            self.set("gas_budget_remaining_ratio", reading.budget_ratio)
        if key := reading.key:
            self.set("account_balance_wei", key.balance_wei, role="keeper")
            self.set("nonce_chain", key.nonce_chain)
            self.set("nonce_next", key.nonce_next)
            self.set("emergency_transactions", key.emergency_transactions)

    def _markets(self, reading: Reading) -> None:
        for row in reading.markets:
            gauges: tuple[tuple[str, int | None, dict[str, str]], ...] = (
                ("onchain_age_seconds", row.age_seconds, {}),
                ("onchain_expiry_seconds", row.expiry_seconds, {}),
                ("update_lag_blocks", row.lag_blocks, {}),
                ("haircut_bps", row.onchain_bps, {"kind": "onchain"}),
                ("haircut_bps", row.proposed_bps, {"kind": "proposed"}),
                ("deviation_bps", row.deviation_bps, {}),
            )
            for name, value, labels in gauges:
                # What is not known must not go on looking like what was known once.
                self.set(name, float("nan") if value is None else value, market=row.name, **labels)
            self.set("breaker_state", REGIMES.index(row.regime), market=row.name)
        self.set("markets_degraded", sum(1 for row in reading.markets if row.degraded))

    def _intents(self, reading: Reading) -> None:
        self._families["intents"].clear()
        for row in reading.intents:
            self._of("intents", {"state": row.state}).inc()
        self.set("oldest_open_intent_seconds", max((row.seconds for row in reading.intents), default=0))
        self.set("oldest_unmined_blocks", max((row.blocks for row in reading.intents if row.unmined), default=0))


def _family(row: Metric, registry: CollectorRegistry) -> Any:
    if row.kind == GAUGE:
        return Gauge(PREFIX + row.name, row.help, row.labels, registry=registry)
    if row.kind == COUNTER:
        return Counter(PREFIX + row.name, row.help, row.labels, registry=registry)
    return Histogram(PREFIX + row.name, row.help, row.labels, registry=registry, buckets=row.buckets)
