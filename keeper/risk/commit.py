"""From a folded sample to what is signed: report, commitment, evidence, batch, digest (design.md 5.5)."""

from collections.abc import Sequence

from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import keccak
from keeper.records.core import decode_core
from keeper.records.decision import Folded
from keeper.records.report import Batch, Commitment, PreparedReport, Report
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BlockRef
from keeper.risk.commitments import commitments_root, estimates_hash, inputs_root
from keeper.risk.evidence import canonical, evidence_document
from keeper.risk.keys import market_key, settings_hash
from keeper.risk.packing import pack_report, pack_reports, unpack_reports
from keeper.risk.windows import window_of

__all__ = [
    "VALID_SECONDS",
    "batch_digest",
    "gap_bitmap",
    "make_batch",
    "pack_report",
    "pack_reports",
    "prepare_report",
    "unpack_reports",
]

VALID_SECONDS = 1800
"""``valid_until`` lies this far after the observed time: a constant, so that all keepers sign the same bytes."""

BITMAP_WINDOWS = 256
"""Windows after the base that the gap bitmap can name."""


def prepare_report(
    folded: Folded, snapshots: Sequence[MarketSnapshot], core_before: bytes, market: MarketSettings, settings: Settings
) -> PreparedReport:
    """Build one market's report with its commitment and evidence.

    Parameters
    ----------
    folded
        Result of the fold at the last of ``snapshots``; must have targets.
    snapshots
        Every sample folded since the base, oldest first; the last is the observed one.
    core_before
        Packed core of the base: the newest routine report up to the sequence that the last snapshot read.
    market, settings
        In force at the end of the observed window.

    Raises
    ------
    ValueError
        When there is nothing to report, or the samples cannot be named by one report.
    """
    last = snapshots[-1]
    if folded.decision.targets is None or last.words is None:
        raise ValueError("a sample with a missing input cannot be reported")
    report = Report(
        market=market_key(settings.chain_id, market),
        targets=folded.decision.targets,
        base_sequence=last.words.live.sequence,
        gap_bitmap=gap_bitmap(core_before, snapshots, settings.cadence_blocks),
        core=folded.decision.core_after,
    )
    document = evidence_document(
        folded,
        snapshots,
        report,
        core_before=core_before,
        market=market,
        chain_id=settings.chain_id,
        settings_hash=settings_hash(settings),
    )
    evidence = canonical(document)
    commitment = Commitment(
        market=report.market,
        inputs_root=inputs_root(snapshots),
        estimates_hash=estimates_hash(folded.estimates),
        core_before=keccak(core_before),
        core_after=keccak(report.core),
        evidence_digest=keccak(evidence),
    )
    return PreparedReport(report, commitment, evidence)


def gap_bitmap(core_before: bytes, snapshots: Sequence[MarketSnapshot], cadence: int) -> int:
    """Windows since the base that were folded by nobody; bit i is window base + 1 + i.

    Without a base the first sample starts the fold, so nothing before it is a gap.

    Raises
    ------
    ValueError
        When the samples do not rise, or a gap lies beyond what the bitmap can name.
    """
    windows = [window_of(snapshot.block.number, cadence) for snapshot in snapshots]
    base = decode_core(core_before)
    first = base.window + 1 if base else windows[0]
    if windows != sorted(set(windows)) or windows[0] < first:
        raise ValueError("samples must rise, one a window, from the base on")
    missing = set(range(first, windows[-1] + 1)) - set(windows)
    if missing and max(missing) - first >= BITMAP_WINDOWS:
        raise ValueError(f"a gap more than {BITMAP_WINDOWS} windows after the base cannot be named")
    return sum(1 << (window - first) for window in missing)


def make_batch(prepared: Sequence[PreparedReport], block: BlockRef, settings_hash: bytes) -> tuple[Batch, bytes]:
    """Batch over the reports of one observed block, and their packed bytes; in rising order of market key.

    Raises
    ------
    ValueError
        When it is empty or names a market twice.
    """
    rows = sorted(prepared, key=lambda row: row.report.market)
    if not rows or len({row.report.market for row in rows}) != len(rows):
        raise ValueError("a batch holds each market once, and at least one")
    packed = pack_reports([row.report for row in rows])
    batch = Batch(
        observed_block=block.number,
        observed_hash=block.hash,
        observed_time=block.timestamp,
        valid_until=block.timestamp + VALID_SECONDS,
        settings_hash=settings_hash,
        commitments_root=commitments_root([row.commitment for row in rows]),
        reports_hash=keccak(packed),
    )
    return batch, packed
