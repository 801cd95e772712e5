"""Reads whole snapshots from two nodes at the same block hash; what they say must be equal to the last bit (B2 rule 3).

Two that differ publish nothing: a third says who is odd, and twice odd is out. A header must hash to its hash.
"""

from collections.abc import Mapping, Sequence

from keeper.chain.agreement import NoQuorum
from keeper.chain.headers import HeaderCheck
from keeper.chain.pool import FINALITY_TAGS, Pool
from keeper.chain.quantities import block_ref
from keeper.chain.reader import GAS_CAP, Reader, header_at
from keeper.chain.routes import ROUTES, Route, probe
from keeper.chain.rpc import Reverted, Rpc, RpcError, Violation
from keeper.errors import RetryLater
from keeper.maths.keccak import keccak
from keeper.records.ports import ViewPlan
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import BlockRef

NOT_ALLOWED = -32_601
"""JSON-RPC's "method not found": what a node that does not take our way of reading amounts to."""


class QuorumReader(Reader):
    """``records.ports.ChainReader`` over a pool.

    Parameters
    ----------
    pool
        Its :meth:`Pool.poll` is called whenever the latest block is asked for.
    plans, routes
        As of :class:`Reader`.
    """

    def __init__(
        self,
        pool: Pool,
        headers: HeaderCheck,
        gas_cap: int = GAS_CAP,
        plans: Mapping[str, ViewPlan] | None = None,
        routes: Sequence[Route] = ROUTES,
    ) -> None:
        super().__init__(pool, gas_cap, plans, routes)
        self._pool = pool
        self._headers = headers
        self._faults: dict[tuple[str, str], str] = {}
        """(node, way) -> why it does not take it; empty when it does."""
        self._alone: int | None = None

    def run_alone_since(self) -> int | None:
        """Lowest block that was read by one node alone, once two agree again; None: nothing, or still alone.

        Whatever rests on that block or a later one is to be read again: routine updates and loosening need a quorum.
        """
        if self._alone is None or self._pool.degraded:
            return None
        block, self._alone = self._alone, None
        return block

    def route(self, block: BlockRef) -> Route:
        """Best way that as many nodes take as must agree; the others are passed over while it is taken.

        Raises
        ------
        RetryLater
            There is none.
        """
        need = self._pool.need
        taken = self._route
        if taken is not None and self._takers(taken) >= need:
            return taken
        faults = []
        for route in self._routes:
            heard = self._pool.each_of(lambda node, way=route: self._fault(node, way, block), need)  # type: ignore[misc]
            if self._takers(route) >= need:
                self._route = route
                return route
            faults += [f"{told.member.name}, {route.name}: {told.value}" for told in heard.answers if told.value]
            if not heard.answers and heard.errors:
                raise heard.errors[-1][1]
        raise RetryLater("; ".join(faults), "use nodes that allow state overrides in eth_call")

    def block(self, number: int | str) -> BlockRef:
        """Header by height, hash or tag; the latest one is the highest that enough nodes have.

        Raises
        ------
        NoBlock
            There is none.
        QuorumMismatch
            Two nodes have different ones.
        """
        if number == "latest":
            self._pool.poll()
        if number == "latest" or number in FINALITY_TAGS:
            number = self._pool.agreed_height(str(number))

        def header(node: Rpc) -> BlockRef:
            found = header_at(node, number)
            if fault := self._headers.fault(found):
                raise Violation(f"{node.label}: {fault}")
            return block_ref(found)

        height = number if isinstance(number, int) else None
        found = self._pool.quorum(header, lambda row: row, f"block {number}", height)
        if isinstance(found, Reverted):
            raise Violation(f"{self._pool.label} reverted the question for block {number}")
        return found

    def _call(self, route: Route, asks: tuple[Ask, ...], block: BlockRef) -> tuple[list[Answer], int]:
        if self._pool.degraded:
            self._alone = min(block.number, block.number if self._alone is None else self._alone)

        def ask(node: Rpc) -> tuple[list[Answer], int]:
            if fault := self._fault(node, route, block):
                raise RpcError(f"{node.label} cannot be read by {route.name}: {fault}", code=NOT_ALLOWED)
            try:
                return self._of_node(node, route, asks, block)
            except Violation:
                # What it took, it takes no more: it is tried again before the next use.
                self._faults.pop((node.name, route.name), None)
                raise

        found = self._pool.quorum(ask, lambda told: digest(told[0]), "snapshot", block.number)
        if isinstance(found, Reverted):
            raise NoQuorum(f"{self._pool.label}: reading by {route.name} reverted")
        return found

    def _takers(self, route: Route) -> int:
        return sum(self._faults.get((member.name, route.name)) == "" for member in self._pool.usable())

    def _fault(self, node: Rpc, route: Route, block: BlockRef) -> str:
        known = self._faults.get((node.name, route.name))
        if known is None:
            known = self._faults[node.name, route.name] = probe(node, route, block, self.gas_cap)
        return known


def digest(answers: Sequence[Answer]) -> bytes:
    """Keccak of packed answers: for each whether it succeeded, its length, its bytes."""
    return keccak(b"".join(bytes([row.ok]) + len(row.data).to_bytes(8, "big") + row.data for row in answers))
