"""Providers of real pools: the real NonfungiblePositionManager and PositionManager, tokens that change hands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import FULL, RICH, Bench
from bench_v4 import BenchV4
from eth_abi.abi import encode

from keeper.chain.artifacts import load
from keeper.chain.rpc import Rpc, RpcError
from keeper.chain.views import view
from keeper.providers import PositionReader
from keeper.reading import open_reader
from keeper.records.providers import Position, Provision
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import PoolReading, ReadPlan
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import FOREVER, ZERO
from keeper.testing.uniswap import Position as Placed
from keeper.testing.uniswap_v4 import KEY, PoolKey
from keeper.venues import VENUES

PLAN = ReadPlan(harmonic_seconds=24, ring_seconds=(), depth_range_ticks=2_000_000)
MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
HELD = ("uint96", "address", "address", "address", "uint24", "int24", "int24", "uint128") + ("uint256",) * 2


@dataclass(frozen=True)
class Nft:
    """The v3 position manager, every account paying with tokens it mints itself."""

    bench: Bench

    @property
    def manager(self) -> Address:
        return self.bench.uniswap.v3_positions

    def ready(self, *accounts: Address) -> None:
        for token in (self.bench.token0, self.bench.token1):
            for account in accounts:
                self.bench.chain.run(
                    [
                        Tx(account, token, calldata("mint(address,uint256)", account, RICH)),
                        Tx(account, token, calldata("approve(address,uint256)", self.manager, 2**256 - 1)),
                    ]
                )

    def mint_data(self, owner: Address, fee: int, lower: int, upper: int, amount: int) -> bytes:
        order = (self.bench.token0, self.bench.token1, fee, lower, upper, amount, amount, 0, 0, owner, FOREVER)
        return calldata(MINT, order)

    def mint(self, owner: Address, pool: PoolSettings, lower: int, upper: int, amount: int) -> int:
        """A new token; its number."""
        data = self.mint_data(owner, pool.fee_pips, lower, upper, amount)
        (receipt,) = self.bench.chain.run([Tx(owner, self.manager, data)])
        moved = [log for log in receipt["logs"] if log["address"].lower() == self.manager and len(log["topics"]) == 4]
        return int(moved[0]["topics"][3], 16)

    def more(self, owner: Address, token: int, amount: int) -> None:
        order = (token, amount, amount, 0, 0, FOREVER)
        signature = "increaseLiquidity((uint256,uint256,uint256,uint256,uint256,uint256))"
        self.bench.chain.transact(owner, self.manager, signature, order)

    def less(self, owner: Address, token: int, liquidity: int) -> None:
        order = (token, liquidity, 0, 0, FOREVER)
        signature = "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))"
        self.bench.chain.transact(owner, self.manager, signature, order)

    def collect(self, owner: Address, token: int) -> None:
        order = (token, owner, 2**128 - 1, 2**128 - 1)
        self.bench.chain.transact(owner, self.manager, "collect((uint256,address,uint128,uint128))", order)

    def give(self, owner: Address, to: Address, token: int) -> None:
        self.bench.chain.transact(owner, self.manager, "transferFrom(address,address,uint256)", owner, to, token)

    def held(self, owner: Address, token: int) -> Position:
        """What the manager itself says."""
        with Rpc("local", self.bench.chain.url) as rpc:
            row = view(rpc, self.manager, "positions(uint256)", (*HELD, "uint128", "uint128"), (token,))
            (said,) = view(rpc, self.manager, "ownerOf(uint256)", ("address",), (token,))
        assert said == owner
        return Position(owner, row[5], row[6], row[7])


@dataclass(frozen=True)
class NftV4:
    """The v4 position manager; it pays with tokens that lie in it."""

    bench: BenchV4
    manager: Address

    def act(self, owner: Address, actions: bytes, *rows: bytes) -> None:
        data = encode(["bytes", "bytes[]"], [actions, list(rows)])
        self.bench.chain.transact(owner, self.manager, "modifyLiquidities(bytes,uint256)", data, FOREVER)

    def mint(self, owner: Address, key: PoolKey, placed: Placed) -> int:
        token = self.bench.chain.call(self.manager, "nextTokenId()", returns="(uint256)")
        types = [KEY, "int24", "int24", "uint256", "uint128", "uint128", "address", "bytes"]
        most = 2**128 - 1
        row = [key.row, placed.tick_lower, placed.tick_upper, placed.liquidity, most, most, owner, b""]
        self.act(owner, bytes((0x02, 0x0B, 0x0B)), encode(types, row), *self._pays(key))
        return int(token)

    def more(self, owner: Address, key: PoolKey, token: int, liquidity: int) -> None:
        row = [token, liquidity, 2**128 - 1, 2**128 - 1, b""]
        data = encode(["uint256", "uint256", "uint128", "uint128", "bytes"], row)
        self.act(owner, bytes((0x00, 0x0B, 0x0B)), data, *self._pays(key))

    def less(self, owner: Address, key: PoolKey, token: int, liquidity: int) -> None:
        data = encode(["uint256", "uint256", "uint128", "uint128", "bytes"], [token, liquidity, 0, 0, b""])
        take = encode(["address", "address", "address"], [key.currency0, key.currency1, owner])
        self.act(owner, bytes((0x01, 0x11)), data, take)

    def give(self, owner: Address, to: Address, token: int) -> None:
        self.bench.chain.transact(owner, self.manager, "transferFrom(address,address,uint256)", owner, to, token)

    def _pays(self, key: PoolKey) -> list[bytes]:
        types = ["address", "uint256", "bool"]
        return [encode(types, [currency, 0, False]) for currency in (key.currency0, key.currency1)]


def deploy_nft_v4(bench: BenchV4) -> NftV4:
    parts = (bench.v4.manager, ZERO, 300_000, ZERO, ZERO)
    manager = bench.chain.deploy(npm_contract("PositionManager"), *parts, gas=16_000_000)
    for token in (bench.token0, bench.token1):
        bench.chain.run([Tx(bench.trader, token, calldata("mint(address,uint256)", manager, RICH))])
    return NftV4(bench, manager)


def lone_provider(chain: DevChain, sender: Address, pool: PoolSettings, placed: list[Placed]) -> Address:
    """A contract of its own that provides exactly these positions."""
    provider = chain.deploy(load("DevLiquidity", "keeper.testing"))
    move(chain, sender, provider, pool, placed, "open")
    return provider


def move(  # noqa: PLR0917 - a transaction has this many parts
    chain: DevChain, sender: Address, provider: Address, pool: PoolSettings, placed: list[Placed], how: str
) -> None:
    rows = [(row.tick_lower, row.tick_upper, row.liquidity) for row in placed]
    data = calldata(f"{how}(address,(int24,int24,uint128)[])", pool.address, rows)
    chain.run([Tx(sender, provider, data, gas=14_000_000)])


def provision_of(
    chain: DevChain,
    pool: PoolSettings,
    folder: Path,
    *,
    first: int | None = None,
    at: int | str = "latest",
    node: Rpc | None = None,
) -> Provision:
    """The pool's state and providers, as the command reads them."""
    with node or Rpc("local", chain.url) as rpc:
        reader = open_reader(rpc)
        block = reader.block(at)
        (reading,) = reader.run([VENUES[pool.venue].read(pool, PLAN, block)], block)
        assert isinstance(reading, PoolReading)
        assert reading.state is not None, reading.failure
        positions = PositionReader(rpc, reader, chain.chain_id, folder, lambda *_: None, first)
        return positions.provision(pool, reading.state, block)


class Capped(Rpc):
    """A node that answers events of a few blocks at a time, and only so often."""

    def __init__(self, url: str, span: int, answers: int) -> None:
        super().__init__("capped", url)
        self.span, self.answers, self.scanned = span, answers, 0

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        if method == "eth_getLogs":
            if int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= self.span:
                raise RpcError(f"exceed maximum block range: {self.span}", code=-32005)
            if self.scanned == self.answers:
                raise RpcError("the node went away")
            self.scanned += 1
        return super().call(method, params)


def widest(spacing: int) -> int:
    return FULL // spacing * spacing
