"""Every way of reading gives the same words: overrides, a constructor that reverts, Multicall3."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from bench import Bench, build, random_positions, trade
from ways import ROUTES, reader_by, with_multicall3

from keeper.chain.reader import Reader
from keeper.chain.routes import MULTICALL3, probe
from keeper.chain.rpc import Rpc, RpcError
from keeper.errors import RetryLater
from keeper.protocols.bulkhead import Bulkhead
from keeper.reading import open_reader
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import Address
from keeper.testing.client import DevChain
from keeper.testing.devnet import build_devnet
from keeper.venues import VENUES

PLAN = ReadPlan(harmonic_seconds=600, ring_seconds=(500, 400, 300, 200, 100))
NOBODY = Address("0x" + "e0" * 20)


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(with_multicall3(module_chain))


@pytest.fixture(scope="module")
def pools(bench: Bench) -> tuple[PoolSettings, ...]:
    chance = random.Random(11)
    small = bench.v3(3000, 60, random_positions(chance, 40, 60), ring=20)
    large = bench.v3(500, 10, random_positions(chance, 40, 10), ring=300)
    young = bench.v3(10_000, 200, random_positions(chance, 5, 200), ring=1)
    pair = bench.v2(10**21, 3 * 10**21)
    trade(bench, small, chance, 45)
    trade(bench, large, chance, 60)
    return small, large, young, pair


@pytest.fixture
def rpc(bench: Bench) -> Iterator[Rpc]:
    with Rpc("local", bench.chain.url) as client:
        yield client


def read(reader: Reader, pools: tuple[PoolSettings, ...], plan: ReadPlan = PLAN) -> list[PoolReading]:
    block = reader.block("latest")
    return reader.run([VENUES[pool.venue].read(pool, plan, block) for pool in pools], block)  # type: ignore[return-value]


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.name)
def test_states_and_inputs_are_the_same_bytes_by_every_way(
    rpc: Rpc, pools: tuple[PoolSettings, ...], route: object
) -> None:
    raw, by_views = read(reader_by(rpc, ROUTES[0]), pools), read(reader_by(rpc, route), pools)
    assert [reading.failure for reading in raw] == [""] * 4
    assert by_views == raw


def test_the_search_in_the_ring_ends_at_the_same_observations(rpc: Rpc, pools: tuple[PoolSettings, ...]) -> None:
    raw, by_views = reader_by(rpc, ROUTES[0]), reader_by(rpc, ROUTES[1])
    for ago in (*range(20, 900, 71), 0, 1, 12, 10_000):
        plan = ReadPlan(harmonic_seconds=ago, ring_seconds=(ago + 7, max(0, ago - 7)), depth_range_ticks=300)
        assert read(by_views, pools[:3], plan) == read(raw, pools[:3], plan)


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.name)
def test_the_contracts_own_words_are_the_same_by_every_way(module_chain: DevChain, rpc: Rpc, route: object) -> None:
    devnet = build_devnet(module_chain)
    for market in (*devnet.market_keys, bytes(31) + b"x"):
        readings = []
        for way in (ROUTES[0], route):
            reader = reader_by(rpc, way)
            readings += reader.run([Bulkhead().read(devnet.contract, market)], reader.block("latest"))
        assert readings[0] == readings[1]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_pool_that_is_none_fails_alone_by_every_way(rpc: Rpc, pools: tuple[PoolSettings, ...], route: object) -> None:
    absent = [replace(pool, address=NOBODY) for pool in (pools[0], pools[3])]
    for wrong in absent:
        good, bad = read(reader_by(rpc, route), (pools[0], wrong))
        assert good.failure == ""
        assert good.state is not None
        assert bad.state is None
        assert bad.failure


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_small_gas_cap_splits_the_read_and_changes_nothing(
    rpc: Rpc, pools: tuple[PoolSettings, ...], route: object
) -> None:
    whole = read(reader_by(rpc, ROUTES[0]), pools)
    small = reader_by(rpc, route)
    small.gas_cap = 2_700_000 if route is ROUTES[0] else 12_400_000
    assert read(small, pools) == whole
    assert small.eth_calls > 1


class Strict(Rpc):
    """A node that refuses what it is told to refuse."""

    def __init__(self, url: str, *, overrides: bool, creations: bool) -> None:
        super().__init__("strict", url)
        self._overrides, self._creations = overrides, creations

    def call(self, method: str, params=()):  # type: ignore[no-untyped-def]
        if method == "eth_call" and len(params) > 2 and not self._overrides:
            raise RpcError("too many arguments, want at most 2", code=-32602)
        if method == "eth_call" and "to" not in params[0] and not self._creations:
            raise RpcError("missing to", code=-32602)
        return super().call(method, params)


@pytest.mark.parametrize(
    ("overrides", "creations", "taken"),
    [(True, True, "override"), (False, True, "deployless"), (False, False, "multicall3")],
)
def test_the_best_way_that_the_node_allows_is_taken(
    bench: Bench, pools: tuple[PoolSettings, ...], overrides: bool, creations: bool, taken: str
) -> None:
    with Strict(bench.chain.url, overrides=overrides, creations=creations) as rpc:
        reader = open_reader(rpc)
        assert [reading.failure for reading in read(reader, pools)] == [""] * 4
        assert reader.route(reader.block("latest")).name == taken


def test_a_node_that_allows_nothing_is_named_with_all_its_reasons(bench: Bench) -> None:
    code = bench.chain.rpc("eth_getCode", MULTICALL3, "latest")
    bench.chain.rpc("anvil_setCode", MULTICALL3, "0x")
    bench.chain.mine()
    with Strict(bench.chain.url, overrides=False, creations=False) as rpc:
        reader = Reader(rpc, routes=ROUTES[:3])
        block = reader.block("latest")
        assert open_reader(rpc).route(block).name == "single"
        with pytest.raises(RetryLater) as error:
            reader.route(block)
    bench.chain.rpc("anvil_setCode", MULTICALL3, code)
    bench.chain.mine()
    assert error.value.message.startswith(
        "override: too many arguments, want at most 2; deployless: missing to; multicall3: node strict (http://127.0.0.1:"
    )
    assert error.value.message.endswith(") has no Multicall3, or answered for it what is none")
    assert "overrides" in error.value.hint


def test_a_node_that_does_not_answer_settles_nothing(bench: Bench) -> None:
    with Rpc("gone", "http://127.0.0.1:9") as gone, Rpc("local", bench.chain.url) as rpc, pytest.raises(RpcError):
        probe(gone, ROUTES[0], Reader(rpc).block("latest"), 50_000_000)
