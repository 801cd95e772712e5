"""What the estimators made of one market's snapshot: volatility, depth, reference price. Integers only."""

from dataclasses import dataclass

from keeper.records.units import Address, Price


@dataclass(frozen=True, slots=True)
class SourceVolatility:
    """One price source's annual volatility, or why it has none."""

    pool: Address
    sigma_wad: int | None
    """Larger of the two decayed figures, rounded up; None = no value."""
    fast_wad: int
    """From the 1-day half-life; 0 without a value."""
    slow_wad: int
    """From the 11-day half-life; 0 without a value."""
    reason: str
    """Which path spoke (``ring``, ``accumulators``), or why there is no value."""


@dataclass(frozen=True, slots=True)
class SampleDepth:
    """Depth of one market at one sample: a function of that block alone, so trailing samples can be re-read."""

    window: int
    """Window that the sample stands for."""
    block: int
    """The sampled block."""
    bound: int | None
    """Largest sale within the liquidator's bound, raw collateral; None = no value."""
    at_100_bps: int | None
    """Largest sale whose average loss against max(oracle, mid) is at most 1 %."""
    at_200_bps: int | None
    at_500_bps: int | None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A haircut and the bars that add up to it (models.md 5.2)."""

    haircut_bps: int
    """Sum of the bars: the liquidation haircut of the model before the buffer."""
    bars: tuple[tuple[str, int], ...]
    """(component, bps) in the fixed order; components keep zero bars, floor and cap appear only when they bind."""
    capped: bool
    """Whether the cap bound it, or it could not be quoted."""
    unquotable: bool


@dataclass(frozen=True, slots=True)
class Estimates:
    """Everything between the snapshot and the decision."""

    mid_price: Price | None
    """Upper median over the venues."""
    oracle_price: Price | None
    sigma_wad: int | None
    """Largest over the sources, at least the floor, rounded up to 1 bp of volatility; None = no value."""
    sources: tuple[SourceVolatility, ...]
    depth: SampleDepth
    daily_minima: tuple[int, ...]
    """Smallest ``bound`` of each trailing day that has a sample, oldest first, this sample included."""
    warm: bool
    """Whether enough trailing days exist for anything to loosen."""
    q_star: int | None
    """Stressed depth, rounded down; None = no value."""
    waterfall: Waterfall | None
    """None when an input has no value."""
    missing: tuple[str, ...]
    """One line for every "no value", naming the input and the reason."""
    size: int | None
    """Collateral that must be sold in the reference shock, raw units, rounded up; None = no value."""
