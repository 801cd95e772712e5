"""What a backtest assumes where a price file says nothing: one market, its law, its depth; the report repeats it."""

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from keeper.config_tables import DEFAULTS
from keeper.records.live import FLAG_LISTED, AuxWord, ContractWords, GuardWord, Law, Limits, LiquidationWord, LiveWord
from keeper.records.pools import UniswapV2State
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, Settings, two_token_pool
from keeper.records.units import BPS, NO_ADDRESS, WAD, Price
from keeper.risk.depth import measure, stressed_depth
from keeper.venues import VENUES

POOL = two_token_pool("uniswap_v3", NO_ADDRESS, collateral_is_token0=True, fee_pips=3000, price_source=True)
"""Whose mean ticks the bars stand for."""
PAIR = two_token_pool("uniswap_v2", NO_ADDRESS, collateral_is_token0=True, fee_pips=3000)
"""Into which the collateral is sold."""
ONE = 10**18
"""A whole token, of the collateral and of the debt asset."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What can be sold, the same at every bar."""

    q_star: int
    """Stressed depth, raw collateral."""
    cost: float
    """What selling the market's size costs, as a fraction of its value."""
    said: str
    """One sentence for the report."""

    @property
    def covers(self) -> tuple[int, int]:
        """All of time: what was assumed holds always."""
        return 0, 1 << 32

    def at(self, _time: int) -> "Depth":
        """The same at every time."""
        return self


class DepthSource(Protocol):
    """Where a walk's depth comes from."""

    @property
    def said(self) -> str:
        """One sentence for the report."""

    @property
    def covers(self) -> tuple[int, int]:
        """First and last time, unix seconds, at which it may have a value."""

    def at(self, time: int) -> Depth | None:
        """Depth as it was known at a time; None where it was not."""


def market_of(name: str, model: ModelSettings) -> MarketSettings:
    """A market with one pair and a feed that always agrees with it."""
    return MarketSettings(
        name=name,
        protocol="bulkhead",
        protocol_market_id=bytes(32),
        collateral=NO_ADDRESS,
        debt=NO_ADDRESS,
        collateral_decimals=18,
        debt_decimals=18,
        pools=(PAIR,),
        feed=FeedSettings("chainlink", NO_ADDRESS, 18, 3600),
        model=model,
    )


def starting_model(name: str, tau0_seconds: int, size: int) -> ModelSettings:
    """Settings of a haircut model as a first listing has them (design.md 5, models.md 4)."""
    return ModelSettings(
        model=name,
        k_wad=3_691_500_000_000_000_000,
        sigma_floor_wad=WAD // 5,
        model_mult_wad=1_150_000_000_000_000_000,
        oracle_deviation_wad=5 * 10**15,
        bonus_bps=500,
        gas_fraction_wad=10**15,
        profit_fraction_wad=5 * 10**15,
        protocol_fee_wad=WAD // 10,
        tau0_seconds=tau0_seconds,
        t_rep_seconds=3600,
        size=size,
        depth_factor_bps=5000,
        buffer_bps=250,
        haircut_min_bps=0,
        haircut_max_bps=9000,
    )


def starting_settings(market: MarketSettings) -> Settings:
    """Settings of the fold as design.md 5 starts with; a source starts when a whole day of bars stands behind it."""
    own: dict[str, Any] = {"chain_id": 1, "bootstrap_min_windows": 48, "warm_days": 3, "markets": (market,)}
    names = [field.name for field in fields(Settings)]
    return Settings(**{name: own[name] if name in own else DEFAULTS[name] for name in names})


def starting_words() -> ContractWords:
    """A market just listed under the limits that design.md 5 starts with.

    The liquidation haircut stands at 0 and never binds: a backtest is about what the model would have published.
    """
    limits = Limits(
        floor_bps=0,
        cap_bps=9000,
        step_up_bps=1000,
        stage_seconds=300,
        bucket_bps=100,
        refill_bps_per_day=50,
        dispute_seconds=21_600,
        pending_expiry_seconds=86_400,
        fresh_seconds=93_600,
        grace_seconds=68_400,
        decay_floor=0,
        guarded_add_bps=500,
        stressed_add_bps=1500,
        regime_seconds=86_400,
    )
    live = LiveWord(flags=FLAG_LISTED)
    return ContractWords(live, AuxWord(), LiquidationWord(), GuardWord(), limits, Law())


def constant_product(reserve: int, model: ModelSettings) -> Depth:
    """Depth of one pair that holds ``reserve`` raw collateral at every bar, whatever the price."""
    curve = VENUES[PAIR.venue].curve(PAIR, UniswapV2State(reserve, reserve))
    bound = measure([curve], Price(1, 1), model).bound or 0
    q_star = stressed_depth(bound, (bound,), model.depth_factor_bps)
    said = (
        f"sold into a constant product pair (0.3 %) that always holds {reserve / model.size:,.0f} times the size; "
        f"at {model.depth_factor_bps / 100:g} % of it, in parts of at most Q*"
    )
    return Depth(q_star, sale_cost(reserve * model.depth_factor_bps // BPS, model.size, q_star), said)


def sale_cost(reserve: int, size: int, q_star: int) -> float:
    """What selling ``size`` costs in equal parts of at most ``q_star`` into a pair that refills in between."""
    if q_star == 0:
        return 1.0
    part = -(-size // -(-size // q_star))
    taken, given = VENUES[PAIR.venue].curve(PAIR, UniswapV2State(reserve, reserve)).sell_exact_in_down(part)
    return 1 - given / taken if taken else 1.0


def with_model(market: MarketSettings, model: ModelSettings) -> MarketSettings:
    """The same market under another haircut model."""
    return replace(market, model=model)
