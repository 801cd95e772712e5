"""Moves tokens in a simulation: our probe's code stands at a pool and at two addresses for one ``eth_call``."""

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.chain.artifacts import load
from keeper.chain.endpoint import Endpoint
from keeper.chain.rpc import Reverted, RpcError
from keeper.chain.views import code_size, view
from keeper.errors import Refused, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.tokens import TokenMove, TokenTrial
from keeper.records.units import NO_ADDRESS, Address, BlockRef

REGISTRY = Address("0x1820a4b7618bde71dce8cdc73aab6c95905fad24")
"""ERC-1820: the same address on every chain that has it."""
ERC777 = keccak(b"ERC777Token")

STRANGERS = tuple(Address("0x" + keccak(f"Bulkhead token probe {name}".encode())[12:].hex()) for name in "AB")
"""Addresses that nobody holds a key of, and no token knows."""

SMALL_SHIFT = 20
"""The small amount of a trial is a millionth of the large one."""

_RUN = "run(address,address,address,uint256[])"
_MOVE = "(bool,bool,uint256,uint256,uint256,uint256,int256,int256,bool,bool)"


def try_token(rpc: Endpoint, token: Address, holder: Address, block: BlockRef, gas: int) -> TokenTrial:
    """Move a millionth of the half, then the half, of what the holder has.

    Parameters
    ----------
    holder
        Pool, or the vault that holds the pool's tokens.
    gas
        Of the one call.

    Raises
    ------
    RetryLater
        The node allows no code to be placed, or did not answer.
    """
    held = held_at(rpc, token, holder, block)
    registered = _registered(rpc, token)
    large = held // 2
    if not large:
        return TokenTrial(token, holder, held, (), registered)
    amounts = sorted({max(1, large >> SMALL_SHIFT), large})
    moves = _run(rpc, (token, *STRANGERS, amounts), holder, block, gas)
    rounds = tuple((moves[at], moves[at + 1], moves[at + 2]) for at in range(0, len(moves), 3))
    return TokenTrial(token, holder, held, rounds, registered)


def held_at(rpc: Endpoint, token: Address, holder: Address, block: BlockRef) -> int:
    """What ``balanceOf`` says first, raw units; 0 where it says nothing."""
    data = keccak(b"balanceOf(address)")[:4] + bytes(12) + bytes.fromhex(holder[2:])
    try:
        reply = rpc.call("eth_call", [{"to": token, "data": "0x" + data.hex()}, hex(block.number)])
    except Reverted:
        return 0
    return int(reply[2:66] or "0", 16)


def _run(rpc: Endpoint, arguments: tuple[object, ...], holder: Address, block: BlockRef, gas: int) -> list[TokenMove]:
    data = keccak(_RUN.encode())[:4] + encode(("address", "address", "address", "uint256[]"), arguments)
    code = "0x" + load("TokenProbe").runtime.hex()
    call = {"to": holder, "data": "0x" + data.hex(), "gas": hex(gas)}
    at = {"blockHash": "0x" + block.hash.hex(), "requireCanonical": True}
    try:
        reply = rpc.call("eth_call", [call, at, {account: {"code": code} for account in (holder, *STRANGERS)}])
        (rows,) = decode((f"{_MOVE}[]",), bytes.fromhex(reply[2:]))
    except (Reverted, RpcError, DecodingError) as error:
        what = f"{rpc.label}: {arguments[0]} cannot be tried at {holder}: {error}"
        raise RetryLater(what, "use a node that allows state overrides in eth_call") from None
    return [TokenMove(*row) for row in rows]


def _registered(rpc: Endpoint, token: Address) -> bool:
    if not code_size(rpc, REGISTRY):
        return False
    asked = (token, ERC777)
    try:
        (found,) = view(rpc, REGISTRY, "getInterfaceImplementer(address,bytes32)", ("address",), asked)
    except Refused:
        return False
    return bool(found != NO_ADDRESS)
