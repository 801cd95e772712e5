"""Small records for tests: every argument has a plausible default, so that a test names only what it is about."""

from dataclasses import replace

from keeper.maths.keccak import keccak
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.live import (
    FLAG_LISTED,
    AuxWord,
    ContractWords,
    GuardWord,
    Law,
    Limits,
    LiquidationWord,
    LiveWord,
)
from keeper.records.pools import Cumulative, UniswapV2State, UniswapV3State
from keeper.records.settings import (
    SCHEMA,
    FeedSettings,
    MarketSettings,
    ModelSettings,
    PoolSettings,
    Settings,
    two_token_pool,
)
from keeper.records.snapshot import CallInput, FeedReading, MarketSnapshot, PoolReading, WordInput
from keeper.records.units import WAD, Address, BlockRef
from keeper.risk.keys import market_key

WETH = Address("0x" + "aa" * 20)
USDC = Address("0x" + "bb" * 20)
V3_POOL = Address("0x" + "03" * 20)
V2_POOL = Address("0x" + "02" * 20)
FEED = Address("0x" + "fe" * 20)
CONTRACT = Address("0x" + "cc" * 20)
CHAIN_ID = 31337
START = 1_700_000_000
"""Time of block 0 in these tests."""
BLOCK_SECONDS = 12
MID_TICK = -200_000
"""About 2,061 USDC (6 decimals) a WETH (18 decimals), WETH as token 0."""


def pool_settings(**changes: object) -> PoolSettings:
    base = two_token_pool("uniswap_v3", V3_POOL, True, 3000, 60, price_source=True)
    return replace(base, **changes)


def pair_settings(**changes: object) -> PoolSettings:
    return replace(two_token_pool("uniswap_v2", V2_POOL, True, 3000, 0), **changes)


def model_settings(**changes: object) -> ModelSettings:
    base = ModelSettings(
        model="liquidity_adjusted",
        k_wad=3_691_500_000_000_000_000,
        sigma_floor_wad=WAD // 5,
        model_mult_wad=1_150_000_000_000_000_000,
        oracle_deviation_wad=5 * 10**15,
        bonus_bps=500,
        gas_fraction_wad=10**15,
        profit_fraction_wad=5 * 10**15,
        protocol_fee_wad=WAD // 10,
        tau0_seconds=6 * 3600,
        t_rep_seconds=3600,
        size=100 * 10**18,
        depth_factor_bps=5000,
        buffer_bps=250,
        haircut_min_bps=500,
        haircut_max_bps=9000,
    )
    return replace(base, **changes)


def market_settings(**changes: object) -> MarketSettings:
    base = MarketSettings(
        name="WETH/USDC",
        protocol="bulkhead",
        protocol_market_id=bytes(32),
        collateral=WETH,
        debt=USDC,
        collateral_decimals=18,
        debt_decimals=6,
        pools=(pool_settings(), pair_settings()),
        feed=FeedSettings("chainlink", FEED, 8, 3600),
        model=model_settings(),
    )
    return replace(base, **changes)


def make_settings(**changes: object) -> Settings:
    base = Settings(
        schema=SCHEMA,
        chain_id=CHAIN_ID,
        cadence_blocks=25,
        window_seconds=1800,
        bootstrap_windows=48,
        bootstrap_min_windows=4,
        half_life_fast_seconds=86_400,
        half_life_slow_seconds=950_400,
        harmonic_seconds=1800,
        depth_range_ticks=7000,
        windows_per_day=288,
        trailing_days=30,
        warm_days=3,
        deviation_up_bps=50,
        deviation_down_bps=100,
        margin_bps=50,
        dwell_seconds=21_600,
        max_gap_seconds=7200,
        heartbeat_seconds=64_800,
        markets=(market_settings(),),
    )
    return replace(base, **changes)


def make_block(number: int = 25_000, **changes: object) -> BlockRef:
    time = START + number * BLOCK_SECONDS
    return replace(BlockRef(number, keccak(b"block" + number.to_bytes(8, "big")), time), **changes)


def make_limits(**changes: object) -> Limits:
    base = Limits(
        floor_bps=500,
        cap_bps=9000,
        step_up_bps=1000,
        stage_seconds=300,
        bucket_bps=100,
        refill_bps_per_day=50,
        dispute_seconds=21_600,
        pending_expiry_seconds=86_400,
        fresh_seconds=93_600,
        grace_seconds=68_400,
        decay_floor=154,
        guarded_add_bps=500,
        stressed_add_bps=1500,
        regime_seconds=86_400,
    )
    return replace(base, **changes)


def make_law(**changes: object) -> Law:
    base = Law(
        liquidation_floor_bps=500,
        liquidation_cap_bps=6000,
        bonus_cap_bps=1500,
        day_budget_bps=100,
        fortnight_budget_bps=300,
        ramp_seconds=259_200,
        premium_cap_bps=2000,
        ceiling_stretch=10,
        sigma_floor_bps=2000,
        k_floor=300,
        trip_seconds=7200,
        trip_budget_seconds=43_200,
        trip_cooldown_seconds=3600,
    )
    return replace(base, **changes)


def make_live(**changes: object) -> LiveWord:
    base = LiveWord(
        haircut_bps=2500,
        liquidation_target_bps=1000,
        ramp_from_bps=1000,
        bonus_bps=500,
        observed_time=START,
        observed_block=1,
        sequence=1,
        flags=FLAG_LISTED,
    )
    return replace(base, **changes)


def make_words(
    live: LiveWord | None = None,
    aux: AuxWord | None = None,
    limits: Limits | None = None,
    law: Law | None = None,
    liquidation: LiquidationWord | None = None,
) -> ContractWords:
    return ContractWords(
        live=live or make_live(),
        aux=aux or AuxWord(),
        liquidation=liquidation or LiquidationWord(),
        guard=GuardWord(),
        limits=limits or make_limits(),
        law=law or make_law(),
    )


def pool_state(**changes: object) -> UniswapV3State:
    """A pool with one position of 10,000 ticks each side, quiet for a day, that traded just now."""
    time = make_block().timestamp
    liquidity = 10**18
    base = UniswapV3State(
        sqrt_price_x96=sqrt_ratio_at_tick(MID_TICK),
        tick=MID_TICK,
        liquidity=liquidity,
        ticks=((MID_TICK - 6980, liquidity), (MID_TICK + 6940, -liquidity)),
        lowest_tick=MID_TICK - 7000,
        highest_tick=MID_TICK + 7000,
        now=Cumulative(time, MID_TICK * 86_400, ((86_400 << 128) // liquidity)),
        last_observation_time=time - BLOCK_SECONDS,
        harmonic=Cumulative(time - 1800, MID_TICK * 84_600, ((84_600 << 128) // liquidity)),
        ring=tuple(
            Cumulative(time - ago, MID_TICK * (86_400 - ago) + 30 * (ago // 1800 % 2) * 1800, 0)
            for ago in range(86_400, 0, -1800)
        ),
        fee_growth0_x128=7 << 128,
        fee_growth1_x128=11 << 128,
    )
    return replace(base, **changes)


def pool_reading(state: UniswapV3State | UniswapV2State | None = None, failure: str = "") -> PoolReading:
    account = V2_POOL if isinstance(state, UniswapV2State) else V3_POOL
    if failure:
        return PoolReading(None, (CallInput(account, b"", False, b""),), f"{account}: {failure}")
    state = state or pool_state()
    word = keccak(repr(state).encode())
    return PoolReading(state, (WordInput(account, bytes(32), word),))


def pair_reading(collateral: int = 5000 * 10**18, debt: int = 10_305_000 * 10**6) -> PoolReading:
    return pool_reading(UniswapV2State(collateral, debt))


def feed_reading(answer: int | None = 2061 * 10**8, **changes: object) -> FeedReading:
    failure = "" if answer is not None else f"{FEED}: the feed reverted"
    row = CallInput(FEED, b"\xfe\xaf\x96\x8c", answer is not None, (answer or 0).to_bytes(32, "big"))
    return replace(FeedReading(answer, make_block().timestamp, (row,), failure), **changes)


_LISTED = make_words()


def make_snapshot(
    block: BlockRef | None = None,
    pools: tuple[PoolReading, ...] | None = None,
    feed: FeedReading | None = None,
    words: ContractWords | None = _LISTED,
    market: MarketSettings | None = None,
) -> MarketSnapshot:
    return MarketSnapshot(
        market=market_key(CHAIN_ID, market or market_settings()),
        block=block or make_block(),
        pools=pools if pools is not None else (pool_reading(), pair_reading()),
        feed=feed or feed_reading(),
        words=words,
        words_inputs=(WordInput(CONTRACT, bytes(32), keccak(repr(words).encode())),),
    )


def facing(pool: PoolSettings, collateral_is_token0: bool) -> PoolSettings:
    """The same pool of two tokens with the collateral on this side."""
    return replace(pool, collateral_index=int(not collateral_is_token0), debt_index=int(collateral_is_token0))
