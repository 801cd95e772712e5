"""Real Uniswap v4 pools on a local chain: the real PoolManager does the accounting, balances say what was moved."""

import random
from dataclasses import dataclass

from keeper.chain.artifacts import load
from keeper.chain.rpc import Reverted, Rpc
from keeper.records.settings import PoolSettings
from keeper.records.units import Address
from keeper.testing.client import DevChain, calldata
from keeper.testing.uniswap import ZERO, Position, sqrt_price_x96
from keeper.testing.uniswap_v4 import (
    KEY,
    NATIVE,
    PoolKey,
    UniswapV4,
    create_v4_pool,
    deploy_v4,
    move_v4_positions,
    v4_swap,
)

QUOTE = f"(({KEY},bool,uint128,bytes))"


@dataclass(frozen=True)
class BenchV4:
    chain: DevChain
    v4: UniswapV4
    token0: Address
    token1: Address
    trader: Address

    def key(self, fee: int, spacing: int, *, hooks: Address = ZERO, native: bool = False) -> PoolKey:
        return PoolKey(NATIVE if native else self.token0, self.token1, fee, spacing, hooks)

    def open(self, key: PoolKey, positions: list[Position], *, price: int | None = None) -> PoolSettings:
        """A pool with the positions, collateral currency 0."""
        start = sqrt_price_x96(3, 1) if price is None else price
        create_v4_pool(self.chain, self.v4, self.trader, key, start)
        if positions:
            self.chain.run(move_v4_positions(self.v4, self.trader, key, positions, opening=True))
        return self.settings(key)

    def settings(self, key: PoolKey) -> PoolSettings:
        return PoolSettings(
            venue="uniswap_v4",
            address=self.v4.manager,
            pool_id=key.pool_id,
            companion=key.hooks,
            collateral_index=0,
            debt_index=1,
            fee_pips=key.fee,
            tick_spacing=key.tick_spacing,
            rates=(),
            price_source=False,
        )

    def swap(self, key: PoolKey, amount: int, *, zero_for_one: bool, limit: int | None = None) -> tuple[int, int]:
        """(paid, received), as the manager's own holdings moved."""
        sold, bought = (key.currency0, key.currency1) if zero_for_one else (key.currency1, key.currency0)
        before = self.holding(sold), self.holding(bought)
        self.chain.run([v4_swap(self.v4, self.trader, key, amount, zero_for_one=zero_for_one, sqrt_limit_x96=limit)])
        return self.holding(sold) - before[0], before[1] - self.holding(bought)

    def holding(self, currency: Address) -> int:
        if currency == NATIVE:
            return int(self.chain.rpc("eth_getBalance", self.v4.manager, "latest"), 16)
        return int(self.chain.call(currency, "balanceOf(address)", self.v4.manager, returns="(uint256)"))

    def trade(self, key: PoolKey, chance: random.Random, count: int) -> None:
        for _ in range(count):
            self.swap(key, int(10 ** chance.uniform(10, 17)), zero_for_one=chance.random() < 0.5)

    def quoted(self, key: PoolKey, amounts: list[int], *, zero_for_one: bool, exact_in: bool) -> list[int | None]:
        """What V4Quoter answers for each amount; None where the pool cannot move all of it."""
        name = "quoteExactInputSingle" if exact_in else "quoteExactOutputSingle"
        answers: list[int | None] = []
        with Rpc("quoter", self.chain.url, deadline_seconds=60) as rpc:
            for amount in amounts:
                data = calldata(name + QUOTE, (key.row, zero_for_one, amount, b""))
                call = {"to": self.v4.quoter, "data": "0x" + data.hex(), "gas": hex(200_000_000)}
                try:
                    answers.append(int(rpc.call("eth_call", [call, "latest"])[2:66], 16))
                except Reverted:
                    answers.append(None)
        return answers


def build_v4(chain: DevChain) -> BenchV4:
    trader = chain.accounts[0]
    v4 = deploy_v4(chain, trader)
    token = load("DevToken", "keeper.testing")
    tokens = sorted(chain.deploy_all([(token, ("A", "A", 18)), (token, ("B", "B", 6))], trader))
    chain.fund(v4.unlocker, 10**40)
    return BenchV4(chain, v4, tokens[0], tokens[1], trader)
