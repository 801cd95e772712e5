"""Who provides a pool's liquidity: positions as the pool's events tell them."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from keeper.records.log import Log
from keeper.records.pools import PoolState
from keeper.records.ports import SaleCurve
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import NO_ADDRESS, Address

LOCKED = frozenset({NO_ADDRESS, Address("0x" + "00" * 18 + "dead")})
"""Accounts that nobody can sign for: what they hold never leaves."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What names a position in a pool."""

    owner: Address
    """As the pool knows it: an account, or a contract that keeps positions for others."""
    token_id: int | None
    """The contract's number for it, where it has one."""
    tick_lower: int
    tick_upper: int


@dataclass(frozen=True, slots=True)
class Move:
    """One change of one position."""

    holding: Holding
    liquidity: int
    """Added; negative when taken out."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position and who can take it out."""

    provider: Address
    tick_lower: int
    tick_upper: int
    liquidity: int
    """Above 0. Of a pool with ticks: its own units. Of a Uniswap v2 pair: LP tokens, raw units."""


@dataclass(frozen=True, slots=True)
class Provision:
    """A pool at one block with everybody who provides it."""

    pool: PoolSettings
    state: PoolState
    positions: tuple[Position, ...]
    """All of them; together they are the pool to the last unit."""


Book = dict[Holding, int]
"""Holding -> liquidity above 0."""


def apply(book: Book, moves: list[Move]) -> None:
    """Change a book by moves; a holding without liquidity leaves it."""
    for move in moves:
        after = book.get(move.holding, 0) + move.liquidity
        if after:
            book[move.holding] = after
        else:
            book.pop(move.holding, None)


class Provided(Protocol):
    """One kind of pool whose providers its events tell."""

    managed: bool
    """Whether the events of position managers are needed too."""

    def topics(self, pool: PoolSettings) -> tuple[tuple[bytes, ...], ...]:
        """Which events of ``pool.address`` tell its positions."""

    def moves(self, pool: PoolSettings, logs: Sequence[Log], managed: Sequence[Log]) -> list[Move]:
        """What the events changed, in chain order."""

    def check(
        self, pool: PoolSettings, state: PoolState, book: Book
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], str]:
        """Where the positions do not add up to the pool, one line; empty when they do to the last unit."""

    def rest(self, whole: Provision, leaving: Sequence[bool]) -> PoolState:
        """What the pool would hold after these positions were taken out."""

    def curve(self, whole: Provision, rest: PoolState) -> SaleCurve | None:
        """Sale into such a rest, scaled as the whole pool is; None when nothing is left at the price."""

    def moved(self, pool: PoolSettings, state: PoolState, fall_bps: int) -> PoolState:
        """The pool after trades that made the collateral cheaper by this much."""

    def in_range(self, whole: Provision) -> list[int]:
        """Liquidity of each position at the price, sqrt(x y) of what it trades with, rounded down; 0 out of range."""

    def ends_within(self, whole: Provision, fall_bps: int) -> list[bool]:
        """Whether each position is out of range once the collateral is cheaper by this much."""

    def taken_by(self, whole: Provision, taken: int) -> list[int]:
        """How much of a sale of ``taken`` each position takes, fee included, raw collateral, rounded down."""
