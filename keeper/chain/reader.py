"""Runs every adapter in lock step at one block hash: one ``eth_call`` a round, whatever the number of pools.

The call goes to the dispatcher, whose code a state override places at an unused address; readers of raw words are
placed at the pools' own addresses by the same override. An answer inside the reply is the callee's own, failure
included; whatever goes wrong around it (transport, an orphaned block, too little gas) is :class:`RetryLater` and never
an answer (design.md 5.3).

Warning: where a reader stands, the account's own code is gone for the whole call. A contract that asks one of the
pools by itself (a feed that is a pool's mean) would be answered by the reader; such a feed is not an adapter of ours.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from keeper.chain.artifacts import load
from keeper.chain.rpc import Reverted, Rpc, RpcError
from keeper.errors import ConfigError, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef

READERS = {
    "slots": "SlotReader",
    "uniswap_v3": "UniswapV3Reader",
    "uniswap_v4": "UniswapV4Reader",
    "market": "MarketReader",
}
"""``Ask.reader`` -> artifact whose runtime code is placed at ``Ask.to``."""

DISPATCHER = Address("0x" + keccak(b"Bulkhead dispatcher")[12:].hex())
"""Where the dispatcher's code is placed: an address that nobody holds a key of."""

GAS_CAP = 50_000_000
"""Gas of one ``eth_call``; the cap that nodes commonly set (toolchain.md 5)."""

NOT_ENOUGH_GAS = keccak(b"NotEnoughGas()")[:4]
"""The dispatcher's word for: this read is too big for one call."""

_WORD = 32
_HEAD = 3 * _WORD

Reading = Generator[tuple[Ask, ...], tuple[Answer, ...], object]


class TooBig(RetryLater):
    """One call could not hold the read; half of it may fit."""


@dataclass(slots=True)
class _Running:
    """A generator and where it stands."""

    generator: Reading
    asks: tuple[Ask, ...] = ()
    value: object = None
    done: bool = False

    def send(self, answers: tuple[Answer, ...] | None) -> None:
        try:
            self.asks = next(self.generator) if answers is None else self.generator.send(answers)
        except StopIteration as stop:
            self.asks, self.value, self.done = (), stop.value, True


class Reader:
    """``records.ports.ChainReader`` over one node."""

    def __init__(self, rpc: Rpc, gas_cap: int = GAS_CAP) -> None:
        self.rpc = rpc
        self.gas_cap = gas_cap
        self.eth_calls = 0
        """``eth_call`` requests made so far."""
        self.last_gas = 0
        """Gas that the last call's asks used, as the dispatcher counted it."""
        self._dispatcher = _code("Dispatcher")

    def run(self, readings: Sequence[Reading], block: BlockRef) -> list[object]:
        """Advance all generators to their ends, one batch a round; values in order."""
        running = [_Running(generator) for generator in readings]
        for row in running:
            row.send(None)
        while open_rows := [row for row in running if not row.done]:
            # The same ask of two markets is made once: cheaper, and the second can't find the slots warm.
            asks = tuple(dict.fromkeys(ask for row in open_rows for ask in row.asks))
            answers = dict(zip(asks, self._ask(asks, block), strict=True))
            for row in open_rows:
                row.send(tuple(answers[ask] for ask in row.asks))
        return [row.value for row in running]

    def block(self, number: int | str) -> BlockRef:
        """Header by height, hash (0x and 64 digits) or tag."""
        by_hash = isinstance(number, str) and len(number) == 2 + 2 * _WORD
        at = hex(number) if isinstance(number, int) else number
        header = self.rpc.call("eth_getBlockByHash" if by_hash else "eth_getBlockByNumber", [at, False])
        if not isinstance(header, dict):
            raise RetryLater(f"{self.rpc.label} has no block {number}")
        try:
            return BlockRef(
                int(header["number"], 16),
                bytes.fromhex(header["hash"][2:]),
                int(header["timestamp"], 16),
                bytes.fromhex(header["parentHash"][2:]),
            )
        except (KeyError, TypeError, ValueError):
            raise RetryLater(f"{self.rpc.label} answered a malformed header for block {number}") from None

    def _ask(self, asks: tuple[Ask, ...], block: BlockRef) -> list[Answer]:
        if not asks:
            return []
        try:
            return self._eth_call(asks, block)
        except TooBig as error:
            if len(asks) == 1:
                hint = f"a node that allows more than {self.gas_cap} gas a call is needed"
                raise RetryLater(f"reading {asks[0].to} alone: {error.message}", hint) from None
            half = len(asks) // 2
            return self._ask(asks[:half], block) + self._ask(asks[half:], block)

    def _eth_call(self, asks: tuple[Ask, ...], block: BlockRef) -> list[Answer]:
        override = {address: {"code": code} for address, code in _codes(asks).items()}
        override[DISPATCHER] = {"code": self._dispatcher}
        call = {"to": DISPATCHER, "data": "0x" + _packed(asks).hex(), "gas": hex(self.gas_cap)}
        pinned = {"blockHash": "0x" + block.hash.hex(), "requireCanonical": True}
        self.eth_calls += 1
        try:
            reply = self.rpc.call("eth_call", [call, pinned, override])
        except Reverted as error:
            if error.data in (b"", NOT_ENOUGH_GAS):
                raise TooBig("the call ran out of gas") from None
            raise RetryLater(f"{self.rpc.label}: the dispatcher reverted with 0x{error.data[:68].hex()}") from None
        except RpcError as error:
            if _is_out_of_gas(error):
                raise TooBig("the call ran out of gas") from None
            raise
        return self._unpacked(reply, len(asks), block)

    def _unpacked(self, reply: Any, count: int, block: BlockRef) -> list[Answer]:
        data = bytes.fromhex(reply[2:]) if isinstance(reply, str) else b""
        if not data:
            raise TooBig("the call answered nothing")
        number, time = int.from_bytes(data[:_WORD], "big"), int.from_bytes(data[_WORD : 2 * _WORD], "big")
        if (number, time) != (block.number, block.timestamp):
            raise RetryLater(
                f"{self.rpc.label} read block {number} at {time} instead of {block.number} at {block.timestamp}",
                "the node must honour block hash and state override in eth_call",
            )
        self.last_gas = int.from_bytes(data[2 * _WORD : _HEAD], "big")
        answers, at = [], _HEAD
        for _ in range(count):
            size = int.from_bytes(data[at + 1 : at + 4], "big")
            answers.append(Answer(data[at : at + 1] == b"\x01", data[at + 4 : at + 4 + size]))
            at += 4 + size
        if at != len(data):
            raise RetryLater(f"{self.rpc.label} truncated the reply: {len(data)} bytes instead of {at}")
        return answers


def _codes(asks: tuple[Ask, ...]) -> dict[Address, str]:
    """Reader code for each address that has one."""
    readers: dict[Address, str] = {}
    for ask in asks:
        if readers.setdefault(ask.to, ask.reader) != ask.reader:
            names = sorted(name or "its own code" for name in {ask.reader, readers[ask.to]})
            raise ConfigError(f"{ask.to} is to be read in two ways at once: {names[0]} and {names[1]}")
    return {address: _code(READERS[reader]) for address, reader in readers.items() if reader}


def _packed(asks: tuple[Ask, ...]) -> bytes:
    return b"".join(
        ask.gas.to_bytes(4, "big") + bytes.fromhex(ask.to[2:]) + len(ask.data).to_bytes(3, "big") + ask.data
        for ask in asks
    )


def _code(name: str) -> str:
    return "0x" + load(name).runtime.hex()


def _is_out_of_gas(error: RpcError) -> bool:
    """Known dialects: geth and reth ``out of gas``, Nethermind ``OutOfGas``, Anvil also ``MemoryOOG``."""
    text = error.message.lower().replace(" ", "")
    return any(mark in text for mark in ("outofgas", "oog", "gasrequiredexceeds"))
