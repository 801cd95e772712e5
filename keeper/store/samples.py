"""What the keeper saw and thought, sample by sample: a cache of the chain that a reorg rolls back whole."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, Select, delete, func, select
from sqlalchemy.engine import Row

from keeper.records.decision import Folded
from keeper.records.estimates import SampleDepth
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BlockRef
from keeper.store.codec import dump_fees, dumps, load_fees, loads
from keeper.store.lease import OPEN, Fence
from keeper.store.sql import keep_first, keep_last
from keeper.store.tables import ROLLED_BACK, depths, evidence, reports, samples


@dataclass(frozen=True, slots=True)
class StoredSample:
    """One market at one window, as folded."""

    market: bytes
    window: int
    base_sequence: int
    """Sequence that its own snapshot read."""
    core_before: bytes
    """Packed core of that base."""
    snapshot: MarketSnapshot
    folded: Folded

    @property
    def core_after(self) -> bytes:
        """Packed core with this sample folded in."""
        return self.folded.decision.core_after


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that this keeper planned."""

    market: bytes
    observed_block: int
    intent_key: bytes
    packed: bytes
    evidence_digest: bytes
    """keccak of its evidence document; empty when the report was found on chain and not computed here."""
    observed_hash: bytes = b""


class SampleStore:
    """Samples, trailing depths, reports and evidence.

    On a shared database a keeper that does not lead only adds what is missing: it may see another fork.
    """

    def __init__(self, engine: Engine, fence: Fence = OPEN) -> None:
        self._engine = engine
        self._fence = fence

    def record(self, rows: Sequence[StoredSample]) -> None:
        """Keep all markets of one window, in one commit; the leader replaces a row that exists."""
        if not rows:
            return
        values = [_sample_values(row) for row in rows]
        with self._engine.begin() as connection:
            put = keep_last if self._fence.leads() else keep_first
            connection.execute(put(connection, samples), values)

    def latest(self, market: bytes) -> StoredSample | None:
        """Newest sample of a market."""
        found = self._samples(_of(market).order_by(samples.c.window.desc()).limit(1))
        return found[0] if found else None

    def at(self, market: bytes, block: int) -> StoredSample | None:
        """Newest sample at or below a block."""
        query = _of(market).where(samples.c.block_number <= block).order_by(samples.c.window.desc()).limit(1)
        found = self._samples(query)
        return found[0] if found else None

    def between(self, market: bytes, first: int, last: int) -> list[StoredSample]:
        """Samples of the windows ``first..last`` that exist, oldest first."""
        query = _of(market).where(samples.c.window.between(first, last)).order_by(samples.c.window)
        return self._samples(query)

    def history(self, market: bytes, limit: int = 100) -> list[StoredSample]:
        """Newest samples, oldest first."""
        return self._samples(_of(market).order_by(samples.c.window.desc()).limit(limit))[::-1]

    def markets(self) -> list[bytes]:
        """Keys that have samples."""
        with self._read() as connection:
            return [row[0] for row in connection.execute(select(samples.c.market).distinct())]

    def newest_block(self, below: int | None = None) -> tuple[int, bytes] | None:
        """(number, hash) of the highest block, under ``below``, that any row of any table rests on."""
        found = []
        with self._read() as connection:
            for table, (number, block_hash) in ROLLED_BACK.items():
                # Rows of before schema 0004 do not know their hash; they go with those that do.
                query = select(table.c[number], table.c[block_hash]).where(func.length(table.c[block_hash]) > 0)
                if below is not None:
                    query = query.where(table.c[number] < below)
                row = connection.execute(query.order_by(table.c[number].desc()).limit(1)).first()
                if row is not None:
                    found.append((int(row[0]), bytes(row[1])))
        return max(found, default=None)

    def roll_back(self, block: int) -> None:
        """Forget everything that rests on ``block`` or a later one, in one transaction over all tables."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            for table, (number, _) in ROLLED_BACK.items():
                connection.execute(delete(table).where(table.c[number] >= block))

    def forget_samples(self, market: bytes, first_window: int) -> None:
        """Forget a market's samples from a window on: its base changed, so they are folded again."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            rows = (samples.c.market == market) & (samples.c.window >= first_window)
            connection.execute(delete(samples).where(rows))

    def keep_depths(self, settings_hash: bytes, block: BlockRef, rows: Mapping[bytes, SampleDepth]) -> None:
        """Keep one window's depths under the settings they were read with."""
        values = [_depth_values(settings_hash, market, block, depth) for market, depth in rows.items()]
        if values:
            with self._engine.begin() as connection:
                connection.execute(keep_first(connection, depths), values)

    def depths(self, settings_hash: bytes) -> list[tuple[int, bytes, dict[bytes, SampleDepth]]]:
        """(window, block hash, market -> depth) of everything kept under these settings, oldest first."""
        query = select(depths).where(depths.c.settings_hash == settings_hash).order_by(depths.c.window)
        windows: dict[int, tuple[bytes, dict[bytes, SampleDepth]]] = {}
        with self._read() as connection:
            for row in connection.execute(query):
                windows.setdefault(row.window, (row.block_hash, {}))[1][row.market] = _depth(row)
        return [(window, block_hash, rows) for window, (block_hash, rows) in windows.items()]

    def keep_reports(self, rows: Iterable[tuple[StoredReport, bytes]]) -> None:
        """Keep planned reports with their evidence documents."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            for report, document in rows:
                connection.execute(keep_last(connection, reports), asdict(report))
                proof = {
                    "digest": report.evidence_digest,
                    "observed_block": report.observed_block,
                    "observed_hash": report.observed_hash,
                    "document": zlib.compress(document),
                }
                connection.execute(keep_first(connection, evidence), proof)

    def add_reports(self, rows: Sequence[StoredReport]) -> None:
        """Keep reports that were found on chain, unless they are known."""
        if rows:
            with self._engine.begin() as connection:
                self._fence.hold(connection)
                connection.execute(keep_first(connection, reports), [asdict(row) for row in rows])

    def reports(self) -> list[StoredReport]:
        """Every report that is kept, by block and market."""
        query = select(reports).order_by(reports.c.observed_block, reports.c.market)
        with self._read() as connection:
            return [StoredReport(**row) for row in connection.execute(query).mappings()]

    def evidence(self, digest: bytes) -> bytes | None:
        """Canonical JSON by its keccak."""
        with self._read() as connection:
            row = connection.execute(select(evidence.c.document).where(evidence.c.digest == digest)).first()
        return zlib.decompress(row[0]) if row else None

    def count(self) -> int:
        """Number of samples, all markets."""
        with self._read() as connection:
            return int(connection.execute(select(func.count()).select_from(samples)).scalar_one())

    def _samples(self, query: Select[Any]) -> list[StoredSample]:
        with self._read() as connection:
            return [_sample(row) for row in connection.execute(query)]

    def _read(self) -> Any:
        return self._engine.connect().execution_options(read_only=True)


def _of(market: bytes) -> Select[Any]:
    return select(samples).where(samples.c.market == market)


def _sample_values(row: StoredSample) -> dict[str, object]:
    block, decision = row.snapshot.block, row.folded.decision
    return {
        "market": row.market,
        "window": row.window,
        "block_number": block.number,
        "block_hash": block.hash,
        "block_time": block.timestamp,
        "base_sequence": row.base_sequence,
        "core_before": row.core_before,
        "core_after": decision.core_after,
        "due": decision.due.value,
        "haircut_bps": decision.targets.haircut_bps if decision.targets else None,
        "snapshot": dumps(row.snapshot),
        "folded": dumps(row.folded),
    }


def _sample(row: Row[Any]) -> StoredSample:
    snapshot, folded = loads(MarketSnapshot, row.snapshot), loads(Folded, row.folded)
    return StoredSample(row.market, row.window, row.base_sequence, row.core_before, snapshot, folded)


def _depth_values(settings_hash: bytes, market: bytes, block: BlockRef, depth: SampleDepth) -> dict[str, object]:
    amounts = {name: getattr(depth, name) for name in ("bound", "at_100_bps", "at_200_bps", "at_500_bps")}
    return {
        "settings_hash": settings_hash,
        "market": market,
        "window": depth.window,
        "block_number": depth.block,
        "block_hash": block.hash,
        "fees": dump_fees(depth.fees),
        **amounts,
    }


def _depth(row: Row[Any]) -> SampleDepth:
    amounts = (row.bound, row.at_100_bps, row.at_200_bps, row.at_500_bps)
    return SampleDepth(row.window, row.block_number, *amounts, load_fees(row.fees))
