"""Curve quotes against second writings of the formulas on a live chain: read in one round, equal to the last wei.

Curve's own contracts are on no registry; ``DevCurve``, ``DevCurveMeta`` and ``DevCurveCrypto`` are ours. What mainnet's
contracts answered is in ``tests/unit/test_curve_recorded.py``.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.maths.curve_crypto import invariant
from keeper.maths.curve_stable import NoQuote
from keeper.records.pools import CurveCryptoState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import NO_ADDRESS, Address
from keeper.testing.client import DevChain, calldata, decoded
from keeper.venues import VENUES

COINS = tuple(Address("0x" + digit * 40) for digit in "abc")
LP = Address("0x" + "d" * 40)
ROWS = 1_000


@pytest.fixture
def reader(module_chain: DevChain) -> Iterator[Reader]:
    with Rpc("local", module_chain.url) as rpc:
        yield Reader(rpc)


def settings(venue: str, address: Address, rates: tuple[int, ...], **changes: object) -> PoolSettings:
    base = PoolSettings(venue, address, bytes(32), NO_ADDRESS, 0, 1, 0, 0, rates, False)
    return replace(base, **changes)


def reading(reader: Reader, pool: PoolSettings) -> PoolReading:
    block = reader.block("latest")
    (found,) = reader.run([VENUES[pool.venue].read(pool, ReadPlan(0), block)], block)
    assert isinstance(found, PoolReading)
    assert found.inputs
    return found


def state_of(reader: Reader, pool: PoolSettings) -> PoolState:
    found = reading(reader, pool)
    assert found.state is not None, found.failure
    return found.state


def problems(reader: Reader, pool: PoolSettings) -> object:
    (found,) = reader.run([VENUES[pool.venue].check(pool, COINS[0], COINS[1])], reader.block("latest"))
    return found


def random_rows(chance: random.Random, coins: int, sizes: list[int], *, through: bool = False) -> list[list[int]]:
    """(sold, bought, amount): from a wei to many times the balance."""
    rows = []
    for _ in range(ROWS):
        sold, bought = chance.sample(range(coins), 2)
        while through and sold and bought:
            sold, bought = chance.sample(range(coins), 2)
        rows.append([sold, bought, int(sizes[sold] * 10 ** chance.uniform(-9, 1.5)) + chance.randint(0, 3)])
    return rows


def compare(
    chain: DevChain, pool: PoolSettings, state: PoolState, rows: list[list[int]], signature: str = "quotes(uint256[])"
) -> int:
    """Quotes of the contract and ours for every row; how many were above 0."""
    data = calldata(signature, [word for row in rows for word in row])
    call = {"to": pool.address, "data": "0x" + data.hex(), "gas": hex(4_000_000_000)}
    theirs = decoded("(uint256[])", bytes.fromhex(chain.rpc("eth_call", call, "latest")[2:]))
    ours = []
    for sold, bought, amount in rows:
        side = replace(pool, collateral_index=sold, debt_index=bought)
        taken, out = VENUES[pool.venue].swaps(side, state).exact_in_down(amount, sells_collateral=True)
        ours.append(out if taken == amount else 0)
    assert ours == list(theirs)
    return sum(out > 0 for out in ours)


def stable_setup(chance: random.Random, rates: list[int], amp: int, kind: str, now: int) -> tuple[object, ...]:
    middle = 10 ** chance.uniform(22, 26)
    balances = [int(middle * 10 ** chance.uniform(-1.2, 0.3)) * 10**18 // rate for rate in rates]
    factor = 1 if kind == "first" else 100
    return (
        COINS[: len(rates)],
        rates,
        balances,
        amp * factor * 3 // 2,
        amp * factor * 2 // 3,
        now - 50_000,
        now + 50_000 if chance.random() < 0.5 else now - 1,
        chance.choice([10**6, 4 * 10**6, 3 * 10**7]),
        2 * 10**11 if kind == "told" else 0,
        kind != "first",
        kind == "told",
    )


@pytest.mark.parametrize("kind", ["first", "template", "told"])
@pytest.mark.parametrize("rates", [(10**18, 10**30), (10**18, 10**30, 10**30), (10**30, 10**18, 10**28, 10**18)])
def test_plain_pools(module_chain: DevChain, reader: Reader, kind: str, rates: tuple[int, ...]) -> None:
    chance = random.Random(f"{kind} {len(rates)}")
    setup = stable_setup(chance, list(rates), 200, kind, module_chain.block().timestamp)
    coins = (*COINS, LP)[: len(rates)]
    address = module_chain.deploy(load("DevCurve", "keeper.testing"), (coins, *setup[1:]), 10**24)
    pool = settings("curve_stable", address, () if kind == "told" else rates)
    state = state_of(reader, pool)
    assert state.rules.precision == (1 if kind == "first" else 100)
    assert state.offpeg == (2 * 10**11 if kind == "told" else 0)
    rows = random_rows(chance, len(rates), list(setup[2]))
    assert compare(module_chain, pool, state, rows) > ROWS // 2
    assert problems(reader, pool) == ()
    swapped = replace(pool, collateral_index=1, debt_index=0)
    assert len(problems(reader, swapped)) == 2


@pytest.mark.parametrize("stored_ago", [0, 300, 900])
@pytest.mark.parametrize("kind", ["first", "template"])
def test_metapools(module_chain: DevChain, reader: Reader, kind: str, stored_ago: int) -> None:
    chance = random.Random(f"meta {kind} {stored_ago}")
    now = module_chain.block().timestamp
    base_rates = (10**18, 10**30, 10**30)
    base_setup = ((COINS[1], COINS[2], COINS[0]), *stable_setup(chance, list(base_rates), 2_000, kind, now)[1:])
    supply = sum(balance * rate // 10**18 for balance, rate in zip(base_setup[2], base_rates, strict=True)) * 97 // 100
    base = module_chain.deploy(load("DevCurve", "keeper.testing"), base_setup, supply)
    live = module_chain.call(base, "get_virtual_price()", returns="(uint256)")
    setup = ((COINS[0], base), *stable_setup(chance, [10**18, 10**18], 100, "template", now)[1:])
    stored = (live * 99 // 100, module_chain.block().timestamp - stored_ago if stored_ago else 0)
    address = module_chain.deploy(load("DevCurveMeta", "keeper.testing"), setup, base, 3, *stored)

    own = settings("curve_meta", address, (10**18,), companion=base)
    state = state_of(reader, own)
    live = module_chain.call(base, "get_virtual_price()", returns="(uint256)")
    assert state.pool.rates[1] == (stored[0] if 0 < stored_ago < 600 else live)
    assert compare(module_chain, own, state, random_rows(chance, 2, list(setup[2]))) > ROWS // 2

    through = replace(own, pool_id=bytes(12) + bytes.fromhex(base[2:]), rates=(10**18, *base_rates))
    state = state_of(reader, through)
    sizes = [setup[2][0], *base_setup[2]]
    rows = random_rows(chance, 4, sizes, through=True)
    assert compare(module_chain, through, state, rows, "underlyingQuotes(uint256[])") > ROWS // 2
    assert problems(reader, through) == ()
    other = replace(through, pool_id=bytes(12) + bytes.fromhex(LP[2:]))
    assert reading(reader, other).state is None
    assert reading(reader, replace(through, collateral_index=1, debt_index=2)).failure.endswith(
        "count that pool itself"
    )


def crypto_state(chance: random.Random, coins: int, *, first: bool, off: float) -> CurveCryptoState:
    """A pool around its price scale, as far from balance as ``off`` (a decimal logarithm) says."""
    prices = (2_345 * 10**18, 75_804 * 10**18)[: coins - 1]
    worth = 10 ** chance.uniform(22, 25)
    precisions = (10**12, 1, 10**10)[:coins]
    amounts = [worth * 10 ** chance.uniform(-off, off) for _ in range(coins)]
    scales = [10**18, *prices]
    balances = tuple(
        int(amount) * 10**18 // scale // precision
        for amount, scale, precision in zip(amounts, scales, precisions, strict=True)
    )
    multiplier = 100 if first else 10_000
    state = CurveCryptoState(
        balances,
        precisions,
        prices,
        (40 if coins == 2 else 135) * coins**coins * multiplier // 4,
        multiplier,
        chance.choice([145 * 10**12, 7 * 10**13, 10**16]),
        0,
        chance.choice([5, 26]) * 10**6,
        45 * 10**6,
        23 * 10**13,
    )
    return replace(state, d=invariant(state))


def compare_invariants(chain: DevChain, address: Address, state: CurveCryptoState, chance: random.Random) -> None:
    """D of the state itself and of 300 others, most of them far from balance, some refused."""
    rows = [tuple(int(balance * 10 ** chance.uniform(-1.6, 1.6)) for balance in state.balances) for _ in range(300)]
    data = calldata("invariants(uint256[][])", [state.balances, *rows])
    call = {"to": address, "data": "0x" + data.hex(), "gas": hex(4_000_000_000)}
    own, *theirs = decoded("(uint256[])", bytes.fromhex(chain.rpc("eth_call", call, "latest")[2:]))
    assert own == state.d
    ours = []
    for row in rows:
        try:
            ours.append(invariant(replace(state, balances=row)))
        except NoQuote:
            ours.append(0)
    assert ours == theirs
    assert sum(d > 0 for d in ours) > 100


@pytest.mark.parametrize("coins", [2, 3])
@pytest.mark.parametrize(("first", "ramps", "off"), [(True, 0, 0.05), (False, 0, 0.3), (False, 1, 0.2)])
def test_crypto_pools(
    module_chain: DevChain, reader: Reader, coins: int, *, first: bool, ramps: int, off: float
) -> None:
    chance = random.Random(f"crypto {coins} {first} {ramps}")
    wanted = crypto_state(chance, coins, first=first, off=off)
    # While a ramp lasts the stored D is stale, and the contract computes its own.
    stored = wanted.d * 101 // 100 if ramps else wanted.d
    setup = (
        COINS[:coins],
        wanted.balances,
        wanted.precisions,
        wanted.price_scale,
        wanted.ann,
        wanted.gamma,
        stored,
        wanted.mid_fee,
        wanted.out_fee,
        wanted.fee_gamma,
        ramps,
        first,
    )
    address = module_chain.deploy(load("DevCurveCrypto", "keeper.testing"), setup)
    compare_invariants(module_chain, address, wanted, chance)
    pool = settings("curve_crypto", address, tuple(10**18 * precision for precision in wanted.precisions))
    state = state_of(reader, pool)
    assert state == wanted
    rows = random_rows(chance, coins, list(wanted.balances))
    assert compare(module_chain, pool, state, rows) > ROWS // 2
    assert problems(reader, pool) == ()


def test_a_killed_an_empty_and_a_foreign_pool_are_named(module_chain: DevChain, reader: Reader) -> None:
    chance = random.Random(1)
    setup = stable_setup(chance, [10**18, 10**30], 200, "template", module_chain.block().timestamp)
    address = module_chain.deploy(load("DevCurve", "keeper.testing"), setup, 10**24)
    pool = settings("curve_stable", address, (10**18, 10**30))
    trader = module_chain.accounts[0]

    def failure_after(balances: list[int], *, killed: bool = False) -> str:
        module_chain.transact(trader, address, "set(uint256[],bool)", balances, killed)
        found = reading(reader, pool)
        assert found.state is None
        return found.failure.removeprefix(f"{address}: ")

    assert failure_after(list(setup[2]), killed=True) == "killed"
    assert failure_after([0, 10**12]) == "a balance of 0"
    assert failure_after([0, 0]) == "a balance of 0"
    assert failure_after([1, 0]) == "a balance of 0"
    assert failure_after([2**255, 10**12]) == "more than 256 bits"
    foreign = replace(pool, rates=(10**18, 10**28))
    module_chain.transact(trader, address, "set(uint256[],bool)", setup[2], False)
    assert reading(reader, foreign).failure.endswith("its own quotes are not those of a known generation")
    assert "its own quotes are not those of a known generation" in problems(reader, foreign)
    token = module_chain.deploy(load("DevToken", "keeper.testing"), "T", "T", 18)
    assert reading(reader, replace(pool, address=token)).state is None
