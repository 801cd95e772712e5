"""Recomputes published reports from the chain alone: settings, reports and samples are all read back (design.md 5.2).

Needs an archive node and the contract's address; no database, no evidence file, no configuration.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

from keeper.chain.proofs import Unproved
from keeper.errors import KeeperError
from keeper.fold import fold_sample
from keeper.published import History, Published
from keeper.records.core import decode_core
from keeper.records.decision import Folded
from keeper.records.ports import ChainReader
from keeper.records.report import PreparedReport, Report
from keeper.records.settings import SCHEMA, Settings
from keeper.records.snapshot import MarketSnapshot, WordInput
from keeper.records.units import Address, BlockRef
from keeper.risk.commit import make_batch, pack_report, prepare_report
from keeper.risk.keys import settings_hash
from keeper.risk.windows import window_of
from keeper.sampling import Sampler

MAX_REACH = 10_000
"""Windows that may lie between a base and a report; more means that the base is not the base."""


Prove = Callable[[BlockRef, Sequence[WordInput]], int]
"""Proves storage words at a block; how many. Raises ``chain.proofs.Unproved``."""


class Unverifiable(KeeperError):
    """The chain does not hold what the report says it rests on."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying one report found."""

    market: bytes
    """Market key."""
    sequence: int
    observed_block: int
    ok: bool
    differs: str
    """First field that differs, with both values; empty when none does."""
    samples: int
    """Sampled blocks folded for it."""
    proved: int = 0
    """Storage words proved by their blocks' state roots."""
    unprovable: int = 0
    """Answers of code, which can only be asked for again."""


@dataclass(frozen=True, slots=True)
class Refolded:
    """A report folded again from its base."""

    folded: Folded
    snapshots: tuple[MarketSnapshot, ...]
    core_before: bytes


class Replay:
    """One contract's reports, folded again.

    Parameters
    ----------
    history
        Everything the contract published, from its events and calldata.
    reader
        Reads at old block hashes.
    prove
        Proves every storage word of a sample; None: words are read again and not proved.
    """

    def __init__(self, history: History, reader: ChainReader, contract: Address, prove: Prove | None = None) -> None:
        self.history = history
        self._reader = reader
        self._contract = contract
        self._prove = prove
        self._samplers: dict[bytes, Sampler] = {}
        self._steps: dict[tuple[bytes, int, bytes], tuple[MarketSnapshot, Folded]] = {}
        self._prepared: dict[tuple[bytes, int], tuple[PreparedReport, int, BlockRef, Settings]] = {}

    def verify(self, published: Published) -> Verdict:
        """Fold one report again and compare every byte that was signed."""
        report = published.report
        samples, proved, unprovable = 0, 0, 0
        try:
            prepared, samples, _, _ = self._prepare(published)
            differs = _first_difference(report, prepared.report) or self._batch_difference(published)
            if self._prove and not differs:
                proved, unprovable = self._proofs(published)
        except (Unverifiable, ValueError) as error:
            differs, samples = str(error), 0
        except Unproved as error:
            differs = error.message
        observed = published.batch.observed_block
        return Verdict(report.market, published.sequence, observed, not differs, differs, samples, proved, unprovable)

    def prepared(self, published: Published) -> PreparedReport:
        """The report with its evidence and commitment, computed again; raises as :meth:`refold`."""
        return self._prepare(published)[0]

    def _proofs(self, published: Published) -> tuple[int, int]:
        """Prove the inputs of every sample that the report folded: (words proved, answers that can't be)."""
        proved = unprovable = 0
        for snapshot in self.refold(published).snapshots:
            words = [row for row in snapshot.inputs if isinstance(row, WordInput)]
            if self._prove:
                proved += self._prove(snapshot.block, words)
            unprovable += len(snapshot.inputs) - len(words)
        return proved, unprovable

    def refold(self, published: Published) -> Refolded:
        """Fold from the report's base up to its sample.

        Raises
        ------
        Unverifiable
            When the report has no core, its base is not on chain, or its settings are of another schema.
        """
        report, schema = published.report, self.history.schema_needed(published)
        if schema is not None:
            raise Unverifiable(
                f"its settings have schema {schema}: it needs a keeper that reads that, this reads {SCHEMA}"
            )
        after = decode_core(report.core)
        if after is None:
            raise Unverifiable("the report carries no core: an emergency report is not a step of the fold")
        observed = published.batch.observed_block
        before = self.history.base_core(report.market, report.base_sequence, observed)
        base = decode_core(before)
        first = base.window + 1 if base else self.history.first_window(report.market, observed)
        if not 0 <= after.window - first < MAX_REACH:
            raise Unverifiable(f"its core names window {after.window}, its base ends before window {first}")
        core, snapshots, folded = before, [], None
        for window in range(first, after.window + 1):
            if base and report.gap_bitmap >> (window - first) & 1:
                continue
            done = self.step(report.market, window, core)
            if done is None:
                continue
            snapshot, step = done
            core, folded = step.decision.core_after, step
            snapshots.append(snapshot)
        if folded is None:
            raise Unverifiable("no sample up to its window shows the market listed")
        return Refolded(folded, tuple(snapshots), before)

    def _prepare(self, published: Published) -> tuple[PreparedReport, int, BlockRef, Settings]:
        key = (published.report.market, published.batch.observed_block)
        if key not in self._prepared:
            refolded = self.refold(published)
            last = refolded.snapshots[-1]
            settings = self.history.settings_at(self._end(last.block.number))
            market = self._sampler(last.block.number).markets[last.market]
            prepared = prepare_report(refolded.folded, refolded.snapshots, refolded.core_before, market, settings)
            self._prepared[key] = (prepared, len(refolded.snapshots), last.block, settings)
        return self._prepared[key]

    def _batch_difference(self, published: Published) -> str:
        """Rebuild the whole batch that carried the report; name its first field that differs."""
        rows = [self._prepare(row) for row in self.history.batch_of(published)]
        _, _, block, settings = rows[0]
        batch, packed = make_batch([row[0] for row in rows], block, settings_hash(settings))
        if packed != published.packed:
            return f"packed reports: {published.packed.hex()} on chain, {packed.hex()} recomputed"
        return _field_difference(published.batch, batch) or self.history.signature_fault(published)

    def step(self, market: bytes, window: int, core: bytes) -> tuple[MarketSnapshot, Folded] | None:
        """One window folded; None when its sample does not show the market."""
        key = (market, window, core)
        if key not in self._steps:
            sampler = self._sampler(window * self.history.cadence)
            snapshot = sampler.observe(window, {market: core}).get(market)
            if snapshot is None or snapshot.words is None:
                return None
            trailing = sampler.trailing(window, market)
            settings, chosen = sampler.settings, sampler.markets[market]
            self._steps[key] = (snapshot, fold_sample(core, snapshot, window, trailing, chosen, settings))
        return self._steps[key]

    def _end(self, block: int) -> int:
        return window_of(block, self.history.cadence) * self.history.cadence

    def _sampler(self, block: int) -> Sampler:
        settings = self.history.settings_at(self._end(block))
        key = settings_hash(settings)
        if key not in self._samplers:
            self._samplers[key] = Sampler(self._reader, self._contract, settings)
        return self._samplers[key]


def verify_all(
    replay: Replay,
    market: bytes | None = None,
    sequence: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Verdict]:
    """Verdicts over the reports of a market, of one sequence, or of all, in chain order."""
    rows = [
        row
        for row in replay.history.reports
        if market in (None, row.report.market) and sequence in (None, row.sequence)
    ]
    for done, row in enumerate(rows, start=1):
        yield replay.verify(row)
        if progress:
            progress(done, len(rows))


def _first_difference(on_chain: Report, recomputed: Report) -> str:
    if pack_report(on_chain) == pack_report(recomputed):
        return ""
    return (
        _field_difference(on_chain.targets, recomputed.targets)
        or _core_difference(on_chain.core, recomputed.core)
        or _field_difference(on_chain, recomputed)
    )


def _core_difference(on_chain: bytes, recomputed: bytes) -> str:
    left, right = decode_core(on_chain), decode_core(recomputed)
    if left == right or left is None or right is None:
        return ""
    return "core: " + _field_difference(left, right)


def _field_difference(on_chain: object, recomputed: object) -> str:
    for field in fields(on_chain):  # type: ignore[arg-type]
        left, right = getattr(on_chain, field.name), getattr(recomputed, field.name)
        if left != right:
            return f"{field.name}: {_shown(left)} on chain, {_shown(right)} recomputed"
    return ""


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
