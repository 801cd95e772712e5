"""Signatures over secp256k1: whose they are, and the one form of two that contracts and nodes take."""

from dataclasses import dataclass

from keeper.records.units import Address

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the curve's group (SEC 2, 2.4.1)."""
LENGTH = 65
V_OFFSET = 27
_SEQUENCE, _INTEGER = 0x30, 0x02
_LONGEST = 33
"""Bytes of an integer below the order, with the zero that keeps it positive."""


class BadSignature(ValueError):
    """It is no signature, or not in the form that counts."""


@dataclass(frozen=True, slots=True)
class EcdsaSignature:
    """r, s and which of the two points with that r: 0 or 1."""

    parity: int
    r: int
    s: int

    def packed(self) -> bytes:
        """r, s, v in 65 bytes with v 27 or 28, as contracts take it."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes([V_OFFSET + self.parity])


def unpack(data: bytes) -> EcdsaSignature:
    """Read r, s, v; v may be 0, 1, 27 or 28.

    Raises
    ------
    BadSignature
        Wrong length or range, or the malleable twin (s in the upper half), which OpenZeppelin and nodes refuse.
    """
    if len(data) != LENGTH or data[64] not in {0, 1, V_OFFSET, V_OFFSET + 1}:
        raise BadSignature(f"{len(data)} bytes are no signature r, s, v")
    parity = data[64] - V_OFFSET if data[64] >= V_OFFSET else data[64]
    return checked(EcdsaSignature(parity, int.from_bytes(data[:32], "big"), int.from_bytes(data[32:64], "big")))


def checked(signature: EcdsaSignature) -> EcdsaSignature:
    """The same signature.

    Raises
    ------
    BadSignature
        Out of range, or malleable.
    """
    if not (0 < signature.r < ORDER and 0 < signature.s < ORDER and signature.parity in {0, 1}):
        raise BadSignature("r, s or v is out of range")
    if signature.s > ORDER // 2:
        raise BadSignature("s lies in the upper half: the malleable twin of a signature")
    return signature


def recover(digest: bytes, signature: EcdsaSignature) -> Address:
    """Address of who signed 32 bytes.

    Raises
    ------
    BadSignature
        Nobody can have.
    """
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature as NoSuchPoint
    from eth_utils.exceptions import ValidationError

    try:
        key = Signature(vrs=(signature.parity, signature.r, signature.s)).recover_public_key_from_msg_hash(digest)
    except (NoSuchPoint, ValidationError, ValueError):
        raise BadSignature("no key can have signed this") from None
    return Address(key.to_address())


def normalised(digest: bytes, r: int, s: int, address: Address) -> EcdsaSignature:
    """The signature that an address gave as r and s alone: s in the lower half, parity found by recovery.

    Raises
    ------
    BadSignature
        Neither parity gives the address.
    """
    low = min(s, ORDER - s)
    for parity in (0, 1):
        signature = checked(EcdsaSignature(parity, r, low))
        try:
            if recover(digest, signature) == address:
                return signature
        except BadSignature:
            continue
    raise BadSignature(f"not signed by {address}")


def from_der(data: bytes) -> tuple[int, int]:
    """(r, s) of an ASN.1 DER signature, as key services answer (RFC 3279, 2.2.3).

    Raises
    ------
    BadSignature
        It is none.
    """
    if len(data) < 8 or data[0] != _SEQUENCE or data[1] != len(data) - 2:
        raise BadSignature("no DER sequence")
    numbers, at = [], 2
    for _ in range(2):
        head = data[at : at + 2]
        body = data[at + 2 : at + 2 + (head[1] if len(head) == 2 else 0)]
        if (
            len(head) != 2
            or head[0] != _INTEGER
            or not 0 < head[1] <= _LONGEST
            or len(body) != head[1]
            or body[0] > 127
        ):
            raise BadSignature("no DER integer")
        numbers.append(int.from_bytes(body, "big"))
        at += 2 + len(body)
    if at != len(data):
        raise BadSignature("bytes behind a DER signature")
    return numbers[0], numbers[1]
