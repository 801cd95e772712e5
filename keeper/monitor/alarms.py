"""Which events an operator is told about, how urgently, and what counts as the same one again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAGE, WARN = "page", "warn"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One notification."""

    severity: str
    """:data:`PAGE` wakes somebody, :data:`WARN` is read in the morning."""
    title: str
    body: str
    same: str
    """Alarms with equal ``same`` are one and the same trouble."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How an event becomes an alarm."""

    severity: str
    title: str
    by: tuple[str, ...] = ()
    """Fields that tell one trouble from another."""


RULES: Mapping[str, Rule] = {
    "balance_fell": Rule(PAGE, "The keeper's balance fell without a transaction of ours: is the key stolen?"),
    "finality_violation": Rule(PAGE, "A finalized block changed: sending is halted", ("block",)),
    "foreign_nonce": Rule(PAGE, "Somebody else used a nonce of our key", ("nonce",)),
    "halted": Rule(PAGE, "Sending is halted until keeper resume", ("reason",)),
    "insufficient_funds": Rule(PAGE, "The balance does not pay the next transaction"),
    "balance_low": Rule(PAGE, "The balance pays fewer than 20 emergency transactions"),
    "quorum_mismatch": Rule(PAGE, "Providers disagree: nothing is published", ("odd",)),
    "market_failed": Rule(PAGE, "A market's fold failed", ("market",)),
    "cycle_crashed": Rule(PAGE, "A job of the keeper crashed", ("error",)),
    "fee_above_cap": Rule(PAGE, "Fees are above the emergency cap: nothing is sent"),
    "stuck": Rule(PAGE, "The keeper does not get on and ends itself"),
    "store_failed": Rule(PAGE, "The database takes nothing"),
    "budget_exhausted": Rule(WARN, "A market's fee budget is used up", ("market",)),
    "clock_skew": Rule(WARN, "The clock of this host is off"),
    "config_reload_failed": Rule(WARN, "The changed configuration was not taken over", ("error",)),
    "market_held": Rule(WARN, "A market is held: nothing of it is reported", ("market",)),
    "monitor_off": Rule(WARN, "Health and metrics are not served"),
}
"""Every event that makes an alarm by itself. What needs a duration (a provider down for ten minutes) is in ops/."""


def alarm_of(event: str, fields: Mapping[str, Any]) -> Alarm | None:
    """The alarm that an event makes; None for all others."""
    rule = RULES.get(event)
    if rule is None:
        return None
    body = ", ".join(f"{key} {_shown(value)}" for key, value in fields.items() if value is not None and key != "trace")
    same = ":".join((event, *(_shown(fields.get(key, "")) for key in rule.by)))
    return Alarm(rule.severity, rule.title, body or event, same)


def _shown(value: object) -> str:
    """One line, however hostile."""
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    return "".join(char if char.isprintable() else " " for char in text)[:300]
