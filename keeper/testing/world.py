"""What the local world contains: tokens, pools, who provides their liquidity, and the time-compressed settings.

Time runs 72 times faster than in design.md's starting values: twenty minutes stand for a day, so that a crash, the
dwell and the dispute window fit into a demo. Amounts and prices are of mainnet's order.
Nothing here is a recommendation.
"""

from dataclasses import astuple, dataclass
from math import floor, log

from keeper.records.live import Law, Limits
from keeper.records.settings import (
    SCHEMA,
    FeedSettings,
    MarketSettings,
    ModelSettings,
    PoolSettings,
    Settings,
    two_token_pool,
)
from keeper.records.units import WAD, Address
from keeper.testing.uniswap import Position

BLOCK_SECONDS = 12
CADENCE = 5
"""Blocks in a sampling window: one minute (300 s at 25 blocks on mainnet)."""
COMPRESSION = 72
"""How much faster time runs than in the starting values."""
DAY_SECONDS = 86_400 // COMPRESSION
"""Twenty minutes."""

RANGE_DOWN, RANGE_UP = 9_163, 4_700
"""Ticks from the first price to -60 % and +60 %: ln 0.4 and ln 1.6 over ln 1.0001."""
PROVIDERS = 8
"""Big liquidity providers a pool; the rest is a ladder of about 200 small positions."""
PROVIDER_SHARE = 0.8
"""Share of a pool's liquidity that the big ones hold and can withdraw."""


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A token to deploy."""

    symbol: str
    decimals: int
    price: int
    """Whole units of USDC for one whole unit, at the start."""


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool to open."""

    venue: str
    fee: int
    """Millionths."""
    spacing: int
    """Tick spacing; 0 for v2."""
    liquidity: int
    """Total at the first price, in the pool's own unit: sqrt(raw0 * raw1)."""


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """A market: a token against USDC over some pools."""

    token: TokenPlan
    pools: tuple[PoolPlan, ...]
    size: int
    """Collateral of the reference shock, whole units."""


USDC = TokenPlan("USDC", 6, 1)
WETH = TokenPlan("WETH", 18, 3_000)
WBTC = TokenPlan("WBTC", 8, 60_000)

MARKETS = (
    MarketPlan(
        WETH,
        (
            PoolPlan("uniswap_v3", 500, 10, 6 * 10**18),
            PoolPlan("uniswap_v3", 3_000, 60, 4 * 10**18),
            PoolPlan("uniswap_v2", 3_000, 0, 10**18),
        ),
        size=3_000,
    ),
    MarketPlan(
        WBTC,
        (PoolPlan("uniswap_v3", 3_000, 60, 8 * 10**12), PoolPlan("uniswap_v2", 3_000, 0, 2 * 10**12)),
        size=100,
    ),
)
"""About 4,000 WETH and 150 WBTC sell within 2 % at the start."""


def raw_price(token: TokenPlan, price: float, *, collateral_is_token0: bool) -> tuple[int, int]:
    """Raw token1 per raw token0 as a ratio, for ``price`` whole USDC a whole token."""
    scaled = round(price * 10**9)
    debt, collateral = scaled * 10**USDC.decimals, 10 ** (token.decimals + 9)
    return (debt, collateral) if collateral_is_token0 else (collateral, debt)


def first_tick(token: TokenPlan, *, collateral_is_token0: bool) -> int:
    """Tick of the first price."""
    top, bottom = raw_price(token, token.price, collateral_is_token0=collateral_is_token0)
    return floor((log(top) - log(bottom)) / log(1.0001))


def ladder(plan: PoolPlan, middle: int, *, collateral_is_token0: bool) -> tuple[Position, ...]:
    """Small positions side by side from -60 % to +60 %: about 200 initialised ticks."""
    below, above = (RANGE_DOWN, RANGE_UP) if collateral_is_token0 else (RANGE_UP, RANGE_DOWN)
    step = plan.spacing * max(1, round(70 / plan.spacing))
    ticks = range((middle - below) // step * step, middle + above + step, step)
    each = round(plan.liquidity * (1 - PROVIDER_SHARE))
    # A little variety, so that no two ticks have the same net liquidity.
    return tuple(Position(tick, tick + step, each * (90 + i * 7 % 21) // 100) for i, tick in enumerate(ticks))


def providers(plan: PoolPlan, rungs: tuple[Position, ...]) -> tuple[Position, ...]:
    """Big providers' wide positions, on the ladder's own ticks."""
    each = round(plan.liquidity * PROVIDER_SHARE) // PROVIDERS
    return tuple(Position(rungs[4 * i].tick_lower, rungs[-1 - 3 * i].tick_upper, each) for i in range(PROVIDERS))


LIMITS = Limits(
    floor_bps=500,
    cap_bps=8_000,
    step_up_bps=1_000,
    stage_seconds=60,
    bucket_bps=2_000,
    refill_bps_per_day=3_600,
    dispute_seconds=300,
    pending_expiry_seconds=1_200,
    fresh_seconds=1_200,
    grace_seconds=950,
    decay_floor=1_306,
    guarded_add_bps=500,
    stressed_add_bps=1_500,
    regime_seconds=1_200,
)
"""Profile 0: starting values (300 s, 100 bps, 50 bps, 6 h, 24 h, grace 1 h after the heartbeat) compressed; a larger
bucket, for a demo to see it. The decay floor is k 3.00 times sigma 170 % a year (20 % compressed), in 1/256."""

LAW = Law(
    liquidation_floor_bps=500,
    liquidation_cap_bps=6_000,
    bonus_cap_bps=1_500,
    day_budget_bps=100,
    fortnight_budget_bps=300,
    ramp_seconds=3_600,
    premium_cap_bps=2_000,
    ceiling_stretch=10,
    sigma_floor_bps=17_000,
    k_floor=300,
    trip_seconds=100,
    trip_budget_seconds=2_248,
    trip_cooldown_seconds=50,
)
"""The same profile's second word: advisory liquidation haircut, no bounds of the ceiling. Times are compressed alike,
but for the trips' budget: an expiry is rounded up to 1,024 s, and two trips must fit."""

PROFILE = 0
LIMITS_ABI = (
    "(uint16,uint16,uint16,uint32,uint16,uint16,uint32,uint32,uint32,uint32,uint16,uint16,uint16,uint32,bool,"
    "uint16,uint16,uint16,uint16,uint16,uint32,uint16,uint24,uint24,uint16,uint16,uint16,uint32,uint32,uint32)"
)
"""``Limits`` of the contract: both words of a profile, field by field."""


def limits_values(limits: Limits, law: Law) -> tuple[int | bool, ...]:
    """What ``setLimits`` takes for ``LIMITS_ABI``."""
    *first, bounded = astuple(limits)
    return (*first, bool(bounded), *astuple(law))


MODEL = {
    "model": "liquidity_adjusted",
    "k_wad": 3_691_500_000_000_000_000,
    "sigma_floor_wad": 2 * WAD,
    "model_mult_wad": 1_150_000_000_000_000_000,
    "oracle_deviation_wad": 5 * 10**15,
    "bonus_bps": 500,
    "gas_fraction_wad": 10**15,
    "profit_fraction_wad": 5 * 10**15,
    "protocol_fee_wad": 10**17,
    "tau0_seconds": 600,
    "t_rep_seconds": 200,
    "depth_factor_bps": 5_000,
    "buffer_bps": 250,
    "haircut_min_bps": 500,
    "haircut_max_bps": 7_500,
}
"""tau0 12 h compressed; sigma floor 24 % a year compressed (sqrt(72) times as large). k: Student-t, nu 4, 99 % ES."""


def pool_settings(plan: PoolPlan, address: Address, *, collateral_is_token0: bool) -> PoolSettings:
    """Settings of one opened pool."""
    source = plan.venue == "uniswap_v3"
    return two_token_pool(plan.venue, address, collateral_is_token0, plan.fee, plan.spacing, price_source=source)


def market_settings(
    plan: MarketPlan, token: Address, usdc: Address, feed: Address, pools: tuple[PoolSettings, ...]
) -> MarketSettings:
    """Settings of one market."""
    return MarketSettings(
        name=f"{plan.token.symbol}/USDC",
        protocol="bulkhead",
        protocol_market_id=bytes(32),
        collateral=token,
        debt=usdc,
        collateral_decimals=plan.token.decimals,
        debt_decimals=USDC.decimals,
        pools=pools,
        feed=FeedSettings("chainlink", feed, 8, 1_800),
        model=ModelSettings(**MODEL, size=plan.size * 10**plan.token.decimals),  # type: ignore[arg-type]
    )


def compressed_settings(chain_id: int, markets: tuple[MarketSettings, ...]) -> Settings:
    """The settings document of the local world."""
    return Settings(
        schema=SCHEMA,
        chain_id=chain_id,
        cadence_blocks=CADENCE,
        window_seconds=120,
        bootstrap_windows=12,
        bootstrap_min_windows=4,
        half_life_fast_seconds=DAY_SECONDS,
        half_life_slow_seconds=11 * DAY_SECONDS,
        harmonic_seconds=300,
        depth_range_ticks=7_000,
        windows_per_day=DAY_SECONDS // (CADENCE * BLOCK_SECONDS),
        trailing_days=4,
        warm_days=3,
        deviation_up_bps=50,
        deviation_down_bps=100,
        margin_bps=50,
        dwell_seconds=300,
        max_gap_seconds=180,
        heartbeat_seconds=900,
        markets=markets,
    )
