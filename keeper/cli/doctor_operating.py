"""Checks of ``keeper doctor`` on what an operator runs: clock, disk, lock, nonce, purse, providers, port, alerts."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keeper.chain.failpoints import TEST_CHAINS
from keeper.cli.doctor_checks import Findings
from keeper.config_rules import EMERGENCY_FLOAT, TYPICAL_GAS
from keeper.errors import ConfigError

if TYPE_CHECKING:
    from keeper.checks import Subject
    from keeper.config import Config

FREE_BYTES = 1 << 30
"""A keeper writes some 50 MB a day at most (reliability.md E); below this a month is not safe."""
ALARM_SECONDS = 30
OTHERS_WRITE = 0o022
"""Mode bits."""
GWEI = 10**9
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def providers(config: "Config") -> Findings:
    """There are two, at different hosts: one that lies or sleeps is found out only by another."""
    rows = config.operator.providers
    hosts = [urlsplit(row.url.reveal()).hostname or "?" for row in rows]
    if set(hosts) <= LOCAL:
        yield "ok", "only nodes of this host; elsewhere name two of different operators"
        return
    if len(rows) < 2:
        yield (
            "ok" if config.operator.allow_single_provider else "warn",
            "network.providers: only one is named, so nothing it says can be checked; name a second one",
        )
    for name, host in sorted(
        {(row.name, host) for row, host in zip(rows, hosts, strict=True) if hosts.count(host) > 1}
    ):
        yield "warn", f"network.providers.{name}: shares the host {host} with another one; choose different operators"


def disk(config: "Config") -> Findings:
    """The data folder's disk has room."""
    folder = existing(config.operator.data_dir)
    stats = os.statvfs(folder)
    free = stats.f_bavail * stats.f_frsize
    verdict = "ok" if free >= FREE_BYTES else "warn"
    yield verdict, f"{folder}: {free >> 20} MiB free" + ("" if verdict == "ok" else "; make room: 1 GiB lasts a month")


def files(config: "Config") -> Findings:
    """Nobody else can write the configuration or the database."""
    from keeper.store.engine import sqlite_file

    operator = config.operator
    for path in (operator.source, operator.data_dir, sqlite_file(operator.store_url)):
        if path is not None and path.exists() and (mode := path.stat().st_mode & 0o777) & OTHERS_WRITE:
            yield "warn", f"{path} has mode {mode:04o}, so others can change it; run: chmod go-w {path}"


def lock(config: "Config") -> Findings:
    """Who holds the right to act on the database."""
    from keeper.store.engine import sqlite_file
    from keeper.store.lock import KeeperLock

    file = sqlite_file(config.operator.store_url)
    if file is None:
        yield "ok", "a server's database: a lease decides who leads; keeper top and /metrics show it"
        return
    held = KeeperLock(file)
    if not held.path.parent.is_dir():
        yield "ok", "free: no keeper ever ran here"
        return
    try:
        with held:
            yield "ok", "free: no keeper runs on this database"
    except ConfigError as error:
        yield "ok", f"held: {error.message}"


def port(config: "Config") -> Findings:
    """Health and metrics can be served, or are being served by the running keeper."""
    import socket

    listen = config.operator.listen
    if not listen:
        yield "warn", "monitor.listen: is empty, so nobody can see how the keeper is; set it"
        return
    host, _, number = listen.rpartition(":")
    try:
        with socket.create_server((host.strip("[]"), int(number))):
            yield "ok", f"{listen} is free"
    except OSError as error:
        found = served(listen)
        if found is None:
            yield "fail", f"monitor.listen: {listen}: {error.strerror}; choose another port"
        else:
            yield "ok", f"{listen} is served by a running keeper"


def sinks(config: "Config") -> Findings:
    """Somebody is told. Nothing is sent here."""
    from keeper.monitoring import sinks_of

    found = sinks_of(config.operator)
    if not any("page" in row.severities for row in found):
        yield "ok", "nobody is paged from here: monitor.notify_file names services; ops/prometheus has the rules"
    for row in found:
        yield "ok", f"{row.name}: {', '.join(sorted(row.severities))}"


def clock(subject: "Subject") -> Findings:
    """The clock of this host agrees with the chain's."""
    ahead = int(time.time()) - subject.head.timestamp
    if subject.config.operator.chain_id in TEST_CHAINS:
        yield "ok", "the time of a test chain is made up"
    elif ahead < -ALARM_SECONDS:
        yield "warn", f"the head is {-ahead} s in the future of this clock; set the clock"


def version(subject: "Subject") -> Findings:
    """The contract has every function that we call; its version is compared with the rest of check 4."""
    from keeper.checks import VERSION
    from keeper.wiring import SELECTORS

    contract = subject.config.operator.contract
    code = str(subject.rpc.call("eth_getCode", [contract, "latest"]))
    absent = sorted("0x" + selector.hex() for selector in SELECTORS if selector.hex() not in code)
    if absent:
        yield "fail", f"the contract lacks {', '.join(absent)}; use the keeper of its version"
    else:
        yield "ok", f"version {VERSION}, {len(SELECTORS)} functions"


def purse(subject: "Subject") -> Findings:
    """The key pays for 20 emergency transactions at the cap."""
    from keeper.wiring import open_signer

    operator = subject.config.operator
    if operator.key is None:
        return
    address = open_signer(operator).address
    balance = int(subject.rpc.call("eth_getBalance", [address, "latest"]), 16)
    left = balance // (TYPICAL_GAS * operator.emergency_fee_gwei * GWEI)
    line = f"{address} holds {balance} wei: {left} emergency transactions of {TYPICAL_GAS} gas at the cap"
    enough = left >= EMERGENCY_FLOAT
    yield ("ok" if enough else "warn"), line if enough else f"{line}; {EMERGENCY_FLOAT} are wanted, send it coin"


def nonce(subject: "Subject") -> Findings:
    """No gap and no stranger's transaction stands between the chain's count and our own rows."""
    from keeper.store.store import KeeperStore
    from keeper.wiring import open_signer

    operator = subject.config.operator
    if operator.key is None:
        return
    address = open_signer(operator).address
    mined, pending = (
        int(subject.rpc.call("eth_getTransactionCount", [address, tag]), 16) for tag in ("latest", "pending")
    )
    with KeeperStore(operator.store_url) as store:
        own = sorted(row.nonce for row in store.intents.open_intents() if row.nonce is not None and row.nonce >= mined)
    if own and own != list(range(mined, mined + len(own))):
        yield "fail", f"the chain counts {mined}, our open nonces are {own}: a gap; keeper run closes it with no-ops"
    if pending > mined + len(own):
        yield (
            "warn",
            f"{pending - mined - len(own)} transactions wait that are not ours; does somebody else use the key?",
        )
    yield "ok", f"{mined} mined, {len(own)} of ours open"


def schema(config: "Config") -> Findings:
    """The database's schema against the one that this keeper writes."""
    from keeper.store.engine import raw_engine, sqlite_file
    from keeper.store.schema import current_revision, head_revision

    url, wanted = config.operator.store_url, head_revision()
    file = sqlite_file(url)
    if file is not None and not file.is_file():
        yield "ok", f"there is no database yet; it will be made with schema {wanted}"
        return
    engine = raw_engine(url)
    try:
        found = current_revision(engine)
    finally:
        engine.dispose()
    yield ("ok" if found == wanted else "fail"), f"schema {found}" + ("" if found == wanted else f", not {wanted}")


def existing(path: Path) -> Path:
    """The path, or its nearest parent that is there."""
    return next(row for row in (path, *path.resolve().parents) if row.exists())


def served(listen: str) -> dict[str, object] | None:
    """What a running keeper answers there; None when it is no keeper."""
    from keeper.cli.status import Absent, fetch_status

    try:
        return fetch_status(listen)
    except Absent:
        return None
