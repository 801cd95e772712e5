"""Balancer stable quotes against the real Vault and pools of every supported factory: not one wei of difference."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from balancer_bench import Bench, build, executed, quoted, random_orders

from keeper.records.pools import BalancerStableState
from keeper.records.snapshot import CallInput
from keeper.records.units import WAD, Address
from keeper.testing.balancer import (
    DAY,
    GIVEN_IN,
    GIVEN_OUT,
    ZERO,
    BalancerPool,
    Coin,
    Order,
    create_stable,
    make_rate,
)
from keeper.testing.client import DevChain

VENUE = "balancer_stable"
FIRST, SECOND, THIRD = range(3)
"""Factories, as in ``Balancer.stable``."""
CACHE_SECONDS = 600


@dataclass(frozen=True)
class Kind:
    factory: int
    coins: list[tuple[int, int, int]]
    """(decimals, balance, rate; 0 = no provider)"""
    amplification: int
    fee_wad: int
    target: int = 0
    """Amplification at the end of a ramp that is half over; 0 = no ramp."""


E18 = 10**18
POOLS = {
    "two": Kind(THIRD, [(18, 10_000_000 * E18 + 13, 0), (6, 9_000_000 * 10**6 + 1, 0)], 200, 4 * 10**14),
    "two with a rate": Kind(THIRD, [(18, 40_000 * E18, 1_157_920_892_373_161_954), (8, 5 * 10**12, 0)], 50, 10**14),
    "three with rates, ramping up": Kind(
        THIRD,
        [(18, 10**24, 1_021_345_678_901_234_567), (6, 2 * 10**12, 0), (8, 7 * 10**13, 999_999_999_999_999_999)],
        1000,
        10**14,
        1777,
    ),
    "two, ramping down": Kind(SECOND, [(18, 10**24, 2 * WAD + 1), (6, 2 * 10**11, 0)], 700, 10**12, 400),
    "three of 2022-09": Kind(FIRST, [(18, 3 * 10**23, WAD // 3), (6, 10**12, 0), (8, 10**14, 0)], 85, 10**15),
    "two of 2022-11": Kind(SECOND, [(18, 10**21, 0), (8, 3 * 10**11, 3 * WAD)], 5000, 10**17),
    "two, hardly amplified": Kind(THIRD, [(18, 10**21, 0), (6, 3 * 10**9, 0)], 1, 10**13),
}


@dataclass
class Made:
    pool: BalancerPool
    providers: dict[int, Address] = field(default_factory=dict)
    """Place in the Vault's list -> its rate provider."""

    @property
    def sides(self) -> list[int]:
        """Places of the tokens that can be swapped."""
        return [at for at, token in enumerate(self.pool.tokens) if token != self.pool.address]


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


def make(bench: Bench, kind: Kind) -> Made:
    rows, by_token = [], {}
    for digits, balance, rate in kind.coins:
        provider = make_rate(bench.chain, bench.trader, rate) if rate else ZERO
        rows.append(Coin(bench.tokens[digits], balance, 0, provider, CACHE_SECONDS if rate else 0))
        by_token[bench.tokens[digits]] = provider
    settings = {"amplification": kind.amplification, "fee_wad": kind.fee_wad, "factory": kind.factory}
    pool = create_stable(bench.chain, bench.balancer, rows, **settings)
    providers = {at: by_token[token] for at, token in enumerate(pool.tokens) if by_token.get(token, ZERO) != ZERO}
    if kind.target:
        end = bench.chain.block().timestamp + 3 * DAY
        signature = "startAmplificationParameterUpdate(uint256,uint256)"
        bench.chain.transact(bench.trader, pool.address, signature, kind.target, end)
        bench.chain.wait(3 * DAY // 2 + 777)
    return Made(pool, providers)


def sides_of(bench: Bench, made: Made):  # type: ignore[no-untyped-def]
    return bench.settings(VENUE, made.pool, *made.sides[:2])


def state_of(bench: Bench, made: Made) -> BalancerStableState:
    state = bench.state(sides_of(bench, made))
    assert isinstance(state, BalancerStableState)
    return state


def equal_quotes(bench: Bench, made: Made, chance: random.Random, count: int, *, beyond: float = 20) -> tuple[int, int]:
    """(quotes, refused by both) of random orders in every direction; fails where one differs."""
    state = state_of(bench, made)
    balances = dict(zip(made.sides, state.balances, strict=True))
    orders = random_orders(chance, balances, count, beyond=beyond)
    theirs = bench.asked(made.pool, orders)
    assert quoted(bench, VENUE, made.pool, state, orders) == theirs
    return len(theirs), sum(row is None for row in theirs)


@pytest.mark.parametrize("name", POOLS)
def test_random_quotes_equal_the_vaults(
    bench: Bench, name: str, record_property: Callable[[str, object], None]
) -> None:
    made = make(bench, POOLS[name])
    directions = len(made.sides) * (len(made.sides) - 1)
    count, refused = equal_quotes(bench, made, random.Random(name), 480 // (2 * directions))
    assert 0 < refused < count // 2
    record_property("figure", f"stable {name}: {count} quotes equal, {refused} refused by both")


def test_random_pools_far_out_of_balance_are_quoted_as_the_vault_does(
    bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random("stable pools")
    count = refused = 0
    for factory in (FIRST, SECOND, THIRD) * 8:
        digits = chance.sample([18, 6, 8], chance.choice([2, 3]))
        size = 10 ** chance.uniform(1, 9)
        coins = [
            (
                places,
                int(size * 10 ** chance.uniform(-2, 2) * 10**places),
                chance.choice([0, int(10 ** chance.uniform(17, 19))]),
            )
            for places in digits
        ]
        kind = Kind(factory, coins, chance.choice([1, chance.randint(1, 5000)]), int(10 ** chance.uniform(12, 17)))
        made = make(bench, kind)
        quotes, none = equal_quotes(bench, made, chance, 6, beyond=10 ** chance.uniform(0, 15))
        count, refused = count + quotes, refused + none
    record_property("figure", f"stable, 24 random pools: {count} quotes equal, {refused} refused by both")
    assert refused > 0


def test_the_amplification_is_that_of_the_blocks_own_time(bench: Bench) -> None:
    made = make(bench, POOLS["three with rates, ramping up"])
    seen = []
    for _ in range(3):
        seen.append(state_of(bench, made).amplification)
        equal_quotes(bench, made, random.Random(len(seen)), 4)
        bench.chain.wait(DAY // 2 + 1)
    assert 1_388_000 < seen[0] < seen[1] < seen[2] < 1_777_000


def test_a_rate_moves_the_quotes_from_the_second_after_its_cache_expires(bench: Bench) -> None:
    made = make(bench, POOLS["two with a rate"])
    ((at, provider),) = made.providers.items()
    (expires,) = bench.chain.call(
        made.pool.address,
        "getTokenRateCache(address)",
        made.pool.tokens[at],
        returns="(uint256,uint256,uint256,uint256)",
    )[3:]
    cached = state_of(bench, made)
    bench.chain.transact(bench.trader, provider, "set(uint256)", 13 * WAD // 10)
    for time, moved in ((expires - 1, False), (expires, False), (expires + 1, True)):
        bench.chain.rpc("evm_setNextBlockTimestamp", time)
        bench.chain.mine()
        state = state_of(bench, made)
        assert (state.scaling != cached.scaling) == moved
        equal_quotes(bench, made, random.Random(time), 10)
    place = made.sides.index(at)
    assert state.scaling[place] == 13 * WAD // 10
    # The first swap writes the cache and is priced by the new rate.
    order = Order(GIVEN_IN, made.sides[0], made.sides[1], state.balances[0] // 7)
    (quote,) = quoted(bench, VENUE, made.pool, state, [order])
    bench.chain.transact(bench.trader, provider, "set(uint256)", 13 * WAD // 10)
    assert executed(bench, made.pool, order) == quote
    bench.chain.transact(bench.trader, provider, "set(uint256)", 2 * WAD)
    assert state_of(bench, made).scaling[place] == 13 * WAD // 10


def test_swaps_are_executed_as_quoted(bench: Bench) -> None:
    made = make(bench, POOLS["three of 2022-09"])
    chance = random.Random("executed")
    for kind in (GIVEN_IN, GIVEN_OUT) * 5:
        index_in, index_out = chance.sample(made.sides, 2)
        state = state_of(bench, made)
        given = state.balances[made.sides.index(index_in if kind == GIVEN_IN else index_out)]
        order = Order(kind, index_in, index_out, chance.randint(1, given // 3))
        (quote,) = quoted(bench, VENUE, made.pool, state, [order])
        assert quote == executed(bench, made.pool, order)


@pytest.mark.parametrize("factory", [FIRST, SECOND, THIRD])
def test_a_broken_rate_provider_stops_the_pool_only_when_its_cache_has_expired(bench: Bench, factory: int) -> None:
    made = make(bench, Kind(factory, [(18, 10**24, WAD), (6, 10**12, 0)], 100, 10**14))
    ((at, provider),) = made.providers.items()
    sale = Order(GIVEN_IN, made.sides[0], made.sides[1], 10**9)
    before = state_of(bench, made)
    bench.chain.transact(bench.trader, provider, "set(uint256)", 0)
    assert state_of(bench, made) == before
    bench.chain.wait(2 * CACHE_SECONDS)
    failure = bench.failure(sides_of(bench, made))
    token = made.pool.tokens[at]
    assert failure == (
        f"{made.pool.address}: the rate provider of {token} fails and the cached rate has expired: every swap reverts"
    )
    assert bench.asked(made.pool, [sale]) == [None]
    # The failing call itself is among the inputs.
    assert (provider, False) in [
        (row.account, row.ok) for row in bench.reading(sides_of(bench, made)).inputs if isinstance(row, CallInput)
    ]
    bench.chain.transact(bench.trader, provider, "set(uint256)", WAD)
    assert state_of(bench, made) == before


def test_a_rate_that_no_cache_holds_stops_the_pool(bench: Bench) -> None:
    made = make(bench, POOLS["two with a rate"])
    (provider,) = made.providers.values()
    sale = Order(GIVEN_IN, made.sides[0], made.sides[1], 10**9)
    bench.chain.wait(2 * CACHE_SECONDS)
    bench.chain.transact(bench.trader, provider, "set(uint256)", 2**96)
    assert f"answers {2**96}, which no swap can use" in bench.failure(sides_of(bench, made))
    assert bench.asked(made.pool, [sale]) == [None]
    # It would be stored, but the pool can't compute with balances so far apart.
    bench.chain.transact(bench.trader, provider, "set(uint256)", 2**96 - 1)
    assert "the invariant of its balances can't be computed" in bench.failure(sides_of(bench, made))
    assert bench.asked(made.pool, [sale]) == [None]
    bench.chain.transact(bench.trader, provider, "set(uint256)", 10_000 * WAD)
    equal_quotes(bench, made, random.Random(96), 10)


def test_a_rate_provider_that_burns_its_gas_fails_alone(bench: Bench) -> None:
    made = make(bench, POOLS["two with a rate"])
    (provider,) = made.providers.values()
    bench.chain.wait(2 * CACHE_SECONDS)
    bench.chain.rpc("anvil_setCode", provider, "0x5b600056")  # a loop without end
    assert "the rate provider of" in bench.failure(sides_of(bench, made))


def test_the_pools_own_share_is_not_traded_here(bench: Bench) -> None:
    made = make(bench, POOLS["two"])
    share = made.pool.tokens.index(made.pool.address)
    settings = bench.settings(VENUE, made.pool, share, made.sides[0])
    assert f"token {share} is the pool's own share" in bench.failure(settings)


def test_check_passes_the_right_settings_and_names_a_weighted_pool(bench: Bench) -> None:
    made = make(bench, POOLS["three of 2022-09"])
    tokens = [made.pool.tokens[at] for at in made.sides]
    assert bench.check(sides_of(bench, made), tokens[0], tokens[1]) == ()
    wrong = replace(sides_of(bench, made), venue="balancer_weighted")
    (line,) = bench.check(wrong, tokens[0], tokens[1])
    assert line == "does not answer getNormalizedWeights(): not a pool of venue balancer_weighted"
