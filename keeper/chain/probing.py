"""Asks one node who it is and where it stands: chain id, head, in sync or not, safe and finalized; one HTTP body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keeper.chain.health import BANNED, Probe
from keeper.chain.members import Asker, Member
from keeper.chain.quantities import block_ref, quantity
from keeper.chain.rpc import Reverted, Rpc, RpcError, Violation
from keeper.chain.timing import Timing
from keeper.errors import RetryLater
from keeper.records.units import BlockRef

FEW = 2
"""So many cannot outvote one whose head is too high."""

_CALLS: tuple[tuple[str, list[Any]], ...] = (
    ("eth_chainId", []),
    ("eth_getBlockByNumber", ["latest", False]),
    ("eth_syncing", []),
    ("eth_getBlockByNumber", ["finalized", False]),
    ("eth_getBlockByNumber", ["safe", False]),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A probe and the head that it saw."""

    probe: Probe
    head: BlockRef


def look(rpc: Rpc, before: BlockRef | None) -> Look:
    """Probe a node.

    Parameters
    ----------
    before
        Head of the last look; when the new one is its child, the hash link is checked.

    Raises
    ------
    Violation
        An answer is malformed, or the head's parent is not the node's own block at that height.
    RpcError
        There was no answer.
    """
    chain_id, latest, syncing, finalized, safe = _each(rpc)
    for answer in (chain_id, latest):
        if isinstance(answer, RpcError | Reverted):
            raise answer
    if latest is None:
        raise Violation(f"{rpc.label} has no latest block")
    head = block_ref(latest)
    if before and head.number == before.number + 1 and head.parent_hash != before.hash:
        # A reorg, or a lie: after a reorg the node's own block below is the parent.
        below = rpc.call("eth_getBlockByNumber", [hex(before.number), False])
        again = rpc.call("eth_getBlockByNumber", [hex(head.number), False])
        if below is not None and again is not None and block_ref(again).parent_hash != block_ref(below).hash:
            raise Violation(f"{rpc.label}: block {head.number} does not follow from its block {before.number}")
    numbers = [_number(row) for row in (finalized, safe)]
    in_sync = syncing is False or isinstance(syncing, RpcError | Reverted)
    return Look(Probe(quantity(chain_id, 256), head.number, not in_sync, *numbers), head)


def probe_all(members: Sequence[Member], asker: Asker, timing: Timing, *, forced: bool) -> list[Member]:
    """One probe for each that is due; those that answered. Slow ones are not waited for.

    Parameters
    ----------
    forced
        Whether nobody is fit, so that those are probed too that were to be left alone for a while.
    """
    now = asker.clock()
    due = [row for row in members if not row.probing and (row.health.due(now) or (forced and row.state not in BANNED))]
    for member in due:
        member.probing = True

    def ask(member: Member) -> Look | None:
        return _probe(member, asker)

    def patience(found: list[Look | None]) -> float:
        return timing.failover if any(found) else timing.deadline

    looks = asker.everybody(ask, due, patience)
    answered = [member for member in due if looks.get(member.name)]
    heads = sorted((row.health.last.head for row in answered if row.health.last), reverse=True)
    if heads:
        # Of three or more the second best counts, so that nobody ejects the others by a height of his own.
        best = heads[0] if len(heads) <= FEW else heads[1]
        for member in answered:
            asker.change(member, lambda health, at: health.compared(best, at))
    return answered


def _probe(member: Member, asker: Asker) -> Look | None:
    try:
        seen = look(member.rpc, member.head)
    except RetryLater as error:
        asker.note(member, error)
        return None
    else:
        member.head = seen.head
        asker.change(member, lambda health, now: health.probed(seen.probe, now))
        return seen
    finally:
        member.probing = False


def _each(rpc: Rpc) -> list[Any]:
    """All answers; call by call where a node takes no batches."""
    try:
        return rpc.each(_CALLS)
    except Violation:
        raise
    except RpcError as error:
        if not error.code:
            raise
    return [_one(rpc, method, params) for method, params in _CALLS]


def _one(rpc: Rpc, method: str, params: Sequence[Any]) -> Any:
    try:
        return rpc.call(method, params)
    except (RpcError, Reverted) as error:
        return error


def _number(answer: Any) -> int | None:
    if isinstance(answer, Violation):
        raise answer
    return block_ref(answer).number if isinstance(answer, dict) else None
