"""Where attacks happen: one real market that lives on calmly, and its futures with and without an attacker."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from aave_bench import AaveBench
from keepers import opened
from test_inputs import with_aave

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import run_cycle
from keeper.fold import fold_sample, market_reading, read_plan
from keeper.records.core import decode_core
from keeper.records.decision import Due, Folded
from keeper.records.estimates import SampleDepth
from keeper.records.live import ContractWords
from keeper.records.report import Report
from keeper.records.settings import MarketSettings, Settings
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.risk.limits import apply_report
from keeper.risk.windows import last_ended, window_of
from keeper.sampling import Sampler
from keeper.testing import world
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.devnet import CALM_STEP, SEED, Devnet, build_devnet
from keeper.testing.market import MAX_SQRT, MIN_SQRT, V3_SWAP, Market, trade_block
from keeper.testing.uniswap import FOREVER, Position, create_v3_pool, grow_ring, move_positions

ETHER, DOLLAR = 10**18, 10**6
THIN_FEE, THIN_SPACING, THIN_RANGE = 10_000, 200, 3_000
THIN, DUST = 10**15, 10**12
"""Liquidity of the thin pool: about 18 WETH against 55,000 USDC; and what is left when its provider goes."""
CALM_WINDOWS = 14
"""Sampling windows lived before any attack: a bootstrap's worth of averaging windows for the new pool."""
APPROVE = "approve(address,uint256)"
SLOT0 = "(uint160,int24,uint16,uint16,uint16,uint8,bool)"
PURSE = (10**5 * ETHER, 10**9 * DOLLAR)
"""What the attacker starts with: WETH, USDC."""
Acts = Mapping[int, Callable[[], Sequence[Tx]]]
"""What the attacker sends, by block of the future, made when its block comes."""
STILL: Mapping[int, float] = {}


@dataclass(frozen=True)
class Sampled:
    """One sample of a future."""

    snapshot: MarketSnapshot
    folded: Folded
    spent: int
    """What the attacker's purse is short of, whole USDC: WETH at its first price."""

    @property
    def asked_bps(self) -> int:
        """What the model asks of new borrowing."""
        waterfall = self.folded.estimates.waterfall
        assert waterfall is not None, self.folded.estimates.missing
        return waterfall.haircut_bps

    def landed(self) -> ContractWords:
        """What the contract holds after this sample's report, if one is due."""
        words, block, decision = self.snapshot.words, self.snapshot.block, self.folded.decision
        assert words is not None
        if decision.due is Due.NONE or decision.targets is None:
            return words
        sequence = words.live.sequence
        report = Report(self.snapshot.market, decision.targets, sequence, 0, decision.core_after)
        done = apply_report(words, report, block.number, block.timestamp, 0, block.timestamp, routine=True)
        assert done.refusal == ""
        return done.words


@dataclass
class Arena:
    """A market with a thin third price source that has been traded, reported on and lent against for a while."""

    chain: DevChain
    devnet: Devnet
    bench: AaveBench
    reader: Reader
    market: MarketSettings
    opened_at: int = 0
    """Tick at which the thin pool was opened."""
    core: bytes = b""
    trailing: list[SampleDepth] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        others = [row for row in self.devnet.settings.markets if row.collateral != self.market.collateral]
        return replace(self.devnet.settings, markets=(self.market, *others))

    @property
    def thin(self) -> Address:
        return self.market.pools[-1].address

    @property
    def attacker(self) -> Address:
        return self.chain.accounts[9]

    def sqrt_price(self, pool: Address) -> int:
        """Square root of a v3 pool's price, X96."""
        return int(self.chain.call(pool, "slot0()", returns=SLOT0)[0])

    def swap(self, fee: int, amount: int, *, sells_collateral: bool, limit: int = 0) -> Tx:
        """A trade of the attacker's in the market's v3 pool of this fee, as far as a square root of the price."""
        return self._swap(self.attacker, fee, amount, sells_collateral=sells_collateral, limit=limit)

    def _swap(self, sender: Address, fee: int, amount: int, *, sells_collateral: bool, limit: int = 0) -> Tx:
        pair = (self.market.collateral, self.market.debt)
        tokens = pair if sells_collateral else pair[::-1]
        end = limit or (MIN_SQRT if tokens[0] < tokens[1] else MAX_SQRT)
        order = (*tokens, fee, sender, FOREVER, amount, 0, end)
        return Tx(sender, self.devnet.uniswap.v3_router, calldata(V3_SWAP, order), 8_000_000)

    def provide(self, pool: Address, position: Position, *, opening: bool = True) -> list[Tx]:
        """Liquidity comes or goes."""
        return move_positions(self.devnet.uniswap, self.devnet.trader, pool, [position], opening=opening)

    def future(
        self, windows: int, acts: Acts | None = None, *, stopped: bool = False, moves: Mapping[int, float] = STILL
    ) -> list[Sampled]:
        """Live on for some sampling windows, one sample each, and forget it all again.

        Parameters
        ----------
        windows
            How many.
        acts
            The attacker's transactions by block, from 0. Everybody else does the same in every future.
        stopped
            Whether nobody trades any more.
        moves
            By what the price is multiplied before a block: everybody follows, feed and all pools but the thin one.
        """
        mark, held = self.chain.rpc("evm_snapshot"), replace(self, trailing=list(self.trailing))
        try:
            return held._live(windows, acts or {}, stopped=stopped, moves=moves)
        finally:
            self.chain.rpc("evm_revert", mark)

    def settle(self, windows: int) -> None:
        """Live on for good."""
        self._live(windows, {})

    def sample(self) -> Sampled:
        """Read and fold the newest block, as if it were its window's sample."""
        block, settings = self.reader.block("latest"), self.settings
        plan = read_plan(self.core, self.market, settings)
        reading = market_reading(self.market, settings, plan, self.devnet.contract, block)
        snapshot = cast("MarketSnapshot", self.reader.run([reading], block)[0])
        window = window_of(block.number, settings.cadence_blocks)
        folded = fold_sample(self.core, snapshot, window, self.trailing, self.market, settings)
        return Sampled(snapshot, folded, self._spent())

    def past(self, windows: int) -> list[SampleDepth]:
        """Depths of the last windows, fees included, under the market's present settings."""
        sampler = Sampler(self.reader, self.devnet.contract, self.settings)
        last = last_ended(self.reader.block("latest").number, self.settings.cadence_blocks)
        (key,) = [key for key, row in sampler.markets.items() if row.name == self.market.name]
        return [sampler.depths(window)[key] for window in range(last - windows + 1, last + 1)]

    def _spent(self) -> int:
        owned = [
            self.chain.call(token, "balanceOf(address)", self.attacker, returns="(uint256)")
            for token in (self.market.collateral, self.market.debt)
        ]
        weth, usdc = (had - has for had, has in zip(PURSE, owned, strict=True))
        return round(weth * world.WETH.price / ETHER + usdc / DOLLAR)

    def _small_trade(self, *, sells_collateral: bool) -> list[Tx]:
        """About two ticks' worth: a trade inside one tick leaves no observation, and the pool counts as idle."""
        held = self.chain.call(self.thin, "liquidity()", returns="(uint128)")
        amount = 2 * held if sells_collateral else 6 * held // 10**9
        trade = self._swap(self.devnet.trader, THIN_FEE, amount, sells_collateral=sells_collateral)
        return [trade] if amount else []

    def _live(
        self, windows: int, acts: Acts, *, stopped: bool = False, moves: Mapping[int, float] = STILL
    ) -> list[Sampled]:
        chance, seen = random.Random(SEED), []
        known = replace(self.market, pools=tuple(pool for pool in self.market.pools if pool.address != self.thin))
        traders = Market(self.chain, self.devnet.uniswap, known, self.devnet.trader)
        price = first = self.devnet.prices[0]
        for block in range(windows * world.CADENCE):
            price, first = (row * moves.get(block, 1) for row in (price, first))
            # Somebody buys or sells a little in the thin pool now and then: it is not idle.
            small = [] if stopped or block % world.CADENCE else self._small_trade(sells_collateral=bool(block % 2))
            # As ``scenario.calm_blocks``: drawn back to where it began.
            price *= (first / price) ** 0.01 * (1 + chance.gauss(0, CALM_STEP / world.CADENCE**0.5))
            others = [*small, *(acts[block]() if block in acts else ())]
            if stopped:
                self.chain.run(others + traders.answer(price, self.chain.block().timestamp))
            else:
                trade_block(self.chain, [traders], [price], chance, others)
            if block % world.CADENCE == world.CADENCE - 1:
                sampled = self.sample()
                self.core = sampled.folded.decision.core_after
                self.trailing.append(sampled.folded.estimates.depth)
                seen.append(sampled)
        return seen


def build_arena(rest: ExitStack, folder: Path) -> Arena:
    """A devnet whose first market is lent against on Aave, with a first report by a real keeper."""
    node = rest.enter_context(Anvil.start(AnvilOptions(no_mining=True)))
    chain = DevChain(node.url)
    devnet, bench = with_aave(chain, build_devnet(chain))
    rpc = rest.enter_context(Rpc("local", devnet.url))
    arena = Arena(chain, devnet, bench, Reader(rpc), devnet.settings.markets[0])
    _open_thin_pool(arena)
    _fill_purse(arena)
    while (chain.block().number + 1) % world.CADENCE:
        chain.mine()
    arena.settle(CALM_WINDOWS)
    with opened(devnet, folder, broadcast=True) as ports:
        run_cycle(ports)
        chain.mine(3)
        run_cycle(ports)
    while (chain.block().number + 1) % world.CADENCE:
        chain.mine()
    arena.trailing = arena.past(world.DAY_SECONDS // world.BLOCK_SECONDS // world.CADENCE * 4)
    arena.settle(2)
    before = decode_core(arena.core)
    assert before is not None
    assert len(before.sources) == 3, arena.future(1)[0].folded.estimates.missing
    return arena


def _open_thin_pool(arena: Arena) -> None:
    """One more price source: a 1 % pool with little in it."""
    chain, devnet, market = arena.chain, arena.devnet, arena.market
    start = chain.call(market.pools[0].address, "slot0()", returns=SLOT0)
    pair = (market.collateral, market.debt)
    factory = devnet.uniswap.v3_factory
    pool = create_v3_pool(chain, factory, devnet.trader, pair, fee=THIN_FEE, sqrt_price=start[0])
    chain.run(grow_ring(pool, devnet.trader, 100))
    for liquidity in (DUST, THIN - DUST):
        chain.run(arena.provide(pool, thin_position(start[1], liquidity)))
    arena.opened_at = start[1]
    source = replace(market.pools[0], address=pool, fee_pips=THIN_FEE, tick_spacing=THIN_SPACING)
    arena.market = replace(market, pools=(*market.pools, source))


def _fill_purse(arena: Arena) -> None:
    owner, router = arena.attacker, arena.devnet.uniswap.v3_router
    for token, amount in zip((arena.market.collateral, arena.market.debt), PURSE, strict=True):
        calls = [calldata("mint(address,uint256)", owner, amount), calldata(APPROVE, router, 2**256 - 1)]
        arena.chain.run([Tx(owner, token, call) for call in calls])


def thin_position(tick: int, liquidity: int) -> Position:
    """A position around the tick, on the thin pool's grid."""
    middle = tick // THIN_SPACING * THIN_SPACING
    return Position(middle - THIN_RANGE, middle + THIN_RANGE, liquidity)
