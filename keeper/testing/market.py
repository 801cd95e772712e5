"""Traders, liquidity providers and feeds of the local world: move real pools to a price through the real routers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from keeper.records.settings import MarketSettings, PoolSettings
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata, hex_of
from keeper.testing.uniswap import FOREVER, Uniswap, sqrt_price_x96

FEED_DEVIATION = 0.005
"""The feed answers when the price has left its last answer by this much: as ``oracle_deviation_wad`` says."""
FEED_HEARTBEAT_SECONDS = 600
SMALLEST_MOVE = 0.0002
"""Traders leave a pool alone that is closer than 2 basis points to where they want it."""
V3_SWAP = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
V2_SWAP = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
SPOT_VIEWS = {"uniswap_v3": "slot0()", "uniswap_v2": "getReserves()"}
"""Venues in which people trade, and where their price stands."""
MIN_SQRT, MAX_SQRT = 4295128740, 1461446703485210103287273052203988822378723970341
"""TickMath's limits, one inside."""


@dataclass(slots=True)
class FeedState:
    """Last answer of one feed."""

    price: float
    time: int


class Market:
    """One market's pools as its traders see them."""

    def __init__(self, chain: DevChain, uniswap: Uniswap, settings: MarketSettings, trader: Address) -> None:
        self.chain = chain
        self.uniswap = uniswap
        self.settings = settings
        self.pools = tuple(pool for pool in settings.pools if pool.venue in SPOT_VIEWS)
        self.trader = trader
        self.feed = FeedState(0.0, 0)
        self._scale = 10 ** (settings.collateral_decimals - settings.debt_decimals)

    def reads(self) -> list[tuple[str, tuple[object, ...]]]:
        """Requests whose answers :meth:`trades` needs: one a pool."""
        return [
            ("eth_call", ({"to": pool.address, "data": hex_of(calldata(SPOT_VIEWS[pool.venue]))}, "latest"))
            for pool in self.pools
        ]

    def trades(self, answers: Sequence[str], price: float, chance: random.Random) -> list[Tx]:
        """Swaps that bring every pool to within its own fee of ``price`` (whole debt for whole collateral)."""
        swaps = []
        for pool, answer in zip(self.pools, answers, strict=True):
            spread = pool.fee_pips / 1_000_000 * 0.6
            target = price * (1 + chance.uniform(-spread, spread))
            words = [int(answer[2 + i : 66 + i], 16) for i in (0, 64)]
            swap = (
                self._v3_swap(pool, words[0], target)
                if pool.venue == "uniswap_v3"
                else self._v2_swap(pool, words, target)
            )
            swaps += [swap] if swap else []
        return swaps

    def answer(self, price: float, now: int) -> list[Tx]:
        """The feed's owner pushes when the deviation or the heartbeat asks for it."""
        far = self.feed.price == 0 or abs(price / self.feed.price - 1) > FEED_DEVIATION
        if not far and now - self.feed.time < FEED_HEARTBEAT_SECONDS:
            return []
        self.feed = FeedState(price, now)
        units = round(price * 10**self.settings.feed.decimals)
        return [Tx(self.trader, self.settings.feed.address, calldata("push(int256)", units), 200_000)]

    def _v3_swap(self, pool: PoolSettings, sqrt_now: int, target: float) -> Tx | None:
        raw = round(target * 10**12) * 10**24 // (self._scale * 10**12)
        ratio = (raw, 10**24) if pool.collateral_is_token0 else (10**24, raw)
        limit = min(max(sqrt_price_x96(*ratio), MIN_SQRT), MAX_SQRT)
        if abs(limit / sqrt_now - 1) < SMALLEST_MOVE / 2:
            return None
        selling = (limit < sqrt_now) == pool.collateral_is_token0
        tokens = self._direction(selling)
        order = (*tokens, pool.fee_pips, self.trader, FOREVER, 2**127, 0, limit)
        return Tx(self.trader, self.uniswap.v3_router, calldata(V3_SWAP, order), 4_000_000)

    def _v2_swap(self, pool: PoolSettings, reserves: list[int], target: float) -> Tx | None:
        collateral, debt = reserves if pool.collateral_is_token0 else reversed(reserves)
        wanted = isqrt(collateral * debt * self._scale * 10**12 // round(target * 10**12))
        selling = wanted > collateral
        amount = wanted - collateral if selling else collateral * debt // wanted - debt
        if abs(wanted / collateral - 1) < SMALLEST_MOVE / 2:
            return None
        path = list(self._direction(selling))
        order = (amount * 1_000_000 // (1_000_000 - pool.fee_pips), 0, path, self.trader, FOREVER)
        return Tx(self.trader, self.uniswap.v2_router, calldata(V2_SWAP, *order), 400_000)

    def _direction(self, selling: bool) -> tuple[Address, Address]:
        pair = (self.settings.collateral, self.settings.debt)
        return pair if selling else (pair[1], pair[0])


def trade_block(
    chain: DevChain,
    markets: Sequence[Market],
    prices: Sequence[float],
    chance: random.Random,
    others: Sequence[Tx] = (),
) -> None:
    """One mined block in which traders bring every market to its price and the feeds follow."""
    reads = [read for market in markets for read in market.reads()]
    *answers, head = chain.batch([*reads, ("eth_getBlockByNumber", ("latest", False))])
    now, transactions = int(head["timestamp"], 16), list(others)
    for market, price in zip(markets, prices, strict=True):
        count = len(market.pools)
        transactions += market.trades(answers[:count], price, chance) + market.answer(price, now)
        answers = answers[count:]
    chain.run(transactions)
