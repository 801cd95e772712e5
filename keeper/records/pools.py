"""States of pools: what one venue's contract holds at a block, as far as its quotes need it."""

from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Cumulative:
    """A v3 oracle reading at one time, extrapolated as the pool's ``observe`` does."""

    time: int
    """Unix seconds (uint32 in the pool)."""
    tick_cumulative: int
    """Signed, int56."""
    seconds_per_liquidity_x128: int
    """uint160."""


@dataclass(frozen=True, slots=True)
class UniswapV2State:
    """Reserves of a constant-product pair."""

    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class UniswapV3State:
    """A concentrated-liquidity pool around its current tick."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]
    """(tick, liquidity_net) of every initialised tick in the range read, rising."""
    lowest_tick: int
    """First tick of the range read; nothing is known below."""
    highest_tick: int
    """Last tick of the range read; nothing is known above."""
    now: Cumulative
    """At the block's own time."""
    last_observation_time: int
    """When the pool last wrote its ring."""
    harmonic: Cumulative | None
    """``harmonic_seconds`` ago, or as far back as the ring goes if that is at least a quarter of it; else None."""
    ring: tuple[Cumulative, ...]
    """Readings at the plan's ring targets that the ring still covers, oldest first, ending before ``now``."""
    fee_growth0_x128: int
    """feeGrowthGlobal0X128: fees of token 0 ever earned per unit of liquidity, times 2**128, modulo 2**256."""
    fee_growth1_x128: int
    """The same of token 1."""


@dataclass(frozen=True, slots=True)
class BalancerWeightedState:
    """A Balancer v2 weighted pool, tokens in the Vault's order."""

    balances: tuple[int, ...]
    """Raw units."""
    scaling: tuple[int, ...]
    """10**18 times what brings a raw balance to 18 decimals."""
    weights: tuple[int, ...]
    """1 = 10**18; their sum is 1."""
    fee_wad: int
    shortcuts: bool
    """Whether exponents 1, 2 and 4 are multiplied out (pools since version 2)."""


@dataclass(frozen=True, slots=True)
class BalancerStableState:
    """A Balancer v2 composable stable pool; the Vault's tokens without the pool's own share."""

    balances: tuple[int, ...]
    """Raw units."""
    scaling: tuple[int, ...]
    """10**18 times what brings a raw balance to 18 decimals, times the token's rate that a swap in this block uses."""
    amplification: int
    """In thousandths, at the block's own time."""
    fee_wad: int
    share_index: int
    """Place of the pool's own share among the Vault's tokens."""


@dataclass(frozen=True, slots=True)
class UniswapV4State:
    """A pool inside Uniswap v4's PoolManager around its current tick."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]
    """(tick, liquidity_net) of every initialised tick in the range read, rising."""
    lowest_tick: int
    """First tick of the range read; nothing is known below."""
    highest_tick: int
    """Last tick of the range read; nothing is known above."""
    fee0_pips: int
    """Whole fee of a swap that sells currency 0: the pool's and the protocol's together."""
    fee1_pips: int
    """Whole fee of a swap that sells currency 1."""
    fee_growth0_x128: int
    """feeGrowthGlobal0X128: fees of currency 0 ever earned per unit of liquidity, times 2**128, modulo 2**256."""
    fee_growth1_x128: int
    """The same of currency 1."""


class CurveProduct(IntEnum):
    """How a generation of StableSwap rounds ``D**(n+1) / (n**n prod x)``; the last wei of D depends on it."""

    EACH = 0
    """D / (n x) coin by coin: 3pool, templates, old metapools."""
    AT_THE_END = 1
    """D / x coin by coin, then / n**n: later factory pools and NG."""
    EACH_PLUS_ONE = 2
    """D / (n x + 1) coin by coin: lending pools and the first stETH pool."""


@dataclass(frozen=True, slots=True)
class CurveRules:
    """What separates the generations of StableSwap."""

    precision: int = 100
    """Factor inside ``amp``: 1 in the first pools, 100 later."""
    product: CurveProduct = CurveProduct.EACH
    fee_last: bool = False
    """The fee is taken in raw units after the conversion (the first pools), not before it."""


@dataclass(frozen=True, slots=True)
class CurveStableState:
    """A StableSwap pool."""

    balances: tuple[int, ...]
    """Raw units."""
    rates: tuple[int, ...]
    """1e18-based: 1e18 for a coin of 18 decimals, 1e30 for one of 6."""
    amp: int
    """A, times ``rules.precision``."""
    fee: int
    """Swap fee in 1e-10."""
    offpeg: int = 0
    """NG's fee multiplier far from balance, in 1e-10; 0 = a constant fee."""
    rules: CurveRules = CurveRules()


@dataclass(frozen=True, slots=True)
class CurveMetaState:
    """A metapool, with its base pool where that is traded through."""

    pool: CurveStableState
    """Two coins: the meta coin and the base LP token, whose rate is the virtual price the pool uses."""
    base: CurveStableState | None
    """None when the LP token itself is traded."""
    base_supply: int
    """LP tokens of the base pool, raw units."""


@dataclass(frozen=True, slots=True)
class CurveCryptoState:
    """A CryptoSwap pool of two or three coins."""

    balances: tuple[int, ...]
    """Raw units."""
    precisions: tuple[int, ...]
    """Factor to 18 decimals: 1e12 for a coin of 6."""
    price_scale: tuple[int, ...]
    """Price of each coin but the first in units of the first, 1e18-based."""
    ann: int
    """A n**n times ``multiplier``."""
    multiplier: int
    """100 in the first tricrypto, 10,000 later."""
    gamma: int
    """1e18-based."""
    d: int
    """The invariant that the next swap starts from."""
    mid_fee: int
    """At balance, 1e-10."""
    out_fee: int
    """Far from balance, 1e-10."""
    fee_gamma: int
    """How fast the fee goes from one to the other, 1e18-based."""


PoolState = (
    UniswapV2State
    | UniswapV3State
    | UniswapV4State
    | CurveStableState
    | CurveMetaState
    | CurveCryptoState
    | BalancerWeightedState
    | BalancerStableState
)
"""Union of all venues' states."""
