"""Tells people: a queue, a thread of its own, and sinks that may be slow, down or gone without the keeper noticing."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keeper.errors import ConfigError
from keeper.monitor.alarms import PAGE, WARN, Alarm, alarm_of

QUEUE = 100
"""Alarms that wait; the oldest gives way (reliability.md F60)."""
REPEAT_SECONDS = 600
"""The same trouble is told again after so long, with how often it came."""
MOST_REMEMBERED = 1_000
STOP_SECONDS = 2
"""How long the last alarms may take when the keeper ends."""

Emit = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Sink:
    """One place to send to."""

    name: str
    """Kind and number, as ``json-1``; never the URL, which is a secret."""
    severities: frozenset[str]
    send: Callable[[str, str], bool]
    """(title, body) -> whether it was taken. May block."""


@dataclass(slots=True)
class _Told:
    at: float
    silenced: int = 0


class Notifier:
    """Takes alarms without ever waiting, and sends them one by one.

    Parameters
    ----------
    sinks
        None: nothing is queued.
    emit
        Where to say what was sent, failed or dropped.
    label
        Name of the network, for the title.
    monotonic
        Clock in seconds.
    """

    def __init__(
        self, sinks: Sequence[Sink], emit: Emit, label: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sinks, self._emit, self._label, self._monotonic = tuple(sinks), emit, label, monotonic
        self._queue: deque[tuple[Alarm, int]] = deque()
        self._told: dict[str, _Told] = {}
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = self._started()

    def replace(self, sinks: Sequence[Sink]) -> None:
        """Send to other places from now on."""
        self._sinks = tuple(sinks)

    def on_event(self, event: str, fields: Mapping[str, Any]) -> None:
        """Queue what an operator must hear; returns at once."""
        alarm = alarm_of(event, fields)
        if alarm is None or not self._sinks:
            return
        dropped = False
        with self._wake:
            again = self._again(alarm.same)
            if again is None:
                return
            if len(self._queue) >= QUEUE:
                self._queue.popleft()
                dropped = True
            self._queue.append((alarm, again))
            if not self._thread.is_alive() and not self._stopping:
                # A plug-in failed in a way of its own; the alarm that it had is in the log, the others still go.
                self._thread = self._started()
            self._wake.notify()
        if dropped:
            self._emit("alert_dropped")

    def waiting(self) -> int:
        """Alarms in the queue."""
        return len(self._queue)

    def close(self) -> None:
        """Send what is left, as far as two seconds go."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(STOP_SECONDS)

    def _again(self, same: str) -> int | None:
        """How often it came unheard since it was last told; None: it is too early to tell it again."""
        now, told = self._monotonic(), self._told.get(same)
        if told and now - told.at < REPEAT_SECONDS:
            told.silenced += 1
            return None
        while len(self._told) >= MOST_REMEMBERED:
            self._told.pop(next(iter(self._told)))
        self._told.pop(same, None)
        self._told[same] = _Told(now)
        return told.silenced if told else 0

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopping:
                    self._wake.wait()
                if not self._queue:
                    return
                alarm, silenced = self._queue.popleft()
            self._send(alarm, silenced)

    def _send(self, alarm: Alarm, silenced: int) -> None:
        title = f"[{alarm.severity}] keeper {self._label}: {alarm.title}"
        body = f"{alarm.body} ({silenced} more since it was last told)" if silenced else alarm.body
        for sink in self._sinks:
            if alarm.severity in sink.severities:
                taken = sink.send(title, body)
                self._emit("alert_sent" if taken else "alert_failed", sink=sink.name, severity=alarm.severity)


def parse_sinks(text: str, source: str) -> list[Sink]:
    """Sinks from words ``[page=|warn=]apprise-url``; lines that begin with # are passed over.

    Parameters
    ----------
    text
        The secret lines.
    source
        What messages call the text; its lines are named by number, never repeated.

    Raises
    ------
    ConfigError
        A line is no URL that apprise knows.
    """
    sinks: list[Sink] = []
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        for row in () if line.strip().startswith("#") else line.split():
            tag, equals, url = row.partition("=")
            severity = tag if equals and tag in {PAGE, WARN} else ""
            sink = _sink(len(sinks) + 1, url if severity else row, severity)
            if sink is None:
                remedy = "write one such as json://host/path"
                problems.append(f"{source}: line {number} is no notification URL that apprise knows; {remedy}")
            else:
                sinks.append(sink)
    if problems:
        raise ConfigError(f"{len(problems)} notification URLs are wrong", "correct them", tuple(problems))
    return sinks


def _sink(number: int, url: str, severity: str) -> Sink | None:
    from apprise import Apprise

    # The library would log the URL that it cannot parse, and print the log where nobody has set one up.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    target = Apprise.instantiate(url, suppress_exceptions=True)
    if target is None:
        return None
    severities = frozenset({severity}) if severity else frozenset({PAGE, WARN})

    def send(title: str, body: str) -> bool:
        # Not by the library's own dispatcher: its thread pool is waited for when the process ends.
        return bool(target.notify(body=body, title=title))

    scheme = url.partition(":")[0].lower()[:16]
    return Sink(f"{scheme}-{number}", severities, send)
