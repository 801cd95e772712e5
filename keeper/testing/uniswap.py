"""Deploys the real Uniswap v2 and v3 from their npm artifacts, opens pools and fills them with many positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from keeper.chain.artifacts import load
from keeper.errors import Refused
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract

ZERO: Address = Address("0x" + "0" * 40)
FOREVER = 2**255
"""Deadline that never passes."""
POSITIONS_A_TX = 40
"""A mint costs at most about 300,000 gas; 40 stay below the 16.8 M that mainnet allows a transaction."""
CARDINALITY_A_TX = 500
"""Growing the ring costs about 22,300 gas a slot."""
Q96 = 2**96


@dataclass(frozen=True, slots=True)
class Uniswap:
    """Addresses of one deployment of both versions."""

    weth9: Address
    v2_factory: Address
    v2_router: Address
    v3_factory: Address
    v3_router: Address
    """SwapRouter."""
    v3_quoter: Address
    """QuoterV2."""
    v3_tick_lens: Address
    v3_positions: Address
    """NonfungiblePositionManager, without a descriptor: ``tokenURI`` alone does not work."""
    liquidity: Address
    """Our ``DevLiquidity``: opens and closes many positions at once."""


@dataclass(frozen=True, slots=True)
class Position:
    """A Uniswap v3 position of ``DevLiquidity``."""

    tick_lower: int
    tick_upper: int
    liquidity: int


def deploy_uniswap(chain: DevChain, sender: Address) -> Uniswap:
    """Deploy factories, routers, quoter, lens and position manager."""
    weth9, v2_factory, v3_factory, lens, liquidity = chain.deploy_all(
        [
            (npm_contract("WETH9"), ()),
            (npm_contract("UniswapV2Factory"), (ZERO,)),
            (npm_contract("UniswapV3Factory"), ()),
            (npm_contract("TickLens"), ()),
            (load("DevLiquidity", "keeper.testing"), ()),
        ],
        sender,
    )
    v2_router, v3_router, quoter, positions = chain.deploy_all(
        [
            (npm_contract("UniswapV2Router02"), (v2_factory, weth9)),
            (npm_contract("SwapRouter"), (v3_factory, weth9)),
            (npm_contract("QuoterV2"), (v3_factory, weth9)),
            (npm_contract("NonfungiblePositionManager"), (v3_factory, weth9, ZERO)),
        ],
        sender,
    )
    return Uniswap(weth9, v2_factory, v2_router, v3_factory, v3_router, quoter, lens, positions, liquidity)


def create_v3_pool(
    chain: DevChain, factory: Address, sender: Address, pair: tuple[Address, Address], *, fee: int, sqrt_price: int
) -> Address:
    """Create and initialise a pool at ``sqrt_price`` (X96); returns its address."""
    chain.transact(sender, factory, "createPool(address,address,uint24)", *sorted(pair), fee, gas=8_000_000)
    pool = chain.call(factory, "getPool(address,address,uint24)", *sorted(pair), fee, returns="(address)")
    chain.transact(sender, pool, "initialize(uint160)", sqrt_price)
    return Address(pool)


def create_v2_pair(chain: DevChain, factory: Address, sender: Address, pair: tuple[Address, Address]) -> Address:
    """Create an empty pair; returns its address."""
    chain.transact(sender, factory, "createPair(address,address)", *sorted(pair), gas=5_000_000)
    return Address(chain.call(factory, "getPair(address,address)", *pair, returns="(address)"))


def grow_ring(pool: Address, sender: Address, cardinality: int) -> list[Tx]:
    """Transactions that make room for ``cardinality`` observations."""
    steps = [*range(CARDINALITY_A_TX, cardinality, CARDINALITY_A_TX), cardinality]
    signature = "increaseObservationCardinalityNext(uint16)"
    return [Tx(sender, pool, calldata(signature, step), gas=12_500_000) for step in steps]


def move_positions(
    uniswap: Uniswap, sender: Address, pool: Address, positions: Sequence[Position], *, opening: bool
) -> list[Tx]:
    """Transactions that open the positions, or take their liquidity out."""
    signature = f"{'open' if opening else 'close'}(address,(int24,int24,uint128)[])"
    chunks = [positions[i : i + POSITIONS_A_TX] for i in range(0, len(positions), POSITIONS_A_TX)]
    rows = [[(p.tick_lower, p.tick_upper, p.liquidity) for p in chunk] for chunk in chunks]
    return [Tx(sender, uniswap.liquidity, calldata(signature, pool, row), gas=14_000_000) for row in rows]


def sqrt_price_x96(numerator: int, denominator: int) -> int:
    """sqrt(raw token1 per raw token0) * 2**96, rounded down."""
    return isqrt((numerator << 192) // denominator)


def initialised_ticks(chain: DevChain, pool: Address, words: range) -> list[int]:
    """Every initialised tick in the given words of the pool's bitmap, read through its views."""
    spacing = chain.call(pool, "tickSpacing()", returns="(int24)")
    calls = [
        ("eth_call", ({"to": pool, "data": "0x" + calldata("tickBitmap(int16)", word).hex()}, "latest"))
        for word in words
    ]
    found = []
    for word, answer in zip(words, chain.batch(calls), strict=True):
        bits = int(answer, 16)
        found += [(word * 256 + bit) * spacing for bit in range(256) if bits >> bit & 1]
    return found


def require_code(chain: DevChain, address: Address) -> None:
    """Refuse an address without code: a deployment that silently went wrong."""
    if chain.rpc("eth_getCode", address, "latest") == "0x":
        raise Refused(f"{address} has no code")
