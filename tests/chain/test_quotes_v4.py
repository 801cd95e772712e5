"""Uniswap v4 quotes against the real V4Quoter and the real PoolManager: not one wei of difference."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from bench import random_positions
from bench_v4 import BenchV4, build_v4

from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.maths.tick_curve import TickCurve
from keeper.maths.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick
from keeper.maths.tick_walk import stretches, swap
from keeper.records.pools import UniswapV4State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.testing.client import DevChain
from keeper.testing.uniswap import Position
from keeper.testing.uniswap_v4 import PoolKey, protocol_fee
from keeper.venues import VENUES
from keeper.venues.uniswap_v4 import tick_range

FURTHEST = 200_000
"""Ticks to each side that are read at spacing 1: no more words than one call holds."""
WHOLE = ReadPlan(harmonic_seconds=1, ring_seconds=(), depth_range_ticks=2_000_000)
FAR = ReadPlan(harmonic_seconds=1, ring_seconds=(), depth_range_ticks=FURTHEST)
MOST = (1 << 127) - 1
RANDOM_QUOTES = 100
"""In each direction, exact input and exact output, of each pool: 6 pools x 2 x 2 x 100 = 2,400."""

BOTH = pytest.mark.parametrize("zero", [True, False], ids=["sell0", "sell1"])


@dataclass(frozen=True)
class Kind:
    fee: int
    spacing: int
    protocol: tuple[int, int] = (0, 0)
    native: bool = False

    def __str__(self) -> str:
        fees = f"{self.fee}+{self.protocol[0]}/{self.protocol[1]}" if any(self.protocol) else str(self.fee)
        return f"{fees}-{self.spacing}{'-native' if self.native else ''}"


KINDS = (
    Kind(3_000, 60),
    Kind(500, 10, (1_000, 250)),
    Kind(100, 1, (0, 1_000), native=True),
    Kind(10_000, 200, (77, 0)),
    Kind(0, 32_767),
    Kind(870_001, 60, (999, 1_000)),
)


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> BenchV4:
    return build_v4(module_chain)


@pytest.fixture(scope="module", params=KINDS, ids=str)
def key(bench: BenchV4, request: pytest.FixtureRequest) -> PoolKey:
    kind: Kind = request.param
    chance = random.Random(str(kind))
    key = bench.key(kind.fee, kind.spacing, native=kind.native)
    positions = random_positions(chance, 100, kind.spacing)
    if kind.spacing > 1_000:
        edges = [at * kind.spacing for at in (-27, -3, 0, 1, 2, 27)]
        positions = [Position(low, high, 10**18) for low in edges for high in edges if low < high]
    # Nothing lies outside what a read of a pool with spacing 1 can hold.
    bench.open(key, positions[1:] if kind.spacing == 1 else positions)
    bench.trade(key, chance, 6)
    if any(kind.protocol):
        bench.chain.run([protocol_fee(bench.v4, bench.trader, key, kind.protocol)])
    return key


@pytest.fixture
def reader(bench: BenchV4) -> Iterator[Reader]:
    with Rpc("local", bench.chain.url) as rpc:
        yield Reader(rpc)


def state_of(reader: Reader, pool: PoolSettings, plan: ReadPlan | None = None) -> UniswapV4State:
    plan = plan or (FAR if pool.tick_spacing == 1 else WHOLE)
    block = reader.block("latest")
    (reading,) = reader.run([VENUES["uniswap_v4"].read(pool, plan, block)], block)
    assert isinstance(reading, PoolReading)
    assert isinstance(reading.state, UniswapV4State), reading.failure
    return reading.state


def whole_or_none(moved: tuple[int, int], amount: int, *, exact_in: bool) -> int | None:
    """Ours as V4Quoter says it: nothing at all when the pool can't move the whole amount."""
    asked, answer = moved if exact_in else moved[::-1]
    return answer if asked == amount else None


def compare(
    bench: BenchV4, reader: Reader, key: PoolKey, amounts: list[int], *, zero: bool, exact_in: bool
) -> list[int | None]:
    """Our quotes, after they were found equal to V4Quoter's."""
    pool = bench.settings(key)
    swaps = VENUES["uniswap_v4"].swaps(pool, state_of(reader, pool))
    # The collateral is currency 0.
    ask = swaps.exact_in_down if exact_in else swaps.exact_out_up
    ours = [whole_or_none(ask(amount, sells_collateral=zero), amount, exact_in=exact_in) for amount in amounts]
    assert ours == bench.quoted(key, amounts, zero_for_one=zero, exact_in=exact_in)
    return ours


def edge_amounts(bench: BenchV4, reader: Reader, key: PoolKey, *, zero: bool, exact_in: bool) -> list[int]:
    """Every amount that ends exactly at a stop of the walk with a tick, and one unit to either side."""
    pool = bench.settings(key)
    known = tick_range(pool, state_of(reader, pool), zero_for_one=zero)
    curve = TickCurve(known, zero_for_one=zero)
    ticks = {sqrt_ratio_at_tick(tick) for tick in known.ticks}
    ends = [curve.to_price(part.sqrt_to) for part in stretches(known, zero_for_one=zero) if part.sqrt_to in ticks]
    amounts = {moved[0] if exact_in else moved[1] for moved in ends}
    return sorted({amount + near for amount in amounts for near in (-1, 0, 1) if 0 < amount + near <= MOST})


@BOTH
@pytest.mark.parametrize("exact_in", [True, False], ids=["in", "out"])
def test_random_amounts_are_quoted_to_the_wei(
    bench: BenchV4, reader: Reader, key: PoolKey, zero: bool, exact_in: bool
) -> None:
    chance = random.Random(f"{key} {zero} {exact_in}")
    # From one wei to more than the pool can move.
    amounts = [1, 2, 3, MOST, *(int(10 ** chance.uniform(0, 24)) for _ in range(RANDOM_QUOTES - 4))]
    ours = compare(bench, reader, key, amounts, zero=zero, exact_in=exact_in)
    assert sum(answer is not None and answer > 0 for answer in ours) > RANDOM_QUOTES // 3
    assert None in ours


@BOTH
@pytest.mark.parametrize("exact_in", [True, False], ids=["in", "out"])
def test_every_tick_edge_is_quoted_to_the_wei(
    bench: BenchV4, reader: Reader, key: PoolKey, zero: bool, exact_in: bool
) -> None:
    amounts = edge_amounts(bench, reader, key, zero=zero, exact_in=exact_in)
    assert len(amounts) >= (9 if key.tick_spacing == 32_767 else 100)
    compare(bench, reader, key, amounts, zero=zero, exact_in=exact_in)


def test_the_curve_of_a_sale_is_the_same_walk(bench: BenchV4, reader: Reader, key: PoolKey) -> None:
    pool = bench.settings(key)
    state, chance = state_of(reader, pool), random.Random(str(key))
    curve, swaps = VENUES["uniswap_v4"].curve(pool, state), VENUES["uniswap_v4"].swaps(pool, state)
    amounts = [1, 2, 1 << 255, *(int(10 ** chance.uniform(0, 40)) for _ in range(200))]
    assert [curve.sell_exact_in_down(amount) for amount in amounts] == [
        swaps.exact_in_down(amount, sells_collateral=True) for amount in amounts
    ]


def test_real_swaps_move_what_was_quoted(bench: BenchV4, reader: Reader, key: PoolKey) -> None:
    pool, chance = bench.settings(key), random.Random(f"real {key}")
    for turn in range(12):
        zero = chance.random() < 0.5
        amount = int(10 ** chance.uniform(4, 17)) * (1 if turn % 3 else -1)
        known = tick_range(pool, state_of(reader, pool), zero_for_one=zero)
        expected = swap(known, amount, zero_for_one=zero)
        assert bench.swap(key, amount, zero_for_one=zero) == (expected.amount_in, expected.amount_out)
        after = state_of(reader, pool)
        assert (after.sqrt_price_x96, after.tick, after.liquidity) == (
            expected.sqrt_price_x96,
            expected.tick,
            expected.liquidity,
        )


@BOTH
def test_a_sale_down_to_a_price_is_what_the_pool_does_with_that_limit(
    bench: BenchV4, reader: Reader, key: PoolKey, zero: bool
) -> None:
    pool, chance = bench.settings(key), random.Random(key.fee)
    for distance in (1, 40, 333, 2_500, 7_000):
        state = state_of(reader, pool)
        tick = state.tick + (-distance if zero else distance + 1)
        limit = sqrt_ratio_at_tick(tick) + chance.randint(0, 10**6) * (-1 if zero else 1)
        expected = TickCurve(tick_range(pool, state, zero_for_one=zero), zero_for_one=zero).to_price(limit)
        snapshot = bench.chain.rpc("evm_snapshot")
        assert bench.swap(key, 10**34, zero_for_one=zero, limit=limit) == expected
        assert state_of(reader, pool).sqrt_price_x96 == limit
        bench.chain.rpc("evm_revert", snapshot)


@BOTH
def test_a_narrow_read_quotes_the_same_until_it_ends(bench: BenchV4, reader: Reader, key: PoolKey, zero: bool) -> None:
    pool = bench.settings(key)
    whole = tick_range(pool, state_of(reader, pool), zero_for_one=zero)
    narrow = tick_range(pool, state_of(reader, pool, ReadPlan(1, (), 1_500)), zero_for_one=zero)
    end = sqrt_ratio_at_tick(narrow.lowest_tick if zero else narrow.highest_tick)
    most = swap(whole, 1 << 254, zero_for_one=zero, sqrt_limit_x96=end)
    curve = TickCurve(narrow, zero_for_one=zero)
    assert curve.exact_in_down(1 << 200) == (most.amount_in, most.amount_out)
    amounts = [most.amount_in * part // 20 for part in range(1, 20)]
    quotes = bench.quoted(key, amounts, zero_for_one=zero, exact_in=True)
    assert [curve.exact_in_down(amount) for amount in amounts] == list(zip(amounts, quotes, strict=True))


@pytest.mark.parametrize("end", [MIN_SQRT_RATIO, MIN_SQRT_RATIO + 1, MAX_SQRT_RATIO - 1], ids=["MIN", "MIN+1", "MAX-1"])
@pytest.mark.parametrize("spacing", [1, 32_767])
def test_a_price_at_the_end_of_the_world_is_walked_like_the_pool_does(
    bench: BenchV4, reader: Reader, spacing: int, end: int
) -> None:
    key = bench.key(500 + end % 1_000, spacing)
    widest = 887_272 // spacing * spacing
    width = max(1, FURTHEST // 2 // spacing) * spacing
    near_low = end < 1 << 96
    low, high = (-widest, width - widest) if near_low else (widest - width, widest)
    bench.open(key, [Position(low, high, 5 * 10**18)], price=end)
    amounts = [1, 2, 7, 20, 10**6, 10**12, 10**18, 10**30, 10**37, MOST]
    for zero in (True, False):
        for exact_in in (True, False):
            compare(bench, reader, key, amounts, zero=zero, exact_in=exact_in)
    inward = compare(bench, reader, key, amounts, zero=not near_low, exact_in=True)
    assert any(answer for answer in inward)


def test_a_price_outside_all_liquidity_is_walked_like_the_pool_does_and_counts_for_nothing(
    bench: BenchV4, reader: Reader
) -> None:
    # The price lies at tick 10,986; the only positions far above and far below it.
    hole = bench.key(501, 10)
    bench.open(hole, [Position(5_000, 8_000, 10**18), Position(14_000, 20_000, 10**18)])
    pool = bench.settings(hole)
    state = state_of(reader, pool)
    assert state.liquidity == 0
    for zero in (True, False):
        for exact_in in (True, False):
            ours = compare(bench, reader, hole, [1, 10**6, 10**12, 10**17], zero=zero, exact_in=exact_in)
            assert ours[-1]
    assert VENUES["uniswap_v4"].curve(pool, state).sell_exact_in_down(10**18) == (0, 0)
