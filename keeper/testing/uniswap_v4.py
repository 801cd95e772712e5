"""Deploys the real Uniswap v4 from its npm artifacts, opens pools in it, fills them and trades in them.

Its packages are development dependencies: tests have them, the demo does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.chain.artifacts import load
from keeper.maths.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO
from keeper.records.units import Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import POSITIONS_A_TX, ZERO, Position
from keeper.venues.uniswap_v4_words import pool_id_of

KEY = "(address,address,uint24,int24,address)"
"""ABI type of a PoolKey."""

NATIVE = ZERO
"""The chain's own currency, as pool keys name it."""


@dataclass(frozen=True, slots=True)
class UniswapV4:
    """Addresses of one deployment."""

    manager: Address
    """PoolManager: every pool and all its tokens; owned by the sender."""
    quoter: Address
    """V4Quoter."""
    state_view: Address
    """StateView."""
    unlocker: Address
    """Our ``DevUnlocker``: opens and closes many positions at once, swaps, keeps what it gets."""


@dataclass(frozen=True, slots=True)
class PoolKey:
    """What names a pool."""

    currency0: Address
    currency1: Address
    fee: int
    tick_spacing: int
    hooks: Address = ZERO

    @property
    def row(self) -> tuple[Address, Address, int, int, Address]:
        """As ABI encoding takes it."""
        return self.currency0, self.currency1, self.fee, self.tick_spacing, self.hooks

    @property
    def pool_id(self) -> bytes:
        """Key of the pool inside the manager."""
        return pool_id_of(*self.row)


def deploy_v4(chain: DevChain, sender: Address) -> UniswapV4:
    """Deploy manager, quoter, view and our own unlocker; ``sender`` owns the manager and sets protocol fees."""
    manager, unlocker = chain.deploy_all(
        [(npm_contract("PoolManager"), (sender,)), (load("DevUnlocker", "keeper.testing"), ())], sender
    )
    quoter, state_view = chain.deploy_all(
        [(npm_contract("V4Quoter"), (manager,)), (npm_contract("StateView"), (manager,))], sender
    )
    chain.transact(sender, manager, "setProtocolFeeController(address)", sender)
    return UniswapV4(manager, quoter, state_view, unlocker)


def create_v4_pool(chain: DevChain, v4: UniswapV4, sender: Address, key: PoolKey, sqrt_price: int) -> None:
    """Initialise a pool at ``sqrt_price`` (X96)."""
    chain.transact(sender, v4.manager, f"initialize({KEY},uint160)", key.row, sqrt_price)


def protocol_fee(v4: UniswapV4, sender: Address, key: PoolKey, pips: tuple[int, int]) -> Tx:
    """Transaction that sets the pool's protocol fees: of swaps that sell currency 0, currency 1."""
    return Tx(sender, v4.manager, calldata(f"setProtocolFee({KEY},uint24)", key.row, pips[1] << 12 | pips[0]))


def move_v4_positions(
    v4: UniswapV4, sender: Address, key: PoolKey, positions: Sequence[Position], *, opening: bool
) -> list[Tx]:
    """Transactions that open the positions, or take their liquidity out."""
    signature = f"{'open' if opening else 'close'}(address,{KEY},(int24,int24,uint128)[])"
    chunks = [positions[i : i + POSITIONS_A_TX] for i in range(0, len(positions), POSITIONS_A_TX)]
    rows = [[(p.tick_lower, p.tick_upper, p.liquidity) for p in chunk] for chunk in chunks]
    return [Tx(sender, v4.unlocker, calldata(signature, v4.manager, key.row, row), gas=14_000_000) for row in rows]


def v4_swap(
    v4: UniswapV4, sender: Address, key: PoolKey, amount: int, *, zero_for_one: bool, sqrt_limit_x96: int | None = None
) -> Tx:
    """Transaction of a swap.

    Parameters
    ----------
    amount
        Positive: exact input, raw units. Negative: exact output. (The manager itself counts the other way round.)
    """
    limit = sqrt_limit_x96 or (MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1)
    order = (zero_for_one, -amount, limit)
    signature = f"swap(address,{KEY},(bool,int256,uint160))"
    return Tx(sender, v4.unlocker, calldata(signature, v4.manager, key.row, order), gas=29_000_000)
