"""Balancer weighted quotes against the real Vault and pools of every supported factory: not one wei of difference."""

import random
from collections.abc import Callable

import pytest
from balancer_bench import Bench, build, quoted, random_orders

from keeper.records.pools import BalancerWeightedState
from keeper.records.units import WAD
from keeper.testing.balancer import GIVEN_IN, GIVEN_OUT, BalancerPool, Coin, Order, allow, create_weighted, swap
from keeper.testing.client import DevChain, Tx

VENUE = "balancer_weighted"
OLD, OLD_TWO, SECOND, THIRD = range(4)
"""Factories, as in ``Balancer.weighted``."""

POOLS: dict[str, tuple[int, list[tuple[int, int, int]], int]] = {
    "80/20": (THIRD, [(18, 4_000_123 * 10**18 + 7, 80), (6, 2_500_000 * 10**6 + 1, 20)], 3 * 10**15),
    "50/50": (SECOND, [(18, 31_337 * 10**18 + 11, 50), (8, 1_234 * 10**8 + 5, 50)], 10**12),
    "three": (THIRD, [(6, 3_000_000 * 10**6, 50), (8, 45 * 10**8 + 3, 30), (18, 777 * 10**18 + 9, 20)], 10**16),
    "two-thirds": (SECOND, [(18, 10**24, 67), (6, 10**12, 33)], 10**17),
    "80/20 of 2021": (OLD_TWO, [(18, 29_401_141 * 10**18 + 7, 80), (8, 605 * 10**8 + 1, 20)], 10**16),
    "three of 2021": (OLD, [(6, 3_000_000 * 10**6, 40), (8, 45 * 10**8 + 3, 20), (18, 777 * 10**18 + 9, 40)], 10**15),
    "99/1": (THIRD, [(18, 5_000 * 10**18, 99), (6, 60_000 * 10**6, 1)], 5 * 10**15),
}
"""(factory, (decimals, balance, weight in percent) of each token, fee)"""


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


def make(bench: Bench, name: str) -> BalancerPool:
    factory, coins, fee = POOLS[name]
    rows = [Coin(bench.tokens[digits], balance, weight * WAD // 100) for digits, balance, weight in coins]
    return create_weighted(bench.chain, bench.balancer, rows, fee_wad=fee, factory=factory)


def state_of(bench: Bench, pool: BalancerPool) -> BalancerWeightedState:
    state = bench.state(bench.settings(VENUE, pool, 0, 1))
    assert isinstance(state, BalancerWeightedState)
    return state


@pytest.mark.parametrize("name", POOLS)
def test_random_quotes_equal_the_vaults(bench: Bench, name: str, record_property: Callable[[str, object], None]) -> None:
    pool = make(bench, name)
    state = state_of(bench, pool)
    assert state.shortcuts == (POOLS[name][0] in {SECOND, THIRD})
    balances = dict(enumerate(state.balances))
    each = 720 // (2 * len(balances) * (len(balances) - 1))
    orders = random_orders(random.Random(name), balances, each, beyond=20)
    theirs = bench.asked(pool, orders)
    ours = quoted(bench, VENUE, pool, state, orders)
    assert ours == theirs
    refused = sum(row is None for row in theirs)
    assert 0 < refused < len(theirs) // 2
    record_property("figure", f"weighted {name}: {len(theirs)} quotes equal, {refused} refused by both")
