"""A call made for real in a simulation: what our contract's words would be after it."""

from collections.abc import Sequence

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
