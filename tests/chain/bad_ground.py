"""A listed market with a good pool, and how pools of Uniswap are brought into bad states beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.maths.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from keeper.reading import open_reader
from keeper.records.decision import Folded
from keeper.records.settings import MarketSettings, PoolSettings, two_token_pool
from keeper.records.snapshot import MarketSnapshot, PoolReading, ReadPlan, WordInput
from keeper.records.units import NO_ADDRESS, Address
from keeper.risk.windows import window_of
from keeper.testing.balancer import Balancer, deploy_balancer
from keeper.testing.client import DevChain
from keeper.testing.contracts import npm_contract
from keeper.testing.devnet import Devnet, write_operator_files
from keeper.testing.uniswap import Position, create_v2_pair, move_positions
from keeper.testing.uniswap_v4 import KEY, PoolKey, UniswapV4, create_v4_pool, deploy_v4, move_v4_positions
from keeper.testing.world import BLOCK_SECONDS
from keeper.venues import VENUES
from keeper.venues.tick_words import mapped
from keeper.venues.uniswap_v3_words import BITMAP_SLOT
from keeper.venues.uniswap_v4_words import BITMAP_OFFSET, first_slot

FEE = 101
"""Of the v3 pools, whatever their spacing; v3's factory refuses spacings from 16,384 on."""


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


def operator_files(ground: Ground, folder: Path, *markets: MarketSettings) -> Path:
    """``keeper.toml`` of these markets."""
    settings = replace(ground.devnet.settings, markets=markets)
    return write_operator_files(replace(ground.devnet, settings=settings), folder)


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


def quoted(ground: Ground, pool: PoolSettings, amount: int) -> int:
    """What the real quoter answers to a sale of collateral."""
    chain, tokens = ground.chain, (ground.market.collateral, ground.market.debt)
    if pool.venue == "uniswap_v4":
        order = (PoolKey(*ground.pair, pool.fee_pips, pool.tick_spacing).row, pool.collateral_is_token0, amount, b"")
        signature = f"quoteExactInputSingle(({KEY},bool,uint128,bytes))"
        return int(chain.call(ground.v4.quoter, signature, order, returns="(uint256,uint256)")[0])
    factory = chain.call(pool.address, "factory()", returns="(address)")
    (quoter,) = chain.deploy_all([(npm_contract("QuoterV2"), (factory, NO_ADDRESS))], ground.devnet.admin)
    signature = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
    returns = "(uint256,uint160,uint32,uint256)"
    return int(chain.call(quoter, signature, (*tokens, amount, pool.fee_pips, 0), returns=returns)[0])


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
