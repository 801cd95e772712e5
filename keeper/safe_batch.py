"""A file for Safe's Transaction Builder: calls that signers can read before they sign (interfaces.md 7)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from keeper.maths.keccak import checksummed, keccak
from keeper.records.units import Address

BUILDER_VERSION = "1.16.3"
"""Of the file format."""


def method(name: str, inputs: Sequence[tuple[str, str]], values: Mapping[str, str], to: Address) -> dict[str, Any]:
    """One call, decoded; ``inputs`` are (name, type), every value is text, lists are JSON text."""
    described = [{"name": label, "type": kind, "internalType": kind} for label, kind in inputs]
    return {
        "to": checksummed(to),
        "value": "0",
        # Bytes here would hide the decoded call from whoever signs.
        "data": None,
        "contractMethod": {"inputs": described, "name": name, "payable": False},
        "contractInputsValues": dict(values),
    }


def safe_batch(
    chain_id: int, safe: Address, about: tuple[str, str], created_ms: int, transactions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The whole file with its checksum; ``about`` is (name, description)."""
    document: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": created_ms,
        "meta": {
            "name": about[0],
            "description": about[1],
            "txBuilderVersion": BUILDER_VERSION,
            "createdFromSafeAddress": checksummed(safe),
            "createdFromOwnerAddress": "",
        },
        "transactions": list(transactions),
    }
    document["meta"]["checksum"] = safe_checksum(document)
    return document


def safe_checksum(document: Mapping[str, Any]) -> str:
    """The builder's own checksum: the name and the checksum itself don't count."""
    meta = {key: value for key, value in document["meta"].items() if key != "checksum"} | {"name": None}
    return "0x" + keccak(_serialised({**document, "meta": meta}).encode()).hex()


def _serialised(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(_serialised(item) for item in value)}]"
    if isinstance(value, dict):
        keys = sorted(value)
        return "{" + _compact(keys) + "".join(f"{_serialised(value[key])}," for key in keys) + "}"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
