"""From folded samples to intents: what may be sent now, what the contract would make of it, and the signed bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeper.follow import Follower
from keeper.protocols import PROTOCOLS
from keeper.protocols.bulkhead import encode_activate, encode_advance
from keeper.records.decision import Decision, Due
from keeper.records.live import ContractWords, LiveWord
from keeper.records.outcome import Tier, TxIntent
from keeper.records.ports import Signer
from keeper.records.report import Report
from keeper.records.settings import Settings
from keeper.records.units import BlockRef
from keeper.risk.applied import Applied
from keeper.risk.commit import batch_digest, make_batch, pack_report, prepare_report
from keeper.risk.exposure import Exposure, held, tightenings, waiting
from keeper.risk.keys import intent_key, settings_hash
from keeper.risk.limits import activate, advance, apply_report, clamp
from keeper.risk.liquidation import settled
from keeper.risk.windows import last_ended
from keeper.store.samples import StoredReport, StoredSample

URGENT = frozenset({Due.TIGHTEN, Due.FIRST})
CALM = frozenset({Due.LOOSEN, Due.HEARTBEAT})
RETRY_SECONDS = 600
"""A stage step or activation that could not be sent gets a new key after this long."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an intent does to one market, as the twin of the contract predicts."""

    market: bytes
    before: LiveWord
    after: Applied


@dataclass(frozen=True, slots=True)
class Plan:
    """An intent with what the operator wants to know before it is sent."""

    intent: TxIntent
    effects: tuple[Effect, ...]
    reports: tuple[tuple[StoredReport, bytes], ...] = ()
    """Reports with their evidence, for the store."""


def due_batches(
    follower: Follower, head: BlockRef, safe_number: int, words: Mapping[bytes, ContractWords]
) -> list[list[StoredSample]]:
    """Samples to publish, one list a batch: tightenings of the newest window, loosenings of the newest safe one."""
    newest = follower.newest_window(head)
    safe = min(newest, last_ended(safe_number, follower.history.cadence))
    urgent = [row for row in _window(follower, newest, words) if row.folded.decision.due in URGENT]
    tightening = {row.market for row in urgent}
    calm = [
        row
        for row in _window(follower, safe, words)
        if row.folded.decision.due in CALM and row.market not in tightening
    ]
    settings = follower.settings
    groups = [urgent + calm] if newest == safe else [urgent, calm]
    batches = [[row for row in rows if still_due(row, words[row.market], head, settings)] for rows in groups]
    return [batch for batch in batches if batch]


def refused_now(
    follower: Follower, head: BlockRef, words: Mapping[bytes, ContractWords]
) -> list[tuple[StoredSample, str]]:
    """(sample, the contract's name for it) of the newest window's reports that are due and would be refused."""
    rows = _window(follower, follower.newest_window(head), words)
    due = [row for row in rows if row.folded.decision.due is not Due.NONE and row.folded.decision.targets]
    named = [(row, effect(row, words[row.market], head).refusal) for row in due]
    return [(row, refusal) for row, refusal in named if refusal]


def still_due(row: StoredSample, words: ContractWords, head: BlockRef, settings: Settings) -> bool:
    """Whether the report would still do what it was meant to, given what the contract holds at the head."""
    decision, seen = row.folded.decision, row.snapshot.words
    if seen is None or decision.targets is None:
        return False
    applied = effect(row, words, head)
    if applied.refusal:
        return False
    if seen.live.sequence == words.live.sequence:
        return True
    if decision.due is not Due.TIGHTEN:
        return False
    # Somebody reported in between: only what that report did not do yet is still to be done.
    if any(tightenings(held(applied.live), held(words.live), settings.deviation_up_bps)):
        return True
    goal = clamp(settled(words, head.timestamp).live, words.limits, decision.targets.haircut_bps)
    staged = words.aux.staged_bps
    if staged and goal - staged < settings.deviation_up_bps:
        return False
    return applied.live.haircut_bps - words.live.haircut_bps >= settings.deviation_up_bps


def effect(row: StoredSample, words: ContractWords, head: BlockRef) -> Applied:
    """What the contract would hold right after this sample's report."""
    block, decision = row.snapshot.block, row.folded.decision
    if decision.targets is None:
        return Applied(words, "NothingToReport")
    report = Report(row.market, decision.targets, row.base_sequence, 0, decision.core_after)
    return apply_report(words, report, block.number, block.timestamp, 0, head.timestamp, routine=True)


def plan_publish(
    follower: Follower,
    rows: Sequence[StoredSample],
    words: Mapping[bytes, ContractWords],
    head: BlockRef,
    signer: Signer | None,
) -> Plan:
    """Prepare, sign and encode one batch. Without a signer the intent carries no signature and must not be sent."""
    block = rows[0].snapshot.block
    sampler = follower.sampler(_end(follower, block.number))
    prepared = []
    for row in rows:
        since = follower.since_base(row)
        snapshots = [known.snapshot for known in since]
        market = sampler.markets[row.market]
        prepared.append(prepare_report(row.folded, snapshots, row.core_before, market, sampler.settings))
    batch, packed = make_batch(prepared, block, settings_hash(sampler.settings))
    digest = batch_digest(batch, follower.chain_id, follower.contract)
    signatures = [signer.sign_batch(batch, follower.chain_id, follower.contract)] if signer else []
    intent = TxIntent(
        key=intent_key(follower.chain_id, follower.contract, digest),
        purpose="publish",
        to=follower.contract,
        data=PROTOCOLS["bulkhead"].encode_publish(batch, packed, signatures),
        observed_block=batch.observed_block,
        valid_until=batch.valid_until,
        markets=tuple(sorted(row.market for row in rows)),
        tier=_tier(rows),
    )
    kept = tuple(
        (
            StoredReport(
                done.report.market,
                block.number,
                intent.key,
                pack_report(done.report),
                done.commitment.evidence_digest,
                block.hash,
            ),
            done.evidence,
        )
        for done in prepared
    )
    effects = tuple(Effect(row.market, words[row.market].live, effect(row, words[row.market], head)) for row in rows)
    return Plan(intent, effects, kept)


def _tier(rows: Sequence[StoredSample]) -> Tier:
    """A batch is as urgent as the most urgent of its reports."""
    return Tier.EMERGENCY if any(tier_of(row) is Tier.EMERGENCY for row in rows) else Tier.ROUTINE


def tier_of(row: StoredSample) -> Tier:
    """What may be spent on a sample's report: a tightening is due only beyond the deviation threshold."""
    return Tier.EMERGENCY if row.folded.decision.due is Due.TIGHTEN else Tier.ROUTINE


def plan_upkeep(
    follower: Follower, words: Mapping[bytes, ContractWords], head: BlockRef, decisions: Mapping[bytes, Decision]
) -> list[Plan]:
    """Permissionless steps that are due: stages to advance, matured loosenings to activate."""
    plans = []
    for market, row in words.items():
        stepped = advance(row, head.timestamp)
        if not stepped.refusal:
            change = Effect(market, row.live, stepped)
            plans.append(_upkeep(follower, "advance", encode_advance(market), head, change))
            continue
        loosened = activate(row, head.timestamp)
        if not loosened.refusal and _worth_activating(row, loosened, decisions.get(market), follower.settings):
            change = Effect(market, row.live, loosened)
            plans.append(_upkeep(follower, "activate", encode_activate(market), head, change))
    return plans


def _worth_activating(words: ContractWords, after: Applied, decision: Decision | None, settings: Settings) -> bool:
    """Only while the model still supports it, and not for crumbs of the refilling bucket."""
    if decision is None or decision.targets is None:
        return False
    # Samples without a value, or a model that asks for more than waits: somebody else may activate, we do not.
    band, wish = settings.deviation_up_bps, Exposure(decision.targets.premium_bps, decision.targets.ceiling)
    if decision.targets.haircut_bps - words.aux.pending_bps >= band:
        return False
    if any(tightenings(wish, waiting(words.aux), band)):
        return False
    moved = words.live.haircut_bps - after.live.haircut_bps
    eased = any(tightenings(held(words.live), held(after.live), band))
    return after.aux.pending_time == 0 or moved >= band or eased


def _upkeep(follower: Follower, purpose: str, data: bytes, head: BlockRef, effect: Effect) -> Plan:
    attempt = head.timestamp // RETRY_SECONDS
    done = effect.before.sequence + effect.after.aux.extra_updates
    identity = data + done.to_bytes(8, "big") + attempt.to_bytes(8, "big")
    intent = TxIntent(
        key=intent_key(follower.chain_id, follower.contract, identity),
        purpose=purpose,
        to=follower.contract,
        data=data,
        observed_block=0,
        # A period more than the key's own: one that starts at its end must not be late at once.
        valid_until=(attempt + 2) * RETRY_SECONDS,
        markets=(effect.market,),
        # A stage is the rest of a tightening.
        tier=Tier.EMERGENCY if purpose == "advance" else Tier.ROUTINE,
    )
    return Plan(intent, (effect,))


def _window(follower: Follower, window: int, words: Mapping[bytes, ContractWords]) -> list[StoredSample]:
    return [row for market in words for row in follower.store.between(market, window, window)]


def _end(follower: Follower, block: int) -> int:
    cadence = follower.history.cadence
    return -(-block // cadence) * cadence
