"""What a Uniswap v2 pair is without some of its providers: LP tokens are shares of both reserves."""

from collections.abc import Generator, Sequence

from keeper.maths.fixed import isqrt_down, isqrt_up
from keeper.records.log import Log
from keeper.records.pools import PoolState, UniswapV2State
from keeper.records.ports import SaleCurve
from keeper.records.providers import Book, Move, Provision
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import BPS
from keeper.venues.abi import answered, view
from keeper.venues.position_logs import TRANSFER, pair_moves
from keeper.venues.uniswap_v2 import UniswapV2


class PairPositions:
    """``records.providers.Provided`` of pairs."""

    managed = False

    def topics(self, pool: PoolSettings) -> tuple[tuple[bytes, ...], ...]:  # noqa: ARG002 - the pair is its own token
        """Transfers of the LP token."""
        return ((TRANSFER,),)

    def moves(self, pool: PoolSettings, logs: Sequence[Log], managed: Sequence[Log]) -> list[Move]:  # noqa: ARG002 - holders are known
        """LP tokens as they change hands."""
        return pair_moves(pool, logs)

    def check(
        self,
        pool: PoolSettings,
        state: PoolState,  # noqa: ARG002 - reserves do not tell the supply
        book: Book,
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], str]:
        """All balances against the token's supply."""
        (answer,) = yield (view(pool.address, "totalSupply()"),)
        supply, told = answered(answer, 1), sum(book.values())
        if supply is None:
            return "totalSupply() does not answer"
        if told != supply[0] or min(book.values(), default=0) < 0:
            return f"its events leave {told} LP tokens, the pair has {supply[0]}"
        return ""

    def rest(self, whole: Provision, leaving: Sequence[bool]) -> PoolState:
        """A burn pays out rounded down, so what is left is rounded up."""
        pair = _pair(whole.state)
        gone = sum(row.liquidity for row, leaves in zip(whole.positions, leaving, strict=True) if leaves)
        if not gone:
            return pair
        supply = _supply(whole)
        return UniswapV2State(*(reserve - reserve * gone // supply for reserve in (pair.reserve0, pair.reserve1)))

    def curve(self, whole: Provision, rest: PoolState) -> SaleCurve | None:
        """A pair has no harmonic mean that could scale it."""
        left = _pair(rest)
        return UniswapV2().curve(whole.pool, left) if left.reserve0 and left.reserve1 else None

    def moved(self, pool: PoolSettings, state: PoolState, fall_bps: int) -> PoolState:
        """Along the curve, fees left out: x' = x / sqrt(1 - fall), up, and y' = x y / x', down."""
        pair, zero = _pair(state), pool.collateral_is_token0
        held = pair.reserve0 if zero else pair.reserve1
        more = isqrt_up(held * held * BPS // (BPS - fall_bps))
        less = pair.reserve0 * pair.reserve1 // more
        return UniswapV2State(more, less) if zero else UniswapV2State(less, more)

    def in_range(self, whole: Provision) -> list[int]:
        """Shares of sqrt(x y)."""
        pair, supply = _pair(whole.state), _supply(whole)
        root = isqrt_down(pair.reserve0 * pair.reserve1)
        return [root * row.liquidity // supply for row in whole.positions]

    def ends_within(self, whole: Provision, fall_bps: int) -> list[bool]:  # noqa: ARG002 - a pair has no ends
        """Never."""
        return [False] * len(whole.positions)

    def taken_by(self, whole: Provision, taken: int) -> list[int]:
        """In proportion to the shares."""
        supply = _supply(whole)
        return [taken * row.liquidity // supply for row in whole.positions]


def _supply(whole: Provision) -> int:
    return sum(row.liquidity for row in whole.positions)


def _pair(state: PoolState) -> UniswapV2State:
    if not isinstance(state, UniswapV2State):
        raise TypeError("not the state of a Uniswap v2 pair")
    return state
