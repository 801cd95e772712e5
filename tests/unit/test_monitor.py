"""Metrics, health, notifications, clock: plain values in, and every answer known by hand."""

import json
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from keeper.balances import Ledger
from keeper.clocks import ClockCheck
from keeper.config import Operator, Provider, Secret
from keeper.config_reload import changed_for_good
from keeper.errors import ConfigError
from keeper.monitor.alarms import PAGE, WARN, alarm_of
from keeper.monitor.catalogue import CATALOGUE, markdown
from keeper.monitor.health import Health
from keeper.monitor.metrics import Metrics
from keeper.monitor.notify import QUEUE, REPEAT_SECONDS, Notifier, Sink, parse_sinks
from keeper.monitor.reading import KeyReading, MarketReading, Reading
from keeper.monitor.server import MonitorServer
from keeper.records.units import Address, BlockRef

MARKET = MarketReading("WETH/USDC", "GUARDED", 1200, 1350, 600, 68_400, 3)
READING = Reading(100, 1000, 4.0, 90, 0.5, "one", 64_800, (MARKET,), (), KeyReading("0xaa", 10**18, 7, 8, 40))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"keeper_{name}", labels)


def test_a_transaction_is_counted_from_broadcast_to_the_fees_of_its_markets() -> None:
    clock = Clock()
    metrics = Metrics(clock, clock)
    facts = {"intent": "ab", "tier": "emergency", "nonce": 7}
    metrics.on_event("tx_sent", facts)
    metrics.on_event("intent", {"intent": "ab", "markets": ["A", "B"], "final": False})
    clock.now += 10
    metrics.on_event("tx_bumped", facts)
    metrics.on_event("tx_sent", facts)
    clock.now += 10
    metrics.on_event("tx_mined", facts | {"blocks": 4, "fee_wei": 1_000, "block": 12})
    clock.now += 30
    metrics.on_event("tx_final", facts | {"state": "final_reverted", "error": "StepTooLarge(1, 2)"})
    assert value(metrics, "tx_broadcast_total") == 2
    assert value(metrics, "tx_bumps_total") == 1
    assert value(metrics, "tx_confirm_blocks_sum") == 4
    assert value(metrics, "tx_confirm_seconds_sum", stage="mined") == 20
    assert value(metrics, "tx_confirm_seconds_sum", stage="final") == 50
    assert value(metrics, "gas_spent_wei_total", tier="emergency", market="A") == 500
    assert value(metrics, "gas_spent_wei_total", tier="emergency", market="B") == 500
    assert value(metrics, "tx_reverts_total", error="StepTooLarge") == 1


def test_the_text_of_an_error_never_becomes_a_label() -> None:
    metrics = Metrics()
    for text in ("execution failed: 0x" + "ab" * 500, "nonce 5\nforged 1", ""):
        metrics.on_event("tx_final", {"intent": "x", "tier": "routine", "state": "final_reverted", "error": text})
    assert value(metrics, "tx_reverts_total", error="other") == 3
    assert b"forged" not in metrics.render()


def test_events_that_nobody_counts_and_fields_that_are_missing_are_passed_over() -> None:
    metrics = Metrics()
    for event in ("unheard_of", "tx_mined", "tx_final", "provider_state", "reorg", "lease", "intent", "tx_error"):
        metrics.on_event(event, {})
    assert value(metrics, "reorg_depth_count") == 1


def test_a_reading_sets_every_gauge_of_a_market() -> None:
    metrics = Metrics()
    metrics.on_reading(READING)
    assert value(metrics, "deviation_bps", market="WETH/USDC") == 150
    assert value(metrics, "haircut_bps", market="WETH/USDC", kind="onchain") == 1200
    assert value(metrics, "haircut_bps", market="WETH/USDC", kind="proposed") == 1350
    assert value(metrics, "breaker_state", market="WETH/USDC") == 1
    assert value(metrics, "onchain_age_seconds", market="WETH/USDC") == 600
    assert value(metrics, "nonce_next") == 8
    assert value(metrics, "account_balance_wei", role="keeper") == 10**18


def test_every_metric_of_the_specification_is_there_and_no_created_gauge() -> None:
    names = {row.name for row in CATALOGUE}
    wanted = """build_info config_info leader head_block head_age_seconds finalized_block reorg_depth
        finality_violations_total clock_skew_seconds provider_state provider_transitions_total rpc_seconds
        quorum_mismatch_total broadcast_conflict_total cycle_total cycle_seconds job_missed_total
        last_success_timestamp intents oldest_open_intent_seconds tx_broadcast_total tx_bumps_total tx_confirm_blocks
        tx_confirm_seconds tx_errors_total tx_reverts_total nonce_chain nonce_next foreign_nonce_total
        gas_spent_wei_total gas_budget_remaining_ratio account_balance_wei onchain_age_seconds update_lag_blocks
        haircut_bps deviation_bps markets_degraded breaker_state db_commit_seconds db_size_bytes alerts_sent_total"""
    assert set(wanted.split()) <= names
    text = Metrics().render().decode()
    assert "_created" not in text
    assert all(row.full_name in markdown() for row in CATALOGUE)


def test_live_follows_the_pulse_and_progress_of_a_long_cycle() -> None:
    clock = Clock()
    health = Health(single_provider=True, monotonic=clock)
    clock.now += 60
    assert health.live() == []
    clock.now += 1
    assert health.live() == ["no sign of life for 61 s"]
    health.on_event("sample_folded", {})
    assert health.live() == []


def test_ready_names_every_reason_and_recovers() -> None:
    health = Health(single_provider=False)
    assert health.ready() == ["no cycle has ended yet"]
    health.on_event("job_done", {"job": "head_tick", "result": "ok"})
    assert health.ready() == []
    health.on_event("job_done", {"job": "head_tick", "result": "retry", "error": "node one: down"})
    health.on_event("provider_state", {"provider": "one", "state": "unreachable"})
    health.on_event("provider_state", {"provider": "two", "state": "alive"})
    health.on_event("store_failed", {"error": "disk full"})
    health.on_event("halted", {"reason": "x"})
    assert health.ready() == [
        "head_tick: node one: down",
        "disk full",
        "sending is halted; see keeper resume",
        "1 of 2 providers are alive, 2 are needed",
    ]
    for event, fields in (
        ("job_done", {"job": "head_tick", "result": "ok"}),
        ("provider_state", {"provider": "one", "state": "alive"}),
        ("store_ready", {}),
        ("resumed", {}),
    ):
        health.on_event(event, fields)
    assert health.ready() == []


def test_fresh_counts_chain_time_and_what_passed_since() -> None:
    clock = Clock()
    health = Health(single_provider=True, monotonic=clock)
    assert health.fresh() == ["nothing has been read yet"]
    health.on_reading(replace(READING, markets=(replace(MARKET, age_seconds=64_790),)))
    assert health.fresh() == []
    clock.now += 10
    assert health.fresh() == ["WETH/USDC: 64800 s old, the heartbeat is 64800 s"]
    health.on_reading(replace(READING, markets=(replace(MARKET, age_seconds=None),)))
    assert health.fresh() == ["WETH/USDC: is not listed"]


@pytest.mark.enable_socket
def test_the_server_answers_200_or_503_with_reasons() -> None:
    reasons: list[str] = []
    server = MonitorServer(
        "127.0.0.1", 0, probes={"/live": lambda: reasons}, metrics=lambda: b"a 1\n", status=lambda: {"ready": []}
    )
    try:
        assert _get(server, "/live") == (200, '{"ok": true, "reasons": []}\n')
        reasons.append("dead")
        assert _get(server, "/live") == (503, '{"ok": false, "reasons": ["dead"]}\n')
        assert _get(server, "/metrics") == (200, "a 1\n")
        assert json.loads(_get(server, "/status")[1]) == {"ready": []}
        assert _get(server, "/../etc/passwd")[0] == 404
    finally:
        server.close()


def _get(server: MonitorServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{server.address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Box:
    """A sink that keeps what it is sent, and can be made to hang."""

    def __init__(self, taken: bool = True) -> None:
        self.taken, self.got = taken, []
        self.open, self.entered = threading.Event(), threading.Event()
        self.open.set()

    def send(self, title: str, body: str) -> bool:
        self.entered.set()
        self.open.wait(10)
        self.got.append((title, body))
        return self.taken


def notifier(*sinks: Sink, clock: Clock | None = None) -> tuple[Notifier, list[tuple[str, dict]]]:
    said: list[tuple[str, dict]] = []
    return Notifier(sinks, lambda event, **fields: said.append((event, fields)), "net", clock or Clock()), said


def test_pages_and_warnings_go_where_they_belong() -> None:
    pager, mail = Box(), Box(taken=False)
    teller, said = notifier(Sink("p-1", frozenset({PAGE}), pager.send), Sink("m-2", frozenset({WARN}), mail.send))
    teller.on_event("foreign_nonce", {"nonce": 7})
    teller.on_event("clock_skew", {"seconds": 40})
    teller.on_event("sample_folded", {})
    teller.close()
    assert pager.got == [("[page] keeper net: Somebody else used a nonce of our key", "nonce 7")]
    assert mail.got == [("[warn] keeper net: The clock of this host is off", "seconds 40")]
    assert [(event, fields["sink"]) for event, fields in said] == [("alert_sent", "p-1"), ("alert_failed", "m-2")]


def test_the_same_trouble_is_told_again_only_after_a_while_and_with_its_count() -> None:
    box, clock = Box(), Clock()
    teller, _ = notifier(Sink("p-1", frozenset({PAGE}), box.send), clock=clock)
    for _ in range(4):
        teller.on_event("foreign_nonce", {"nonce": 7})
    teller.on_event("foreign_nonce", {"nonce": 8})
    clock.now += REPEAT_SECONDS
    teller.on_event("foreign_nonce", {"nonce": 7})
    teller.close()
    assert [body for _, body in box.got] == ["nonce 7", "nonce 8", "nonce 7 (3 more since it was last told)"]


def test_a_sink_that_hangs_blocks_nobody_and_the_oldest_alarm_gives_way() -> None:
    box = Box()
    box.open.clear()
    teller, said = notifier(Sink("p-1", frozenset({PAGE}), box.send))
    teller.on_event("foreign_nonce", {"nonce": -1})
    box.entered.wait(5)
    for nonce in range(QUEUE + 5):
        teller.on_event("foreign_nonce", {"nonce": nonce})
    assert teller.waiting() == QUEUE
    assert [event for event, _ in said] == ["alert_dropped"] * 5
    box.open.set()
    teller.close()
    assert [body for _, body in box.got] == ["nonce -1", *(f"nonce {nonce}" for nonce in range(5, QUEUE + 5))]


def test_an_alarm_is_one_printable_line() -> None:
    alarm = alarm_of("cycle_crashed", {"error": "a\nb\x1b[2J", "trace": "secret lines", "raw": b"\x01"})
    assert alarm is not None
    assert alarm.body == "error a b [2J, raw 0x01"


def test_sinks_are_read_with_their_severity_and_named_without_their_url() -> None:
    text = "# mine\npage=json://host/t0ken\nwarn=jsons://host json://other\n"
    sinks = parse_sinks(text, "file")
    assert [(row.name, sorted(row.severities)) for row in sinks] == [
        ("json-1", [PAGE]),
        ("jsons-2", [WARN]),
        ("json-3", [PAGE, WARN]),
    ]


def test_a_wrong_sink_is_one_line_that_does_not_repeat_it() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_sinks("json://fine\nnonsense-t0ken", "monitor.notify_file")
    (line,) = caught.value.problems
    assert line.startswith("monitor.notify_file: line 2 is no notification URL")
    assert "t0ken" not in line


def test_a_clock_that_steps_or_stands_still_is_seen_without_a_chain_that_helps() -> None:
    check = ClockCheck(5_000, 100)
    # Blocks of made-up time: twelve seconds each second.
    assert check.see(1, 12, 5_001, 101) == 0
    assert check.see(2, 24, 5_092, 102) == 90
    assert check.see(3, 36, 5_002, 103) == -1
    assert check.see(70, 900, 5_002, 170) == -68


def test_a_clock_that_was_wrong_from_the_start_is_seen_on_a_live_chain() -> None:
    ahead = 40
    check = ClockCheck(5_000 + ahead, 0)
    skews = [check.see(at, 5_000 + 12 * at, 5_000 + ahead + 12 * at + late, 12 * at + late) for at, late in SIGHTS]
    assert skews[-1] == ahead + 1
    # No block comes for ten minutes: that is no skew.
    assert check.see(7, 5_084, 5_000 + ahead + 700, 700) == ahead + 1


SIGHTS = tuple(enumerate((3, 1, 9, 2, 4, 1, 5, 2)))
"""(block, how late it was seen, seconds)."""


def test_heads_that_come_late_are_no_skew() -> None:
    check = ClockCheck(5_000, 0)
    skews = [check.see(at, 5_000 + 12 * at, 5_000 + 12 * at + late, 12 * at + late) for at, late in SIGHTS]
    assert max(skews) <= 1


class Node:
    """Receipts and headers of a made-up chain."""

    def __init__(self, receipts: dict[bytes, tuple[int, int]], hashes: dict[int, bytes]) -> None:
        self.receipts, self.hashes = receipts, hashes

    def call(self, method: str, params: list) -> object:
        if method == "eth_getBlockByNumber":
            return {"hash": "0x" + self.hashes[int(params[0], 16)].hex()}
        found = self.receipts.get(bytes.fromhex(params[0][2:]))
        return found and {
            "from": "0xaa",
            "blockNumber": hex(found[0]),
            "gasUsed": hex(found[1]),
            "effectiveGasPrice": "0x1",
        }


def block(number: int, mark: int = 0) -> BlockRef:
    return BlockRef(number, bytes([mark, number]) * 16, 12 * number)


def test_a_balance_that_falls_by_our_own_fees_is_fine_and_one_that_falls_by_more_is_not() -> None:
    one, two = b"\x01" * 32, b"\x02" * 32
    node = Node({one: (5, 30)}, {number: block(number).hash for number in range(20)})
    ledger, account = Ledger(), Address("0xaa")
    assert ledger.look(node, account, block(4), 1_000, [one, two]) is None
    assert ledger.look(node, account, block(6), 970, [one, two]) is None
    assert ledger.look(node, account, block(7), 970, [one, two]) is None
    node.receipts[two] = (8, 20)
    fall = ledger.look(node, account, block(9), 940, [one, two])
    assert fall is not None
    assert (fall.wei, fall.explained_wei) == (10, 20)


def test_fees_that_were_paid_before_the_first_look_excuse_nothing() -> None:
    one = b"\x01" * 32
    node = Node({one: (3, 30)}, {number: block(number).hash for number in range(20)})
    ledger, account = Ledger(), Address("0xaa")
    ledger.look(node, account, block(4), 970, [one])
    fall = ledger.look(node, account, block(5), 950, [one])
    assert fall is not None
    assert fall.wei == 20


def test_a_reorg_starts_the_comparison_of_balances_anew() -> None:
    one = b"\x01" * 32
    node = Node({one: (5, 30)}, {number: block(number).hash for number in range(20)})
    ledger, account = Ledger(), Address("0xaa")
    ledger.look(node, account, block(6), 970, [one])
    node.hashes = {number: block(number, 1).hash for number in range(20)}
    del node.receipts[one]
    assert ledger.look(node, account, block(7, 1), 1_000, [one]) is None
    node.receipts[one] = (8, 30)
    assert ledger.look(node, account, block(9, 1), 970, [one]) is None


def test_what_a_running_keeper_is_bound_to_cannot_change() -> None:
    base = Operator("n", 1, Address("0xcc"), (Provider("a", Secret("http://a")),), None, Path("d"), "sqlite:///d/k")
    assert list(changed_for_good(base, replace(base, poll_seconds=9, max_fee_gwei=1))) == []
    for name, change in {
        "network.chain_id": {"chain_id": 2},
        "network.contract": {"contract": Address("0xdd")},
        "keeper.data_dir": {"data_dir": Path("e")},
        "store.url": {"store_url": "sqlite:///e"},
        "monitor.listen": {"listen": ""},
    }.items():
        assert list(changed_for_good(base, replace(base, **change))) == [name]
