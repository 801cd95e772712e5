"""Real Balancer v2 pools on a local chain, quoted by the Vault itself."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.abi import decode

from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Reverted, Rpc
from keeper.records.pools import BalancerStableState, BalancerWeightedState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import Address
from keeper.testing.balancer import GIVEN_IN, Balancer, BalancerPool, Order, deploy_balancer, query, swap
from keeper.testing.client import DevChain, Tx, calldata
from keeper.venues import VENUES

CALL_GAS = hex(30_000_000)
Quote = tuple[int, int]
"""(amount in, amount out)"""


@dataclass(frozen=True)
class Bench:
    chain: DevChain
    balancer: Balancer
    tokens: dict[int, Address]
    """Decimals -> token."""
    trader: Address

    def reading(self, settings: PoolSettings) -> PoolReading:
        with Rpc("local", self.chain.url) as rpc:
            reader = Reader(rpc)
            block = reader.block("latest")
            (reading,) = reader.run([VENUES[settings.venue].read(settings, ReadPlan(0), block)], block)
        assert isinstance(reading, PoolReading)
        return reading

    def state(self, settings: PoolSettings) -> BalancerWeightedState | BalancerStableState:
        reading = self.reading(settings)
        assert isinstance(reading.state, (BalancerWeightedState, BalancerStableState)), reading.failure
        return reading.state

    def failure(self, settings: PoolSettings) -> str:
        reading = self.reading(settings)
        assert reading.state is None
        assert reading.inputs
        return reading.failure

    def check(self, settings: PoolSettings, collateral: Address, debt: Address) -> tuple[str, ...]:
        with Rpc("local", self.chain.url) as rpc:
            reader = Reader(rpc)
            (problems,) = reader.run([VENUES[settings.venue].check(settings, collateral, debt)], reader.block("latest"))
        assert isinstance(problems, tuple)
        return problems

    def settings(self, venue: str, pool: BalancerPool, collateral: int, debt: int) -> PoolSettings:
        return PoolSettings(
            venue, pool.address, pool.pool_id, self.balancer.vault, collateral, debt, 0, 0, (), price_source=False
        )

    def asked(self, pool: BalancerPool, orders: Iterable[Order]) -> list[Quote | None]:
        """The Vault's own quote of each; None where the swap reverts."""
        at = hex(self.chain.block().number)
        answers: list[Quote | None] = []
        with Rpc("vault", self.chain.url, deadline_seconds=60) as rpc:
            for order in orders:
                data = "0x" + query(pool, order).hex()
                try:
                    raw = rpc.call("eth_call", [{"to": self.balancer.vault, "data": data, "gas": CALL_GAS}, at])
                except Reverted:
                    answers.append(None)
                    continue
                (deltas,) = decode(["int256[]"], bytes.fromhex(raw[2:]))
                answers.append((deltas[order.index_in], -deltas[order.index_out]))
        return answers

    def balance(self, token: Address) -> int:
        return int(self.chain.call(token, "balanceOf(address)", self.trader, returns="(uint256)"))


def executed(bench: Bench, pool: BalancerPool, order: Order) -> Quote:
    """Swap for real; (paid, received) by the trader's balances."""
    sold, bought = pool.tokens[order.index_in], pool.tokens[order.index_out]
    bench.chain.run([Tx(bench.trader, sold, calldata("mint(address,uint256)", bench.trader, 10**33))])
    before = bench.balance(sold), bench.balance(bought)
    bench.chain.run([Tx(bench.trader, bench.balancer.vault, swap(pool, order, bench.trader))])
    return before[0] - bench.balance(sold), bench.balance(bought) - before[1]


def build(chain: DevChain) -> Bench:
    trader = chain.accounts[0]
    balancer = deploy_balancer(chain, trader)
    token = load("DevToken", "keeper.testing")
    decimals = (18, 6, 8)
    tokens = chain.deploy_all([(token, (f"D{digits}", f"D{digits}", digits)) for digits in decimals], trader)
    return Bench(chain, balancer, dict(zip(decimals, tokens, strict=True)), trader)


def quoted(bench: Bench, venue: str, pool: BalancerPool, state: PoolState, orders: list[Order]) -> list[Quote | None]:
    """Our quotes of the same orders; None where not all of the amount can be swapped."""
    answers: list[Quote | None] = []
    for order in orders:
        settings = bench.settings(venue, pool, order.index_in, order.index_out)
        swaps = VENUES[venue].swaps(settings, state)
        if order.kind == GIVEN_IN:
            taken, out = swaps.exact_in_down(order.amount, sells_collateral=True)
            answers.append((taken, out) if taken == order.amount else None)
        else:
            paid, given = swaps.exact_out_up(order.amount, sells_collateral=True)
            answers.append((paid, given) if given == order.amount else None)
        # The other way round in the settings is the same swap.
        back = VENUES[venue].swaps(bench.settings(venue, pool, order.index_out, order.index_in), state)
        mirrored = back.exact_in_down if order.kind == GIVEN_IN else back.exact_out_up
        straight = swaps.exact_in_down if order.kind == GIVEN_IN else swaps.exact_out_up
        assert mirrored(order.amount, sells_collateral=False) == straight(order.amount, sells_collateral=True)
    return answers


def random_orders(chance: random.Random, balances: dict[int, int], count: int, *, beyond: float) -> list[Order]:
    """``count`` orders a kind and direction, from one raw unit to ``beyond`` times the balance, evenly in digits."""
    orders = []
    for index_in, balance_in in balances.items():
        for index_out, balance_out in balances.items():
            if index_in == index_out:
                continue
            for kind, balance in ((0, balance_in), (1, balance_out)):
                top = max(1, len(str(int(balance * beyond))) - 1)
                amounts = [
                    1,
                    2,
                    max(1, balance // 1000),
                    *(int(10 ** chance.uniform(0, top)) for _ in range(count - 3)),
                ]
                orders += [Order(kind, index_in, index_out, amount) for amount in amounts]
    return orders
