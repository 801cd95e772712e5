"""Did the keeper do its job? The demo's verdicts, from the contract's events and from what was measured on the way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from keeper.protocols.bulkhead_events import (
    BatchPublished,
    MarketListed,
    PendingActivated,
    ReportApplied,
    ReportRefused,
    StageAdvanced,
)
from keeper.records.live import LiveWord
from keeper.records.outcome import IntentState, Outcome
from keeper.testing.scenario import Step
from keeper.testing.watch import ChainEvent, MarketView, Transaction

RISE_BPS = 100
"""A haircut counts as risen when it stands this far above where it stood in the calm."""
HALF = 0.5
LANDED = frozenset({IntentState.FINAL_OK, IntentState.CONFIRMED, IntentState.MINED, IntentState.SENT})
"""States of an update that is on its way or there. The keeper is stopped when it is judged, so the chain says which."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One step and what could be seen after it."""

    step: Step
    views: tuple[MarketView, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of the questions, answered."""

    question: str
    ok: bool
    answer: str


def rose_early(moments: Sequence[Moment], events: Sequence[ChainEvent], keys: Sequence[bytes]) -> Verdict:
    """Whether every market's live haircut rose before half of its depth at 2 % was gone."""
    lines, ok = [], True
    for index, key in enumerate(keys):
        name = moments[0].views[index].settings.name
        calm = [moment for moment in moments if moment.step.phase == moments[0].step.phase]
        level = calm[-1].views[index].words.live.haircut_bps
        usual = median(_depth(moment, index) for moment in calm)
        halved = next((moment for moment in moments if _depth(moment, index) < usual * HALF), None)
        risen = next((row for row, live in lives(events, key) if live.haircut_bps >= level + RISE_BPS), None)
        if halved is None or risen is None:
            ok = False
            lines.append(f"{name}: {'the depth never halved' if halved is None else 'the haircut never rose'}")
            continue
        block = _sampled(halved, index)
        ok &= risen.block < block
        lines.append(f"{name}: rose in block {risen.block}, depth at 2 % below half in block {block}")
    return Verdict("haircuts rose before half of the depth was gone", ok, "; ".join(lines))


def landed_once(
    events: Sequence[ChainEvent], outcomes: Sequence[Outcome], sent: Sequence[Transaction], keys: Sequence[bytes]
) -> Verdict:
    """Whether every planned update is on chain exactly once, and nothing else is."""
    faults = []
    for key in keys:
        rows = [row.event for row in events if isinstance(row.event, ReportApplied) and row.event.market == key]
        if [row.sequence for row in rows] != list(range(1, len(rows) + 1)):
            faults.append("the sequence has a gap")
        repeated = [block for block, count in Counter(row.live.observed_block for row in rows).items() if count > 1]
        faults += [f"observed block {block} was applied twice" for block in repeated]
    faults += ["a report was refused" for row in events if isinstance(row.event, ReportRefused)]
    faults += [f"transaction {row.tx_hash} failed" for row in sent if not row.ok]
    planned = {f"0x{row.tx_hash.hex()}" for row in outcomes if row.state in LANDED and row.tx_hash}
    replaced = [row for row in outcomes if row.state == IntentState.SUPERSEDED]
    faults += [
        f"{row.intent.purpose} is {row.state}" for row in outcomes if row.state not in LANDED and row not in replaced
    ]
    mined = {row.tx_hash for row in sent}
    faults += [f"transaction {tx_hash} has no intent" for tx_hash in mined - planned]
    faults += [f"intent's transaction {tx_hash} was never mined" for tx_hash in planned - mined]
    batches = sum(isinstance(row.event, BatchPublished) for row in events)
    answer = "; ".join(sorted(set(faults))) or (
        f"{batches} batches, {len(sent)} transactions, {len(outcomes)} intents, {len(replaced)} of them superseded"
    )
    return Verdict("every update landed once", not faults and batches > 0, answer)


def loosened_late(
    events: Sequence[ChainEvent], keys: Sequence[bytes], dwell_seconds: int, dispute_seconds: int
) -> Verdict:
    """Whether the live haircut fell only by a matured pending that a dwelt report had opened, and did fall."""
    faults, count, shortest = [], 0, None
    for key in keys:
        haircut, tightened, opened = 0, 0, 0
        for row, live in lives(events, key):
            if live.haircut_bps < haircut:
                count += 1
                waited = row.time - opened
                shortest = waited if shortest is None else min(shortest, waited)
                if not isinstance(row.event, PendingActivated):
                    faults.append(f"block {row.block} loosened without a pending")
                elif waited < dispute_seconds:
                    faults.append(f"block {row.block} loosened after {waited} s")
            elif live.haircut_bps > haircut:
                tightened = row.time
            if isinstance(row.event, ReportApplied) and row.event.aux.pending_time not in (0, opened):
                opened = row.event.aux.pending_time
                if live.observed_time - tightened < dwell_seconds:
                    faults.append(f"block {row.block} asked to loosen {live.observed_time - tightened} s after a rise")
            haircut = live.haircut_bps
    answer = "; ".join(faults) or f"{count} loosenings, the quickest {shortest} s after it was asked for"
    return Verdict("loosening came only after its window", not faults and count > 0, answer)


def lives(events: Sequence[ChainEvent], key: bytes) -> list[tuple[ChainEvent, LiveWord]]:
    """Every change of a market's live word, in chain order."""
    kinds = (MarketListed, ReportApplied, StageAdvanced, PendingActivated)
    return [(row, row.event.live) for row in events if isinstance(row.event, kinds) and row.event.market == key]


def _depth(moment: Moment, index: int) -> float:
    return moment.views[index].depth[1] or 0.0


def _sampled(moment: Moment, index: int) -> int:
    sample = moment.views[index].sample
    return sample.snapshot.block.number if sample else moment.step.head
