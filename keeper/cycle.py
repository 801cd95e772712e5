"""One cycle of the keeper: observe, estimate and decide, record, act, settle. The first file to open.

A cycle asks only the chain and the store what is missing and what is due, so it may run at any time, twice, or late.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from keeper.acting import Plan, due_batches, plan_publish, plan_upkeep, refused_now, tier_of
from keeper.budgets import DAY_SECONDS, Budgets, Spent, spent
from keeper.chain.pool import Pool
from keeper.errors import Refused, RetryLater
from keeper.follow import Emit, Follower
from keeper.guard import Guard
from keeper.protocols import PROTOCOLS
from keeper.records.live import ContractWords
from keeper.records.outcome import TERMINAL, UNMINED, IntentState, Outcome, Tier, TxIntent
from keeper.records.ports import ChainReader, Sender, Signer
from keeper.records.units import BlockRef
from keeper.risk.keys import settings_hash
from keeper.store.intents import IntentStore
from keeper.store.samples import SampleStore, StoredSample


@dataclass(frozen=True, slots=True)
class Ports:
    """What a cycle works with."""

    reader: ChainReader
    follower: Follower
    samples: SampleStore
    intents: IntentStore
    signer: Signer | None
    """None: shadow mode, nothing is signed."""
    sender: Sender | None
    """None: dry run, nothing is sent."""
    emit: Emit
    budgets: Budgets
    held: frozenset[bytes] = frozenset()
    """Markets of which nothing is reported: a token of theirs is hostile and the settings do not say so yet."""
    guard: Guard | None = None
    """Whether this keeper may send; None: it always may."""
    pool: Pool | None = None
    """The nodes; None where a test brings its own reader."""


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What a cycle did."""

    head: BlockRef
    samples: tuple[StoredSample, ...]
    """Folded in this cycle, oldest first."""
    plans: tuple[Plan, ...]
    """Sent, or in a dry run: what would have been sent."""
    outcomes: tuple[Outcome, ...]
    """Rows that were planned or moved."""


def run_cycle(ports: Ports) -> CycleResult:
    """Bring the fold up to the head, then send what is due.

    Raises
    ------
    RetryLater
        A node failed; whatever was committed before stays.
    """
    head = ports.reader.block("latest")
    _look_around(ports, head)
    ports.follower.refresh(head)
    settled = _settle(ports)
    folded: list[StoredSample] = []
    for window, cores in ports.follower.missing(head):
        snapshots = ports.follower.observe(window, cores)
        rows = ports.follower.fold(window, cores, snapshots)  # estimate and decide
        record(ports, rows)
        folded += rows
    plans = [] if ports.sender and refusal(ports) else plan(ports, head)
    outcomes = tuple(act(ports, plans))
    _report(ports, outcomes)
    return CycleResult(head, tuple(folded), tuple(plans), settled + outcomes)


def settle(ports: Ports) -> tuple[Outcome, ...]:
    """Drive on what was sent, unless nothing may be sent; the rows that moved."""
    if ports.sender and ports.guard:
        ports.guard.look(ports.reader.block("latest"))
    return _settle(ports)


def record(ports: Ports, rows: list[StoredSample]) -> None:
    """Commit samples and their depths, and say what was decided."""
    if not rows:
        return
    ports.samples.record(rows)
    block = rows[0].snapshot.block
    settings = ports.follower.history.settings_at(rows[0].window * ports.follower.history.cadence)
    depths = {row.market: row.folded.estimates.depth for row in rows}
    ports.samples.keep_depths(settings_hash(settings), block, depths)
    for row in rows:
        decision = row.folded.decision
        ports.emit(
            "sample_folded",
            market=ports.follower.name(row.market),
            window=row.window,
            block=block.number,
            due=decision.due.value,
            target_bps=decision.targets.haircut_bps if decision.targets else None,
            reason=decision.reasons[-1] if decision.reasons else "",
        )


def plan(ports: Ports, head: BlockRef) -> list[Plan]:
    """What should be sent now. One market's failure leaves the others' plans standing."""
    words = read_words(ports, head)
    plans: list[Plan] = []
    costs = spent(ports.intents.landed_since(head.timestamp - DAY_SECONDS))
    for rows in due_batches(ports.follower, head, _safe_number(ports), words):
        free = [row for row in rows if row.market not in ports.held and _affordable(ports, costs, row)]
        plans += _plan_batch(ports, free, words, head) if free else []
    for row, refusal_name in refused_now(ports.follower, head, words):
        ports.emit("report_pointless", market=ports.follower.name(row.market), refusal=refusal_name)
    latest = {market: ports.samples.latest(market) for market in words}
    # A sample with a missing input loosens nothing, an open pending neither; nor does a market that is held.
    decisions = {
        market: row.folded.decision
        for market, row in latest.items()
        if row is not None and not row.folded.estimates.missing and market not in ports.held
    }
    reported = {market for row in plans for market in row.intent.markets}
    rest = {market: row for market, row in words.items() if market not in reported}
    upkeep = plan_upkeep(ports.follower, rest, head, decisions)
    return plans + [row for row in upkeep if not _exhausted(ports, costs, row.intent.markets[0], row.intent.tier)]


def act(ports: Ports, plans: list[Plan]) -> list[Outcome]:
    """Send what may be sent beside what is in flight; the next cycle plans the rest anew."""
    if ports.sender is None or ports.signer is None:
        for row in plans:
            ports.emit("would_send", purpose=row.intent.purpose, markets=_names(ports, row.intent))
        return []
    outcomes = []
    for row in plans:
        if refusal(ports):
            break
        if _waits(ports.intents.open_intents(), row.intent):
            continue
        _supersede_unsigned(ports, row.intent)
        ports.samples.keep_reports(row.reports)
        outcomes.append(ports.sender.submit(row.intent))
    return outcomes


def refusal(ports: Ports) -> str:
    """Why nothing may be sent now, whatever is due; empty when it may."""
    return ports.guard.refusal() if ports.guard else ""


def _waits(rows: list[Outcome], intent: TxIntent) -> bool:
    """Whether what is in flight goes first: an emergency waits only for another one of the same purpose and markets."""
    flying = [row for row in rows if row.state in UNMINED and row.intent.key != intent.key]
    if intent.tier is Tier.EMERGENCY:
        same = [row.intent for row in flying if row.intent.tier is intent.tier and row.intent.purpose == intent.purpose]
        return any(set(intent.markets) <= set(row.markets) for row in same)
    return bool(flying)


def _affordable(ports: Ports, costs: Spent, row: StoredSample) -> bool:
    return not _exhausted(ports, costs, row.market, tier_of(row))


def _exhausted(ports: Ports, costs: Spent, market: bytes, tier: Tier) -> bool:
    if costs.left_wei(ports.budgets, market, tier) > 0:
        return False
    ports.emit("budget_exhausted", market=ports.follower.name(market), tier=tier.value)
    return True


def read_words(ports: Ports, head: BlockRef) -> dict[bytes, ContractWords]:
    """The contract's words of every market at one block; unlisted ones are left out."""
    follower = ports.follower
    markets = follower.sampler(head.number).markets
    readings = [PROTOCOLS[row.protocol].read(follower.contract, market) for market, row in markets.items()]
    answers = cast("list[tuple[ContractWords | None, object]]", ports.reader.run(readings, head))
    return {market: words for market, (words, _) in zip(markets, answers, strict=True) if words is not None}


def is_superseded(ports: Ports, intent: TxIntent) -> bool:
    """Whether the contract holds, for every market of a publish, a report of the same or a later block."""
    if intent.purpose != "publish":
        return False
    words = read_words(ports, ports.reader.block("latest"))
    return all(
        market in words and words[market].live.observed_block >= intent.observed_block for market in intent.markets
    )


def _settle(ports: Ports) -> tuple[Outcome, ...]:
    # A halt stops what is sent, not what is seen: the sender asks for itself. A standby's rows are its leader's.
    leads = ports.guard is None or ports.guard.leads()
    outcomes = tuple(ports.sender.settle()) if ports.sender and leads else ()
    _report(ports, outcomes)
    return outcomes


def _look_around(ports: Ports, head: BlockRef) -> None:
    """Before anything is read from the store: did finality break, did another keeper write until now?"""
    if ports.guard is None:
        return
    ports.guard.look(head)
    if ports.guard.took_over():
        ports.follower.start_again()


def _plan_batch(
    ports: Ports, rows: list[StoredSample], words: Mapping[bytes, ContractWords], head: BlockRef
) -> list[Plan]:
    try:
        return [plan_publish(ports.follower, rows, words, head, ports.signer)]
    except (Refused, ValueError) as error:
        ports.emit("report_refused", markets=[ports.follower.name(row.market) for row in rows], error=str(error))
    if len(rows) == 1:
        return []
    return [done for row in rows for done in _plan_batch(ports, [row], words, head)]


def _safe_number(ports: Ports) -> int:
    try:
        return ports.reader.block("safe").number
    except RetryLater as error:
        ports.emit("no_safe_block", error=error.message)
        return 0


def _supersede_unsigned(ports: Ports, intent: TxIntent) -> None:
    """A newer plan for the same markets replaces one that has no nonce yet."""
    for row in ports.intents.open_intents():
        same = row.intent.purpose == intent.purpose and row.intent.key != intent.key
        if row.state is IntentState.PLANNED and same and set(row.intent.markets) <= set(intent.markets):
            ports.intents.advance(row.intent.key, IntentState.SUPERSEDED, error="a newer plan replaced it")


def _report(ports: Ports, outcomes: tuple[Outcome, ...]) -> None:
    for row in outcomes:
        ports.emit(
            "intent",
            intent=row.intent.key.hex()[:16],
            purpose=row.intent.purpose,
            state=row.state.value,
            final=row.state in TERMINAL,
            markets=_names(ports, row.intent),
            tx=row.tx_hash.hex() if row.tx_hash else None,
            error=row.error or None,
        )


def _names(ports: Ports, intent: TxIntent) -> list[str]:
    return [ports.follower.name(market) for market in intent.markets]
