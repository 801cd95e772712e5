"""A market that moves: calm, a sell-off of about 45 % while liquidity providers leave, a recovery.

One step is one sampling window, so that a driver can wait for the keeper between steps. Prices are drawn once from a
seed; every trade is a real swap in the real pools through the real routers. Time is compressed (``world``): the whole
story takes an hour of chain time, where a crash of this size takes some days.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log

from keeper.records.settings import PoolSettings
from keeper.records.units import Address
from keeper.testing import world
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.devnet import CALM_STEP, SEED, Devnet
from keeper.testing.market import Market, trade_block
from keeper.testing.uniswap import FOREVER, move_positions

HEAD_PAST_END = 2
"""Every step ends this many blocks after a window's end: deep enough for a tightening to be sent."""
LEAVING = world.PROVIDERS - 1
"""Big providers of each pool that leave; with the ladder, 30 % of the liquidity stays."""
RETURNING = 5
REMOVE = "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)"


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the story."""

    name: str
    steps: int
    moves: tuple[float, ...]
    """Log return of each market over the phase."""
    noise: float
    """Standard deviation of a step's return around the way there."""
    leaving: tuple[int, int] = (0, 0)
    """Steps of the phase between which the leaving providers go, evenly."""
    returning: tuple[int, int] = (0, 0)
    """Steps between which some come back."""


STORY = (
    Phase("calm", 6, (0.0, 0.0), 0.004),
    Phase("sell-off", 24, (log(0.55), log(0.60)), 0.008, leaving=(6, 23)),
    Phase("recovery", 12, (log(1.10), log(1.08)), 0.003, returning=(3, 12)),
    Phase("calm again", 16, (0.0, 0.0), 0.002),
)
"""A sell-off of 45 % (the second market: 40 %), then a bounce, then rest."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    index: int
    """From 0."""
    phase: str
    prices: tuple[float, ...]
    """Fair prices at its end, whole USDC a token."""
    left: int
    """Big providers of each pool that are gone."""
    head: int
    """Height of the chain afterwards."""
    window: int
    """Newest window whose end is two blocks deep."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One step as planned."""

    phase: str
    prices: tuple[float, ...]
    left: int


def plan_story(prices: Sequence[float], seed: int, story: Sequence[Phase] = STORY) -> tuple[Plan, ...]:
    """Every step's prices and how many providers are gone after it."""
    chance = random.Random(seed)
    plans, left = [], 0
    levels = [log(price) for price in prices]
    for phase in story:
        paths = [_bridge(phase, level, move, chance) for level, move in zip(levels, phase.moves, strict=True)]
        gone = left
        for step in range(phase.steps):
            if phase.leaving[1]:
                left = gone + round((LEAVING - gone) * _share(phase.leaving, step + 1))
            elif phase.returning[1]:
                left = gone - round(RETURNING * _share(phase.returning, step + 1))
            plans.append(Plan(phase.name, tuple(exp(path[step]) for path in paths), left))
        levels = [path[-1] for path in paths]
    return tuple(plans)


def _bridge(phase: Phase, start: float, move: float, chance: random.Random) -> list[float]:
    """A noisy way from ``start`` that ends exactly at ``start + move``."""
    walk = [0.0]
    for _ in range(phase.steps):
        walk.append(walk[-1] + chance.gauss(0, phase.noise))
    return [start + (move - walk[-1]) * i / phase.steps + walk[i] for i in range(1, phase.steps + 1)]


def _share(span: tuple[int, int], step: int) -> float:
    return min(1.0, max(0.0, (step - span[0]) / (span[1] - span[0])))


def calm_blocks(
    chain: DevChain, devnet: Devnet, around: Sequence[float], seed: int = SEED
) -> Iterator[tuple[float, ...]]:
    """Block after block of a calm market around some prices, for as long as somebody asks; yields the prices."""
    chance = random.Random(seed)
    markets = [Market(chain, devnet.uniswap, row, devnet.trader) for row in devnet.settings.markets]
    prices = tuple(around)
    # A window's standard deviation, spread over its blocks.
    noise = CALM_STEP / world.CADENCE**0.5
    while True:
        # Drawn back to where it began, so that a long run stays inside the ladder of positions.
        prices = tuple(
            price * (first / price) ** 0.01 * (1 + chance.gauss(0, noise))
            for price, first in zip(prices, around, strict=True)
        )
        trade_block(chain, markets, prices, chance)
        yield prices


class Scenario:
    """Plays the story on a devnet.

    Parameters
    ----------
    chain
        Client of the devnet's node.
    devnet
        As built.
    seed
        Of the prices; the same seed gives the same prices.
    """

    def __init__(self, chain: DevChain, devnet: Devnet, seed: int = SEED, story: Sequence[Phase] = STORY) -> None:
        self.chain = chain
        self.devnet = devnet
        self.plans = plan_story(devnet.prices, seed, story)
        self._chance = random.Random(seed + 1)
        self._prices = devnet.prices
        self._left = 0
        self._markets = [Market(chain, devnet.uniswap, row, devnet.trader) for row in devnet.settings.markets]
        self._pairs = [
            (market.collateral, market.debt, pool)
            for market in devnet.settings.markets
            for pool in market.pools
            if pool.venue == "uniswap_v2"
        ]
        self._shares: dict[Address, int] = {}

    def align(self) -> None:
        """Trade calmly until the head lies two blocks after a window's end, as it does after every step."""
        for _, _, pool in self._pairs:
            self._share_out(pool)
        # From a window that lies wholly after the listing on, so that every sample of the story shows the markets.
        while (head := self.chain.block().number) % world.CADENCE != HEAD_PAST_END or (
            head - HEAD_PAST_END < self.devnet.listed_block
        ):
            trade_block(self.chain, self._markets, self._prices, self._chance)

    def play(self) -> Iterator[Step]:
        """Play step after step; whatever waits in the pool of transactions is mined along."""
        self.align()
        for index in range(len(self.plans)):
            yield self.step(index)

    def step(self, index: int) -> Step:
        """One window: providers first, then blocks of trades towards the planned prices."""
        plan = self.plans[index]
        start = self._prices
        others = self._move_providers(plan.left)
        for i in range(1, world.CADENCE + 1):
            prices = [a * (b / a) ** (i / world.CADENCE) for a, b in zip(start, plan.prices, strict=True)]
            trade_block(self.chain, self._markets, prices, self._chance, others)
            others = []
        self._prices = plan.prices
        head = self.chain.block().number
        return Step(index, plan.phase, plan.prices, self._left, head, (head - HEAD_PAST_END) // world.CADENCE)

    def _move_providers(self, left: int) -> list[Tx]:
        """Transactions by which ``left`` of each pool's big providers are gone."""
        low, high = sorted((self._left, left))
        opening, count = left < self._left, high - low
        self._left = left
        if not count:
            return []
        moves: list[Tx] = []
        for pool, positions in self.devnet.positions:
            moves += move_positions(self.devnet.uniswap, self.devnet.trader, pool, positions[low:high], opening=opening)
        for collateral, debt, pair in self._pairs:
            moves.append(self._move_pair((collateral, debt), pair, count, opening=opening))
        return moves

    def _move_pair(self, pair: tuple[Address, Address], pool: PoolSettings, count: int, *, opening: bool) -> Tx:
        router, trader = self.devnet.uniswap.v2_router, self.devnet.trader
        shares = count * self._shares[pool.address]
        if not opening:
            return Tx(trader, router, calldata(REMOVE, *pair, shares, 0, 0, trader, FOREVER), 500_000)
        total = self.chain.call(pool.address, "totalSupply()", returns="(uint256)")
        reserves = self.chain.call(pool.address, "getReserves()", returns="(uint112,uint112,uint32)")[:2]
        collateral, debt = reserves if pool.collateral_is_token0 else reversed(reserves)
        amounts = [reserve * shares // total for reserve in (collateral, debt)]
        signature = "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)"
        return Tx(trader, router, calldata(signature, *pair, *amounts, 0, 0, trader, FOREVER), 500_000)

    def _share_out(self, pool: PoolSettings) -> None:
        """How much of a pair one big provider holds, and the router's leave to take it."""
        total = self.chain.call(pool.address, "totalSupply()", returns="(uint256)")
        self._shares[pool.address] = round(total * world.PROVIDER_SHARE) // world.PROVIDERS
        approve = "approve(address,uint256)"
        self.chain.send(
            [Tx(self.devnet.trader, pool.address, calldata(approve, self.devnet.uniswap.v2_router, 2**256 - 1))]
        )
