"""Balancer weighted quotes against the real Vault and pools of every supported factory: not one wei of difference."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from balancer_bench import Bench, build, executed, quoted, random_orders

from keeper.records.pools import BalancerWeightedState
from keeper.records.units import WAD
from keeper.testing.balancer import GIVEN_IN, GIVEN_OUT, BalancerPool, Coin, Order, allow, create_weighted
from keeper.testing.client import DevChain
from keeper.venues import VENUES

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
def test_random_quotes_equal_the_vaults(
    bench: Bench, name: str, record_property: Callable[[str, object], None]
) -> None:
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


def test_random_pools_with_random_weights_are_quoted_as_the_vault_does(bench: Bench) -> None:
    chance = random.Random("weights")
    for factory in (OLD, SECOND, THIRD) * 4:
        first = chance.randint(1, 98)
        weights = [first, 99 - first, 1] if chance.random() < 0.5 and first < 98 else [first, 100 - first]
        coins = [
            Coin(bench.tokens[digits], int(10 ** chance.uniform(3, 9 + digits)), weight * WAD // 100)
            for digits, weight in zip(chance.sample([18, 6, 8], len(weights)), weights, strict=True)
        ]
        pool = create_weighted(bench.chain, bench.balancer, coins, fee_wad=10**15, factory=factory)
        state = state_of(bench, pool)
        orders = random_orders(chance, dict(enumerate(state.balances)), 8, beyond=2)
        assert quoted(bench, VENUE, pool, state, orders) == bench.asked(pool, orders)


def test_swaps_are_executed_as_quoted(bench: Bench) -> None:
    pool = make(bench, "three")
    chance = random.Random("executed")
    for kind in (GIVEN_IN, GIVEN_OUT) * 5:
        index_in, index_out = chance.sample(range(3), 2)
        state = state_of(bench, pool)
        given = state.balances[index_in if kind == GIVEN_IN else index_out]
        order = Order(kind, index_in, index_out, chance.randint(1, given // 4))
        (quote,) = quoted(bench, VENUE, pool, state, [order])
        assert quote == executed(bench, pool, order)
        after = state_of(bench, pool).balances
        assert (after[index_in] - state.balances[index_in], state.balances[index_out] - after[index_out]) == quote


def test_the_most_that_is_taken_is_the_most_that_the_vault_takes(bench: Bench) -> None:
    for name in POOLS:
        pool = make(bench, name)
        swaps = VENUES[VENUE].swaps(bench.settings(VENUE, pool, 0, 1), state_of(bench, pool))
        taken, out = swaps.exact_in_down(10**40, sells_collateral=True)
        paid, given = swaps.exact_out_up(10**40, sells_collateral=True)
        orders = [Order(kind, 0, 1, amount) for kind, most in ((0, taken), (1, given)) for amount in (most, most + 1)]
        assert bench.asked(pool, orders) == [(taken, out), None, (paid, given), None]


def test_a_paused_pool_and_one_in_recovery_mode_do_not_count(bench: Bench) -> None:
    pool = make(bench, "50/50")
    settings = bench.settings(VENUE, pool, 0, 1)
    allow(bench.chain, bench.balancer, pool.address, "enableRecoveryMode()")
    bench.chain.transact(bench.trader, pool.address, "enableRecoveryMode()")
    assert "recovery mode" in bench.failure(settings)
    allow(bench.chain, bench.balancer, pool.address, "pause()")
    bench.chain.transact(bench.trader, pool.address, "pause()")
    assert bench.failure(settings) == f"{pool.address}: the pool is paused"
    assert bench.asked(pool, [Order(GIVEN_IN, 0, 1, 10**18)]) == [None]


def test_a_paused_vault_swaps_nothing(bench: Bench) -> None:
    pool = make(bench, "80/20 of 2021")
    snapshot = bench.chain.rpc("evm_snapshot")
    allow(bench.chain, bench.balancer, bench.balancer.vault, "setPaused(bool)")
    bench.chain.transact(bench.trader, bench.balancer.vault, "setPaused(bool)", True)
    assert bench.failure(bench.settings(VENUE, pool, 0, 1)) == f"{pool.address}: the Vault is paused"
    bench.chain.rpc("evm_revert", snapshot)
    assert bench.state(bench.settings(VENUE, pool, 0, 1)).balances


@pytest.mark.parametrize("name", ["80/20", "80/20 of 2021"])
def test_check_passes_the_right_settings_and_names_each_wrong_one(bench: Bench, name: str) -> None:
    pool, other = make(bench, name), make(bench, "three")
    right = bench.settings(VENUE, pool, 1, 0)
    assert bench.check(right, pool.tokens[1], pool.tokens[0]) == ()
    assert bench.check(right, pool.tokens[0], pool.tokens[1]) == (
        f"token 1 of the Vault's list is {pool.tokens[1]}, the market needs {pool.tokens[0]}",
        f"token 0 of the Vault's list is {pool.tokens[0]}, the market needs {pool.tokens[1]}",
    )
    (missing,) = bench.check(replace(right, collateral_index=2), pool.tokens[1], pool.tokens[0])
    assert missing == f"token 2 of the Vault's list is missing, the market needs {pool.tokens[1]}"
    (fee,) = bench.check(replace(right, fee_pips=3000), pool.tokens[1], pool.tokens[0])
    assert fee == "fee_pips is 3000, but the pool's own fee is read: write 0"
    wrong_id = bench.check(replace(right, pool_id=other.pool_id), pool.tokens[1], pool.tokens[0])
    assert wrong_id[0] == f"the Vault {bench.balancer.vault} knows {other.address} by the id 0x{other.pool_id.hex()}"
    assert wrong_id[1] == f"getPoolId() is 0x{pool.pool_id.hex()}, the settings say 0x{other.pool_id.hex()}"
    wrong_vault = bench.check(replace(right, companion=pool.tokens[0]), pool.tokens[1], pool.tokens[0])
    assert f"getVault() is {bench.balancer.vault}, the settings say {pool.tokens[0]} as companion" in wrong_vault
    stable = bench.check(replace(right, venue="balancer_stable"), pool.tokens[1], pool.tokens[0])
    assert stable == ("does not answer getBptIndex(): not a pool of venue balancer_stable",)


def test_a_pool_of_another_id_or_vault_is_a_failure_with_a_reason(bench: Bench) -> None:
    pool = make(bench, "80/20")
    right = bench.settings(VENUE, pool, 0, 1)
    other = make(bench, "three")
    mixed = bench.failure(replace(right, pool_id=other.pool_id))
    assert mixed == f"{pool.address}: the pool id 0x{other.pool_id.hex()} is another pool's"
    for wrong in (replace(right, pool_id=pool.pool_id[:20] + b"\xff" * 12), replace(right, companion=pool.tokens[0])):
        assert bench.failure(wrong) == f"{pool.address}: the Vault does not know the pool id"
    nobody = replace(right, companion="0x" + "12" * 20)
    assert bench.failure(nobody) == f"{pool.address}: 0 tokens; 2 to 8 are supported"
    assert bench.failure(replace(right, debt_index=2)) == f"{pool.address}: the settings name token 2 of 2"
