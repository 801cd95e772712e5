"""What a contract has published so far, from its events and the calldata behind them."""

from dataclasses import dataclass
from typing import Protocol

from eth_abi.abi import decode
from eth_keys.datatypes import Signature as EcdsaSignature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from keeper.errors import RetryLater
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import decode_publish
from keeper.records.log import Log
from keeper.records.report import Batch, Report, Signature
from keeper.records.settings import Settings, decode_settings
from keeper.records.units import Address
from keeper.risk.commit import batch_digest, unpack_reports


def _topic(signature: str) -> bytes:
    return keccak(signature.encode())


SETTINGS_SET = _topic("SettingsSet(bytes32,uint64,bytes)")
MARKET_LISTED = _topic("MarketListed(bytes32,uint256)")
REPORT_APPLIED = _topic("ReportApplied(bytes32,uint256,uint256,uint256)")

ECDSA_BYTES = 65


class Node(Protocol):
    """What reading history back needs of a node."""

    def logs(self, from_block: int, to_block: int) -> list[Log]:
        """Events of the contract, in chain order."""

    def calldata(self, tx_hash: bytes) -> bytes:
        """Input of a transaction."""


@dataclass(frozen=True, slots=True)
class Published:
    """One accepted report with the batch that carried it."""

    sequence: int
    report: Report
    batch: Batch
    packed: bytes
    """All reports of the batch, as signed."""
    signatures: tuple[Signature, ...]
    block_number: int
    """Where it was mined."""
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Adopted:
    """A settings document and the block from which it holds."""

    hash: bytes
    from_block: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class History:
    """Settings, listings and accepted reports of one contract, up to one block."""

    contract: Address
    chain_id: int
    adopted: tuple[Adopted, ...]
    """In the order in which they were set."""
    listings: dict[bytes, int]
    """Market key -> block of its last listing."""
    reports: tuple[Published, ...]
    """In chain order."""
    up_to: int
    """Last block whose events are in."""

    @property
    def cadence(self) -> int:
        """Blocks in a window; one for the contract's life."""
        return self.adopted[-1].settings.cadence_blocks

    def settings_at(self, block: int) -> Settings:
        """Settings in force at a block (design.md 5.5); before the first, the first: trailing samples are older."""
        in_force = [row for row in self.adopted if row.from_block <= block] or list(self.adopted[:1])
        if not in_force:
            raise RetryLater("the contract has no settings yet", "governance sets them with setSettings")
        return in_force[-1].settings

    def listed_at(self, market: bytes) -> int:
        """Block of the market's listing."""
        return self.listings[market]

    def base_core(self, market: bytes, sequence: int) -> bytes:
        """Packed core of the newest routine report up to ``sequence``; empty when there is none."""
        cores = [
            row.report.core
            for row in self.reports
            if row.report.market == market and row.sequence <= sequence and row.report.core
        ]
        return cores[-1] if cores else b""

    def batch_of(self, published: Published) -> list[Published]:
        """Every report that the same batch packed, whether or not the contract applied it."""
        return [
            Published(
                published.sequence,
                report,
                published.batch,
                published.packed,
                published.signatures,
                published.block_number,
                published.tx_hash,
            )
            for report in unpack_reports(published.packed)
        ]

    def signature_fault(self, published: Published) -> str:
        """Empty, or which account signature does not recover to its signer; other kinds are the contract's to judge."""
        digest = batch_digest(published.batch, self.chain_id, self.contract)
        for signature in published.signatures:
            if len(signature.data) == ECDSA_BYTES and _recover(digest, signature.data) != signature.signer:
                return f"signature of {signature.signer}: does not recover from the recomputed digest"
        return ""


def read_history(node: Node, contract: Address, chain_id: int, from_block: int, to_block: int) -> History:
    """Read everything back. One request for the events, one a publish transaction."""
    adopted: list[Adopted] = []
    listings: dict[bytes, int] = {}
    reports: list[Published] = []
    opened: dict[bytes, tuple[Batch, bytes, tuple[Signature, ...]]] = {}
    for log in node.logs(from_block, to_block):
        topic = log.topics[0] if log.topics else b""
        if topic == SETTINGS_SET:
            start, document = decode(["uint64", "bytes"], log.data)
            adopted.append(Adopted(log.topics[1], start, decode_settings(document)))
        elif topic == MARKET_LISTED:
            listings[log.topics[1]] = log.block_number
        elif topic == REPORT_APPLIED:
            if log.tx_hash not in opened:
                opened[log.tx_hash] = decode_publish(node.calldata(log.tx_hash))
            reports.append(_published(log, *opened[log.tx_hash]))
    return History(contract, chain_id, tuple(adopted), listings, tuple(reports), to_block)


def extend_history(history: History, node: Node, to_block: int) -> History:
    """The same history with the events after its last block; asks only for those."""
    if to_block <= history.up_to:
        return history
    later = read_history(node, history.contract, history.chain_id, history.up_to + 1, to_block)
    return History(
        history.contract,
        history.chain_id,
        history.adopted + later.adopted,
        history.listings | later.listings,
        history.reports + later.reports,
        to_block,
    )


def _published(log: Log, batch: Batch, packed: bytes, signatures: tuple[Signature, ...]) -> Published:
    (report,) = [row for row in unpack_reports(packed) if row.market == log.topics[1]]
    sequence = int.from_bytes(log.topics[2], "big")
    return Published(sequence, report, batch, packed, signatures, log.block_number, log.tx_hash)


def _recover(digest: bytes, data: bytes) -> Address | None:
    try:
        signature = EcdsaSignature(data[:64] + bytes([data[64] - 27]))
        return Address(signature.recover_public_key_from_msg_hash(digest).to_address())
    except (BadSignature, ValidationError, ValueError):
        return None
