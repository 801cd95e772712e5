"""Runs every adapter in lock step at one block hash: one ``eth_call`` a round, whatever the number of pools.

The best way that the node allows is found at the first read (``chain.routes``). Where no code can be placed, readings
go on through view functions, with the same answers in more rounds.

Warning: where a reader stands, the account's own code is gone for the whole call. A contract that asks one of the
pools by itself (a feed that is a pool's mean) would be answered by the reader; such a feed is not an adapter of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keeper.chain.endpoint import Endpoint
from keeper.chain.quantities import block_ref
from keeper.chain.routes import CALLING_READERS, ROUTES, OtherBlock, Route, TooBig, probe
from keeper.errors import RetryLater
from keeper.maths.fixed import cdiv
from keeper.records.lockstep import Reading, together, without_readers
from keeper.records.ports import ViewPlan
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import BlockRef

GAS_CAP = 50_000_000
"""Gas of one ``eth_call``; the cap that nodes commonly set (toolchain.md 5)."""

FIRST_GAS = 2_500_000
"""What a placed reader that calls nobody gets at first: about 900 initialised ticks.

It is our own code and answers the same with more gas, so only a failure is asked again with the whole stipend. Fewer
would fit into one call if each had to find its whole stipend left over.
"""

OTHER_BLOCK_TRIES = 3
"""Requests before a node that answers from another block is believed to do so always."""
_HASH_DIGITS = 66


class NoBlock(RetryLater):
    """The node knows no such block, or none such any more."""


def header_at(rpc: Endpoint, number: int | str) -> dict[str, Any]:
    """Header as the node has it, by height, hash (0x and 64 digits) or tag.

    Raises
    ------
    NoBlock
        There is none.
    """
    by_hash = isinstance(number, str) and len(number) == _HASH_DIGITS
    at = hex(number) if isinstance(number, int) else number
    header = rpc.call("eth_getBlockByHash" if by_hash else "eth_getBlockByNumber", [at, False])
    if header is None:
        raise NoBlock(f"{rpc.label} has no block {number}")
    found: dict[str, Any] = header
    return found


class Reader:
    """``records.ports.ChainReader`` over one node.

    Parameters
    ----------
    plans
        How to read without placed code, by the name of the reader; none: such a read fails.
    first_gas
        What a placed reader that calls nobody gets at first.
    routes
        Ways to try, best first.
    """

    def __init__(
        self,
        rpc: Endpoint,
        gas_cap: int = GAS_CAP,
        plans: Mapping[str, ViewPlan] | None = None,
        routes: Sequence[Route] = ROUTES,
        first_gas: int = FIRST_GAS,
    ) -> None:
        self.rpc = rpc
        self.gas_cap = gas_cap
        self.eth_calls = 0
        """``eth_call`` requests made so far, probes aside."""
        self.last_gas = 0
        """Gas that the last call's asks used, as our loop counted it."""
        self._plans = plans or {}
        self._routes = routes
        self._first_gas = first_gas
        self._route: Route | None = None
        self._large: set[Ask] = set()
        """Asks that need their whole stipend."""
        self._gas_each = 0
        """Mean gas of an ask in the last round; 0 = not known."""
        self._spent = 0

    def run(self, readings: Sequence[Reading], block: BlockRef) -> list[object]:
        """Advance all generators to their ends, one batch a round; values in order."""
        route = self.route(block)
        if not route.reads_words:
            readings = [without_readers(reading, self._plans, block) for reading in readings]
        everything = together(readings)
        answers: tuple[Answer, ...] | None = None
        while True:
            try:
                asks = next(everything) if answers is None else everything.send(answers)
            except StopIteration as stop:
                values: list[object] = stop.value
                return values
            answers = tuple(self._ask(route, asks, block))

    def route(self, block: BlockRef) -> Route:
        """The way that is taken, found at the first call.

        Raises
        ------
        RetryLater
            The node allows none, or does not answer.
        """
        if self._route is None:
            faults = []
            for route in self._routes:
                if not (fault := probe(self.rpc, route, block, self.gas_cap)):
                    self._route = route
                    return route
                faults.append(f"{route.name}: {fault}")
            raise RetryLater("; ".join(faults), "use a node that allows state overrides in eth_call")
        return self._route

    def block(self, number: int | str) -> BlockRef:
        """Header by height, hash (0x and 64 digits) or tag.

        Raises
        ------
        NoBlock
            There is none.
        Violation
            What was answered is no header.
        """
        return block_ref(header_at(self.rpc, number))

    def _ask(self, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> list[Answer]:
        """Answers of one round; a reader that failed with less than its stipend is asked again with all of it."""
        first = tuple(self._modest(ask) for ask in asks)
        answers = self._in_parts(route, first, block)
        short = [at for at, ask in enumerate(asks) if not answers[at].ok and first[at].gas < ask.gas]
        self._large |= {asks[at] for at in short}
        for at, answer in zip(short, self._in_parts(route, tuple(asks[at] for at in short), block), strict=True):
            answers[at] = answer
        return answers

    def _modest(self, ask: Ask) -> Ask:
        if not ask.reader or ask.reader in CALLING_READERS or ask in self._large:
            return ask
        return replace(ask, gas=min(ask.gas, self._first_gas))

    def _in_parts(self, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> list[Answer]:
        """As many calls as the last round lets expect: a call that runs out of gas is a call for nothing."""
        if not asks:
            return []
        room = self.gas_cap - max(ask.gas for ask in asks)
        parts = max(1, cdiv(len(asks) * self._gas_each, room)) if room > 0 else 1
        size = cdiv(len(asks), parts)
        self._spent = 0
        answers = []
        for at in range(0, len(asks), size):
            answers += self._halving(route, asks[at : at + size], block)
        self._gas_each = self._spent // len(asks)
        return answers

    def _call(self, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> tuple[list[Answer], int]:
        return self._of_node(self.rpc, route, asks, block)

    def _of_node(self, rpc: Endpoint, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> tuple[list[Answer], int]:
        """One request; a node that answers from a neighbour while a block comes in is asked again at once."""
        for _ in range(OTHER_BLOCK_TRIES - 1):
            try:
                self.eth_calls += 1
                return route.call(rpc, asks, block, self.gas_cap)
            except OtherBlock:
                continue
        self.eth_calls += 1
        return route.call(rpc, asks, block, self.gas_cap)

    def _halving(self, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> list[Answer]:
        try:
            answers, self.last_gas = self._call(route, asks, block)
        except TooBig as error:
            if len(asks) == 1:
                hint = f"a node that allows more than {self.gas_cap} gas a call is needed"
                raise RetryLater(f"reading {asks[0].to} alone: {error.message}", hint) from None
            half = len(asks) // 2
            return self._halving(route, asks[:half], block) + self._halving(route, asks[half:], block)
        self._spent += self.last_gas
        return answers
