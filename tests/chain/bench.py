"""Real Uniswap pools on a local chain with many positions and a traded past, small enough to be built in a second."""

import random
from dataclasses import dataclass

from keeper.chain.artifacts import load
from keeper.records.settings import PoolSettings, two_token_pool
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.uniswap import (
    FOREVER,
    Position,
    Uniswap,
    create_v2_pair,
    create_v3_pool,
    deploy_uniswap,
    grow_ring,
    move_positions,
    sqrt_price_x96,
)

FULL = 887_272
RICH = 10**30
EXACT_IN = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"


@dataclass(frozen=True)
class Bench:
    chain: DevChain
    uniswap: Uniswap
    token0: Address
    token1: Address
    trader: Address

    def v3(self, fee: int, spacing: int, positions: list[Position], *, price: int = 3, ring: int = 1) -> PoolSettings:
        """A pool of token0/token1 with the positions, collateral token0."""
        pair = (self.token0, self.token1)
        factory = self.uniswap.v3_factory
        start = sqrt_price_x96(price, 1)
        pool = create_v3_pool(self.chain, factory, self.trader, pair, fee=fee, sqrt_price=start)
        if ring > 1:
            self.chain.run(grow_ring(pool, self.trader, ring))
        self.chain.run(move_positions(self.uniswap, self.trader, pool, positions, opening=True))
        return two_token_pool("uniswap_v3", pool, True, fee, spacing, price_source=True)

    def v2(self, reserve0: int, reserve1: int) -> PoolSettings:
        """A pair with these reserves, collateral token0."""
        pair = create_v2_pair(self.chain, self.uniswap.v2_factory, self.trader, (self.token0, self.token1))
        self.chain.run(
            [
                Tx(self.trader, self.token0, calldata("mint(address,uint256)", pair, reserve0)),
                Tx(self.trader, self.token1, calldata("mint(address,uint256)", pair, reserve1)),
                Tx(self.trader, pair, calldata("mint(address)", self.trader)),
            ]
        )
        return two_token_pool("uniswap_v2", pair, True, 3000, 0)

    def swap_v3(self, pool: PoolSettings, amount: int, *, zero_for_one: bool, limit: int = 0) -> tuple[int, int]:
        """Swap through the real SwapRouter; (paid, received) by the token balances."""
        sold, bought = (self.token0, self.token1) if zero_for_one else (self.token1, self.token0)
        before = self.balance(sold), self.balance(bought)
        order = (sold, bought, pool.fee_pips, self.trader, FOREVER, amount, 0, limit)
        self.chain.run([Tx(self.trader, self.uniswap.v3_router, calldata(EXACT_IN, order), gas=25_000_000)])
        return before[0] - self.balance(sold), self.balance(bought) - before[1]

    def balance(self, token: Address) -> int:
        return int(self.chain.call(token, "balanceOf(address)", self.trader, returns="(uint256)"))

    def install(self, code: str) -> Address:
        """A contract with this runtime code."""
        address = Address("0x" + random.Random(code).randbytes(20).hex())
        self.chain.rpc("anvil_setCode", address, code)
        return address


def build(chain: DevChain) -> Bench:
    trader = chain.accounts[0]
    uniswap = deploy_uniswap(chain, trader)
    token = load("DevToken", "keeper.testing")
    tokens = sorted(chain.deploy_all([(token, ("A", "A", 18)), (token, ("B", "B", 6))], trader))
    bench = Bench(chain, uniswap, tokens[0], tokens[1], trader)
    spenders = (uniswap.v3_router, uniswap.v2_router)
    for coin in tokens:
        approvals = [
            Tx(trader, coin, calldata("approve(address,uint256)", spender, 2**256 - 1)) for spender in spenders
        ]
        chain.run([Tx(trader, coin, calldata("mint(address,uint256)", trader, RICH)), *approvals])
    return bench


def random_positions(chance: random.Random, count: int, spacing: int, *, centre: int = 10_986) -> list[Position]:
    """A full-range position and random ones around ``centre``; some lie next to each other, some leave holes."""
    widest = FULL // spacing * spacing
    rows = [Position(-widest, widest, 10**15)]
    for _ in range(count):
        width = chance.randint(1, 120) * spacing
        lower = (centre + chance.randint(-9000, 9000)) // spacing * spacing
        rows.append(Position(lower, lower + width, int(10 ** chance.uniform(13, 19))))
    return rows


def trade(bench: Bench, pool: PoolSettings, chance: random.Random, blocks: int) -> None:
    """Random swaps, one a block, with pauses of random length between them."""
    for _ in range(blocks):
        zero_for_one = chance.random() < 0.5
        bench.swap_v3(pool, int(10 ** chance.uniform(10, 17)), zero_for_one=zero_for_one)
        if chance.random() < 0.3:
            bench.chain.mine(chance.randint(1, 30))
