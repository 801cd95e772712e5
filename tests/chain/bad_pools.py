"""The matrix of bad pools: each entry brings one real pool beside a good one into a bad state.

``docs/bad-input.md`` is its index. What stands at an address is the authors' own bytecode wherever npm has it; Curve's
is our second writing, and only the tokens with strange metadata are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.maths.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from keeper.reading import open_reader
from keeper.records.decision import Folded
from keeper.records.settings import MarketSettings, PoolSettings, two_token_pool
from keeper.records.snapshot import MarketSnapshot, PoolReading, ReadPlan, WordInput
from keeper.records.units import NO_ADDRESS, WAD, Address
from keeper.risk.windows import window_of
from keeper.testing.balancer import (
    Balancer,
    BalancerPool,
    Coin,
    allow,
    create_stable,
    create_weighted,
    deploy_balancer,
    make_rate,
)
from keeper.testing.client import DevChain
from keeper.testing.contracts import npm_contract
from keeper.testing.devnet import Devnet
from keeper.testing.uniswap import Position, create_v2_pair, move_positions
from keeper.testing.uniswap_v4 import PoolKey, UniswapV4, create_v4_pool, deploy_v4, move_v4_positions
from keeper.testing.world import BLOCK_SECONDS
from keeper.venues import VENUES
from keeper.venues.tick_words import mapped
from keeper.venues.uniswap_v3_words import BITMAP_SLOT
from keeper.venues.uniswap_v4_words import BITMAP_OFFSET, first_slot

MOST_RESERVE = 2**112 - 1
FEE = 101
"""Of the v3 pools, whatever their spacing; v3's factory refuses spacings from 16,384 on."""
CACHE_SECONDS = 60
SPUN = (8_710_823_250_047_368_192, 2)
"""Scaled balances for which get_D of an A of 19.97 swings between two values for ever."""
SPUN_AMP = 1_997


@dataclass(frozen=True)
class Ground:
    """One chain with a listed market, and the venues in which bad pools are made."""

    chain: DevChain
    devnet: Devnet
    v4: UniswapV4
    balancer: Balancer

    @property
    def market(self) -> MarketSettings:
        return self.devnet.settings.markets[0]

    @property
    def good(self) -> PoolSettings:
        return self.market.pools[0]

    @property
    def pair(self) -> tuple[Address, Address]:
        """Token 0 and 1 of the market."""
        first, second = sorted((self.market.collateral, self.market.debt))
        return first, second

    @property
    def root(self) -> int:
        """Of the good pool's price."""
        return int(self.chain.call(self.good.address, "slot0()", returns="(uint160,int24)")[0])

    def mixed(self, *pools: PoolSettings) -> MarketSettings:
        """The market with the good pool and these."""
        return replace(self.market, pools=(self.good, *pools))

    @property
    def sides(self) -> tuple[int, int]:
        """Places of collateral and debt among two tokens."""
        return (0, 1) if self.good.collateral_is_token0 else (1, 0)

    def act(self, to: Address, signature: str, *arguments: object, gas: int = 12_000_000) -> None:
        self.chain.transact(self.devnet.admin, to, signature, *arguments, gas=gas)


def build_ground(chain: DevChain, devnet: Devnet) -> Ground:
    v4, balancer = deploy_v4(chain, devnet.trader), deploy_balancer(chain, devnet.admin)
    return Ground(chain, devnet, v4, balancer)


def folded(ground: Ground, reader: Reader, markets: list[MarketSettings]) -> list[tuple[MarketSnapshot, Folded]]:
    """Markets read in one snapshot of the newest block, each folded by itself."""
    settings, block = ground.devnet.settings, reader.block("latest")
    readings = [
        market_reading(row, settings, read_plan(b"", row, settings), ground.devnet.contract, block) for row in markets
    ]
    snapshots, window = reader.run(readings, block), window_of(block.number, settings.cadence_blocks)
    rows = []
    for market, snapshot in zip(markets, snapshots, strict=True):
        assert isinstance(snapshot, MarketSnapshot)
        rows.append((snapshot, fold_sample(b"", snapshot, window, (), market, settings)))
    return rows


Maker = Callable[[Ground], PoolSettings]
Span = tuple[int, int]
"""Ends of a position, in spacings from the pool's own tick."""
FULL: Span = (-MAX_TICK, MAX_TICK)
"""The whole range."""
LOWEST, HIGHEST = MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1
ABOVE, BELOW, AROUND = (1, 3), (-3, -1), (-3, 3)
LIQUIDITY = 10**12


def v2(reserve_collateral: int, reserve_debt: int) -> Maker:
    """A pair of a factory of its own that was given these reserves."""

    def make(ground: Ground) -> PoolSettings:
        (factory,) = ground.chain.deploy_all([(npm_contract("UniswapV2Factory"), (NO_ADDRESS,))], ground.devnet.admin)
        tokens = (ground.market.collateral, ground.market.debt)
        pair = create_v2_pair(ground.chain, factory, ground.devnet.admin, tokens)
        for token, reserve in zip(tokens, (reserve_collateral, reserve_debt), strict=True):
            ground.act(token, "mint(address,uint256)", pair, reserve)
        ground.act(pair, "sync()")
        return two_token_pool("uniswap_v2", pair, ground.good.collateral_is_token0, 3000, 0)

    return make


def v3(spacing: int, *spans: Span, root: int | None = None) -> Maker:
    """A pool of a factory of its own at a price (0 = never initialised, None = the good pool's)."""

    def make(ground: Ground) -> PoolSettings:
        (factory,) = ground.chain.deploy_all([(npm_contract("UniswapV3Factory"), ())], ground.devnet.admin)
        ground.act(factory, "enableFeeAmount(uint24,int24)", FEE, spacing)
        ground.act(factory, "createPool(address,address,uint24)", *ground.pair, FEE)
        wanted = (*ground.pair, FEE)
        pool = Address(ground.chain.call(factory, "getPool(address,address,uint24)", *wanted, returns="(address)"))
        start = ground.root if root is None else root
        if start:
            ground.act(pool, "initialize(uint160)", start)
        rows = placed(start, spacing, spans)
        ground.chain.run(move_positions(ground.devnet.uniswap, ground.devnet.admin, pool, rows, opening=True))
        ground.chain.mine(-(-ground.devnet.settings.harmonic_seconds // BLOCK_SECONDS))
        return two_token_pool("uniswap_v3", pool, ground.good.collateral_is_token0, FEE, spacing)

    return make


def v4(spacing: int, *spans: Span, root: int | None = None) -> Maker:
    """The same inside the PoolManager."""

    def make(ground: Ground) -> PoolSettings:
        chain, trader = ground.chain, ground.devnet.trader
        # A block makes one pool, so that the fee tells its key from the others'.
        key = PoolKey(*ground.pair, chain.block().number, spacing)
        start = ground.root if root is None else root
        if start:
            create_v4_pool(chain, ground.v4, trader, key, start)
        chain.run(move_v4_positions(ground.v4, trader, key, placed(start, spacing, spans), opening=True))
        chain.mine()
        names = (ground.v4.manager, key.pool_id, NO_ADDRESS)
        return PoolSettings("uniswap_v4", *names, *ground.sides, key.fee, spacing, (), price_source=False)

    return make


def placed(root: int, spacing: int, spans: tuple[Span, ...]) -> list[Position]:
    """Positions around the tick of a price."""
    widest = MAX_TICK // spacing * spacing
    rows = []
    for span in spans:
        if span == FULL:
            rows.append(Position(-widest, widest, LIQUIDITY))
        else:
            middle = tick_at_sqrt_ratio(root) // spacing
            lower, upper = ((middle + end) * spacing for end in span)
            rows.append(Position(lower, upper, LIQUIDITY))
    return rows


def flooded(make: Maker) -> Maker:
    """Every tick of the range is initialised, more than a reading may cost."""

    def after(ground: Ground) -> PoolSettings:
        pool = make(ground)
        slot = BITMAP_SLOT if pool.venue == "uniswap_v3" else first_slot(pool.pool_id) + BITMAP_OFFSET
        tick = tick_at_sqrt_ratio(ground.root) // pool.tick_spacing >> 8
        for position in range(tick - 30, tick + 30):
            where = mapped(position, slot).to_bytes(32, "big").hex()
            ground.chain.rpc("anvil_setStorageAt", pool.address, "0x" + where, "0x" + "ff" * 32)
        ground.chain.mine()
        return pool

    return after


def destroyed(make: Maker) -> Maker:
    """The account as SELFDESTRUCT left it before EIP-6780: neither code nor storage."""

    def after(ground: Ground) -> PoolSettings:
        pool = make(ground)
        for row in read_alone(ground, pool).inputs:
            if isinstance(row, WordInput):
                where = (row.account, "0x" + row.slot.hex())
                ground.chain.rpc("anvil_setStorageAt", *where, "0x" + bytes(32).hex())
        ground.chain.rpc("anvil_setCode", pool.address, "0x")
        ground.chain.mine()
        return pool

    return after


def read_alone(ground: Ground, pool: PoolSettings) -> PoolReading:
    with Rpc("local", ground.chain.url) as rpc:
        reader = open_reader(rpc)
        block = reader.block("latest")
        (reading,) = reader.run([VENUES[pool.venue].read(pool, ReadPlan(0), block)], block)
    assert isinstance(reading, PoolReading)
    return reading


def taken_for(venue: str, make: Maker) -> Maker:
    """The settings say another venue than the pool is of: words of another layout."""

    def after(ground: Ground) -> PoolSettings:
        pool = make(ground)
        return two_token_pool(venue, pool.address, pool.collateral_is_token0, FEE, 60 if venue == "uniswap_v3" else 0)

    return after


def weighted(*, factory: int = 3) -> Maker:
    def make(ground: Ground) -> PoolSettings:
        coins = (Coin(ground.market.collateral, 10**21, WAD // 2), Coin(ground.market.debt, 10**12, WAD // 2))
        pool = create_weighted(ground.chain, ground.balancer, coins, fee_wad=10**15, factory=factory)
        return of_vault(ground, "balancer_weighted", pool)

    return make


def composable(ground: Ground) -> tuple[PoolSettings, Address]:
    """A stable pool and the rate provider of its collateral."""
    provider = make_rate(ground.chain, ground.devnet.admin, WAD)
    coins = (Coin(ground.market.collateral, 10**21, 0, provider, CACHE_SECONDS), Coin(ground.market.debt, 10**9))
    pool = create_stable(ground.chain, ground.balancer, coins, amplification=100, fee_wad=10**15)
    return of_vault(ground, "balancer_stable", pool), provider


def of_vault(ground: Ground, venue: str, pool: BalancerPool) -> PoolSettings:
    sides = (pool.tokens.index(ground.market.collateral), pool.tokens.index(ground.market.debt))
    return PoolSettings(venue, pool.address, pool.pool_id, ground.balancer.vault, *sides, 0, 0, (), price_source=False)


def rate_reverts(ground: Ground) -> PoolSettings:
    """The provider fails, and the cached rate has expired."""
    pool, provider = composable(ground)
    ground.act(provider, "set(uint256)", 0)
    ground.chain.mine(CACHE_SECONDS // BLOCK_SECONDS + 1)
    return pool


def stopped(signature: str) -> Maker:
    """A weighted pool of which the admin called this."""

    def make(ground: Ground) -> PoolSettings:
        pool = weighted()(ground)
        allow(ground.chain, ground.balancer, pool.address, signature)
        ground.act(pool.address, signature)
        return pool

    return make


def collateral_of_77_decimals(ground: Ground) -> PoolSettings:
    """The token of a pool that asks for decimals took another number afterwards, as an upgraded proxy may."""
    pool = weighted(factory=1)(ground)
    coin = (load("DevToken", "keeper.testing"), ("M", "M", 77))
    (other,) = ground.chain.deploy_all([coin], ground.devnet.admin)
    ground.chain.rpc("anvil_setCode", ground.market.collateral, ground.chain.rpc("eth_getCode", other, "latest"))
    ground.chain.mine()
    return pool


def curve(balances: tuple[int, int], amp: int = 5_000, *, killed: bool = False) -> Maker:
    """A plain pool of the generation that swings for ever or stops at once, by balances in 18 decimals each."""

    def make(ground: Ground) -> PoolSettings:
        coins, rates = (ground.market.collateral, ground.market.debt), (WAD, WAD)
        setup = (coins, rates, balances, amp, amp, 0, 0, 4 * 10**6, 0, True, False)
        pool = ground.chain.deploy(load("DevCurve", "keeper.testing"), setup, 10**24, sender=ground.devnet.admin)
        if killed:
            ground.act(pool, "set(uint256[],bool)", balances, True)
        return PoolSettings("curve_stable", pool, bytes(32), NO_ADDRESS, 0, 1, 0, 0, rates, price_source=False)

    return make


class Entry(NamedTuple):
    """One line of the matrix."""

    make: Maker
    said: str
    """What of the line beside the pool's name is certain, as a regular expression."""


NOTHING_SOLD, OFF = "nothing can be sold there", "bps off the feed, which the other venue is near, not counted"
UNREAD = "the storage could not be read"
EXTREME = f"{NOTHING_SOLD}|{OFF}"
"""Which of both depends on the side that the collateral is on."""
HEALTHY = 10**21, 3 * 10**12
"""Reserves of a pair near the market's price."""

MATRIX: dict[str, Entry] = {
    "empty v2 pair": Entry(v2(0, 0), "no reserves"),
    "empty v3 pool": Entry(v3(60), NOTHING_SOLD),
    "empty v4 pool": Entry(v4(60), NOTHING_SOLD),
    "v2 pair with one side": Entry(v2(10**21, 0), "no reserves"),
    "v3 pool with one side, above": Entry(v3(60, ABOVE), NOTHING_SOLD),
    "v3 pool with one side, below": Entry(v3(60, BELOW), NOTHING_SOLD),
    "v4 pool with one side, above": Entry(v4(60, ABOVE), NOTHING_SOLD),
    "v4 pool with one side, below": Entry(v4(60, BELOW), NOTHING_SOLD),
    "v3 price at MIN, empty": Entry(v3(60, root=LOWEST), NOTHING_SOLD),
    "v3 price at MAX, empty": Entry(v3(60, root=HIGHEST), NOTHING_SOLD),
    "v3 price at MIN, liquid": Entry(v3(1, FULL, root=LOWEST), EXTREME),
    "v3 price at MAX, liquid": Entry(v3(1, FULL, root=HIGHEST), EXTREME),
    "v4 price at MIN, liquid": Entry(v4(1, FULL, root=LOWEST), EXTREME),
    "v4 price at MAX, liquid": Entry(v4(1, FULL, root=HIGHEST), EXTREME),
    "v3 tick spacing 1, flooded": Entry(flooded(v3(1, AROUND)), UNREAD),
    "v4 tick spacing 1, flooded": Entry(flooded(v4(1, AROUND)), UNREAD),
    "v3 tick spacing 16383, one side": Entry(v3(16_383, ABOVE), NOTHING_SOLD),
    "v4 tick spacing 32767, one side": Entry(v4(32_767, ABOVE), NOTHING_SOLD),
    "uninitialised v3 pool": Entry(v3(60, root=0), "not initialised, or locked"),
    "uninitialised v4 pool": Entry(v4(60, root=0), "not initialised"),
    "paused pool": Entry(stopped("pause()"), "the pool is paused"),
    "pool in recovery mode": Entry(stopped("enableRecoveryMode()"), "the pool is in recovery mode"),
    "killed Curve pool": Entry(curve((10**21, 10**21), killed=True), "killed"),
    "self-destructed v2 pair": Entry(destroyed(v2(*HEALTHY)), "no reserves"),
    "self-destructed v3 pool": Entry(destroyed(v3(60, AROUND)), "not initialised, or locked"),
    "self-destructed Balancer pool": Entry(destroyed(weighted()), "does not tell whether it is paused"),
    "self-destructed Curve pool": Entry(destroyed(curve((10**21, 10**21))), "not"),
    "layout that lies: v2 read as v3": Entry(taken_for("uniswap_v3", v2(*HEALTHY)), "not initialised, or locked"),
    "layout that lies: v3 read as v2": Entry(taken_for("uniswap_v2", v3(60, AROUND)), "off the feed"),
    "v2 reserves of 1 wei": Entry(v2(1, 1), OFF),
    "v2 reserves of 2^112-1": Entry(v2(MOST_RESERVE, MOST_RESERVE), OFF),
    "v2 reserves of 1 wei and 2^112-1": Entry(v2(1, MOST_RESERVE), OFF),
    "v2 reserves of 2^112-1 and 1 wei": Entry(v2(MOST_RESERVE, 1), OFF),
    "Curve whose D does not converge": Entry(curve(SPUN, SPUN_AMP), "the invariant does not converge"),
    "Curve with a balance of 0": Entry(curve((10**21, 0)), "a balance of 0"),
    "rate provider that reverts": Entry(rate_reverts, "fails and the cached rate has expired"),
    "decimals 77 in a Balancer pool": Entry(collateral_of_77_decimals, "has 77 decimals"),
}
"""Name -> how the pool is brought there and what its line must say."""
