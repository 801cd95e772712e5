"""Checks of ``keeper doctor`` on contract, settings, pools, feeds and key: each yields (verdict, line) per finding."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from keeper.errors import RetryLater

if TYPE_CHECKING:
    from keeper.checks import Subject
    from keeper.config_keys import KeySource

OLD_HEAD_SECONDS = 300
"""A head older than this means that the node, or the chain, stands still."""

Findings = Iterator[tuple[str, str]]
"""(``ok``, ``warn`` or ``fail``, what was found with its remedy)."""


def contract(subject: "Subject") -> Findings:
    """The contract has code, is ours, and has our cadence."""
    from keeper.checks import check_contract

    for finding in check_contract(subject):
        yield "fail", str(finding)


def settings(subject: "Subject") -> Findings:
    """They are those that governance set."""
    from keeper.checks import check_settings

    for finding in check_settings(subject):
        yield "fail" if finding.fatal else "warn", str(finding)


def reader(subject: "Subject") -> Findings:
    """Ways to read many words at a block hash."""
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


def pools(subject: "Subject") -> Findings:
    """Tokens, fee, spacing and storage layout of every pool."""
    from keeper.checks import check_pools

    for finding in check_pools(subject):
        yield "fail" if finding.fatal else "warn", str(finding)


def tokens(subject: "Subject") -> Findings:
    """Tokens move as told, and pools hold what they owe."""
    from keeper.token_checks import check_tokens

    for _, finding in check_tokens(subject):
        yield "fail" if finding.fatal else "warn", str(finding)
    for index, market in enumerate(subject.config.settings.markets):
        for address in market.flagged:
            yield "ok", f"markets[{index}].flagged: {address} counts for nothing in {market.name}"


def feeds(subject: "Subject") -> Findings:
    """Price feeds answer."""
    from keeper.checks import check_feeds

    for finding in check_feeds(subject):
        yield "warn", str(finding)


def positions(subject: "Subject") -> Findings:
    """Holder lists cover what is lent against."""
    from keeper.checks import check_positions

    for finding in check_positions(subject):
        yield "warn", str(finding)


def signer(subject: "Subject") -> Findings:
    """The key opens and is a signer."""
    from keeper.checks import check_signer
    from keeper.wiring import open_signer

    operator = subject.config.operator
    if operator.key is None:
        yield "warn", "keeper.key_file: not set, so nothing can be sent; set it to broadcast"
        return
    yield from _remote(operator.key)
    for finding in check_signer(subject, open_signer(operator).address):
        yield "fail" if finding.fatal else "warn", str(finding)


def archive(subject: "Subject") -> Findings:
    """The node serves the trailing windows."""
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


def head(subject: "Subject") -> Findings:
    """The head is young."""
    age = int(time.time()) - subject.head.timestamp
    if age > OLD_HEAD_SECONDS:
        yield "warn", f"block {subject.head.number} is {age} s old; wait until the node is in sync"


def _remote(key: "KeySource") -> Findings:
    """A remote signer answers, and holds the key that it is asked for."""
    from keeper.chain.remote_signer import RemoteKey

    if key.signer_url and key.signer_address:
        held = RemoteKey(key.signer_url.reveal(), key.signer_address).accounts()
        if key.signer_address not in held:
            yield "fail", f"keeper.signer_url: it holds no key of {key.signer_address}; import it there"
