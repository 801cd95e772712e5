"""Several nodes as one: reads fail over in order, small facts need two of them, signed bytes go to all (B2).

It looks like :class:`keeper.chain.rpc.Rpc` to whoever only asks. What two nodes must agree on, so that it may move
anything, goes through :meth:`Pool.quorum`, on which ``chain.quorum`` reads whole snapshots.
"""

import json
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Self, TypeVar

from keeper.chain.agreement import NoQuorum, QuorumMismatch, canonical, failure, sort_in
from keeper.chain.broadcast import Broadcast, broadcast
from keeper.chain.health import BANNED, GOOD_PROBES, HEAD_READS, WRITABLE, Health, ProviderState
from keeper.chain.members import Asker, Heard, Member, Told
from keeper.chain.probing import probe_all
from keeper.chain.rpc import Reverted, Rpc, Violation
from keeper.chain.timing import Timing
from keeper.errors import ConfigError

T = TypeVar("T")

QUORUM = 2
"""Providers that must say the same (reliability.md B2 rule 3)."""
FINALITY_TAGS = frozenset({"safe", "finalized"})


class Pool:
    """Named nodes of one chain. Safe to share between threads.

    Parameters
    ----------
    nodes
        In the order in which they are asked.
    emit
        Log: ``provider_state``, ``quorum_mismatch``, ``broadcast_conflict``, ``degraded_quorum``, ``last_provider``.
        May be called by any thread.
    relay
        Private relay for ``broadcast(raw, private=True)``; never asked anything else.
    emergency_quorum
        1: while all others are unreachable, one node may be read alone, which :attr:`degraded` says; 2: never.
    """

    def __init__(
        self,
        nodes: Sequence[Rpc],
        chain_id: int,
        emit: Callable[..., None],
        *,
        relay: Rpc | None = None,
        emergency_quorum: int = 1,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        timing = timing or Timing()
        self.members = [Member(node, Health(chain_id, timing)) for node in nodes]
        self.chain_id = chain_id
        self._emit = emit
        self._relay = relay
        self._emergency_quorum = emergency_quorum
        self._timing = timing
        self._asker = Asker(len(nodes) + (relay is not None), timing, emit, clock)
        self._said: dict[str, object] = {}
        self._answered: dict[str, Member] = {}
        """Who answered a method last."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._asker.close()
        for node in [member.rpc for member in self.members] + ([self._relay] if self._relay else []):
            node.close()

    @property
    def label(self) -> str:
        """What messages call it."""
        if len(self.members) == 1:
            return self.members[0].rpc.label
        return f"nodes {', '.join(member.name for member in self.members)}"

    @property
    def name(self) -> str:
        """Of the node that is asked first now."""
        return (self.usable() or self.members)[0].name

    @property
    def requests(self) -> int:
        """JSON-RPC requests sent so far to all of them."""
        return sum(member.rpc.requests for member in self.members)

    @property
    def degraded(self) -> bool:
        """Others unreachable, one alive: only tightening may go."""
        usable = self.usable()
        silent = [member for member in self.members if member.state is ProviderState.UNREACHABLE]
        return len(self.members) > 1 and len(usable) == 1 and len(silent) == len(self.members) - 1

    @property
    def need(self) -> int:
        """How many must agree now.

        Raises
        ------
        NoQuorum
            Fewer can be asked.
        """
        degraded = self.degraded and self._emergency_quorum == 1
        self._say("degraded_quorum", degraded, provider=self.usable()[0].name if degraded else None)
        need = 1 if degraded else min(QUORUM, len(self.members))
        if len(self.usable()) < need:
            raise NoQuorum(f"{need} nodes must agree and {len(self.usable())} can be asked: {self._faults()}")
        return need

    def states(self) -> dict[str, ProviderState]:
        """By name."""
        return {member.name: member.state for member in self.members}

    def usable(self) -> list[Member]:
        """Those that may answer for blocks named by height or hash, in order; who is busy comes last."""
        members = [member for member in self.members if member.state in HEAD_READS]
        order = {ProviderState.ALIVE: 0, ProviderState.NO_FINAL: 1}
        now = self._asker.clock()
        return sorted(members, key=lambda member: (member.busy_until > now, order[member.state]))

    def poll(self) -> None:
        """Probe everybody who is due; at the start, or while too few can be asked, until three probes were good."""
        for _ in range(GOOD_PROBES):
            forced = not self.usable()
            answered = probe_all(self.members, self._asker, self._timing, forced=forced)
            if not answered or len(self.usable()) >= min(QUORUM, len(self.members)) or self.degraded:
                return

    def agreed_height(self, of: str = "latest") -> int:
        """Highest block that as many nodes have as must agree; for a finality tag only those count that are alive.

        Raises
        ------
        NoQuorum
            Too few know one.
        """
        need = self.need
        heights = []
        for member in self.usable():
            probe = member.health.last
            if probe is None or (of in FINALITY_TAGS and member.state is not ProviderState.ALIVE):
                continue
            height = probe.head if of == "latest" else getattr(probe, of)
            if height is not None:
                heights.append(height)
        if len(heights) < need:
            raise NoQuorum(f"{len(heights)} of {need} nodes know a {of} block: {self._faults()}")
        return int(sorted(heights, reverse=True)[need - 1])

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one request from the first node that answers; errors as of ``Rpc.call``."""
        large = method == "eth_getLogs"
        finality = _asks_finality(method, params)
        member, result = self._first(lambda node: node.call(method, params), finality, large=large)
        self._answered[method] = member
        return result

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the calls, all from one node; raises for the first one that failed."""
        finality = any(_asks_finality(*row) for row in calls)
        large = any(method == "eth_getLogs" for method, _ in calls)
        return self._first(lambda node: node.batch(calls), finality, large=large)[1]

    def each(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """As :meth:`batch`, but a call that failed has its error in the list."""
        return self._first(lambda node: node.each(calls), finality=False, large=False)[1]

    def agreed(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one small question on which the nodes agree, ``latest`` being the newest block that enough have.

        Errors as of :meth:`quorum`.
        """
        if "latest" in params:
            self.poll()
            height = hex(self.agreed_height())
            params = [height if row == "latest" else row for row in params]
        found = self.quorum(lambda node: node.call(method, params), canonical, f"{method} {json.dumps(params)[:80]}")
        if isinstance(found, Reverted):
            raise found
        return found

    def quorum(
        self,
        ask: Callable[[Rpc], T],
        key: Callable[[T], Hashable],
        what: str,
        block: int | None = None,
    ) -> T | Reverted:
        """The answer that as many nodes give as must agree; answers are the same when their keys are.

        Raises
        ------
        QuorumMismatch
            Two differ. Where a third one decides, the odd one has that held against it.
        NoQuorum
            Too few answered.
        RetryLater
            What the last one that failed said.
        """
        need, members = self.need, self.usable()
        heard = self._asker.gather(ask, members, need)
        if len(heard.answers) < need:
            raise failure(heard, NoQuorum(f"{what}: {len(heard.answers)} of {need} nodes answered"))
        by_key: dict[Hashable, list[Told[T]]] = {}
        sort_in(by_key, heard.answers, key)
        if len(by_key) == 1:
            return heard.answers[0].value
        asked = {told.member.name for told in heard.answers} | {member.name for member, _ in heard.errors}
        for member in members:
            if member.name not in asked and max(map(len, by_key.values())) < need:
                sort_in(by_key, self._asker.gather(ask, [member], 1).answers, key)
        raise self._mismatch(list(by_key.values()), need, what, block)

    def each_of(self, ask: Callable[[Rpc], T], need: int) -> Heard[T]:
        """What the first ``need`` nodes that answer say, each for itself; nothing is compared."""
        return self._asker.gather(ask, self.usable(), need)

    def doubt(self, method: str, reason: str) -> None:
        """Hold it against whoever answered a method last that its answer turned out wrong."""
        member = self._answered.get(method)
        if member:
            self._asker.note(member, Violation(f"{method}: {reason}"))

    def broadcast(self, raw: bytes, *, private: bool = False) -> Broadcast:
        """Give signed bytes to every node that may have them, or to the private relay alone.

        Returns once all have answered, or shortly after the first that accepted.

        Raises
        ------
        ConfigError
            There is no relay.
        """
        if private:
            if self._relay is None:
                raise ConfigError("there is no private relay", "name one, or send publicly")
            members = [Member(self._relay, Health(self.chain_id, self._timing))]
        else:
            members = [member for member in self.members if member.state in WRITABLE]
            # The last one is kept for rebroadcast, however it stands.
            members = members or [member for member in self.members if member.state not in BANNED]

        return broadcast(raw, members, self._asker, self._timing, self._emit)

    def _first(self, ask: Callable[[Rpc], T], finality: bool, *, large: bool) -> tuple[Member, T]:
        members = [
            member for member in self.usable() or self._last() if not finality or member.state is ProviderState.ALIVE
        ]
        if not members:
            raise NoQuorum(f"no node can be asked{' for finality' if finality else ''}: {self._faults()}")
        heard = self._asker.gather(ask, members, 1, large=large)
        if not heard.answers:
            raise heard.errors[-1][1]
        told = heard.answers[0]
        if isinstance(told.value, Reverted):
            raise told.value
        return told.member, told.value

    def _last(self) -> list[Member]:
        """Whoever still answers, best head first, when nobody is fit: to watch by, never to decide by."""
        members = [row for row in self.members if row.state not in BANNED | {ProviderState.UNREACHABLE}]
        members = sorted(members, key=lambda row: -(row.health.last.head if row.health.last else -1))
        self._say("last_provider", bool(members), provider=members[0].name if members else None)
        return members

    def _mismatch(self, groups: list[list[Told[Any]]], need: int, what: str, block: int | None) -> QuorumMismatch:
        largest = max(groups, key=len)
        decided = len(largest) >= need
        odd = [told.member for group in groups if not decided or group is not largest for told in group]
        names = ", ".join(sorted(member.name for member in odd))
        for member in odd if decided else ():
            self._asker.note(member, Violation(f"{what}: not what the others say"))
        self._emit("quorum_mismatch", odd=names, block=block, decided=decided, what=what)
        who = f"{names} alone says otherwise" if decided else f"{names} differ"
        return QuorumMismatch(f"{what}: {who}", "nothing is published until they agree")

    def _faults(self) -> str:
        return "; ".join(f"{member.name} is {member.state.value} ({member.health.reason})" for member in self.members)

    def _say(self, event: str, state: object, **fields: object) -> None:
        """Say a lasting condition once when it begins."""
        if self._said.get(event, False) != state:
            self._said[event] = state
            if state:
                self._emit(event, **fields)


def _asks_finality(method: str, params: Sequence[Any]) -> bool:
    return method == "eth_getBlockByNumber" and bool(params) and params[0] in FINALITY_TAGS
