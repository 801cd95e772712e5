"""What became of an intent: the sender's rows (reliability.md B1, in its first form)."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.records.units import Address


class IntentState(StrEnum):
    """Where an intent stands. Each state is committed before the step that leaves it."""

    PLANNED = "planned"
    """The decision is durable; nothing is signed."""
    SIGNED = "signed"
    """Raw bytes, nonce and hash are durable; nothing was sent."""
    SENT = "sent"
    MINED = "mined"
    FINAL_OK = "final_ok"
    FINAL_REVERTED = "final_reverted"
    SUPERSEDED = "superseded"
    """The contract already holds a report at least as new for every market of the batch."""
    EXPIRED = "expired"
    """``valid_until`` passed before anything was signed."""


TERMINAL = frozenset({IntentState.FINAL_OK, IntentState.FINAL_REVERTED, IntentState.SUPERSEDED, IntentState.EXPIRED})


@dataclass(frozen=True, slots=True)
class TxIntent:
    """A transaction that should happen."""

    key: bytes
    """Idempotency key: keccak(chain id, contract, digest or call), 32 bytes."""
    purpose: str
    """``publish``, ``activate``, ``advance``."""
    to: Address
    data: bytes
    observed_block: int
    """Fence for publishes; 0 for the others."""
    valid_until: int
    """Chain time after which it must not be signed any more."""
    markets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One intent and its end so far."""

    intent: TxIntent
    state: IntentState
    nonce: int | None
    tx_hash: bytes | None
    raw: bytes | None
    block_number: int | None
    gas_used: int | None
    error: str = ""
    """Decoded revert or the reason it was dropped."""
