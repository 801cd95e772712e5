"""Positions of providers from a pool's own events: Uniswap v2, v3 and v4, one function each.

A pool knows only who called it. Contracts that keep positions for others (position managers) are not taken from a
list: in v3 a manager is whoever logs ``IncreaseLiquidity`` or ``DecreaseLiquidity`` right after the pool's own event,
with the same amount; in v4 a caller's salt is its token's number.

Reference: v2-core 1.0.1 ``UniswapV2ERC20``, v3-core 1.0.1 ``IUniswapV3PoolEvents``, v3-periphery 1.4.4
``INonfungiblePositionManager``, v4-core 1.0.2 ``IPoolManager``, v4-periphery 1.0.3 ``PositionManager``.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from keeper.maths.keccak import keccak
from keeper.maths.tick_math import MAX_TICK, MIN_TICK
from keeper.records.log import Log
from keeper.records.providers import Holding, Move
from keeper.records.settings import PoolSettings
from keeper.records.units import NO_ADDRESS, Address
from keeper.venues.abi import WORD, address_of, signed, words_of

TRANSFER = keccak(b"Transfer(address,address,uint256)")
MINT = keccak(b"Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = keccak(b"Burn(address,int24,int24,uint128,uint256,uint256)")
INCREASE = keccak(b"IncreaseLiquidity(uint256,uint128,uint256,uint256)")
DECREASE = keccak(b"DecreaseLiquidity(uint256,uint128,uint256,uint256)")
MODIFY = keccak(b"ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)")

MANAGER_TOPICS = ((INCREASE, DECREASE),)
"""What a v3 position manager logs."""


def pair_moves(pool: PoolSettings, logs: Sequence[Log]) -> list[Move]:
    """LP tokens as they change hands: minted from nobody, burned by the pair, else between accounts.

    A transfer to nobody by anyone else is no burn: the tokens stay in the supply, and locked.
    """
    moves = []
    for log in logs:
        sender, receiver, value = _address(log.topics[1]), _address(log.topics[2]), words_of(log.data)[0]
        if sender != NO_ADDRESS:
            moves.append(Move(_held(sender), -value))
        if sender != pool.address or receiver != NO_ADDRESS:
            moves.append(Move(_held(receiver), value))
    return moves


def pool_moves(pool: PoolSettings, logs: Sequence[Log], managed: Sequence[Log]) -> list[Move]:
    """A v3 pool's mints and burns, each given the number of the manager's token that follows it.

    Parameters
    ----------
    logs
        Of the pool.
    managed
        Of the managers, for every block in which one of them moved this pool's liquidity; those of other pools
        among them are passed over.
    """
    moves: list[Move] = []
    open_moves: dict[tuple[bytes, Address], int] = {}
    for log in sorted([*logs, *managed], key=lambda row: (row.block_number, row.log_index)):
        if log.address == pool.address:
            move = _pool_move(log)
            if move.liquidity:
                open_moves[log.tx_hash, move.holding.owner] = len(moves)
                moves.append(move)
        elif (at := open_moves.pop((log.tx_hash, log.address), None)) is not None:
            moves[at] = _named(log, moves[at])
    return moves


def manager_pool_moves(pool: PoolSettings, logs: Sequence[Log]) -> list[Move]:
    """A v4 pool's changes; a salt that is not zero is the caller's number for the position."""
    moves = []
    for log in logs:
        lower, upper, delta, salt = words_of(log.data)
        change = signed(delta, 256)
        if log.topics[1] == pool.pool_id and change:
            holding = Holding(_address(log.topics[2]), salt or None, signed(lower, 24), signed(upper, 24))
            moves.append(Move(holding, change))
    return moves


def first_callers(logs: Sequence[Log], known: Collection[Address]) -> list[tuple[bytes, Address]]:
    """(block hash, caller) of the first v3 event of every caller that is not known yet."""
    first: dict[Address, bytes] = {}
    for log in logs:
        if (move := _pool_move(log)).liquidity and move.holding.owner not in known:
            first.setdefault(move.holding.owner, log.block_hash)
    return [(block, owner) for owner, block in first.items()]


def managed_blocks(logs: Sequence[Log], managers: Collection[Address]) -> list[tuple[bytes, Address]]:
    """(block hash, manager) of every block in which a manager moved this v3 pool's liquidity."""
    rows = ((log.block_hash, _pool_move(log)) for log in logs)
    return list(
        dict.fromkeys(
            (block, move.holding.owner) for block, move in rows if move.liquidity and move.holding.owner in managers
        )
    )


def _pool_move(log: Log) -> Move:
    owner, lower, upper = (int.from_bytes(topic, "big") for topic in log.topics[1:4])
    # A mint's first word is who paid.
    minted = log.topics[0] == MINT
    amount = words_of(log.data)[1 if minted else 0]
    return Move(Holding(address_of(owner), None, signed(lower, 24), signed(upper, 24)), amount if minted else -amount)


def _named(log: Log, move: Move) -> Move:
    """The move with the number of the token whose liquidity changed by just this; else as it was."""
    if len(log.topics) != 2 or len(log.data) != 3 * WORD:
        return move
    amount = words_of(log.data)[0]
    if {INCREASE: amount, DECREASE: -amount}.get(log.topics[0]) != move.liquidity:
        return move
    return Move(replace(move.holding, token_id=int.from_bytes(log.topics[1], "big")), move.liquidity)


def _held(account: Address) -> Holding:
    return Holding(account, None, MIN_TICK, MAX_TICK)


def _address(topic: bytes) -> Address:
    return address_of(int.from_bytes(topic, "big"))
