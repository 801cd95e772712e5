"""A local chain with real Uniswap v3 pools of a chosen number of ticks, and many more that share their code.

The first pools are opened through the real factory. Where hundreds are needed the rest are written: the code of a real
pool at another address, over storage words of its own (other ticks, other liquidity, the same layout).
"""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from keeper.chain.artifacts import load
from keeper.chain.routes import MULTICALL3
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.records.settings import PoolSettings, two_token_pool
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx
from keeper.testing.uniswap import (
    Position,
    Uniswap,
    create_v3_pool,
    deploy_uniswap,
    grow_ring,
    move_positions,
)
from keeper.venues.tick_words import mapped
from keeper.venues.uniswap_v3_words import BITMAP_SLOT, LIQUIDITY_SLOT, OBSERVATIONS_SLOT, TICKS_SLOT

FEE, SPACING = 500, 10
REACH = 6_500
"""Ticks from the price within which all borders lie: inside the 7,000 that the keeper reads."""
BLOCK_SECONDS = 12
RING_SECONDS, RING = 1_800, 50
"""A written pool's observations: so far apart, so many; a day of half hours and a little more."""
STORAGE_A_BATCH = 4_000
"""Requests of about 250 bytes below Anvil's limit of 2 MB a body."""
MULTICALL3_CODE = Path(__file__).resolve().parents[2] / "tests" / "chain" / "data" / "multicall3.json"

_UINT128 = 1 << 128


@dataclass(frozen=True, slots=True)
class Floor:
    """The chain and what was deployed on it."""

    chain: DevChain
    uniswap: Uniswap
    trader: Address
    pairs: tuple[tuple[Address, Address], ...]
    """Pairs of tokens, one for each real pool."""


def open_floor(chain: DevChain, pools: int) -> Floor:
    """Uniswap, Multicall3, and tokens enough for this many pools of one fee."""
    chain.set_interval(BLOCK_SECONDS)
    trader = chain.accounts[0]
    uniswap = deploy_uniswap(chain, trader)
    count = next(n for n in range(2, 100) if n * (n - 1) // 2 >= pools)
    token = load("DevToken", "keeper.testing")
    tokens = sorted(chain.deploy_all([(token, (f"T{i}", f"T{i}", 18)) for i in range(count)], trader))
    pairs = tuple(combinations(tokens, 2))[:pools]
    receipt = chain.run([Tx(trader, None, bytes.fromhex(json.loads(MULTICALL3_CODE.read_text())["creation"][2:]))])[0]
    chain.rpc("anvil_setCode", MULTICALL3, chain.rpc("eth_getCode", receipt["contractAddress"], "latest"))
    return Floor(chain, uniswap, trader, pairs)


def positions_of(chance: random.Random, ticks: int, middle: int, *, reach: int = REACH) -> list[Position]:
    """Positions with exactly this many borders (an even number), each used once; one position is around the price."""
    low, high = -(-(middle - reach) // SPACING), (middle + reach) // SPACING
    inner = chance.sample(range(low + 1, high), ticks - 2)
    chance.shuffle(inner)
    borders = [(low, high), *(tuple(sorted(pair)) for pair in zip(inner[::2], inner[1::2], strict=True))]
    return [Position(a * SPACING, b * SPACING, int(10 ** chance.uniform(16, 19))) for a, b in borders]


def real_pool(floor: Floor, which: int, positions: Sequence[Position], middle: int) -> PoolSettings:
    """A pool of pair ``which`` from the real factory with the positions; collateral token0."""
    chain, trader, pair = floor.chain, floor.trader, floor.pairs[which]
    start = sqrt_ratio_at_tick(middle)
    address = create_v3_pool(chain, floor.uniswap.v3_factory, trader, pair, fee=FEE, sqrt_price=start)
    chain.run(grow_ring(address, trader, 4))
    for transaction in move_positions(floor.uniswap, trader, address, positions, opening=True):
        chain.run([transaction])
    return _settings(address)


def written_pool(floor: Floor, code: str, positions: Sequence[Position], middle: int, number: int) -> PoolSettings:
    """A pool that was never opened: real code over written words, traded once every ``RING_SECONDS`` for a day."""
    address = Address(f"0x{0xB0 << 152 | number:040x}")
    floor.chain.rpc("anvil_setCode", address, code)
    now = floor.chain.block().timestamp
    rows = _words(positions, middle, now, random.Random(number))  # noqa: S311 - pools, no secrets
    calls = [("anvil_setStorageAt", (address, f"0x{slot:064x}", f"0x{value:064x}")) for slot, value in rows]
    for at in range(0, len(calls), STORAGE_A_BATCH):
        floor.chain.batch(calls[at : at + STORAGE_A_BATCH])
    return _settings(address)


def code_of(floor: Floor, pool: PoolSettings) -> str:
    """Runtime code of a real pool."""
    return str(floor.chain.rpc("eth_getCode", pool.address, "latest"))


def confirm_views(floor: Floor, pool: PoolSettings, ticks: Sequence[tuple[int, int]]) -> None:
    """The pool's own view functions answer what was read raw."""
    for tick, net in ticks:
        words = "(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)"
        answer = floor.chain.call(pool.address, "ticks(int24)", tick, returns=words)
        if answer[1] != net:
            raise AssertionError(f"{pool.address}: ticks({tick}) answers {answer[1]}, read {net}")


def _settings(address: Address) -> PoolSettings:
    return two_token_pool("uniswap_v3", address, True, FEE, SPACING)


def _words(positions: Iterable[Position], middle: int, now: int, chance: random.Random) -> list[tuple[int, int]]:
    """(slot, word) of slot0, liquidity, ticks, bitmap and observations."""
    gross: dict[int, int] = {}
    net: dict[int, int] = {}
    liquidity = 0
    for row in positions:
        for tick, change in ((row.tick_lower, row.liquidity), (row.tick_upper, -row.liquidity)):
            gross[tick] = gross.get(tick, 0) + row.liquidity
            net[tick] = net.get(tick, 0) + change
        liquidity += row.liquidity if row.tick_lower <= middle < row.tick_upper else 0
    bitmap: dict[int, int] = {}
    for tick in gross:
        compressed = tick // SPACING
        bitmap[compressed >> 8] = bitmap.get(compressed >> 8, 0) | 1 << (compressed & 255)
    slot0 = sqrt_ratio_at_tick(middle) | middle % (1 << 24) << 160 | RING - 1 << 184 | RING << 200 | RING << 216
    rows = [(0, slot0 | 1 << 240), (LIQUIDITY_SLOT, liquidity)]
    rows += [(mapped(tick, TICKS_SLOT), gross[tick] | net[tick] % _UINT128 << 128) for tick in gross]
    rows += [(mapped(position, BITMAP_SLOT), bits) for position, bits in bitmap.items()]
    return rows + _ring(middle, liquidity, now, chance)


def _ring(middle: int, liquidity: int, now: int, chance: random.Random) -> list[tuple[int, int]]:
    """Observations as a pool of constant liquidity and a slightly moving price writes them."""
    rows, cumulative, per_liquidity = [], 0, 0
    for index in range(RING):
        time = now - 60 - (RING - 1 - index) * RING_SECONDS
        packed = time % (1 << 32) | cumulative % (1 << 56) << 32 | per_liquidity << 88 | 1 << 248
        rows.append((OBSERVATIONS_SLOT + index, packed))
        cumulative += (middle + chance.randint(-40, 40)) * RING_SECONDS
        per_liquidity = (per_liquidity + (RING_SECONDS << 128) // liquidity) % (1 << 160)
    return rows
