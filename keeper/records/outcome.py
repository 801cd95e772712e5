"""What became of an intent: the rows of the sender's write-ahead state machine (reliability.md B1)."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.records.units import Address


class Tier(StrEnum):
    """What a transaction may cost, and whom it may overtake (reliability.md B7)."""

    ROUTINE = "routine"
    """Loosening, heartbeat, upkeep."""
    EMERGENCY = "emergency"
    """Tightening beyond the deviation threshold; never waits behind a routine one."""
    REPAIR = "repair"
    """The no-op that frees a nonce."""


class IntentState(StrEnum):
    """Where an intent stands. Each state is committed before the step that leaves it."""

    PLANNED = "planned"
    """The decision is durable; no nonce is taken."""
    PREPARED = "prepared"
    """Nonce, fees and gas limit are durable; nothing is signed."""
    SIGNED = "signed"
    """Raw bytes and hash are durable; no node is known to have them."""
    SENT = "sent"
    """A node took it."""
    MINED = "mined"
    """There is a receipt, of whatever verdict."""
    CONFIRMED = "confirmed"
    """The receipt lies some blocks deep; a reorg may still take it back."""
    FINAL_OK = "final_ok"
    FINAL_REVERTED = "final_reverted"
    SUPERSEDED = "superseded"
    """The contract holds something at least as new for every market, or a newer plan replaced one without a nonce."""
    CANCELLED = "cancelled"
    """A no-op was mined at its nonce, as it came too late."""
    FOREIGN = "foreign"
    """Its nonce went to a transaction that is not ours."""
    EXPIRED = "expired"
    """``valid_until`` passed before a nonce was taken."""


UNMINED = frozenset({IntentState.PREPARED, IntentState.SIGNED, IntentState.SENT})
"""States that hold a nonce which is not used yet."""

LANDED = frozenset({IntentState.MINED, IntentState.CONFIRMED})
"""States with a receipt that is not final."""

TERMINAL = frozenset(IntentState) - UNMINED - LANDED - {IntentState.PLANNED}


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
    """Chain time after which it must not be mined any more."""
    markets: tuple[bytes, ...]
    tier: Tier = Tier.ROUTINE
    replaces: bytes = b""
    """Key of the intent that lost its nonce to a foreign transaction and is planned again by this one."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a transaction offers, wei per gas."""

    max_fee_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class TxFields:
    """One type-2 transaction before it is signed. Value is always 0."""

    chain_id: int
    nonce: int
    to: Address
    data: bytes
    gas: int
    max_fee_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One transaction for an intent. All attempts of an intent have its nonce; the chain takes one of them."""

    number: int
    """From 1."""
    cancels: bool
    """A no-op to ourselves instead of the intent's call."""
    price: Price
    gas: int
    raw: bytes | None = None
    """Signed bytes; None until they are durable."""
    tx_hash: bytes | None = None
    signed_block: int = 0
    """Head when it was made."""
    sent_block: int | None = None
    """Head when a node first took it."""


@dataclass(frozen=True, slots=True)
class Landing:
    """The receipt that closed a nonce."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    block_time: int
    gas_used: int
    fee_wei: int
    """Paid in all: gas used times effective price."""
    ok: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One intent and its end so far."""

    intent: TxIntent
    state: IntentState
    nonce: int | None = None
    attempts: tuple[Attempt, ...] = ()
    """Oldest first."""
    landing: Landing | None = None
    error: str = ""
    """Decoded revert, why it waits, or why it was dropped."""

    @property
    def tx_hash(self) -> bytes | None:
        """The transaction that was mined, else the newest that was signed."""
        if self.landing:
            return self.landing.tx_hash
        hashes = [row.tx_hash for row in self.attempts if row.tx_hash]
        return hashes[-1] if hashes else None

    @property
    def cancelled(self) -> bool:
        """Whether the transaction that was mined, or the newest one, is the no-op."""
        taken = [row for row in self.attempts if self.landing is None or row.tx_hash == self.landing.tx_hash]
        return bool(taken) and taken[-1].cancels
