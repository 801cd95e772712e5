"""Bulkhead's own ``CollateralParameters``: reads a market's words by raw slots, encodes and decodes its calls."""

from collections.abc import Generator, Sequence
from dataclasses import astuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.maths.keccak import keccak
from keeper.records.live import (
    AUX_BITS,
    FLAG_LISTED,
    LIMITS_BITS,
    LIVE_BITS,
    AuxWord,
    ContractWords,
    Limits,
    LiveWord,
    unpack,
)
from keeper.records.report import Batch, Signature
from keeper.records.snapshot import Answer, Ask, CallInput, Input, WordInput
from keeper.records.units import Address

MARKETS_SLOT = 3
LIMITS_SLOT = 4
"""Storage slots of ``_markets`` and ``_limits``; ``tests/unit/test_bulkhead.py`` holds them to the compiled layout."""

READER = "market"
"""Name of the reader code; its source is ``contracts/src/readers/MarketReader.sol``."""

_WORD = 32
BATCH_ABI = "(uint64,bytes32,uint64,uint64,bytes32,bytes32,bytes32)"
_PUBLISH_ABI = (BATCH_ABI, "bytes", "(address,bytes)[]")
PUBLISH_SELECTOR = keccak(f"publish({','.join(_PUBLISH_ABI)})".encode())[:4]
ADVANCE_SELECTOR = keccak(b"advance(bytes32)")[:4]
ACTIVATE_SELECTOR = keccak(b"activate(bytes32)")[:4]


class Bulkhead:
    """Adapter of ``records.ports.LendingProtocol`` for the bare contract of ours."""

    def read(
        self, contract: Address, market: bytes
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[ContractWords | None, tuple[Input, ...]]]:
        """Words of the market at the snapshot's block; None when it is not listed or the contract did not answer.

        The inputs are the three words in the order live, aux, limits of the live word's profile.
        """
        (answer,) = yield (Ask(contract, market, READER),)
        if not answer.ok or len(answer.data) != 3 * _WORD:
            return None, (CallInput(contract, market, answer.ok, answer.data),)
        words = [answer.data[start : start + _WORD] for start in range(0, 3 * _WORD, _WORD)]
        live, aux, limits = (int.from_bytes(word, "big") for word in words)
        parsed = parse_words(live, aux, limits)
        slots = (live_slot(market), aux_slot(market), limits_slot(parsed.live.profile))
        inputs = tuple(WordInput(contract, slot, word) for slot, word in zip(slots, words, strict=True))
        return (parsed if parsed.live.flags & FLAG_LISTED else None), inputs

    def encode_publish(self, batch: Batch, reports: bytes, signatures: Sequence[Signature]) -> bytes:
        """Calldata of ``publish``; signatures in the order given, which must ascend by signer."""
        rows = [(signature.signer, signature.data) for signature in signatures]
        return PUBLISH_SELECTOR + encode(_PUBLISH_ABI, (astuple(batch), reports, rows))


def decode_publish(calldata: bytes) -> tuple[Batch, bytes, tuple[Signature, ...]]:
    """Batch, packed reports and signatures of a ``publish`` call.

    Raises
    ------
    ValueError
        When the calldata are not such a call.
    """
    if calldata[:4] != PUBLISH_SELECTOR:
        raise ValueError(f"not a publish call: selector 0x{calldata[:4].hex()}")
    try:
        batch, reports, rows = decode(_PUBLISH_ABI, calldata[4:])
    except DecodingError as error:
        raise ValueError(f"not a publish call: {error}") from error
    return Batch(*batch), reports, tuple(Signature(Address(signer.lower()), data) for signer, data in rows)


def encode_advance(market: bytes) -> bytes:
    """Calldata of ``advance``: the next step of a stage."""
    return ADVANCE_SELECTOR + market


def encode_activate(market: bytes) -> bytes:
    """Calldata of ``activate``: loosen by a matured pending."""
    return ACTIVATE_SELECTOR + market


def parse_words(live: int, aux: int, limits: int) -> ContractWords:
    """Storage words as records."""
    return ContractWords(
        LiveWord(*unpack(live, LIVE_BITS)), AuxWord(*unpack(aux, AUX_BITS)), Limits(*unpack(limits, LIMITS_BITS))
    )


def live_slot(market: bytes) -> bytes:
    """Slot of the market's live word, 32 bytes."""
    return keccak(market + MARKETS_SLOT.to_bytes(_WORD, "big"))


def aux_slot(market: bytes) -> bytes:
    """Slot of the market's aux word, 32 bytes."""
    return ((int.from_bytes(live_slot(market), "big") + 1) % 2**256).to_bytes(_WORD, "big")


def ring_slot(market: bytes, update_id: int) -> bytes:
    """Slot of the live word as of an update id, 32 bytes."""
    return ((int.from_bytes(live_slot(market), "big") + 2 + update_id % 256) % 2**256).to_bytes(_WORD, "big")


def limits_slot(profile: int) -> bytes:
    """Slot of a limits profile, 32 bytes."""
    return keccak(profile.to_bytes(_WORD, "big") + LIMITS_SLOT.to_bytes(_WORD, "big"))
