"""Hashes of block headers, computed here: a header that hashes to its hash can only be the one it claims to be.

Fields by EIP-1559, 4895, 4844, 4788, 7685. Chains whose headers have others, or none of these rules, are told apart
from nodes that lie by whether any header of theirs was ever recomputed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import rlp

from keeper.chain.quantities import Malformed, data, quantity
from keeper.maths.keccak import keccak

FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
LATER = ("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash")
"""Added one fork after the other; a header has a first part of them."""

_NUMBERS = frozenset(
    {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
)
_BESIDE = frozenset({"hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals"})
"""What nodes add that is not part of the header."""


def header_hash(header: Mapping[str, Any]) -> bytes:
    """Keccak of the header's RLP, whatever hash it claims.

    Raises
    ------
    Malformed
        A field is absent, or is not what it must be.
    """
    present = [name for name in LATER if header.get(name) is not None]
    return keccak(rlp.encode([_field(name, header.get(name)) for name in (*FIELDS, *present)]))


class HeaderCheck:
    """Whether headers hash to what they claim, on a chain of which that is not known yet.

    Parameters
    ----------
    emit
        Log; ``headers_not_recomputed`` is said once, with the fields that are not known.
    """

    def __init__(self, emit: Callable[..., None]) -> None:
        self._emit = emit
        self._recomputed = False
        self._said = False

    def fault(self, header: Mapping[str, Any]) -> str:
        """Empty, or why the node that answered this header cannot be believed."""
        unknown = sorted(header.keys() - {*FIELDS, *LATER, *_BESIDE})
        try:
            right = header_hash(header) == data(header.get("hash"))
        except Malformed:
            right = False
        if right:
            self._recomputed = True
            return ""
        if self._recomputed and not unknown:
            return f"the header of block {quantity(header.get('number'))} does not hash to its hash"
        if not self._said:
            self._said = True
            self._emit("headers_not_recomputed", unknown=unknown)
        return ""


def _field(name: str, value: Any) -> bytes:
    if name in _NUMBERS:
        number = quantity(value, 256)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return data(value)
