"""What keepers sign: one batch at one block, many packed reports, and the commitments behind them (design.md 5.5)."""

from dataclasses import dataclass

from keeper.records.decision import Targets
from keeper.records.units import Address


@dataclass(frozen=True, slots=True)
class Report:
    """One market's report, as packed into calldata."""

    market: bytes
    """Market key, 32 bytes."""
    targets: Targets
    base_sequence: int
    """Sequence that its own snapshot read: the report it is based on."""
    gap_bitmap: int
    """Bit i set: window base + 1 + i was folded by nobody. uint256."""
    core: bytes
    """Packed core after the report's sample; empty on the emergency lane."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The EIP-712 primary type; field order is the type's."""

    observed_block: int
    observed_hash: bytes
    observed_time: int
    valid_until: int
    settings_hash: bytes
    commitments_root: bytes
    reports_hash: bytes


@dataclass(frozen=True, slots=True)
class Commitment:
    """One market's leaf under the commitments root."""

    market: bytes
    inputs_root: bytes
    estimates_hash: bytes
    core_before: bytes
    """keccak of the packed core of the base."""
    core_after: bytes
    """keccak of the packed core of this report."""
    evidence_digest: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """One signer's answer over the batch digest."""

    signer: Address
    data: bytes
    """65 bytes r, s, v for accounts; whatever the contract takes for EIP-1271 signers."""


@dataclass(frozen=True, slots=True)
class PreparedReport:
    """A report with all that is needed to sign, publish and later defend it."""

    report: Report
    commitment: Commitment
    evidence: bytes
    """Canonical JSON, UTF-8."""
