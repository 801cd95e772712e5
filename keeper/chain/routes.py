"""Ways to get many answers at one block out of a node, best first.

``override``    code placed by a state override: raw words, one round trip;
``deployless``  the same loop as the constructor of a contract that is never deployed: views only, a few round trips;
``multicall3``  the well-known contract that most chains have: views only, and no stipends;
``single``      a call for every ask in one body, where there is none of these: views only, pinned by hash alone.

An answer is the callee's own, failure included; whatever goes wrong around it is :class:`RetryLater`, never an answer.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.chain.artifacts import load
from keeper.chain.endpoint import Endpoint
from keeper.chain.quantities import block_ref
from keeper.chain.quantities import data as bytes_of
from keeper.chain.rpc import Reverted, RpcError, Violation
from keeper.errors import ConfigError, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef

READERS = {
    "aave_v3": "AaveV3Reader",
    "balancer": "BalancerReader",
    "chainlink": "ChainlinkReader",
    "uniswap_v2": "SlotReader",
    "uniswap_v3": "UniswapV3Reader",
    "uniswap_v4": "UniswapV4Reader",
    "market": "MarketReader",
}
"""``Ask.reader`` -> artifact whose runtime code is placed at ``Ask.to``."""

CALLING_READERS = frozenset({"aave_v3", "balancer", "chainlink"})
"""Those that call others, whose answer may hang on the gas they get. The rest reads words, whatever the gas."""

DISPATCHER = Address("0x" + keccak(b"Bulkhead dispatcher")[12:].hex())
"""Where the dispatcher's code is placed: an address that nobody holds a key of."""

MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
"""Same address on every chain that has it."""

NOT_ENOUGH_GAS = keccak(b"NotEnoughGas()")[:4]
"""Our own loops' word for: this read is too big for one call."""

PROBE_GAS = 100_000
"""Of the ask by which a way is tried."""

_WORD = 32
_HEAD = 3 * _WORD
_AGGREGATE = keccak(b"aggregate3((address,bool,bytes)[])")[:4]
_NUMBER, _TIME = keccak(b"getBlockNumber()")[:4], keccak(b"getCurrentBlockTimestamp()")[:4]


class OtherBlock(Violation):
    """The answer is of another block than the one that was named."""


class NoAnswers(RetryLater):
    """There is no Multicall3, or what answered for it is none."""


class TooBig(RetryLater):
    """One call could not hold the read; half of it may fit."""


class Route(Protocol):
    """One way to make many calls in one request."""

    name: str
    reads_words: bool
    """Whether code can be placed, and so raw words be read."""

    def call(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        """Answers in order, and the gas they used where the way tells.

        Raises
        ------
        TooBig
            The gas was not enough for all.
        RetryLater
            Anything else that is not an answer.
        """


class Override:
    """Our dispatcher at an unused address, readers at the pools' own addresses."""

    name = "override"
    reads_words = True

    def call(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        """One request, whatever the asks."""
        override = {address: {"code": code} for address, code in _codes(asks).items()}
        override[DISPATCHER] = {"code": _code("Dispatcher")}
        call = {"to": DISPATCHER, "data": "0x" + _packed(asks).hex(), "gas": hex(gas_cap)}
        try:
            reply = rpc.call("eth_call", [call, _pinned(block), override])
        except Reverted as error:
            if error.data in (b"", NOT_ENOUGH_GAS):
                raise TooBig("the call ran out of gas") from None
            raise Violation(f"{rpc.label}: the dispatcher reverted with 0x{error.data[:68].hex()}") from None
        except RpcError as error:
            raise _too_big(error) from None
        return _unpacked(rpc, bytes_of(reply), len(asks), block)


class Deployless:
    """The dispatcher's loop in a constructor, which reverts with the answers."""

    name = "deployless"
    reads_words = False

    def call(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        """One request, whatever the asks."""
        data = load("Deployless").bytecode + encode(("bytes",), (_packed(asks),))
        try:
            reply = rpc.call("eth_call", [{"data": "0x" + data.hex(), "gas": hex(gas_cap)}, _pinned(block)])
        except Reverted as error:
            if error.data in (b"", NOT_ENOUGH_GAS):
                raise TooBig("the call ran out of gas") from None
            return _unpacked(rpc, error.data, len(asks), block)
        except RpcError as error:
            raise _too_big(error) from None
        raise Violation(f"{rpc.label} answered {len(bytes_of(reply))} bytes for a constructor that reverts")


class Multicall3:
    """``aggregate3`` of the well-known contract.

    It has no stipends, so a call that failed without data among others may have lacked gas: it is asked again alone.
    An answer that is short is none: every ask is made by itself instead.
    """

    name = "multicall3"
    reads_words = False

    def call(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        """One request, and one more for each silent failure."""
        try:
            answers = self._aggregate(rpc, asks, block, gas_cap)
        except NoAnswers:
            if asks == (Ask(DISPATCHER, b"", gas=PROBE_GAS),):
                raise
            return SingleCalls().call(rpc, asks, block, gas_cap)
        if len(asks) > 1:
            for index, answer in enumerate(answers):
                if not answer.ok and not answer.data:
                    (answers[index],) = self._aggregate(rpc, asks[index : index + 1], block, gas_cap)
        return answers, 0

    def _aggregate(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> list[Answer]:
        rows = [(MULTICALL3, False, _NUMBER), (MULTICALL3, False, _TIME), *((ask.to, True, ask.data) for ask in asks)]
        data = _AGGREGATE + encode(("(address,bool,bytes)[]",), (rows,))
        call = {"to": MULTICALL3, "data": "0x" + data.hex(), "gas": hex(gas_cap)}
        try:
            reply = rpc.call("eth_call", [call, _pinned(block)])
        except Reverted:
            raise TooBig("the call ran out of gas") from None
        except RpcError as error:
            raise _too_big(error) from None
        try:
            (answers,) = decode(("(bool,bytes)[]",), bytes_of(reply))
        except DecodingError:
            raise NoAnswers(f"{rpc.label} has no Multicall3, or answered for it what is none") from None
        if len(answers) != len(rows):
            raise NoAnswers(f"{rpc.label} truncated the reply: {len(answers)} answers to {len(rows)} calls")
        number, time = (int.from_bytes(row[1], "big") for row in answers[:2])
        _same_block(rpc, number, time, block)
        return [Answer(ok, data) for ok, data in answers[2:]]


class SingleCalls:
    """Every ask a call of its own, many in one body, with the block's header in front; only the hash pins them."""

    name = "single"
    reads_words = False

    def call(self, rpc: Endpoint, asks: Sequence[Ask], block: BlockRef, gas_cap: int) -> tuple[list[Answer], int]:
        """One body for up to a hundred asks."""
        rows = [{"to": ask.to, "data": "0x" + ask.data.hex(), "gas": hex(min(ask.gas, gas_cap))} for ask in asks]
        answers = []
        calls = [("eth_call", [row, _pinned(block)]) for row in rows]
        header, *replies = rpc.each([("eth_getBlockByHash", ["0x" + block.hash.hex(), False]), *calls])
        if not isinstance(header, dict):
            raise RetryLater(f"{rpc.label} has no block 0x{block.hash.hex()}")
        found = block_ref(header)
        _same_block(rpc, found.number, found.timestamp, block)
        for reply in replies:
            if isinstance(reply, RpcError):
                raise reply
            answers.append(Answer(False, reply.data) if isinstance(reply, Reverted) else Answer(True, bytes_of(reply)))
        return answers, 0


ROUTES: tuple[Route, ...] = (Override(), Deployless(), Multicall3(), SingleCalls())


def probe(rpc: Endpoint, route: Route, block: BlockRef, gas_cap: int) -> str:
    """Empty when the node takes this way, else why not; a fault counts when it is met twice.

    Raises
    ------
    RpcError
        The node did not answer at all, which says nothing of the way.
    """
    fault = ""
    for _ in range(2):
        try:
            route.call(rpc, (Ask(DISPATCHER, b"", gas=PROBE_GAS),), block, gas_cap)
        except TooBig:
            fault = "answers nothing"
        except RetryLater as error:
            if isinstance(error, RpcError) and not error.code and not isinstance(error, Violation):
                raise
            fault = error.message
        else:
            return ""
    return fault


def _pinned(block: BlockRef) -> dict[str, Any]:
    return {"blockHash": "0x" + block.hash.hex(), "requireCanonical": True}


def _unpacked(rpc: Endpoint, data: bytes, count: int, block: BlockRef) -> tuple[list[Answer], int]:
    """The loops' packed reply."""
    if not data:
        raise TooBig("the call answered nothing")
    _same_block(rpc, int.from_bytes(data[:_WORD], "big"), int.from_bytes(data[_WORD : 2 * _WORD], "big"), block)
    answers, at = [], _HEAD
    for _ in range(count):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        answers.append(Answer(data[at : at + 1] == b"\x01", data[at + 4 : at + 4 + size]))
        at += 4 + size
    if at != len(data):
        raise Violation(f"{rpc.label} truncated the reply: {len(data)} bytes instead of {at}")
    return answers, int.from_bytes(data[2 * _WORD : _HEAD], "big")


def _same_block(rpc: Endpoint, number: int, time: int, block: BlockRef) -> None:
    if (number, time) != (block.number, block.timestamp):
        raise OtherBlock(
            f"{rpc.label} read block {number} at {time} instead of {block.number} at {block.timestamp}",
            "the node must honour the block hash in eth_call",
        )


def _codes(asks: Sequence[Ask]) -> dict[Address, str]:
    """Reader code for each address that has one."""
    readers: dict[Address, str] = {}
    for ask in asks:
        if readers.setdefault(ask.to, ask.reader) != ask.reader:
            names = sorted(name or "its own code" for name in {ask.reader, readers[ask.to]})
            raise ConfigError(f"{ask.to} is to be read in two ways at once: {names[0]} and {names[1]}")
    return {address: _code(READERS[reader]) for address, reader in readers.items() if reader}


def _packed(asks: Sequence[Ask]) -> bytes:
    return b"".join(
        ask.gas.to_bytes(4, "big") + bytes.fromhex(ask.to[2:]) + len(ask.data).to_bytes(3, "big") + ask.data
        for ask in asks
    )


def _code(name: str) -> str:
    return "0x" + load(name).runtime.hex()


def _too_big(error: RpcError) -> RpcError | TooBig:
    """Known dialects: geth and reth ``out of gas``, Nethermind ``OutOfGas``, Anvil also ``MemoryOOG``.

    A constructor is too big by itself at 49,152 bytes, with which every node says ``initcode`` (EIP-3860).
    """
    text = error.message.lower().replace(" ", "")
    out_of_gas = any(mark in text for mark in ("outofgas", "oog", "gasrequiredexceeds", "initcode"))
    return TooBig("the call ran out of gas") if out_of_gas else error
