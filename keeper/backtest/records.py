"""What the parts of a backtest hand to one another: readings of a history, steps of a walk, what was assumed."""

from dataclasses import dataclass

from keeper.records.live import ContractWords
from keeper.records.settings import MarketSettings, Settings
from keeper.records.units import BlockRef


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of a price file that counts as no value."""

    time: int
    """Unix seconds, start of the bar."""
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the keeper knew at one sample, whatever it was read from, and the prices that came with it."""

    block: BlockRef
    """Of a price file: made up from the time, so that the law has heights to compare."""
    window: int
    close_wad: int | None
    """Price by which the collateral is valued, debt per collateral; None = no price."""
    low_wad: int | None
    """Lowest price at which it sold since the reading before."""
    sigma_wad: int | None
    """Annual volatility before any floor, as the estimator said; None = no value."""
    q_star: int | None
    """Stressed depth, raw collateral."""
    cost: float
    """What selling the market's size costs at this depth, as a fraction of its value."""
    warm: bool
    """Whether anything may loosen yet."""
    missing: tuple[str, ...] = ()
    """One line for every "no value"."""

    @property
    def time(self) -> int:
        """Unix seconds."""
        return self.block.timestamp


@dataclass(frozen=True, slots=True)
class Step:
    """One sample after the law."""

    model_bps: int | None
    """The model's haircut, before buffer and law; None = an input was missing, the old value aged."""
    published_bps: int
    """What a reader of the contract gets right after it, widening included."""
    due: str
    """Why a report was sent, or ``none``."""


@dataclass(frozen=True, slots=True)
class History:
    """One asset's readings, evenly spaced but for what is missing."""

    name: str
    readings: tuple[Reading, ...]
    interval_seconds: int
    market: MarketSettings
    settings: Settings
    words: ContractWords
    """Under which law the haircut moves, and where it starts."""
    depth: str
    """What was assumed, or read, about depth; one sentence."""
    faults: tuple[Fault, ...] = ()
    """Rows that were no value."""
    absent: int = 0
    """Bars that the file does not have between its first and its last."""
    stale: int = 0
    """Flat bars without volume: old prices, not calm."""
    terms: str = "starting values"
    """Where the model and the scalars come from; one sentence."""
    not_fed: tuple[str, ...] = ()
    """Terms that are switched on and that this history cannot feed, one line each."""

    @property
    def start(self) -> int:
        """Time of the first reading."""
        return self.readings[0].time

    @property
    def end(self) -> int:
        """Time of the last reading."""
        return self.readings[-1].time

    def slots(self, seconds: int) -> int:
        """How many readings a span takes, rounded up; at least one."""
        return max(1, -(-seconds // self.interval_seconds))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a history: readings [start, end)."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Series:
    """One candidate's haircut over a history."""

    name: str
    """Of the candidate."""
    kind: str
    """``model``: before buffer and law. ``published``: what the contract would have answered."""
    bps: tuple[int | None, ...]
    """One a reading; None = no value. A published 0 is none yet."""
