"""The usual quick way to read many pools: TickLens through Multicall3, one aggregate a round, decoded by hand."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode

from keeper.chain.routes import MULTICALL3
from keeper.chain.rpc import Rpc
from keeper.maths.keccak import keccak
from keeper.records.settings import PoolSettings
from keeper.records.units import Address, BlockRef
from keeper.venues.abi import signed, word

_AGGREGATE = keccak(b"aggregate3((address,bool,bytes)[])")[:4]
_SLOT0, _LIQUIDITY = keccak(b"slot0()")[:4], keccak(b"liquidity()")[:4]
_BITMAP, _POPULATED = keccak(b"tickBitmap(int16)")[:4], keccak(b"getPopulatedTicksInWord(address,int16)")[:4]
GAS = 10**9
"""No split: on a node that caps calls at 50 M it would take several."""

Calls = list[tuple[Address, bytes]]


class TickLens:
    """Prices, liquidities and ticks of pools within the same range as the keeper reads.

    Parameters
    ----------
    reach
        Range on each side of the price, ticks.
    """

    def __init__(self, rpc: Rpc, lens: Address, pools: Sequence[PoolSettings], block: BlockRef, reach: int) -> None:
        self._rpc, self._lens, self._pools, self._block, self._reach = rpc, lens, pools, block, reach

    def read(self, *, bitmaps: bool = False) -> list[list[tuple[int, int]]]:
        """(tick, net) of each pool, rising; ``bitmaps``: ask for the bitmap words first and leave out empty words."""
        heads = self._aggregate([(pool.address, data) for pool in self._pools for data in (_SLOT0, _LIQUIDITY)])
        spans = [
            self._span(pool, signed(int.from_bytes(head[32:64], "big"), 24))
            for pool, head in zip(self._pools, heads[::2], strict=True)
        ]
        wanted = [(at, position) for at, span in enumerate(spans) for position in span[2]]
        if bitmaps:
            words = self._aggregate([(self._pools[at].address, _BITMAP + word(row)) for at, row in wanted])
            wanted = [row for row, bits in zip(wanted, words, strict=True) if any(bits)]
        answers = self._aggregate(self.lens_calls(wanted))
        found: list[list[tuple[int, int]]] = [[] for _ in self._pools]
        for (at, _), answer in zip(wanted, answers, strict=True):
            low, high, _ = spans[at]
            found[at] += [row for row in _populated(answer) if low <= row[0] <= high]
        return found

    def lens_calls(self, wanted: Sequence[tuple[int, int]]) -> Calls:
        """One ``getPopulatedTicksInWord`` for each (pool, word position)."""
        head = {at: _POPULATED + bytes(12) + bytes.fromhex(self._pools[at].address[2:]) for at, _ in wanted}
        return [(self._lens, head[at] + word(position)) for at, position in wanted]

    def _span(self, pool: PoolSettings, tick: int) -> tuple[int, int, range]:
        low, high, spacing = tick - self._reach, tick + self._reach, pool.tick_spacing
        return low, high, range(-(-low // spacing) >> 8, (high // spacing >> 8) + 1)

    def gas(self, pool: int, position: int) -> int:
        """Gas of one word of one pool, the call's own 21,000 and calldata left out."""
        ((to, data),) = self.lens_calls([(pool, position)])
        call = {"to": to, "data": "0x" + data.hex(), "gas": hex(GAS)}
        trace: Any = self._rpc.call("debug_traceCall", [call, "latest", {"tracer": "callTracer"}])
        nonzero = len(data) - data.count(0)
        return int(trace["gasUsed"], 16) - 21_000 - 16 * nonzero - 4 * data.count(0)

    def _aggregate(self, calls: Calls) -> list[bytes]:
        data = _AGGREGATE + encode(("(address,bool,bytes)[]",), ([(to, True, row) for to, row in calls],))
        call = {"to": MULTICALL3, "data": "0x" + data.hex(), "gas": hex(GAS)}
        pinned = {"blockHash": "0x" + self._block.hash.hex(), "requireCanonical": True}
        return _answers(bytes.fromhex(self._rpc.call("eth_call", [call, pinned])[2:]))


def _answers(reply: bytes) -> list[bytes]:
    """The data of ``(bool,bytes)[]``; eth-abi takes some ten times as long."""
    count, base = _int(reply, 32), 64
    rows = []
    for at in range(count):
        start = base + _int(reply, base + 32 * at)
        size = _int(reply, start + 64)
        if not _int(reply, start):
            raise ValueError("a call of the aggregate failed")
        rows.append(reply[start + 96 : start + 96 + size])
    return rows


def _populated(answer: bytes) -> list[tuple[int, int]]:
    """(tick, net) of ``(int24 tick, int128 net, uint128 gross)[]``, which TickLens gives falling."""
    rows = [(_signed(answer, at), _signed(answer, at + 32)) for at in range(64, 64 + 96 * _int(answer, 32), 96)]
    return rows[::-1]


def _int(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32], "big")


def _signed(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32], "big", signed=True)
