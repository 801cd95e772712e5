"""What ``CollateralParameters`` says: its events as records. Custom errors: ``bulkhead_errors.py``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import BATCH_ABI
from keeper.records.live import AUX_BITS, LIQUIDATION_BITS, LIVE_BITS, AuxWord, LiquidationWord, LiveWord, unpack
from keeper.records.report import Batch
from keeper.records.units import Address


class Refusal(IntEnum):
    """Why one market's report was refused; the contract's enum."""

    NONE = 0
    UNLISTED = 1
    NOT_NEWER = 2
    TIME_BEHIND = 3
    CEILING_TOO_WIDE = 4
    UNKNOWN_REGIME = 5
    CORE_TOO_LONG = 6
    DECAY_TOO_LARGE = 7
    CORE_FORBIDDEN = 8
    NOT_TIGHTER = 9
    WRONG_BASE = 10


@dataclass(frozen=True, slots=True)
class SettingsSet:
    """Governance adopted a settings document."""

    settings_hash: bytes
    from_block: int
    document: bytes


@dataclass(frozen=True, slots=True)
class SignersSet:
    """Governance replaced the signers."""

    signers: tuple[Address, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """Governance set a limits profile."""

    profile: int
    word: int
    law: int


@dataclass(frozen=True, slots=True)
class MarketListed:
    """A market got its first values."""

    market: bytes
    live: LiveWord


@dataclass(frozen=True, slots=True)
class MarketSet:
    """Governance set a listed market's profile and values."""

    market: bytes
    live: LiveWord
    aux: AuxWord


@dataclass(frozen=True, slots=True)
class MarketDelisted:
    """A market takes no more reports."""

    market: bytes


@dataclass(frozen=True, slots=True)
class Sunset:
    """Governance ended the contract: values hold, nothing is written any more."""

    successor: Address
    time: int


@dataclass(frozen=True, slots=True)
class BatchPublished:
    """A batch of which at least one report was applied; its content is for ``decode_batch``."""

    observed_block: int
    batch_index: int
    commitments_root: bytes
    settings_hash: bytes
    routine: bool


@dataclass(frozen=True, slots=True)
class ReportApplied:
    """A report was accepted; the words are those after it."""

    market: bytes
    live: LiveWord
    aux: AuxWord
    """Empty when the report had no reason to look at it: then neither stage nor pending is open."""

    @property
    def sequence(self) -> int:
        """Number of the report."""
        return self.live.sequence


@dataclass(frozen=True, slots=True)
class ReportRefused:
    """A report was refused; the words stand."""

    market: bytes
    observed_block: int
    reason: Refusal
    got: int
    limit: int


@dataclass(frozen=True, slots=True)
class StageAdvanced:
    """A staged tightening took its next step."""

    market: bytes
    live: LiveWord
    aux: AuxWord


@dataclass(frozen=True, slots=True)
class PendingActivated:
    """A pending loosening took hold, wholly or in part."""

    market: bytes
    live: LiveWord
    aux: AuxWord


@dataclass(frozen=True, slots=True)
class LiquidationProposed:
    """A routine report opened, narrowed or withdrew a move of the liquidation haircut."""

    market: bytes
    liquidation: LiquidationWord


@dataclass(frozen=True, slots=True)
class LiquidationMoved:
    """A matured proposal started its ramp, wholly or in part."""

    market: bytes
    live: LiveWord
    liquidation: LiquidationWord


@dataclass(frozen=True, slots=True)
class RegimeRaised:
    """Guardian or tripwire raised the regime."""

    market: bytes
    by: Address
    live: LiveWord
    aux: AuxWord


@dataclass(frozen=True, slots=True)
class LooseningHeldUntil:
    """The guardian lets nothing loosen before a time."""

    market: bytes
    time: int


@dataclass(frozen=True, slots=True)
class MarketStopped:
    """A dispute voided what waited, and stopped a ramp where it was."""

    market: bytes
    live: LiveWord
    aux: AuxWord


Event = (
    SettingsSet
    | SignersSet
    | LimitsSet
    | MarketListed
    | MarketSet
    | MarketDelisted
    | Sunset
    | BatchPublished
    | ReportApplied
    | ReportRefused
    | StageAdvanced
    | PendingActivated
    | LiquidationProposed
    | LiquidationMoved
    | RegimeRaised
    | LooseningHeldUntil
    | MarketStopped
)

_EVENTS: dict[type[Event], tuple[tuple[str, ...], tuple[str, ...]]] = {
    SettingsSet: (("bytes32",), ("uint64", "bytes")),
    SignersSet: ((), ("address[]", "uint8")),
    LimitsSet: (("uint8",), ("uint256", "uint256")),
    MarketListed: (("bytes32",), ("uint256",)),
    MarketSet: (("bytes32",), ("uint256", "uint256")),
    MarketDelisted: (("bytes32",), ()),
    Sunset: (("address",), ("uint256",)),
    BatchPublished: (("uint64",), ("uint8", "bool", BATCH_ABI, "bytes")),
    ReportApplied: (("bytes32",), ("uint256", "uint256")),
    ReportRefused: (("bytes32",), ("uint64", "uint8", "uint256", "uint256")),
    StageAdvanced: (("bytes32",), ("uint256", "uint256")),
    PendingActivated: (("bytes32",), ("uint256", "uint256")),
    LiquidationProposed: (("bytes32",), ("uint256",)),
    LiquidationMoved: (("bytes32",), ("uint256", "uint256")),
    RegimeRaised: (("bytes32", "address"), ("uint256", "uint256")),
    LooseningHeldUntil: (("bytes32",), ("uint256",)),
    MarketStopped: (("bytes32",), ("uint256", "uint256")),
}
"""Types of the indexed and of the other arguments; indexed ones come first in every event."""


def event_signature(kind: type[Event]) -> str:
    """Canonical signature, for example ``MarketDelisted(bytes32)``."""
    indexed, rest = _EVENTS[kind]
    return f"{kind.__name__}({','.join(indexed + rest)})"


TOPICS: dict[type[Event], bytes] = {kind: keccak(event_signature(kind).encode()) for kind in _EVENTS}
"""First topic of each event."""

_PARTS: dict[object, Callable[[Any], Any]] = {
    Address: lambda value: Address(value.lower()),
    Refusal: Refusal,
    LiveWord: lambda value: LiveWord(*unpack(value, LIVE_BITS)),
    AuxWord: lambda value: AuxWord(*unpack(value, AUX_BITS)),
    LiquidationWord: lambda value: LiquidationWord(*unpack(value, LIQUIDATION_BITS)),
}
"""How a field of an event is read, by its type; others as they are decoded."""

_BY_TOPIC = {topic: kind for kind, topic in TOPICS.items()}


def decode_event(topics: Sequence[bytes], data: bytes) -> Event | None:
    """Event of a log; None when it is not one of these (the authority emits its own).

    Raises
    ------
    ValueError
        When the log carries the topic of an event and not its arguments.
    """
    kind = _BY_TOPIC.get(topics[0]) if topics else None
    if kind is None:
        return None
    indexed, rest = _EVENTS[kind]
    try:
        head = [decode([name], topic)[0] for name, topic in zip(indexed, topics[1:], strict=True)]
        values = (*head, *decode(rest, data))
    except DecodingError as error:
        raise ValueError(f"log with the topic of {kind.__name__} does not decode: {error}") from error
    return _event(kind, values)


def decode_batch(data: bytes) -> tuple[Batch, bytes]:
    """Batch and packed reports of a ``BatchPublished``, from the log's data."""
    _, _, batch, packed = decode(_EVENTS[BatchPublished][1], data)
    return Batch(*batch), packed


def _event(kind: type[Event], values: tuple[Any, ...]) -> Event:
    if kind is SignersSet:
        return SignersSet(tuple(Address(signer.lower()) for signer in values[0]), values[1])
    if kind is BatchPublished:
        block, index, routine, batch, _ = values
        *_, settings, root, _ = batch
        return BatchPublished(block, index, root, settings, routine)
    read = [_PARTS.get(field.type, _as_is) for field in fields(kind)]
    return kind(*(part(value) for part, value in zip(read, values, strict=True)))


def _as_is(value: Any) -> Any:
    return value
