"""Bulkhead's own ``CollateralParameters``: reads a market's words by raw slots, encodes and decodes its calls."""

from collections.abc import Generator, Sequence
from dataclasses import astuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from keeper.maths.keccak import keccak
from keeper.records.live import (
    AUX_BITS,
    FLAG_LISTED,
    GUARD_BITS,
    LAW_BITS,
    LIMITS_BITS,
    LIQUIDATION_BITS,
    LIVE_BITS,
    AuxWord,
    ContractWords,
    GuardWord,
    Law,
    Limits,
    LiquidationWord,
    LiveWord,
    unpack,
)
from keeper.records.report import Batch, Signature
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Answer, Ask, CallInput, Input, PositionsReading, WordInput
from keeper.records.units import Address, BlockRef

MARKETS_SLOT = 0
LIMITS_SLOT = 1
"""Storage slots of ``_markets`` and ``_limits``; ``tests/unit/test_bulkhead.py`` holds them to the compiled layout."""

READER = "market"
"""Name of the reader code; its source is ``contracts/src/readers/MarketReader.sol``."""

RING = 256
"""Live words of reports kept for each market."""

_WORD = 32
_WORDS = 6
_RING_OFFSET = 8
BATCH_ABI = "(uint64,bytes32,uint64,uint64,bytes32,bytes32,bytes32)"
_PUBLISH_ABI = (BATCH_ABI, "bytes", "(address,bytes)[]")
PUBLISH_SELECTOR = keccak(f"publish({','.join(_PUBLISH_ABI)})".encode())[:4]
ADVANCE_SELECTOR = keccak(b"advance(bytes32)")[:4]
ACTIVATE_SELECTOR = keccak(b"activate(bytes32)")[:4]
EXTSLOAD_SELECTOR = keccak(b"extsload(bytes32)")[:4]
ACTIVATE_LIQUIDATION_SELECTOR = keccak(b"activateLiquidation(bytes32)")[:4]


class Bulkhead:
    """Adapter of ``records.ports.LendingProtocol`` for the bare contract of ours."""

    def read(
        self, contract: Address, market: bytes
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[ContractWords | None, tuple[Input, ...]]]:
        """Words of the market at the snapshot's block; None when it is not listed or the contract did not answer.

        The inputs are the six words in the order live, aux, liquidation, guard, limits and law of the live word's
        profile.
        """
        (answer,) = yield (Ask(contract, market, READER),)
        if not answer.ok or len(answer.data) != _WORDS * _WORD:
            return None, (CallInput(contract, market, answer.ok, answer.data),)
        words = [answer.data[start : start + _WORD] for start in range(0, _WORDS * _WORD, _WORD)]
        parsed = parse_words(*(int.from_bytes(word, "big") for word in words))
        slots = word_slots(market, parsed.live.profile)
        inputs = tuple(WordInput(contract, slot, word) for slot, word in zip(slots, words, strict=True))
        return (parsed if parsed.live.flags & FLAG_LISTED else None), inputs

    def positions(
        self,
        market: MarketSettings,  # noqa: ARG002 - every protocol is asked alike
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PositionsReading | None]:
        """None: nobody borrows from the bare contract."""
        yield from ()
        return None

    def check_market(
        self,
        market: MarketSettings,  # noqa: ARG002 - every protocol is asked alike
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Nothing to compare with."""
        yield from ()
        return ()

    def encode_publish(self, batch: Batch, reports: bytes, signatures: Sequence[Signature]) -> bytes:
        """Calldata of ``publish``; signatures in the order given, which must ascend by signer."""
        rows = [(signature.signer, signature.data) for signature in signatures]
        return PUBLISH_SELECTOR + encode(_PUBLISH_ABI, (astuple(batch), reports, rows))


def by_views(
    ask: Ask,
    block: BlockRef,  # noqa: ARG001 - words say nothing about time
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """What the market reader would answer, by the contract's own ``extsload``: same words in two rounds."""
    own = yield tuple(_load(ask.to, market_slot(ask.data, offset)) for offset in range(4))
    if not all(answer.ok and len(answer.data) == _WORD for answer in own):
        return Answer(False, b"")
    profile = LiveWord(*unpack(int.from_bytes(own[0].data, "big"), LIVE_BITS)).profile
    shared = yield (_load(ask.to, limits_slot(profile)), _load(ask.to, law_slot(profile)))
    return Answer(all(answer.ok for answer in shared), b"".join(answer.data for answer in (*own, *shared)))


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


def encode_activate_liquidation(market: bytes) -> bytes:
    """Calldata of ``activateLiquidation``: move the liquidation haircut by a matured proposal."""
    return ACTIVATE_LIQUIDATION_SELECTOR + market


def parse_words(live: int, aux: int, liquidation: int, guard: int, limits: int, law: int) -> ContractWords:  # noqa: PLR0917 - six words
    """Storage words as records."""
    return ContractWords(
        LiveWord(*unpack(live, LIVE_BITS)),
        AuxWord(*unpack(aux, AUX_BITS)),
        LiquidationWord(*unpack(liquidation, LIQUIDATION_BITS)),
        GuardWord(*unpack(guard, GUARD_BITS)),
        Limits(*unpack(limits, LIMITS_BITS)),
        Law(*unpack(law, LAW_BITS)),
    )


def word_slots(market: bytes, profile: int) -> tuple[bytes, ...]:
    """Slots of the words in the order of :func:`parse_words`, 32 bytes each."""
    return (*(market_slot(market, offset) for offset in range(4)), limits_slot(profile), law_slot(profile))


def _load(contract: Address, slot: bytes) -> Ask:
    return Ask(contract, EXTSLOAD_SELECTOR + slot)


def live_slot(market: bytes) -> bytes:
    """Slot of the market's live word, 32 bytes."""
    return market_slot(market, 0)


def market_slot(market: bytes, offset: int) -> bytes:
    """Slot of a market's struct, 32 bytes: live, aux, liquidation, guard, days' highest (4), reports (256), changes."""
    return _after(keccak(market + MARKETS_SLOT.to_bytes(_WORD, "big")), offset)


def ring_slot(market: bytes, sequence: int) -> bytes:
    """Slot of the history word of a report, 32 bytes."""
    return market_slot(market, _RING_OFFSET + sequence % RING)


def limits_slot(profile: int) -> bytes:
    """Slot of the first word of a limits profile, 32 bytes."""
    return keccak(profile.to_bytes(_WORD, "big") + LIMITS_SLOT.to_bytes(_WORD, "big"))


def law_slot(profile: int) -> bytes:
    """Slot of the second word of a limits profile, 32 bytes."""
    return _after(limits_slot(profile), 1)


def _after(slot: bytes, offset: int) -> bytes:
    return ((int.from_bytes(slot, "big") + offset) % 2**256).to_bytes(_WORD, "big")
