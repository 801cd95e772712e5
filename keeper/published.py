"""What a contract has published so far, from its events: whoever relayed a batch, and inside whatever call."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_keys.datatypes import Signature as EcdsaSignature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from keeper.errors import Refused, RetryLater
from keeper.holes import HoleInLogs, require_whole
from keeper.protocols.bulkhead import decode_publish
from keeper.protocols.bulkhead_events import (
    TOPICS,
    BatchPublished,
    MarketListed,
    ReportApplied,
    SettingsSet,
    decode_batch,
    decode_event,
)
from keeper.records.core import decode_core
from keeper.records.log import Log, Transaction
from keeper.records.report import Batch, Report, Signature
from keeper.records.settings import SCHEMA, Settings, decode_settings
from keeper.records.units import Address
from keeper.risk.commit import batch_digest, unpack_reports
from keeper.risk.keys import market_key
from keeper.risk.windows import window_end, window_of

ECDSA_BYTES = 65
BATCH_OF_TRANSACTIONS = 100
"""Transactions asked for in one body; calldata of a publish is some kilobytes."""


class Node(Protocol):
    """What reading history back needs of a node."""

    def logs(self, from_block: int, to_block: int) -> list[Log]:
        """Events of the contract, in chain order."""

    def transactions(self, tx_hashes: Sequence[bytes]) -> list[Transaction]:
        """These transactions, in order."""


@dataclass(frozen=True, slots=True)
class Published:
    """One accepted report with the batch that carried it."""

    sequence: int
    report: Report
    batch: Batch
    packed: bytes
    """All reports of the batch, as signed."""
    signatures: tuple[Signature, ...]
    """Empty when the batch was relayed by another contract: then only the contract saw them."""
    block_number: int
    """Where it was mined."""
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Adopted:
    """A settings document and the block from which it holds."""

    hash: bytes
    from_block: int
    settings: Settings | None
    """None: what governance set is no settings document; it is passed over, and no batch can be published under it."""
    set_block: int
    """Where it was set; until it is in force, a later one replaces it."""
    schema: int | None = None
    """Version of its layout; None when it is no settings document."""


@dataclass(frozen=True, slots=True)
class History:
    """Settings, listings and accepted reports of one contract, up to one block."""

    contract: Address
    chain_id: int
    adopted: tuple[Adopted, ...]
    """In the order in which they were set."""
    listings: dict[bytes, tuple[int, ...]]
    """Market key -> blocks of its listings, rising."""
    reports: tuple[Published, ...]
    """In chain order."""
    up_to: int
    """Last block whose events are in."""

    @property
    def cadence(self) -> int:
        """Blocks in a window; one for the contract's life."""
        return self._usable[-1][1].cadence_blocks

    @property
    def _usable(self) -> list[tuple[int, Settings]]:
        """(block from which they hold, settings), rising."""
        rows = [(row.from_block, row.settings) for row in self.adopted if row.settings is not None]
        schemas = sorted({row.schema for row in self.adopted if row.schema not in {None, SCHEMA}})
        if not rows and schemas:
            what = f"the contract's settings have schema {', '.join(map(str, schemas))}, this keeper reads {SCHEMA}"
            raise Refused(what, "use a keeper that reads it, or let governance set them anew")
        if not rows:
            raise RetryLater("the contract has no settings yet", "governance sets them with setSettings")
        return rows

    def settings_at(self, block: int) -> Settings:
        """Settings in force at a block (design.md 5.5); before the first, the first: trailing samples are older."""
        usable = self._usable
        return [settings for start, settings in usable if start <= block or start == usable[0][0]][-1]

    def listed_at(self, market: bytes, block: int) -> int:
        """Block of the listing that holds at a block; of the first listing when that is later."""
        blocks = self.listings[market]
        return max((row for row in blocks if row <= block), default=blocks[0])

    def first_window(self, market: bytes, block: int) -> int:
        """First window of the stretch up to a block in which the market is listed and in the settings throughout."""
        end, since = window_end(window_of(block, self.cadence), self.cadence), 0
        inside = True
        for start, settings in self._usable:
            if start > end:
                break
            held = market in {market_key(self.chain_id, row) for row in settings.markets}
            since = start if held and not inside else since
            inside = held
        # The window in which it is listed may hold a sample of an earlier listing.
        return max(1, window_of(since, self.cadence), window_of(self.listed_at(market, block), self.cadence) + 1)

    def last_sequence(self, market: bytes) -> int:
        """Number of the market's newest report; 0 when there is none."""
        return next((row.sequence for row in reversed(self.reports) if row.report.market == market), 0)

    def base_core(self, market: bytes, sequence: int, block: int) -> bytes:
        """Packed core of the newest routine report up to ``sequence``, as seen from a block; empty when there is none.

        A listing, or a return into the settings, starts with an empty core. A core that is not one of its own window
        is none: whoever signed it, the fold must be able to go on.
        """
        first = self.first_window(market, block)
        for row in reversed(self.reports):
            counts = row.report.market == market and row.sequence <= sequence
            seen = window_of(row.batch.observed_block, self.cadence)
            if counts and seen >= first and _is_step(row, self.cadence):
                return row.report.core
        return b""

    def schema_needed(self, published: Published) -> int | None:
        """Version of the settings that a batch names, where this keeper does not read it; else None."""
        for row in self.adopted:
            if row.hash == published.batch.settings_hash and row.schema != SCHEMA:
                return row.schema
        return None

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
    """Read everything back, or raise :class:`HoleInLogs`. One request for the events, one for many signatures."""
    adopted: tuple[Adopted, ...] = ()
    listings: dict[bytes, tuple[int, ...]] = {}
    reports: list[Published] = []
    applied: list[Log] = []
    logs = node.logs(from_block, to_block)
    calldata = _calldata(node, contract, logs)
    for log in logs:
        topic = log.topics[0] if log.topics else b""
        if topic == TOPICS[SettingsSet]:
            adopted = _adopt(adopted, _adopted(log))
        elif topic == TOPICS[MarketListed]:
            listings[log.topics[1]] = (*listings.get(log.topics[1], ()), log.block_number)
        elif topic == TOPICS[ReportApplied]:
            applied.append(log)
        elif topic == TOPICS[BatchPublished]:
            # It closes its batch: what was applied since the one before belongs to it.
            batch, packed = decode_batch(log.data)
            signatures = _signatures(calldata[log.tx_hash], batch)
            reports += [_published(row, batch, packed, signatures) for row in applied]
            applied = []
    if applied:
        raise HoleInLogs(f"block {applied[0].block_number} has a report without its batch")
    return _whole(History(contract, chain_id, adopted, listings, tuple(reports), to_block))


def extend_history(history: History, node: Node, to_block: int) -> History:
    """The same history with the events after its last block; asks only for those; errors as :func:`read_history`."""
    if to_block <= history.up_to:
        return history
    later = read_history(node, history.contract, history.chain_id, history.up_to + 1, to_block)
    adopted = history.adopted
    for row in later.adopted:
        adopted = _adopt(adopted, row)
    listings = history.listings | {
        market: history.listings.get(market, ()) + blocks for market, blocks in later.listings.items()
    }
    reports = history.reports + later.reports
    return _whole(History(history.contract, history.chain_id, adopted, listings, reports, to_block))


def _whole(history: History) -> History:
    rows = ((row.report.market, row.sequence, row.block_number) for row in history.reports)
    require_whole(rows, history.listings)
    return history


def schema_of(document: bytes) -> int | None:
    """Version that a settings document names, whatever its layout; None when it is none."""
    offset, version = (int.from_bytes(document[at : at + 32], "big") for at in (0, 32))
    return version if offset == 32 and 0 < version < 1 << 16 else None


def _adopt(rows: tuple[Adopted, ...], row: Adopted) -> tuple[Adopted, ...]:
    """As the contract does: a document that is not yet in force is replaced."""
    waiting = rows and rows[-1].from_block > row.set_block
    return (*(rows[:-1] if waiting else rows), row)


def _adopted(log: Log) -> Adopted:
    start, document = decode(["uint64", "bytes"], log.data)
    settings: Settings | None = None
    schema = schema_of(document)
    if schema == SCHEMA:
        with suppress(DecodingError, ValueError, TypeError, OverflowError):
            settings = decode_settings(document)
    usable = settings if settings is not None and settings.cadence_blocks > 0 else None
    return Adopted(log.topics[1], start, usable, log.block_number, schema)


def _calldata(node: Node, contract: Address, logs: Sequence[Log]) -> dict[bytes, bytes]:
    """Input of every transaction that published; empty where it went to another contract, which called ours."""
    carrying = [log.tx_hash for log in logs if log.topics and log.topics[0] == TOPICS[BatchPublished]]
    found: dict[bytes, bytes] = {}
    for start in range(0, len(carrying), BATCH_OF_TRANSACTIONS):
        part = carrying[start : start + BATCH_OF_TRANSACTIONS]
        sent = node.transactions(part)
        found |= {key: row.data if row.to == contract else b"" for key, row in zip(part, sent, strict=True)}
    return found


def _signatures(calldata: bytes, batch: Batch) -> tuple[Signature, ...]:
    try:
        called, _, signatures = decode_publish(calldata)
    except ValueError:
        return ()
    return signatures if called == batch else ()


def _published(log: Log, batch: Batch, packed: bytes, signatures: tuple[Signature, ...]) -> Published:
    report = next(row for row in unpack_reports(packed) if row.market == log.topics[1])
    event = cast("ReportApplied", decode_event(log.topics, log.data))
    return Published(event.sequence, report, batch, packed, signatures, log.block_number, log.tx_hash)


def _is_step(published: Published, cadence: int) -> bool:
    """Whether the report carries the core of a fold that ended at its own sample."""
    try:
        core = decode_core(published.report.core)
    except ValueError:
        return False
    batch = published.batch
    return core is not None and (core.window, core.time) == (
        window_of(batch.observed_block, cadence),
        batch.observed_time,
    )


def _recover(digest: bytes, data: bytes) -> Address | None:
    try:
        signature = EcdsaSignature(data[:64] + bytes([data[64] - 27]))
        return Address(signature.recover_public_key_from_msg_hash(digest).to_address())
    except (BadSignature, ValidationError, ValueError):
        return None
