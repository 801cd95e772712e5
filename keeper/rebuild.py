"""What the chain still knows of this keeper when its database is lost or old: transactions of ours, and their reports.

Samples and depths are not here: the follower reads those again as it needs them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from keeper.errors import Refused
from keeper.follow import Emit
from keeper.protocols.bulkhead import ACTIVATE_SELECTOR, ADVANCE_SELECTOR, decode_publish
from keeper.published import BATCH_OF_TRANSACTIONS, History, Node
from keeper.records.log import Log, Transaction
from keeper.records.outcome import IntentState, Landing, Outcome, TxIntent
from keeper.records.units import Address
from keeper.replay import Replay, Unverifiable
from keeper.risk.commit import batch_digest, pack_report, unpack_reports
from keeper.risk.keys import intent_key
from keeper.store.samples import StoredReport
from keeper.store.store import KeeperStore

SETTLED_DEPTH = 2
"""Transactions with fewer blocks on top are left to the next cycle: a reorg may still drop them."""
UPKEEP = {ADVANCE_SELECTOR: "advance", ACTIVATE_SELECTOR: "activate"}

Progress = Callable[[int, int], None]
"""(done, of how many)."""


class SenderNode(Node, Protocol):
    """A node that also knows receipts."""

    def landings(self, logs: Sequence[Log]) -> list[Landing]:
        """Receipts of the transactions that made these logs, in order."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Whose log is read, and whose transactions are looked for in it."""

    node: SenderNode
    address: Address
    chain_id: int
    sender: Address


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was found."""

    intents: int
    """Transactions of ours that the contract's log shows."""
    reports: int
    """Reports that they carried."""


def rebuild(contract: Contract, store: KeeperStore, blocks: tuple[int, int], progress: Progress) -> Rebuilt:
    """Add every transaction of the sender that the contract's log shows, as final, with its reports.

    Rows that the store knows stay as they are.

    Parameters
    ----------
    blocks
        First and last block of the search.

    Raises
    ------
    RetryLater
        The node failed; what was added before stays.
    """
    first, last = blocks
    logs = _one_a_transaction(contract.node.logs(first, last)) if first <= last else []
    intents = reports = 0
    for start in range(0, len(logs), BATCH_OF_TRANSACTIONS):
        part = logs[start : start + BATCH_OF_TRANSACTIONS]
        found = contract.node.transactions([log.tx_hash for log in part])
        ours = [pair for pair in zip(part, found, strict=True) if pair[1].sender == contract.sender]
        rows = _outcomes(contract, ours)
        kept = [report for row in rows for report in _reports(row.intent)]
        store.adopt(rows)
        store.samples.add_reports(kept)
        intents, reports = intents + len(rows), reports + len(kept)
        progress(start + len(part), len(logs))
    return Rebuilt(intents, reports)


def rebuild_if_older(contract: Contract, store: KeeperStore, blocks: tuple[int, int], sent: int, emit: Emit) -> None:
    """Rebuild when the chain counts more transactions of ours than the store knows: it is empty, or an old copy."""
    known = store.intents.highest_nonce()
    if sent <= (-1 if known is None else known) + 1:
        return
    emit("store_is_older", known_nonce=known, sent=sent)
    found = rebuild(contract, store, blocks, lambda done, total: emit("rebuilding", done=done, total=total))
    emit("rebuilt", intents=found.intents, reports=found.reports)


def rebuild_evidence(store: KeeperStore, history: History, replay: Replay, progress: Progress) -> int:
    """Compute the evidence of our reports again, from an archive node; returns how many were.

    Raises
    ------
    Refused
        A report of ours does not follow from the chain.
    """
    ours = {(row.market, row.observed_block): row for row in store.samples.reports() if not row.evidence_digest}
    rows = [row for row in history.reports if (row.report.market, row.batch.observed_block) in ours]
    for done, published in enumerate(rows, start=1):
        kept = ours[published.report.market, published.batch.observed_block]
        try:
            prepared = replay.prepared(published)
        except Unverifiable as error:
            raise Refused(f"the report of block {kept.observed_block} cannot be computed again: {error}") from None
        if pack_report(prepared.report) != kept.packed:
            raise Refused(f"the report of block {kept.observed_block} differs when it is computed again", "see verify")
        digest = prepared.commitment.evidence_digest
        whole = StoredReport(kept.market, kept.observed_block, kept.intent_key, kept.packed, digest, kept.observed_hash)
        store.samples.keep_reports([(whole, prepared.evidence)])
        progress(done, len(rows))
    return len(rows)


def _one_a_transaction(logs: Sequence[Log]) -> list[Log]:
    return list({log.tx_hash: log for log in logs}.values())


def _outcomes(contract: Contract, sent: Sequence[tuple[Log, Transaction]]) -> list[Outcome]:
    """The rows that sending them left behind; what went elsewhere, or calls what we never call, left none."""
    known = [(log, row, intent) for log, row in sent if (intent := _intent(contract, log, row))]
    landings = contract.node.landings([log for log, *_ in known]) if known else []
    return [
        Outcome(intent, IntentState.FINAL_OK, row.nonce, landing=landing)
        for (_, row, intent), landing in zip(known, landings, strict=True)
    ]


def _intent(contract: Contract, log: Log, sent: Transaction) -> TxIntent | None:
    if sent.to != contract.address:
        return None
    return _publish(contract, sent) or _upkeep(contract, log, sent)


def _publish(contract: Contract, sent: Transaction) -> TxIntent | None:
    try:
        batch, packed, _ = decode_publish(sent.data)
        reports = unpack_reports(packed)
    except ValueError:
        return None
    return TxIntent(
        key=intent_key(contract.chain_id, contract.address, batch_digest(batch, contract.chain_id, contract.address)),
        purpose="publish",
        to=contract.address,
        data=sent.data,
        observed_block=batch.observed_block,
        valid_until=batch.valid_until,
        markets=tuple(sorted(report.market for report in reports)),
    )


def _upkeep(contract: Contract, log: Log, sent: Transaction) -> TxIntent | None:
    purpose = UPKEEP.get(sent.data[:4])
    if purpose is None:
        return None
    # The time in its true key is not on chain; the hash is as unique, and the row is final.
    key = intent_key(contract.chain_id, contract.address, log.tx_hash)
    return TxIntent(key, purpose, contract.address, sent.data, 0, 0, (sent.data[4:36],))


def _reports(intent: TxIntent) -> Iterator[StoredReport]:
    if intent.purpose != "publish":
        return
    batch, packed, _ = decode_publish(intent.data)
    for report in unpack_reports(packed):
        # A report without a core is of the emergency lane: it rests on no sample.
        if report.core:
            yield StoredReport(
                report.market, batch.observed_block, intent.key, pack_report(report), b"", batch.observed_hash
            )
