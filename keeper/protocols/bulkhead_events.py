"""What ``CollateralParameters`` says: its events as records, its custom errors as one readable line."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import BATCH_ABI
from keeper.records.live import AUX_BITS, LIVE_BITS, AuxWord, LiveWord, unpack
from keeper.records.report import Batch
from keeper.records.units import Address


class Refusal(IntEnum):
    """Why one market's report was refused; the contract's enum."""

    NONE = 0
    UNLISTED = 1
    NOT_NEWER = 2
    WRONG_BASE = 3
    NOT_ENABLED = 4
    CORE_FORBIDDEN = 5
    CORE_TOO_LONG = 6
    DECAY_TOO_LARGE = 7
    NOT_TIGHTER = 8


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


@dataclass(frozen=True, slots=True)
class MarketListed:
    """A market got its first values."""

    market: bytes
    live: LiveWord


@dataclass(frozen=True, slots=True)
class MarketDelisted:
    """A market takes no more reports."""

    market: bytes


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
    sequence: int
    live: LiveWord
    aux: AuxWord


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


Event = (
    SettingsSet
    | SignersSet
    | LimitsSet
    | MarketListed
    | MarketDelisted
    | BatchPublished
    | ReportApplied
    | ReportRefused
    | StageAdvanced
    | PendingActivated
)

_EVENTS: dict[type[Event], tuple[tuple[str, ...], tuple[str, ...]]] = {
    SettingsSet: (("bytes32",), ("uint64", "bytes")),
    SignersSet: ((), ("address[]", "uint8")),
    LimitsSet: (("uint8",), ("uint256",)),
    MarketListed: (("bytes32",), ("uint256",)),
    MarketDelisted: (("bytes32",), ()),
    BatchPublished: (("uint64",), ("uint8", "bool", BATCH_ABI, "bytes")),
    ReportApplied: (("bytes32", "uint256"), ("uint256", "uint256")),
    ReportRefused: (("bytes32",), ("uint64", "uint8", "uint256", "uint256")),
    StageAdvanced: (("bytes32",), ("uint256", "uint256")),
    PendingActivated: (("bytes32",), ("uint256", "uint256")),
}
"""Types of the indexed and of the other arguments; indexed ones come first in every event."""


def event_signature(kind: type[Event]) -> str:
    """Canonical signature, for example ``MarketDelisted(bytes32)``."""
    indexed, rest = _EVENTS[kind]
    return f"{kind.__name__}({','.join(indexed + rest)})"


TOPICS: dict[type[Event], bytes] = {kind: keccak(event_signature(kind).encode()) for kind in _EVENTS}
"""First topic of each event."""

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
    if kind is MarketListed:
        return MarketListed(values[0], LiveWord(*unpack(values[1], LIVE_BITS)))
    if kind is ReportRefused:
        return ReportRefused(values[0], values[1], Refusal(values[2]), values[3], values[4])
    if kind in {ReportApplied, StageAdvanced, PendingActivated}:
        *head, live, aux = values
        values = (*head, LiveWord(*unpack(live, LIVE_BITS)), AuxWord(*unpack(aux, AUX_BITS)))
    return kind(*values)


ERRORS: dict[str, tuple[tuple[str, str], ...]] = {
    "BatchExpired": (("uint64", "valid_until"), ("uint256", "block_time")),
    "BatchFromFuture": (("uint64", "observed_time"), ("uint256", "block_time")),
    "BatchTooOld": (("uint256", "observed_block"), ("uint256", "block_number"), ("uint256", "max_age_blocks")),
    "BatchTooShallow": (("uint256", "settled_block"), ("uint256", "block_number")),
    "WrongBlockHash": (("uint256", "block_number"), ("bytes32", "got"), ("bytes32", "expected")),
    "WrongSettings": (("bytes32", "got"), ("bytes32", "expected")),
    "WrongReportsHash": (("bytes32", "got"), ("bytes32", "expected")),
    "ZeroCommitmentsRoot": (),
    "TooFewSignatures": (("uint256", "valid"), ("uint256", "threshold")),
    "MalformedReports": (("uint256", "offset"), ("uint256", "length")),
    "BatchIndexExhausted": (("uint64", "observed_block"),),
    "UnknownMarket": (("bytes32", "market"),),
    "NothingStaged": (("bytes32", "market"),),
    "StageNotDue": (("bytes32", "market"), ("uint256", "due_time"), ("uint256", "block_time")),
    "NothingPending": (("bytes32", "market"),),
    "PendingNotMature": (("bytes32", "market"), ("uint256", "mature_time"), ("uint256", "block_time")),
    "PendingExpired": (("bytes32", "market"), ("uint256", "expiry_time"), ("uint256", "block_time")),
    "ReportNotFresh": (("bytes32", "market"), ("uint256", "observed_time"), ("uint256", "fresh_seconds")),
    "RegimeNotNormal": (("bytes32", "market"), ("uint256", "regime")),
    "LooseningExhausted": (
        ("bytes32", "market"),
        ("uint256", "live_bps"),
        ("uint256", "goal_bps"),
        ("uint256", "available_bps"),
    ),
    "HistoryTruncated": (("bytes32", "market"), ("uint256", "update_id"), ("uint256", "oldest"), ("uint256", "newest")),
    "BadCadence": (("uint32", "cadence"),),
    "BadSettings": (("uint64", "from_block"), ("uint256", "block_number")),
    "BadSigners": (("uint256", "count"), ("uint256", "threshold")),
    "SignersNotAscending": (("address", "previous"), ("address", "signer")),
    "BadLimits": (("uint8", "profile"),),
    "UnknownLimits": (("uint8", "profile"),),
    "AlreadyListed": (("bytes32", "market"),),
    "BadFirstValues": (("uint256", "haircut_bps"), ("uint256", "liquidation_haircut_bps"), ("uint256", "bonus_bps")),
    "FieldOverflow": (("uint256", "value"), ("uint256", "width")),
    "AccessManagedUnauthorized": (("address", "caller"),),
}
"""Custom errors with their arguments; a test holds them to the compiled ABI."""


def error_signature(name: str) -> str:
    """Canonical signature, for example ``NothingStaged(bytes32)``."""
    return f"{name}({','.join(kind for kind, _ in ERRORS[name])})"


_BY_SELECTOR = {keccak(error_signature(name).encode())[:4]: name for name in ERRORS}


def describe_revert(data: bytes) -> str:
    """One line for an operator: ``StageNotDue(market=0x.., due_time=.., block_time=..)``; raw hex when unknown."""
    name = _BY_SELECTOR.get(data[:4])
    if name is None:
        return f"revert data 0x{data.hex()}" if data else "reverted without a reason"
    try:
        values = decode([kind for kind, _ in ERRORS[name]], data[4:])
    except DecodingError:
        return f"{name} with malformed arguments 0x{data[4:].hex()}"
    shown = ((label, value) for (_, label), value in zip(ERRORS[name], values, strict=True))
    return f"{name}({', '.join(f'{label}={_shown(value)}' for label, value in shown)})"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
