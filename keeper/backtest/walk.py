"""Walks readings under the update law: the keeper's own ``decide``, the twin of the contract's own limits."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keeper.backtest.records import History, Reading, Step
from keeper.records.core import decode_core
from keeper.records.decision import Due
from keeper.records.estimates import Estimates, SampleDepth, Waterfall
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.records.settings import ModelSettings
from keeper.records.snapshot import FeedReading, MarketSnapshot
from keeper.risk.decide import decide
from keeper.risk.effective import haircut_bps
from keeper.risk.keys import market_key
from keeper.risk.limits import activate, advance, apply_report

Haircut = Callable[[int, int], Waterfall]
"""(annual volatility after any floor, stressed depth) -> what a model asks for."""

_NO_FEED = FeedReading(None, 0, ())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A haircut model with everything that it was given."""

    name: str
    model: ModelSettings
    """Buffer, bonus, k and bounds of the decision; the haircut itself comes from ``haircut``."""
    haircut: Haircut
    sigma: Callable[[int], int]
    """What becomes of the realised volatility before the model sees it."""
    said: str = ""
    """How its constants came about."""


def model_bps(candidate: Candidate, history: History) -> list[int | None]:
    """What the model asks for at every reading, before buffer and law."""
    known: dict[tuple[int, int], int] = {}
    answers: list[int | None] = []
    for reading in history.readings:
        if reading.sigma_wad is None or reading.q_star is None:
            answers.append(None)
            continue
        key = (reading.sigma_wad, reading.q_star)
        if key not in known:
            known[key] = candidate.haircut(candidate.sigma(key[0]), key[1]).haircut_bps
        answers.append(known[key])
    return answers


def walk(candidate: Candidate, history: History, progress: Callable[[str, int, int], None]) -> list[Step]:
    """One step a reading: estimate, decide, report what is due, let stages and pendings run."""
    law = _Law(candidate, history)
    steps, total = [], len(history.readings)
    for done, reading in enumerate(history.readings):
        steps.append(law.step(reading))
        if done % 2000 == 0:
            progress(f"{history.name}: {candidate.name}", done, total)
    progress(f"{history.name}: {candidate.name}", total, total)
    return steps


class _Law:
    """The contract on paper, and the fold's own memory."""

    def __init__(self, candidate: Candidate, history: History) -> None:
        self._candidate = candidate
        self._market = replace(history.market, model=candidate.model)
        self._settings = history.settings
        self._key = market_key(history.settings.chain_id, history.market)
        self._words = history.words
        self._core = b""
        self._known: dict[tuple[int, int], tuple[int, Waterfall]] = {}

    def step(self, reading: Reading) -> Step:
        now = reading.time
        self._words = run_out(self._words, now)
        estimates = self._estimates(reading)
        snapshot = MarketSnapshot(self._key, reading.block, (), _NO_FEED, self._words, ())
        decision = decide(
            estimates,
            snapshot,
            before=decode_core(self._core),
            sources=(),
            market=self._market,
            settings=self._settings,
        )
        self._core = decision.core_after
        if decision.due is not Due.NONE and decision.targets:
            report = Report(self._key, decision.targets, self._words.live.sequence, 0, b"")
            block = reading.block
            self._words = apply_report(self._words, report, block.number, now, 0, now, routine=True).words
        asked = estimates.waterfall
        return Step(
            model_bps=None if asked is None else asked.haircut_bps,
            published_bps=haircut_bps(self._words, now, now),
            due=decision.due.value,
        )

    def _estimates(self, reading: Reading) -> Estimates:
        sigma, waterfall = None, None
        if reading.sigma_wad is not None and reading.q_star is not None:
            key = (reading.sigma_wad, reading.q_star)
            if key not in self._known:
                used = self._candidate.sigma(key[0])
                self._known[key] = (used, self._candidate.haircut(used, key[1]))
            sigma, waterfall = self._known[key]
        return Estimates(
            mid_price=None,
            oracle_price=None,
            sigma_wad=sigma,
            sources=(),
            depth=SampleDepth(reading.window, reading.block.number, reading.q_star, None, None, None),
            daily_minima=(),
            warm=reading.warm,
            q_star=reading.q_star,
            waterfall=waterfall,
            missing=reading.missing,
            size=None,
            liquidation_bps=None if waterfall is None else waterfall.haircut_bps,
        )


def run_out(words: ContractWords, now: int) -> ContractWords:
    """What anybody may call and the keeper does: every step of a stage that was due by now, then a matured pending."""
    while words.aux.staged_bps and (due := words.aux.staged_time + words.limits.stage_seconds) <= now:
        stepped = advance(words, due)
        if stepped.refusal:
            break
        words = stepped.words
    return activate(words, now).words if words.aux.pending_time else words
