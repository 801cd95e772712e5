"""The update law twice, behind one face: models.md 6.2 in one piece, and the keeper's half with the contract's.

The reference is what the vectors pin; the other is what runs: ``risk.decide`` says what is due, ``risk.limits`` what
the contract makes of it, and anybody helps what waits along at every step.
"""

from dataclasses import dataclass, replace

from factories import (
    BLOCK_SECONDS,
    CHAIN_ID,
    feed_reading,
    make_block,
    make_limits,
    make_live,
    make_settings,
    make_words,
    market_settings,
    model_settings,
)

from keeper.records.core import Core, decode_core
from keeper.records.decision import Due
from keeper.records.estimates import Estimates, SampleDepth, Waterfall
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import WAD
from keeper.risk.decide import decide
from keeper.risk.keys import market_key
from keeper.risk.limits import activate, advance, apply_report

DAY = 86_400


@dataclass(frozen=True)
class Rules:
    """Defaults of models.md 6.2; ``bucket`` is the contract's and has no part in the reference."""

    band_up: int = 10
    band_down: int = 100
    margin: int = 50
    max_up: int = 1000
    down_per_day: int = 50
    dwell: int = 21_600
    max_gap: int = 7200
    bucket: int = 100


class ReferenceLaw:
    """models.md 6.2, step by step as it is written there."""

    def __init__(self, start_bps: int, rules: Rules) -> None:
        self.haircut = start_bps
        self.rules = rules
        self.last: int | None = None
        self.since: int | None = None
        self.ref = 0
        self.relaxing = False

    @property
    def staged(self) -> bool:
        """Nothing is: the reference asks again at its next step."""
        return False

    def settle(self, time: int) -> None:
        """Nothing waits for anybody's help."""

    def step(self, time: int, target: int) -> int:
        """The published haircut after one observation; raises ValueError when time goes back."""
        if self.last is not None and time < self.last:
            raise ValueError(f"{time} is before {self.last}")
        if self.last is not None and time - self.last > self.rules.max_gap:
            self._stop()
        self.last = time
        if target - self.haircut >= self.rules.band_up:
            self.haircut = min(target, self.haircut + self.rules.max_up)
            self._stop()
        elif (
            self.relaxing and self.haircut > target + self.rules.margin
        ) or self.haircut - target >= self.rules.band_down:
            self._relax(time, target)
        else:
            self._stop()
        return self.haircut

    def _relax(self, time: int, target: int) -> None:
        if self.since is None:
            self.since = self.ref = time
        if not self.relaxing and time - self.since >= self.rules.dwell:
            self.relaxing, self.ref = True, time
        elif self.relaxing:
            allowed = (time - self.ref) * self.rules.down_per_day // DAY
            if allowed >= 1:
                self.haircut, self.ref = max(target + self.rules.margin, self.haircut - allowed), time
                if self.haircut <= target + self.rules.margin:
                    self._stop()

    def _stop(self) -> None:
        self.since, self.relaxing = None, False


MARKET = market_settings(model=model_settings(buffer_bps=0, haircut_min_bps=0, haircut_max_bps=10_000))
KEY, FEED = market_key(CHAIN_ID, MARKET), feed_reading()
WINDOW = 1000
FIRST = make_block()


class RealLaw:
    """The fold's decisions on the contract's words; every due report lands at once."""

    def __init__(self, start_bps: int, rules: Rules) -> None:
        limits = make_limits(
            floor_bps=0,
            cap_bps=10_000,
            step_up_bps=rules.max_up,
            bucket_bps=rules.bucket,
            refill_bps_per_day=rules.down_per_day,
            dispute_seconds=0,
            fresh_seconds=10 * DAY,
        )
        live = make_live(
            haircut_bps=start_bps,
            liquidation_target_bps=0,
            ramp_from_bps=0,
            observed_time=FIRST.timestamp - 300,
            observed_block=FIRST.number - 25,
        )
        self.words: ContractWords = make_words(live, limits=limits)
        self.before: Core | None = None
        self.settings = make_settings(
            deviation_up_bps=rules.band_up,
            deviation_down_bps=rules.band_down,
            margin_bps=rules.margin,
            dwell_seconds=rules.dwell,
            max_gap_seconds=rules.max_gap,
        )

    @property
    def haircut(self) -> int:
        """What holds."""
        return self.words.live.haircut_bps

    @property
    def staged(self) -> bool:
        """Whether the rest of a clamped tightening is under way."""
        return self.words.aux.staged_bps != 0

    def settle(self, time: int) -> None:
        """Anybody advances a stage and activates what has matured."""
        now = FIRST.timestamp + time
        self.words = activate(advance(self.words, now).words, now).words

    def step(self, time: int, target: int) -> int:
        """Likewise; ``time`` counts from the first block."""
        if self.before is not None and FIRST.timestamp + time < self.before.time:
            raise ValueError(f"{time} is before the last sample")
        number = FIRST.number + time // BLOCK_SECONDS
        block = replace(FIRST, number=number, timestamp=FIRST.timestamp + time)
        self.settle(time)
        snapshot = MarketSnapshot(KEY, block, (), FEED, self.words, ())
        got = decide(_asking(target), snapshot, before=self.before, sources=(), market=MARKET, settings=self.settings)
        self.before = decode_core(got.core_after)
        if got.due is not Due.NONE and got.targets is not None:
            report = Report(snapshot.market, got.targets, self.words.live.sequence, 0, got.core_after)
            applied = apply_report(self.words, report, number, block.timestamp, 0, block.timestamp, routine=True)
            assert applied.refusal == ""
            self.words = applied.words
        return self.haircut


def _asking(target_bps: int) -> Estimates:
    depth = SampleDepth(WINDOW, FIRST.number, 10**20, 10**19, 10**19, 10**19)
    waterfall = Waterfall(target_bps, (("price_move", target_bps),), capped=False, unquotable=False)
    return Estimates(None, None, WAD, (), depth, (1, 2, 3), True, 10**19, waterfall, (), 0)


Law = ReferenceLaw | RealLaw
LAWS: dict[str, type[ReferenceLaw] | type[RealLaw]] = {"reference": ReferenceLaw, "fold and contract": RealLaw}
