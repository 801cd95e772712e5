"""The typed data that keepers sign (EIP-712): a batch in the domain of one contract on one chain."""

from dataclasses import astuple
from typing import Any

from keeper.maths.abi import word
from keeper.maths.keccak import keccak
from keeper.records.report import Batch
from keeper.records.units import Address

NAME, VERSION = "Bulkhead", "1"
DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
BATCH_FIELDS = (
    ("observedBlock", "uint64"),
    ("observedHash", "bytes32"),
    ("observedTime", "uint64"),
    ("validUntil", "uint64"),
    ("settingsHash", "bytes32"),
    ("commitmentsRoot", "bytes32"),
    ("reportsHash", "bytes32"),
)
"""In the order of ``records.report.Batch``."""


def _type(name: str, members: tuple[tuple[str, str], ...]) -> bytes:
    return f"{name}({','.join(f'{kind} {member}' for member, kind in members)})".encode()


DOMAIN_TYPE = _type("EIP712Domain", DOMAIN_FIELDS)
BATCH_TYPE = _type("Batch", BATCH_FIELDS)


def domain_separator(chain_id: int, contract: Address) -> bytes:
    """Domain separator of ``CollateralParameters``, 32 bytes."""
    parts = (keccak(DOMAIN_TYPE), keccak(NAME.encode()), keccak(VERSION.encode()))
    return keccak(b"".join(parts) + word(chain_id) + word(int(contract, 16)))


def batch_digest(batch: Batch, chain_id: int, contract: Address) -> bytes:
    """What keepers sign, 32 bytes."""
    words = (value if isinstance(value, bytes) else word(value) for value in astuple(batch))
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + keccak(keccak(BATCH_TYPE) + b"".join(words)))


def typed_data(batch: Batch, chain_id: int, contract: Address) -> dict[str, Any]:
    """The same as a document, for signers that hash what they are shown (``eth_signTypedData``)."""
    shown = (f"0x{value.hex()}" if isinstance(value, bytes) else value for value in astuple(batch))
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in DOMAIN_FIELDS],
            "Batch": [{"name": name, "type": kind} for name, kind in BATCH_FIELDS],
        },
        "primaryType": "Batch",
        "domain": {
            "name": NAME,
            "version": VERSION,
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        "message": dict(zip((name for name, _ in BATCH_FIELDS), shown, strict=True)),
    }
