"""View functions of contracts, by signature; for checks and reports, never for the fold."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.chain.endpoint import Endpoint
from keeper.chain.rpc import Reverted, RpcError
from keeper.errors import Refused
from keeper.maths.keccak import keccak
from keeper.records.units import Address


def view(  # noqa: PLR0917 - a call has this many parts
    rpc: Endpoint,
    contract: Address,
    signature: str,
    returns: Sequence[str],
    arguments: Sequence[object] = (),
    block: int | str = "latest",
) -> tuple[Any, ...]:
    """Decoded answer of ``name(type,...)``; only flat argument types.

    Raises
    ------
    Refused
        The call reverted, or answered something else than ``returns``.
    """
    types = signature[signature.index("(") + 1 : -1]
    data = keccak(signature.encode())[:4] + encode(types.split(",") if types else [], arguments)
    at = hex(block) if isinstance(block, int) else block
    try:
        answer = rpc.call("eth_call", [{"to": contract, "data": "0x" + data.hex()}, at])
        return decode(list(returns), bytes.fromhex(answer[2:]))
    except (Reverted, DecodingError):
        raise Refused(f"{contract} does not answer {signature}", "check the address and the chain") from None


def code_size(rpc: Endpoint, account: Address) -> int:
    """Bytes of code at an account; 0 for one that is not a contract."""
    return len(rpc.call("eth_getCode", [account, "latest"])) // 2 - 1


def first_block_with_code(rpc: Endpoint, account: Address, head: int) -> int:
    """Block in which a contract was created, by bisection; 0 where the node keeps no state so old."""
    low, high = 0, head
    try:
        while low < high:
            middle = (low + high) // 2
            if len(rpc.call("eth_getCode", [account, hex(middle)])) > len("0x"):
                high = middle
            else:
                low = middle + 1
    except RpcError:
        return 0
    return low
