"""What should move, and why: tighten at once, loosen after a dwell, never on missing data (design.md 5, models.md 6.2).

Order of the rules: missing input, first report, tightening, a waiting loosening that is no longer supported,
loosening, heartbeat. Each says in a sentence what it saw.
"""

from dataclasses import dataclass, replace

from keeper.records.core import Core, SourceCore, encode_core
from keeper.records.decision import Decision, Due, Targets
from keeper.records.estimates import Estimates
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.risk.applied import Applied
from keeper.risk.exposure import Exposure, held, loosens_enough, looser, tightenings, tighter, waiting
from keeper.risk.limits import apply_report, clamped, expiry_time
from keeper.risk.liquidation import settled
from keeper.risk.targets import wanted_targets


@dataclass(frozen=True, slots=True)
class _Move:
    due: Due
    haircut_bps: int
    reason: str
    exposure: Exposure
    """Premium and ceiling to report."""


@dataclass(frozen=True, slots=True)
class _View:
    """One sample as the rules see it."""

    words: ContractWords
    time: int
    target_bps: int
    """What the model asks for."""
    goal: Targets
    """The same inside the contract's limits."""
    since: int
    """Dwell clock; 0 = does not run."""
    calm: bool
    """Whether the baseline is warm and nothing is missing."""
    settings: Settings

    @property
    def goal_bps(self) -> int:
        return self.goal.haircut_bps

    @property
    def exposure(self) -> Exposure:
        return Exposure(self.goal.premium_bps, self.goal.ceiling)

    @property
    def tighter(self) -> Exposure:
        return tighter(self.exposure, held(self.words.live))

    @property
    def looser(self) -> Exposure:
        return looser(self.exposure, held(self.words.live), self.words.law)

    @property
    def live_bps(self) -> int:
        return self.words.live.haircut_bps

    @property
    def pending(self) -> bool:
        """Whether a loosening waits that can still be activated."""
        aux = self.words.aux
        return aux.pending_time != 0 and self.time <= expiry_time(aux, self.words.limits)

    @property
    def loosened_bps(self) -> int:
        """Where a loosening would stop."""
        return min(self.live_bps, self.goal_bps + self.settings.margin_bps)

    @property
    def outgrown(self) -> bool:
        """Whether the model asks for more premium, or a lower ceiling, than a pending would leave."""
        return any(tightenings(self.exposure, waiting(self.words.aux), self.settings.deviation_up_bps))

    @property
    def may_loosen(self) -> bool:
        """Whether the model has asked for less by the full band for long enough."""
        return (
            self.since != 0
            and self.time - self.since >= self.settings.dwell_seconds
            and self.loosened_bps < self.live_bps
        )


def decide(
    estimates: Estimates,
    snapshot: MarketSnapshot,
    *,
    before: Core | None,
    sources: tuple[SourceCore, ...],
    market: MarketSettings,
    settings: Settings,
    supported_bps: int | None = None,
) -> Decision:
    """Fold one sample into a decision.

    Parameters
    ----------
    estimates
        What the sample says.
    snapshot
        The sample; the contract's own words come from it.
    before
        Core after the previous sample; None at the start.
    sources
        Price sources after this sample.
    market, settings
        In force at the window's end.
    supported_bps
        How far independent inputs support a rise of the liquidation haircut under a bounded profile; None = not known.
    """
    time, window = snapshot.block.timestamp, estimates.depth.window

    def core(since: int) -> bytes:
        return encode_core(Core(window, time, since, sources))

    reasons: tuple[str, ...]
    words = snapshot.words and settled(snapshot.words, time)
    if words is None:
        reasons = ("the contract does not list this market: nothing to report",)
        return Decision(None, Due.NONE, reasons, 0, core(0) if before else b"")
    if estimates.waterfall is None or estimates.sigma_wad is None:
        reasons = (*estimates.missing, "an input is missing: nothing is reported, the old value ages")
        return Decision(None, Due.NONE, reasons, words.live.haircut_bps, core(0))

    targets, loan_reasons = wanted_targets(estimates, words, market.model, supported_bps)
    if estimates.missing:
        # What is left of the inputs may be too calm, and a decay holds at once.
        targets = replace(targets, decay=max(targets.decay, words.live.decay))
    goal = clamped(words, targets)
    since, clock_reasons = dwell_clock(goal.haircut_bps, estimates, words, before=before, time=time, settings=settings)
    calm = estimates.warm and not estimates.missing
    view = _View(words, time, targets.haircut_bps, goal, since, calm, settings)
    move = _move(view, snapshot.market, targets)
    asked = f"the model asks for {view.target_bps} bps, {view.live_bps} bps hold"
    reasons = (*estimates.missing, asked, *loan_reasons, *clock_reasons, move.reason)
    if move.due is Due.NONE:
        return Decision(targets, Due.NONE, reasons, view.live_bps, core(since))
    premium, debt = move.exposure.premium_bps, move.exposure.ceiling
    targets = replace(targets, haircut_bps=move.haircut_bps, premium_bps=premium, ceiling=debt)
    applied = _applied(view, snapshot, targets, core(since))
    if applied.refusal:
        reasons = (*reasons, f"the contract would refuse it: {applied.refusal}")
        return Decision(targets, Due.NONE, reasons, view.live_bps, core(since))
    return Decision(targets, move.due, reasons, applied.live.haircut_bps, core(since))


def dwell_clock(
    goal_bps: int, estimates: Estimates, words: ContractWords, *, before: Core | None, time: int, settings: Settings
) -> tuple[int, tuple[str, ...]]:
    """First sample of the present stretch in which the model asks for less by the full band; 0 = none.

    Any sample without the band, any missing input, any silence longer than ``max_gap_seconds`` and any tightening
    restarts it.
    """
    if words.live.haircut_bps - goal_bps < settings.deviation_down_bps:
        return 0, ()
    if estimates.missing:
        return 0, ("an input is missing: nothing loosens",)
    if not estimates.warm:
        return 0, (f"the baseline is not warm ({len(estimates.daily_minima)} daily minima): nothing loosens",)
    gap = before is not None and time - before.time > settings.max_gap_seconds
    running = before.dwell_since if before is not None and not gap else 0
    reasons = ("a silence longer than the largest gap restarts the dwell clock",) if gap else ()
    return max(running or time, words.aux.tightened_time), reasons


def _move(view: _View, market: bytes, targets: Targets) -> _Move:
    if view.words.live.sequence == 0:
        first = max(view.target_bps, view.live_bps)
        return _Move(Due.FIRST, first, "first report of this market", view.tighter)
    return _tighten(view, market, targets) or _bind(view) or _cancel(view) or _loosen(view) or _heartbeat(view)


def _tighten(view: _View, market: bytes, targets: Targets) -> _Move | None:
    """Due when the contract's effect is large enough, and not already staged."""
    up, staged = view.settings.deviation_up_bps, view.words.aux.staged_bps
    if view.goal_bps - view.live_bps < up:
        # The contract never tightens past the clamped goal; almost every sample ends here.
        return None
    applied = _applied_at(view, market, targets)
    if applied.live.haircut_bps - view.live_bps < up:
        return None
    if staged and abs(view.goal_bps - staged) < up:
        return None
    step = f"{view.live_bps} bps to {applied.live.haircut_bps} bps"
    rest = f", the rest to {view.goal_bps} bps is staged" if applied.live.haircut_bps < view.goal_bps else ""
    return _Move(Due.TIGHTEN, view.target_bps, f"tighten from {step}{rest}", view.tighter)


def _bind(view: _View) -> _Move | None:
    """Premium or ceiling ask for enough; the haircut goes along, so that a stage under way is not cleared."""
    found = tuple(tightenings(view.exposure, held(view.words.live), view.settings.deviation_up_bps))
    if not found:
        return None
    return _Move(Due.TIGHTEN, max(view.goal_bps, view.live_bps), ", ".join(found), view.tighter)


def _cancel(view: _View) -> _Move | None:
    """A loosening that waits must not outlive the reason for it."""
    aux = view.words.aux
    rest = view.goal_bps - aux.pending_bps < view.settings.deviation_up_bps and not view.outgrown
    if not view.pending or view.may_loosen or rest:
        return None
    reason = f"the loosening to {aux.pending_bps} bps that waits is no longer supported: it is cleared"
    return _Move(Due.TIGHTEN, max(view.goal_bps, view.live_bps), reason, view.tighter)


def _loosen(view: _View) -> _Move | None:
    if not view.may_loosen:
        return None
    target, aux = view.loosened_bps, view.words.aux
    if view.pending and target - aux.pending_bps < view.settings.deviation_up_bps and not view.outgrown:
        return None
    reason = f"the full band has held for {view.time - view.since} seconds: loosen to {target} bps"
    # Nothing in it may tighten: the contract would clear the loosening.
    return _Move(Due.LOOSEN, target, reason, view.looser)


def _heartbeat(view: _View) -> _Move:
    live, settings = view.words.live, view.settings
    if live.observed_time + settings.heartbeat_seconds > view.time:
        return _Move(Due.NONE, view.target_bps, _rest(view), view.exposure)
    reason = "heartbeat: the last report is old"
    if view.pending and view.may_loosen:
        # Reporting the live value would clear a loosening that waits and is still supported.
        return _Move(Due.HEARTBEAT, view.loosened_bps, reason, view.looser)
    loosens = view.calm and loosens_enough(view.exposure, held(live), view.words.law, settings.deviation_down_bps)
    exposure = view.looser if loosens and not any(tightenings(view.exposure, held(live), 1)) else view.tighter
    return _Move(Due.HEARTBEAT, max(view.goal_bps, view.live_bps), reason, exposure)


def _rest(view: _View) -> str:
    aux = view.words.aux
    if aux.staged_bps:
        return f"a stage to {aux.staged_bps} bps is under way; anybody may advance it"
    if view.pending:
        return f"a loosening to {aux.pending_bps} bps waits"
    if view.since:
        left = view.settings.dwell_seconds - (view.time - view.since)
        return f"the dwell clock runs for another {max(0, left)} seconds"
    return "within the bands: nothing is due"


def _applied(view: _View, snapshot: MarketSnapshot, targets: Targets, core: bytes) -> Applied:
    report = Report(snapshot.market, targets, view.words.live.sequence, 0, core)
    block = snapshot.block
    return apply_report(view.words, report, block.number, block.timestamp, 0, block.timestamp, routine=True)


def _applied_at(view: _View, market: bytes, targets: Targets) -> Applied:
    """Effect of the bare target; block numbers do not matter to it."""
    report = Report(market, targets, view.words.live.sequence, 0, b"")
    block = view.words.live.observed_block + 1
    return apply_report(view.words, report, block, view.time, 0, view.time, routine=True)
