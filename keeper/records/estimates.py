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
    adjacent_ticks: int | None = None
    """Distance of the mean ticks of the newest two windows, rounded up; None = there are no two."""


@dataclass(frozen=True, slots=True)
class ImpliedVolatility:
    """What one pool's fees or one published index say about annual volatility, or why they say nothing."""

    source: str
    """Label of the pool, address of the feed."""
    sigma_wad: int | None
    """Annual volatility; of a pool after the clamp on its change."""
    reason: str
    """Which path spoke (``fees``, ``feed``), or why there is no value."""
    weight: int = 0
    """Lowest liquidity in range over the pool's span; 0 for a feed."""


@dataclass(frozen=True, slots=True)
class FeeSample:
    """What a pool had earned at one sample."""

    time: int
    """Unix seconds."""
    growth0_x128: int
    """Fees of token 0 ever earned per unit of liquidity, times 2**128, modulo 2**256."""
    growth1_x128: int
    """The same of token 1."""
    liquidity: int
    """In range, uint128."""
    sqrt_price_x96: int
    """Above 0."""


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
    fees: tuple[FeeSample | None, ...] = ()
    """One for each pool of the market, None for those without fee growth; empty where pools imply no volatility."""


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
    """Of the haircut, at least the floor and the realised figure, rounded up to 1 bp of volatility; None = no value."""
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
    realised_wad: int | None = None
    """Largest over the price sources; None = no value."""
    implied_wad: int | None = None
    """What the pools' fees imply together, at most twice the realised figure; None = no value."""
    implied: tuple[ImpliedVolatility, ...] = ()
    """Every pool that was asked, in the order of the settings, then every volatility feed."""
    oracle_deviation_wad: int = 0
    """Of the ordinary haircut: the feed's threshold and, where the basis counts, how far pools trade below it."""
    scenario: str = "price"
    """Which of the two the waterfall is: ``price``, or ``jump`` (no volatility, but a fall at once)."""
    liquidation_bps: int | None = None
    """Model's liquidation haircut from the realised volatility alone; None = no value."""

    @property
    def missing_for_loans(self) -> tuple[str, ...]:
        """What is missing of the inputs of the liquidation haircut: feeds of volatility are none of them."""
        feeds = {feed_fault(row.source, row.reason) for row in self.implied if row.sigma_wad is None}
        return tuple(line for line in self.missing if line not in feeds)


def feed_fault(source: str, reason: str) -> str:
    """Line of a volatility feed that has no value."""
    return f"volatility feed: {source}: {reason}"
