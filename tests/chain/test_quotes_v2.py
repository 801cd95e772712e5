"""Uniswap v2 quotes against the real Router02 and pair: not one wei of difference."""

import random

import pytest
from bench import Bench, build

from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.maths.constant_product import amount_in_up, amount_out_down
from keeper.records.pools import UniswapV2State
from keeper.records.settings import PoolSettings, two_token_pool
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.uniswap import FOREVER
from keeper.venues import VENUES
from keeper.venues.uniswap_v2 import PairCurve

RESERVES = [(10**21, 3 * 10**9), (7, 5), (16_231_137_593, 2_571_336_301_536_722_443_178), (2**111, 2**110 + 12_345)]


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


def state_of(bench: Bench, pool: PoolSettings) -> UniswapV2State:
    with Rpc("local", bench.chain.url) as rpc:
        reader = Reader(rpc)
        block = reader.block("latest")
        (reading,) = reader.run([VENUES["uniswap_v2"].read(pool, ReadPlan(0), block)], block)
    assert isinstance(reading, PoolReading)
    assert isinstance(reading.state, UniswapV2State), reading.failure
    return reading.state


def ask_router(bench: Bench, signature: str, rows: list[tuple[int, int, int]]) -> list[int]:
    data = [calldata(signature, *row) for row in rows]
    calls = [("eth_call", ({"to": bench.uniswap.v2_router, "data": "0x" + row.hex()}, "latest")) for row in data]
    return [int(answer, 16) for answer in bench.chain.batch(calls)]


@pytest.mark.parametrize(("sold", "bought"), [*RESERVES, *((b, a) for a, b in RESERVES)])
def test_500_random_sizes_equal_the_routers_own_formula(bench: Bench, sold: int, bought: int) -> None:
    chance = random.Random(sold)
    ins = [1, 2, sold, *(int(10 ** chance.uniform(0, 36)) for _ in range(497))]
    theirs = ask_router(bench, "getAmountOut(uint256,uint256,uint256)", [(amount, sold, bought) for amount in ins])
    assert [amount_out_down(amount, sold, bought, 3000) for amount in ins] == theirs
    outs = [1, bought - 1, *(chance.randrange(1, bought) for _ in range(498))]
    theirs = ask_router(bench, "getAmountIn(uint256,uint256,uint256)", [(amount, sold, bought) for amount in outs])
    assert [amount_in_up(amount, sold, bought, 3000) for amount in outs] == theirs


def test_real_pairs_are_read_and_swapped_as_quoted(bench: Bench) -> None:
    pool = bench.v2(10**21, 3 * 10**18)
    chance = random.Random(2)
    for zero in (True, False) * 10:
        state = state_of(bench, pool)
        side = two_token_pool(pool.venue, pool.address, zero, 3000, 0)
        curve = VENUES["uniswap_v2"].curve(side, state)
        amount = int(10 ** chance.uniform(5, 20))
        path = [bench.token0, bench.token1] if zero else [bench.token1, bench.token0]
        quote = curve.sell_exact_in_down(amount)
        amounts = bench.chain.call(
            bench.uniswap.v2_router, "getAmountsOut(uint256,address[])", amount, path, returns="(uint256[])"
        )
        assert quote == tuple(amounts)
        before = bench.balance(path[1])
        order = calldata(
            "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
            amount,
            0,
            path,
            bench.trader,
            FOREVER,
        )
        if quote[1] == 0:
            continue
        bench.chain.run([Tx(bench.trader, bench.uniswap.v2_router, order)])
        assert bench.balance(path[1]) - before == quote[1]


def test_a_sale_down_to_a_price_is_the_largest_that_still_earns_it(bench: Bench) -> None:
    state = state_of(bench, bench_pair(bench))
    curve = PairCurve(state.reserve0, state.reserve1, 3000)
    chance = random.Random(3)
    for _ in range(200):
        target = int((curve.mid.numerator << 192) // curve.mid.denominator) * chance.randint(1, 995) // 1000
        sqrt_price = int(target**0.5)
        amount, out = curve.sell_to_price(sqrt_price)
        assert out == curve.sell_exact_in_down(amount)[1]
        assert marginal_at_least(state, amount, sqrt_price)
        assert not marginal_at_least(state, amount + 1, sqrt_price)
    top = int((curve.mid.numerator << 192) // curve.mid.denominator)
    assert curve.sell_to_price(int(top**0.5)) == (0, 0)


def bench_pair(bench: Bench) -> PoolSettings:
    pair = bench.chain.call(
        bench.uniswap.v2_factory, "getPair(address,address)", bench.token0, bench.token1, returns="(address)"
    )
    return two_token_pool("uniswap_v2", pair, True, 3000, 0)


def marginal_at_least(state: UniswapV2State, amount: int, sqrt_price: int) -> bool:
    """g R0 R1 / (R0 + g x)**2 >= price, g = 0.997, without rounding."""
    pushed = state.reserve0 * 10**6 + 997_000 * amount
    return 997_000 * 10**6 * state.reserve0 * state.reserve1 << 192 >= (pushed * sqrt_price) ** 2
