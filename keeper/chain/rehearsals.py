"""Calls made for real in a simulation: what our contract's words would be after one, what several would answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.chain.artifacts import load
from keeper.chain.rpc import RpcError
from keeper.errors import RetryLater
from keeper.maths.keccak import keccak
from keeper.records.ports import Asking
from keeper.records.units import Address, BlockRef

STAGE = Address("0x" + keccak(b"Bulkhead rehearsal")[12:].hex())
"""Where the code is placed: an address that nobody holds a key of."""

INVALID_PARAMS = -32602
"""JSON-RPC's code for a third parameter that a node does not know."""

_RUN = keccak(b"run(address,bytes32[],bytes)")[:4]
_RUN_ALL = keccak(b"runAll(address,bytes[])")[:4]
SAYS_YES = bytes.fromhex("60015f525f60205260405ff3")
"""Code that returns (1, 0) to any call: ``canCall`` of an authority that allows it at once. PUSH1 1, PUSH0, MSTORE,
PUSH0, PUSH1 32, MSTORE, PUSH1 64, PUSH0, RETURN."""


class NoRehearsal(RetryLater):
    """The nodes allow no code to be placed."""


def words_after(
    node: Asking, target: Address, data: bytes, slots: Sequence[bytes], *, block: BlockRef, gas: int
) -> list[bytes]:
    """Storage words, 32 bytes each, as the call leaves them at the end of a block.

    Raises
    ------
    Reverted
        The call reverts, with the contract's own data.
    NoRehearsal
        The node allows no code to be placed.
    RetryLater
        It did not answer.
    """
    call = {
        "to": STAGE,
        "data": "0x" + (_RUN + encode(("address", "bytes32[]", "bytes"), (target, list(slots), data))).hex(),
        "gas": hex(gas),
    }
    code = {STAGE: {"code": "0x" + load("Rehearsal").runtime.hex()}}
    pinned = {"blockHash": "0x" + block.hash.hex(), "requireCanonical": True}
    try:
        reply = node.call("eth_call", [call, pinned, code])
    except RpcError as error:
        if error.code == INVALID_PARAMS:
            raise NoRehearsal(error.message, "use a node that allows state overrides") from None
        raise
    try:
        (words,) = decode(("bytes32[]",), bytes.fromhex(reply[2:]) if isinstance(reply, str) else b"")
    except (DecodingError, ValueError):
        raise NoRehearsal("the node answered no words to a rehearsal", "use one that allows state overrides") from None
    if len(words) != len(slots):
        raise RetryLater(f"the node answered {len(words)} words to {len(slots)} slots of a rehearsal")
    return list(words)


@dataclass(frozen=True, slots=True)
class Step:
    """What one of several calls did."""

    ok: bool
    answer: bytes
    """What it returned, or reverted with."""


def steps_after(
    node: Asking, caller: Address, target: Address, calls: Sequence[bytes], *, lets: Address | None, gas: int
) -> list[Step]:
    """Calls of a contract one after another as an account would make them, each on what the ones before left.

    Parameters
    ----------
    caller
        Whose calls they are; an account or a contract, its code is replaced for the simulation.
    lets
        An authority that is to say yes to every question, or none: a call that waits out a delay can't be simulated.

    Raises
    ------
    RetryLater
        The node allows no code to be placed, or did not answer.
    """
    data = _RUN_ALL + encode(("address", "bytes[]"), (target, list(calls)))
    call = {"to": caller, "data": "0x" + data.hex(), "gas": hex(gas)}
    code = {caller: {"code": "0x" + load("Rehearsal").runtime.hex()}}
    if lets:
        code[lets] = {"code": "0x" + SAYS_YES.hex()}
    reply = node.call("eth_call", [call, "latest", code])
    try:
        ok, answers = decode(("bool[]", "bytes[]"), bytes.fromhex(reply[2:]) if isinstance(reply, str) else b"")
    except (DecodingError, ValueError):
        raise RetryLater("the node answered no steps to a rehearsal", "use one that allows state overrides") from None
    return [Step(good, answer) for good, answer in zip(ok, answers, strict=True)]
