"""Puts the monitor of a daemon together: one ``emit`` whose listeners are log, metrics, health and notifications."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from keeper import __version__
from keeper.config import Config, Operator
from keeper.follow import Emit
from keeper.monitor.health import Health
from keeper.monitor.metrics import Metrics
from keeper.monitor.notify import Notifier, Sink, parse_sinks
from keeper.monitor.reading import Reading
from keeper.monitor.server import MonitorServer

LAST_EVENTS = 50
"""Events that ``keeper top`` can show."""
UNSHOWN = frozenset({"job_done", "rpc_done", "db_commit", "alert_sent", "trailing_depths"})
"""Events that would push the others out."""

Listener = Callable[[str, Mapping[str, Any]], None]


@dataclass(slots=True)
class Monitor:
    """What hears every event and every reading of one daemon."""

    log: Emit
    metrics: Metrics
    health: Health
    clean: Callable[[Any], Any]
    """Makes a value fit to be shown."""
    listeners: list[Listener] = field(default_factory=list)
    notifier: Notifier | None = None
    address: str = ""
    """Where it listens; empty: nowhere."""
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LAST_EVENTS))
    providers: dict[str, str] = field(default_factory=dict)

    def emit(self, event: str, **fields: object) -> None:
        """Say one event to all."""
        self.log(event, **fields)
        if event == "provider_state":
            self.providers[str(fields.get("provider"))] = str(fields.get("state"))
        if event not in UNSHOWN:
            shown = {key: self.clean(value) for key, value in fields.items() if value is not None and key != "trace"}
            self.events.append({"event": event, "block": self.metrics.transits.head, **shown})
        for listener in self.listeners:
            listener(event, fields)

    def on_reading(self, reading: Reading) -> None:
        """Show one reading to all."""
        self.metrics.on_reading(reading)
        self.health.on_reading(reading)

    def configure(self, config: Config, *, mode: str) -> None:
        """Take over what a changed configuration may change here."""
        operator = config.operator
        single = allows_one(operator)
        self.health.single_provider = single
        self.metrics.identify(
            version=__version__,
            network=operator.network,
            chain_id=str(operator.chain_id),
            contract=operator.contract,
            mode=mode,
            single_provider=str(single).lower(),
        )
        if self.notifier:
            self.notifier.replace(sinks_of(operator))

    def status(self) -> dict[str, Any]:
        """Everything for ``keeper top``."""
        reading = self.health.reading()
        return {
            "version": __version__,
            "live": self.health.live(),
            "ready": self.health.ready(),
            "fresh": self.health.fresh(),
            "reading": asdict(reading) if reading else None,
            "providers": dict(self.providers),
            "events": list(self.events),
            "alertsWaiting": self.notifier.waiting() if self.notifier else 0,
        }


@contextmanager
def open_monitor(config: Config, log: Emit, clean: Callable[[Any], Any], *, mode: str) -> Iterator[Monitor]:
    """The monitor of one daemon, serving. A port that is taken costs health and metrics, not the keeper."""
    operator = config.operator
    monitor = Monitor(log, Metrics(), Health(single_provider=allows_one(operator)), clean)
    monitor.notifier = Notifier(sinks_of(operator), monitor.emit, operator.network)
    monitor.listeners += [monitor.metrics.on_event, monitor.health.on_event, monitor.notifier.on_event]
    monitor.configure(config, mode=mode)
    server = _serve(monitor, operator.listen)
    try:
        yield monitor
    finally:
        if server:
            server.close()
        monitor.notifier.close()


def allows_one(operator: Operator) -> bool:
    """Whether one provider alive is enough: only one is named, or the operator said so."""
    return operator.allow_single_provider or len(operator.providers) == 1


def sinks_of(operator: Operator) -> list[Sink]:
    """Every notification service that the operator named."""
    texts = (
        [("monitor.notify_file", operator.notify_file.read_text("utf-8", "replace"))] if operator.notify_file else []
    )
    texts += [("BULKHEAD_MONITOR__NOTIFY_URLS", operator.notify_urls.reveal())] if operator.notify_urls else []
    return [sink for source, text in texts for sink in parse_sinks(text, source)]


def _serve(monitor: Monitor, listen: str) -> MonitorServer | None:
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    health = monitor.health
    try:
        server = MonitorServer(
            host.strip("[]"),
            int(port),
            probes={"/live": health.live, "/ready": health.ready, "/fresh": health.fresh},
            metrics=monitor.metrics.render,
            status=monitor.status,
        )
    except OSError as error:
        monitor.emit("monitor_off", listen=listen, error=error.strerror)
        return None
    monitor.address = server.address
    monitor.emit("monitor_listens", address=server.address)
    return server
