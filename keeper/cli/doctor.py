"""``keeper doctor``: numbered checks, each with a remedy. A number stays with its check: new ones come last."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keeper.cli.common import Context, Json, configuration
from keeper.errors import ConfigError, KeeperError

if TYPE_CHECKING:
    from keeper.checks import Subject
    from keeper.cli.doctor_checks import Findings
    from keeper.config import Config

FINDINGS = 3
FATAL = ConfigError.exit_code


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
    """Every check in the order of its number; what rests on a failed one is skipped."""
    from keeper.cli import doctor_checks as chain
    from keeper.cli import doctor_operating as operating

    first = Check("the configuration is sound, its secrets private")
    try:
        config = configuration(context)
    except ConfigError as error:
        first.verdict, first.lines = "fail", list(error.problems)
        return [first]
    nodes = _nodes(config)
    # Before the database is opened, which brings its schema up to date.
    schema = _guarded("the database schema is this keeper's", operating.schema, config)
    store = _store(config)
    subject = None if nodes.verdict == "fail" else _subject(config, nodes)
    checks = [
        first,
        nodes,
        store,
        _guarded("the contract has code, is ours, and has our cadence", chain.contract, subject),
        _guarded("the settings are those that governance set", chain.settings, subject),
        _guarded("ways to read many words at a block hash", chain.reader, subject),
        _guarded("pools: tokens, fee, spacing, storage layout", chain.pools, subject),
        _guarded("tokens move as told, and pools hold what they owe", chain.tokens, subject),
        _guarded("price feeds answer", chain.feeds, subject),
        _guarded("holder lists cover what is lent against", chain.positions, subject),
        _guarded("the key opens and is a signer", chain.signer, subject),
        _guarded("the key can pay 20 emergency transactions", operating.purse, subject),
        _guarded("the node serves the trailing windows", chain.archive, subject),
        _guarded("the head is young", chain.head, subject),
        _guarded("this host's clock agrees with the chain's", operating.clock, subject),
        _guarded("the disk has room", operating.disk, config),
        _guarded("nobody else can change what the keeper reads and writes", operating.files, config),
        _guarded("who holds the lock of the database", operating.lock, config),
        _guarded("nonces follow one another, and all are ours", operating.nonce, subject),
        _guarded("there are two providers, at different hosts", operating.providers, config),
        _guarded("the contract is of the version that this keeper speaks", operating.version, subject),
        _guarded("health and metrics can be served", operating.port, config),
        _guarded("notification services", operating.sinks, config),
        schema,
    ]
    if subject:
        subject.rpc.close()
    return checks


def _guarded(title: str, probe: "Callable[[Any], Findings]", subject: object) -> Check:
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
