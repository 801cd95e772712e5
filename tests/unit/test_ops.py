"""ops/: every metric named there exists, every alert rule fires once and stays silent once, over the real registry."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import promql_parser
import pytest
import yaml
from promql import Scrapes, evaluate

from keeper.monitor.catalogue import CATALOGUE, PREFIX
from keeper.monitor.metrics import Metrics
from keeper.monitor.notify import Notifier, Sink
from keeper.monitor.reading import IntentReading, KeyReading, MarketReading, Reading

OPS = Path(__file__).resolve().parents[2] / "ops"
STEP = 15
"""Seconds between two scrapes, as in ops/prometheus/prometheus.yml."""
STRETCH = 2_700
"""Long enough for the slowest rule, half an hour."""
HEARTBEAT, EXPIRY = 64_800, 68_400
MARKET = MarketReading("WETH/USDC", "NORMAL", 1200, 1210, 600, EXPIRY, 3)
INTENT = IntentReading("ab", "publish", "sent", 7, ("WETH/USDC",), 2, 24, unmined=True)
KEY = KeyReading("0xaa", 10**18, 7, 7, 40)
CALM = Reading(100, 1000, 4.0, 90, 0.5, "one", HEARTBEAT, (MARKET,), (), KEY, 10**6, 0.9)
IDENTITY = {"network": "n", "chain_id": "1", "contract": "0x", "mode": "broadcast", "single_provider": "false"}


@dataclass(frozen=True)
class Rule:
    name: str
    expression: str
    seconds: int


def _seconds(duration: str | None) -> int:
    return int(promql_parser.parse_duration(duration).total_seconds()) if duration else 0


def rules() -> list[Rule]:
    document = yaml.safe_load((OPS / "prometheus" / "keeper-alerts.yml").read_text())
    return [
        Rule(row["alert"], row["expr"], _seconds(row.get("for")))
        for group in document["groups"]
        for row in group["rules"]
    ]


RULES = {rule.name: rule for rule in rules()}


class World:
    """One keeper and a Prometheus that scrapes it every 15 s of a clock of their own."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.metrics = Metrics(lambda: self.now, lambda: self.now)
        self.metrics.identify(version="1", **IDENTITY)
        self.scrapes = Scrapes()
        self.scraped = True
        self.reading = CALM
        self.cycles = True
        self.say("lease", state="held")
        self.say("provider_state", provider="one", state="alive")

    def say(self, event: str, **fields: object) -> None:
        self.metrics.on_event(event, fields)

    def read(self, **changes: object) -> None:
        self.reading = replace(self.reading, **changes)

    def step(self) -> None:
        self.now += STEP
        if self.cycles:
            self.say("job_done", job="head_tick", result="ok", seconds=0.1)
        self.metrics.on_reading(self.reading)
        if self.scraped:
            self.scrapes.take(self.metrics.registry, "k1", self.now)

    def firing(self, seconds: float) -> set[str]:
        """Alerts that fired at some time of the stretch, ``for`` included."""
        since: dict[str, float] = {}
        fired = set()
        for _ in range(int(seconds // STEP)):
            self.step()
            for rule in RULES.values():
                if not evaluate(rule.expression, self.scrapes, self.now):
                    since.pop(rule.name, None)
                elif self.now - since.setdefault(rule.name, self.now) >= rule.seconds:
                    fired.add(rule.name)
        return fired


def _say(count: int, event: str, **fields: object) -> Callable[[World], None]:
    def story(world: World) -> None:
        world.step()
        for _ in range(count):
            world.say(event, **fields)

    return story


def _read(**changes: object) -> Callable[[World], None]:
    return lambda world: world.read(**changes)


def _aged(seconds: int) -> Callable[[World], None]:
    return _read(markets=(replace(MARKET, age_seconds=seconds),))


def _unmined(blocks: int, *, unmined: bool = True) -> Callable[[World], None]:
    return _read(intents=(replace(INTENT, blocks=blocks, unmined=unmined),))


def _stop_cycles(world: World) -> None:
    world.step()
    world.cycles = False


def _refuse(world: World) -> None:
    """A step that cycles survive: one fails, others go well."""
    world.say("job_done", job="head_tick", result="retry", seconds=5)


def _vanish(world: World) -> None:
    world.step()
    world.scraped = False


def _fill_queue(world: World, alarms: int) -> None:
    world.step()
    held = Notifier((), world.say, "test", lambda: world.now)
    held.close()
    held.replace([Sink("down-1", frozenset({"page"}), lambda _title, _body: False)])
    for number in range(alarms):
        held.on_event("foreign_nonce", {"nonce": number})


STORIES: dict[str, tuple[Callable[[World], None], Callable[[World], None]]] = {
    "KeeperBalanceFell": (_say(1, "balance_fell", wei=1), _read(key=replace(KEY, balance_wei=10**17))),
    "KeeperFinalityViolation": (_say(1, "finality_violation", block=5), _say(3, "reorg", depth=6)),
    "KeeperForeignNonce": (_say(1, "foreign_nonce", nonce=5), _say(9, "tx_sent", intent="ab")),
    "KeeperHalted": (_say(1, "halted", reason="x"), lambda world: (world.say("halted"), world.say("resumed"))),
    "KeeperBalanceLow": (
        _read(key=replace(KEY, emergency_transactions=19)),
        _read(key=replace(KEY, emergency_transactions=20)),
    ),
    "KeeperNoSuccess": (_stop_cycles, _refuse),
    "KeeperValueOld": (_aged(HEARTBEAT + 2_881), _aged(HEARTBEAT + 2_880)),
    "KeeperQuorumMismatch": (_say(4, "quorum_mismatch", odd="x"), _say(3, "quorum_mismatch", odd="x")),
    "KeeperTransactionStuck": (_unmined(21), _unmined(20)),
    "KeeperAbsent": (_vanish, lambda world: world.step()),
    "KeeperLeaders": (_say(1, "lease", state="standby"), _say(1, "lease", state="leader")),
    "KeeperTransactionSlow": (_unmined(11), _unmined(10)),
    "KeeperBudgetLow": (_read(budget_ratio=0.24), _read(budget_ratio=0.25)),
    "KeeperClockSkew": (_read(clock_skew_seconds=-31.0), _read(clock_skew_seconds=30.0)),
    "KeeperProviderDown": (
        _say(1, "provider_state", provider="two", state="unreachable"),
        _say(1, "provider_state", provider="two", state="alive"),
    ),
    "KeeperMarketDegraded": (_read(markets=(replace(MARKET, degraded="missing: feed"),)), _read(markets=(MARKET,))),
    "KeeperAlertsDropped": (lambda world: _fill_queue(world, 101), lambda world: _fill_queue(world, 100)),
}
"""Alert -> (what makes it fire, what comes closest without doing so)."""

SEEN_TOGETHER = {"KeeperTransactionStuck": {"KeeperTransactionSlow"}, "KeeperAbsent": {"KeeperNoSuccess"}}
"""Alerts that rightly come with another one."""


def test_every_alert_rule_has_a_story_that_fires_it_and_one_that_does_not() -> None:
    assert set(STORIES) == set(RULES)


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_alert_fires_and_nothing_else_does(name: str) -> None:
    world = World()
    STORIES[name][0](world)
    assert world.firing(STRETCH) - SEEN_TOGETHER.get(name, set()) == {name}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_alert_stays_silent_just_short_of_it(name: str) -> None:
    world = World()
    STORIES[name][1](world)
    assert name not in world.firing(STRETCH)


def test_a_healthy_keeper_fires_nothing() -> None:
    assert World().firing(STRETCH) == set()


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.seconds])
def test_an_alert_with_a_duration_waits_for_it(name: str) -> None:
    world = World()
    STORIES[name][0](world)
    start = world.now
    lead = 300 if name == "KeeperAbsent" else 0  # what was scraped once is answered five minutes long
    assert name not in world.firing(lead + RULES[name].seconds - 2 * STEP)
    assert name in world.firing(RULES[name].seconds + lead + 4 * STEP)
    assert world.now > start


def test_a_keeper_in_shadow_mode_pages_nobody_about_its_purse() -> None:
    world = World()
    world.metrics.identify(version="1", **IDENTITY | {"mode": "dry-run"})
    world.read(key=None, budget_ratio=0.0)
    assert world.firing(STRETCH) == set()


def test_what_is_not_known_is_not_a_number_and_fires_nothing() -> None:
    world = World()
    world.read(markets=(replace(MARKET, age_seconds=None, onchain_bps=None),))
    world.step()
    assert math.isnan(world.metrics.registry.get_sample_value(f"{PREFIX}deviation_bps", {"market": "WETH/USDC"}))
    assert world.firing(STRETCH) == set()


def expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES.values():
        yield rule.name, rule.expression
    for path in sorted((OPS / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]


SUFFIXES = ("_bucket", "_count", "_sum", "")
KNOWN = {row.full_name: row for row in CATALOGUE}


def test_every_metric_named_in_ops_exists_in_the_registry_with_its_labels() -> None:
    metrics, strange = Metrics(), []
    registered = {family.name for family in metrics.registry.collect()} | {
        f"{family.name}_total" for family in metrics.registry.collect() if family.type == "counter"
    }
    assert set(KNOWN) <= registered
    for where, expression in expressions():
        promql_parser.parse(expression)
        for name, matchers in re.findall(r"(keeper_\w+)(\{[^}]*\})?", expression):
            base = next((name.removesuffix(end) for end in SUFFIXES if name.removesuffix(end) in KNOWN), None)
            labels = re.findall(r"(\w+)\s*=", matchers)
            if base is None or not set(labels) <= set(KNOWN[base].labels):
                strange.append((where, name))
    assert strange == []


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(expression for where, expression in expressions() if where.startswith("keeper.json"))
    assert [name for name in KNOWN if name not in shown] == []


def test_legends_use_labels_that_the_series_have() -> None:
    panels = json.loads((OPS / "grafana" / "dashboards" / "keeper.json").read_text())["panels"]
    for target in (row for panel in panels for row in panel.get("targets", [])):
        metric = next(KNOWN[name] for name in KNOWN if re.search(rf"\b{name}(_bucket|_count)?\b", target["expr"]))
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in {*metric.labels, "instance"}, target


def test_the_guide_says_what_to_do_about_every_alert() -> None:
    guide = (OPS.parent / "docs" / "operating.md").read_text()
    assert [name for name in RULES if f"`{name}`" not in guide] == []


def test_the_service_unit_drops_what_the_keeper_does_not_need_and_always_restarts() -> None:
    unit = (OPS / "systemd" / "bulkhead-keeper.service").read_text().splitlines()
    for line in (
        "Restart=always",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "LimitCORE=0",
        "LoadCredential=keeper.password:/etc/bulkhead/keeper.password",
    ):
        assert line in unit


def test_the_compose_file_gives_the_keeper_secrets_as_files_only() -> None:
    services = yaml.safe_load((OPS / "compose.yml").read_text())["services"]
    assert {"keeper", "postgres", "prometheus", "grafana"} == set(services)
    for service in services.values():
        names = [name for name in service.get("environment", {}) if "PASSWORD" in name or "PRIVATE_KEY" in name]
        assert [name for name in names if not name.endswith("_FILE")] == []
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "--require-hashes -r requirements.lock" in (OPS / "Dockerfile").read_text()
