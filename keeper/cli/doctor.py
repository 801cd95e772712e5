"""``keeper doctor``: numbered checks, each with a remedy."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keeper.cli.common import Context, Json, configuration
from keeper.errors import ConfigError, KeeperError, RetryLater

if TYPE_CHECKING:
    from keeper.checks import Subject
    from keeper.config import Config

FINDINGS = 3
FATAL = ConfigError.exit_code
OLD_HEAD_SECONDS = 300
"""A head older than this means that the node, or the chain, stands still."""
LOW_BALANCE_WEI = 10**16
"""Below a hundredth of the native coin a keeper may not last the day."""


@dataclass(slots=True)
class Check:
    """One numbered line."""

    title: str
    verdict: str = "ok"
    """``ok``, ``warn``, ``fail`` or ``skipped``."""
    lines: list[str] = field(default_factory=list)
    """What was found, each with its remedy."""


def doctor(context: Context, as_json: Json = False) -> int:
    """Check the configuration against the chain. Ends with 2 when something is wrong, 3 when something is odd."""
    from keeper.cli.output import emit_json

    checks = _run(context)
    if as_json:
        rows = [
            {"number": number, "title": check.title, "verdict": check.verdict, "findings": check.lines}
            for number, check in enumerate(checks, start=1)
        ]
        emit_json({"checks": rows})
    else:
        for number, check in enumerate(checks, start=1):
            print(f"{number:>2}. {check.verdict:<8}{check.title}")
            for line in check.lines:
                print(f"      {line}")
    verdicts = {check.verdict for check in checks}
    return FATAL if "fail" in verdicts else FINDINGS if "warn" in verdicts else 0


def _run(context: Context) -> list[Check]:
    """Every check; what rests on a failed one is skipped."""
    first = Check("the configuration is sound, its secrets private")
    try:
        config = configuration(context)
    except ConfigError as error:
        first.verdict, first.lines = "fail", list(error.problems)
        return [first]
    nodes = _nodes(config)
    checks = [first, nodes, _store(config)]
    subject = None if nodes.verdict == "fail" else _subject(config, nodes)
    for title, probe in _probes():
        checks.append(_guarded(title, probe, subject))
    if subject:
        subject.rpc.close()
    return checks


def _guarded(title: str, probe: "Callable[[Subject], Iterator[tuple[str, str]]]", subject: "Subject | None") -> Check:
    check = Check(title)
    if subject is None:
        check.verdict = "skipped"
        return check
    try:
        for verdict, line in probe(subject):
            check.lines.append(line)
            check.verdict = "fail" if "fail" in (verdict, check.verdict) else max(verdict, check.verdict)
    except KeeperError as error:
        check.verdict = "fail"
        check.lines.append(str(error))
    return check


def _probes() -> "list[tuple[str, Callable[[Subject], Iterator[tuple[str, str]]]]]":
    return [
        ("the contract has code, is ours, and has our cadence", _contract),
        ("the settings are those that governance set", _settings),
        ("ways to read many words at a block hash", _reader),
        ("pools: tokens, fee, spacing, storage layout", _pools),
        ("tokens move as told, and pools hold what they owe", _tokens),
        ("price feeds answer", _feeds),
        ("holder lists cover what is lent against", _positions),
        ("the key opens and is a signer", _signer),
        ("the key can pay", _balance),
        ("the node serves the trailing windows", _archive),
        ("the head is young", _head),
    ]


def _nodes(config: "Config") -> Check:
    """Every node's state, and how many may be missing."""
    from keeper.chain.health import ProviderState
    from keeper.checks import connect

    check = Check("nodes answer and are of the right chain")
    started = time.monotonic()
    try:
        with connect(config, lambda *_, **__: None) as pool:
            check.lines.append(f"{len(pool.usable())} of {len(pool.members)} usable, {_milliseconds(started)} ms")
            for member in pool.members:
                check.lines.append(f"{member.rpc.label}: {member.state.value} ({member.health.reason})")
                if member.state is not ProviderState.ALIVE:
                    check.verdict = "warn"
            if len(pool.members) == 1:
                check.lines.append("allow_single_provider: nobody checks what the only node says; name a second one")
    except KeeperError as error:
        check.verdict = "fail"
        check.lines.append(str(error))
    return check


def _milliseconds(since: float) -> int:
    return round((time.monotonic() - since) * 1000)


def _store(config: "Config") -> Check:
    from keeper.store.store import KeeperStore

    check = Check("the database is writable, durable and sound")
    try:
        with KeeperStore(config.operator.store_url) as store:
            check.lines.append(f"{store.file}: {store.samples.count()} samples")
    except KeeperError as error:
        check.verdict = "fail"
        check.lines.append(str(error))
    return check


def _subject(config: "Config", nodes: Check) -> "Subject | None":
    from keeper.checks import Subject, connect
    from keeper.reading import open_quorum_reader

    def quiet(*_: object, **__: object) -> None:
        """What is said while checking stands in the checks."""

    try:
        rpc = connect(config, quiet)
        reader = open_quorum_reader(rpc, quiet, config.operator.call_gas)
        return Subject(config, rpc, reader, reader.block("latest"))
    except KeeperError as error:
        nodes.verdict = "fail"
        nodes.lines.append(str(error))
        return None


def _contract(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_contract

    for finding in check_contract(subject):
        yield "fail", str(finding)


def _settings(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_settings

    for finding in check_settings(subject):
        yield "fail" if finding.fatal else "warn", str(finding)


def _reader(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.chain.routes import ROUTES, probe
    from keeper.chain.views import code_size
    from keeper.protocols import PROTOCOLS

    cap = subject.config.operator.call_gas or subject.reader.gas_cap
    faults = {route.name: probe(subject.rpc, route, subject.head, cap) for route in ROUTES}
    taken = subject.reader.route(subject.head)
    for name, fault in faults.items():
        yield "ok", f"{name}: {fault or 'allowed'}{' (taken)' if name == taken.name else ''}"
    if not taken.reads_words:
        yield "warn", "no code can be placed, so a snapshot takes several round trips; use a node that allows overrides"
    if code_size(subject.rpc, subject.config.operator.contract):
        subject.reader.run([PROTOCOLS["bulkhead"].read(subject.config.operator.contract, bytes(32))], subject.head)


def _pools(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_pools

    for finding in check_pools(subject):
        yield "fail" if finding.fatal else "warn", str(finding)


def _tokens(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.token_checks import check_tokens

    for _, finding in check_tokens(subject):
        yield "fail" if finding.fatal else "warn", str(finding)
    for index, market in enumerate(subject.config.settings.markets):
        for address in market.flagged:
            yield "ok", f"markets[{index}].flagged: {address} counts for nothing in {market.name}"


def _feeds(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_feeds

    for finding in check_feeds(subject):
        yield "warn", str(finding)


def _positions(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_positions

    for finding in check_positions(subject):
        yield "warn", str(finding)


def _signer(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.checks import check_signer
    from keeper.wiring import open_signer

    operator = subject.config.operator
    if operator.key is None:
        yield "warn", "keeper.key_file: not set, so nothing can be sent; set it to broadcast"
        return
    for finding in check_signer(subject, open_signer(operator).address):
        yield "fail" if finding.fatal else "warn", str(finding)


def _balance(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.wiring import open_signer

    if subject.config.operator.key is None:
        return
    address = open_signer(subject.config.operator).address
    balance = int(subject.rpc.call("eth_getBalance", [address, "latest"]), 16)
    if balance < LOW_BALANCE_WEI:
        yield "warn", f"{address} holds {balance} wei; send it some of the chain's coin"


def _archive(subject: "Subject") -> Iterator[tuple[str, str]]:
    from keeper.chain.views import code_size
    from keeper.protocols import PROTOCOLS
    from keeper.risk.windows import last_ended, trailing_windows

    settings, contract = subject.config.settings, subject.config.operator.contract
    span = trailing_windows(last_ended(subject.head.number, settings.cadence_blocks), settings)
    if not span or not code_size(subject.rpc, contract):
        return
    oldest = subject.reader.block(span[0] * settings.cadence_blocks)
    try:
        subject.reader.run([PROTOCOLS["bulkhead"].read(contract, bytes(32))], oldest)
    except RetryLater as error:
        yield "fail", f"block {oldest.number} cannot be read: {error.message}; use an archive node"
    with suppress(RetryLater):
        subject.reader.block("safe")
        return
    yield "warn", "the node knows no safe block, so nothing will be loosened; use another node"


def _head(subject: "Subject") -> Iterator[tuple[str, str]]:
    age = int(time.time()) - subject.head.timestamp
    if age > OLD_HEAD_SECONDS:
        yield "warn", f"block {subject.head.number} is {age} s old; wait until the node is in sync"
