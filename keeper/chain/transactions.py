"""Type-2 transactions as bytes (EIP-1559): what is signed, what is sent, and what a signer really signed."""

import rlp

from keeper.chain.ecdsa import BadSignature, EcdsaSignature, checked
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxFields

TYPE = b"\x02"


def signing_hash(fields: TxFields) -> bytes:
    """What a key signs, 32 bytes."""
    return keccak(TYPE + rlp.encode(_items(fields)))


def encode(fields: TxFields, signature: EcdsaSignature) -> bytes:
    """What ``eth_sendRawTransaction`` takes."""
    parts = map(_integer, (signature.parity, signature.r, signature.s))
    return TYPE + bytes(rlp.encode([*_items(fields), *parts]))


def signature_of(raw: bytes, fields: TxFields) -> EcdsaSignature:
    """The signature inside signed bytes of exactly these fields.

    Raises
    ------
    BadSignature
        The bytes are another transaction, or none.
    """
    wanted = _items(fields)
    try:
        found = rlp.decode(raw[1:]) if raw[:1] == TYPE else []
    except rlp.DecodingError:
        found = []
    if len(found) != len(wanted) + 3 or found[: len(wanted)] != wanted:
        raise BadSignature("the signed bytes are not the transaction that was asked for")
    if any(not isinstance(item, bytes) for item in found[len(wanted) :]):
        raise BadSignature("the signed bytes hold no signature")
    signature = checked(EcdsaSignature(*(int.from_bytes(item, "big") for item in found[len(wanted) :])))
    if encode(fields, signature) != raw:
        raise BadSignature("the signed bytes are not canonical")
    return signature


def _items(fields: TxFields) -> list[bytes | list[bytes]]:
    numbers = (fields.chain_id, fields.nonce, fields.tip_wei, fields.max_fee_wei, fields.gas)
    # Value 0 and an empty access list: the key pays for calls, nothing else.
    return [*map(_integer, numbers), bytes.fromhex(fields.to[2:]), b"", fields.data, []]


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
