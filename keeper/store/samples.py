"""What the keeper saw and thought, sample by sample: a cache of the chain that a reorg rolls back whole."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Row

from keeper.records.decision import Folded
from keeper.records.estimates import SampleDepth
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import BlockRef
from keeper.store.codec import dump_fees, dumps, load_fees, loads
from keeper.store.tables import ROLLED_BACK, depths, evidence, pad_uint256, read_uint256, reports, samples


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


class SampleStore:
    """Samples, trailing depths, reports and evidence."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, rows: Sequence[StoredSample]) -> None:
        """Keep all markets of one window, in one commit; a row that exists is replaced."""
        if not rows:
            return
        values = [_sample_values(row) for row in rows]
        with self._engine.begin() as connection:
            connection.execute(insert(samples).prefix_with("OR REPLACE"), values)

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

    def newest_block(self) -> tuple[int, bytes] | None:
        """(number, hash) of the highest block that any row rests on."""
        found = []
        with self._read() as connection:
            for table in (samples, depths):
                query = select(table.c.block_number, table.c.block_hash).order_by(table.c.block_number.desc()).limit(1)
                row = connection.execute(query).first()
                if row is not None:
                    found.append((int(row[0]), bytes(row[1])))
        return max(found, default=None)

    def roll_back(self, block: int) -> None:
        """Forget everything that rests on ``block`` or a later one, in one transaction over all tables."""
        with self._engine.begin() as connection:
            for table, column in ROLLED_BACK.items():
                connection.execute(delete(table).where(table.c[column] >= block))

    def forget_samples(self, market: bytes, first_window: int) -> None:
        """Forget a market's samples from a window on: its base changed, so they are folded again."""
        with self._engine.begin() as connection:
            rows = (samples.c.market == market) & (samples.c.window >= first_window)
            connection.execute(delete(samples).where(rows))

    def keep_depths(self, settings_hash: bytes, block: BlockRef, rows: Mapping[bytes, SampleDepth]) -> None:
        """Keep one window's depths under the settings they were read with."""
        values = [_depth_values(settings_hash, market, block, depth) for market, depth in rows.items()]
        if values:
            with self._engine.begin() as connection:
                connection.execute(upsert(depths).on_conflict_do_nothing(), values)

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
            for report, document in rows:
                values = {name: getattr(report, name) for name in reports.c.keys()}  # noqa: SIM118 - a SQLAlchemy view
                connection.execute(insert(reports).prefix_with("OR REPLACE"), values)
                proof = {
                    "digest": report.evidence_digest,
                    "observed_block": report.observed_block,
                    "document": zlib.compress(document),
                }
                connection.execute(upsert(evidence).on_conflict_do_nothing(), proof)

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
    amounts = {name: pad_uint256(getattr(depth, name)) for name in ("bound", "at_100_bps", "at_200_bps", "at_500_bps")}
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
    bound, at_100, at_200, at_500 = (
        read_uint256(text) for text in (row.bound, row.at_100_bps, row.at_200_bps, row.at_500_bps)
    )
    return SampleDepth(row.window, row.block_number, bound, at_100, at_200, at_500, load_fees(row.fees))
