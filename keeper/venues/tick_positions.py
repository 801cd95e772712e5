"""What a pool with ticks is without some of its providers, and what each of them stands for: Uniswap v3 and v4.

Everything is exact: what is left holds the words that the real pool would hold after those positions were burned, and
sales into it go by the same walk. Liquidity stays scaled by the harmonic mean as it was measured with everybody
present, so nobody's leaving can raise what is counted (``docs/decisions/0017-providers.md``).
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from keeper.maths.concentrated import PIPS, amount0_delta_down, amount1_delta_down
from keeper.maths.fixed import isqrt_up
from keeper.maths.tick_math import sqrt_ratio_at_tick
from keeper.maths.tick_walk import TickRange, swap
from keeper.records.log import Log
from keeper.records.pools import PoolState, UniswapV3State, UniswapV4State
from keeper.records.ports import SaleCurve
from keeper.records.providers import Book, Move, Provision
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import BPS
from keeper.venues import uniswap_v3, uniswap_v4
from keeper.venues.position_logs import BURN, MINT, MODIFY, manager_pool_moves, pool_moves

Ticked = UniswapV3State | UniswapV4State
Row = tuple[int, int, int]
"""(lower tick, upper tick, liquidity)."""


class _TickPositions:
    """What both versions share."""

    managed = False

    def check(
        self,
        pool: PoolSettings,  # noqa: ARG002 - the state says it all
        state: PoolState,
        book: Book,
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], str]:
        """Every initialised tick of the range that was read, and the liquidity at the price."""
        yield from ()
        held = _ticked(state)
        told = _made_of(held, ((row.tick_lower, row.tick_upper, size) for row, size in book.items()))
        ours, theirs = dict(told.ticks), dict(held.ticks)
        for tick in sorted(ours.keys() | theirs.keys()):
            if ours.get(tick) != theirs.get(tick):
                return f"its events leave {ours.get(tick, 0)} at tick {tick}, the pool has {theirs.get(tick, 0)}"
        if told.liquidity != held.liquidity:
            return f"its events leave {told.liquidity} at the price, the pool has {held.liquidity}"
        return "its events take out more than they put in" if min(book.values(), default=0) < 0 else ""

    def rest(self, whole: Provision, leaving: Sequence[bool]) -> PoolState:
        """The ticks of those who stay."""
        rows = zip(whole.positions, leaving, strict=True)
        stay = ((row.tick_lower, row.tick_upper, row.liquidity) for row, leaves in rows if not leaves)
        return _made_of(_ticked(whole.state), stay)

    def moved(self, pool: PoolSettings, state: PoolState, fall_bps: int) -> PoolState:
        """A swap to the price, as far as the ticks are known."""
        held, zero = _ticked(state), pool.collateral_is_token0
        limit = _fallen(held.sqrt_price_x96, fall_bps, zero_for_one=zero)
        done = swap(known_ticks(pool, held), 1 << 254, zero_for_one=zero, sqrt_limit_x96=limit)
        return replace(held, sqrt_price_x96=done.sqrt_price_x96, tick=done.tick, liquidity=done.liquidity)

    def in_range(self, whole: Provision) -> list[int]:
        """Each one's own liquidity where its range holds the pool's tick."""
        tick = _ticked(whole.state).tick
        return [row.liquidity if row.tick_lower <= tick < row.tick_upper else 0 for row in whole.positions]

    def ends_within(self, whole: Provision, fall_bps: int) -> list[bool]:
        """Whether the end that a falling collateral meets lies before the fallen price."""
        held, zero = _ticked(whole.state), whole.pool.collateral_is_token0
        limit = _fallen(held.sqrt_price_x96, fall_bps, zero_for_one=zero)
        if zero:
            return [sqrt_ratio_at_tick(row.tick_lower) >= limit for row in whole.positions]
        return [sqrt_ratio_at_tick(row.tick_upper) <= limit for row in whole.positions]

    def taken_by(self, whole: Provision, taken: int) -> list[int]:
        """Input between the price and where the sale ends, position by position: it is linear in the liquidity."""
        state, zero = _ticked(whole.state), whole.pool.collateral_is_token0
        counted, active = _scale(state)
        if not counted:
            return [0] * len(whole.positions)
        known = known_ticks(whole.pool, state)
        end = swap(known, taken * active // counted, zero_for_one=zero).sqrt_price_x96
        low, high = sorted((state.sqrt_price_x96, end))
        delta = amount0_delta_down if zero else amount1_delta_down
        amounts = []
        for row in whole.positions:
            bottom, top = max(low, sqrt_ratio_at_tick(row.tick_lower)), min(high, sqrt_ratio_at_tick(row.tick_upper))
            amount = delta(bottom, top, row.liquidity) if bottom < top else 0
            amounts.append(amount * counted * PIPS // (active * (PIPS - known.fee_pips)))
        return amounts


class V3Positions(_TickPositions):
    """``records.providers.Provided`` of Uniswap v3 pools."""

    managed = True

    def topics(self, pool: PoolSettings) -> tuple[tuple[bytes, ...], ...]:  # noqa: ARG002 - the same of all pools
        """Mints and burns."""
        return ((MINT, BURN),)

    def moves(self, pool: PoolSettings, logs: Sequence[Log], managed: Sequence[Log]) -> list[Move]:
        """Each with the number of its manager's token."""
        return pool_moves(pool, logs, managed)

    def curve(self, whole: Provision, rest: PoolState) -> SaleCurve | None:
        """The exact walk, scaled as the whole pool is."""
        if not isinstance(rest, UniswapV3State) or not isinstance(whole.state, UniswapV3State):
            raise TypeError(f"{whole.pool.label}: not the state of a Uniswap v3 pool")
        return uniswap_v3.PoolCurve(whole.pool, rest, whole.state) if rest.liquidity else None


class V4Positions(_TickPositions):
    """``records.providers.Provided`` of Uniswap v4 pools."""

    def topics(self, pool: PoolSettings) -> tuple[tuple[bytes, ...], ...]:
        """Changes of this one of the manager's pools."""
        return ((MODIFY,), (pool.pool_id,))

    def moves(self, pool: PoolSettings, logs: Sequence[Log], managed: Sequence[Log]) -> list[Move]:  # noqa: ARG002 - salts tell
        """Each with its salt."""
        return manager_pool_moves(pool, logs)

    def curve(self, whole: Provision, rest: PoolState) -> SaleCurve | None:
        """The exact walk; v4 keeps no harmonic mean."""
        curve = uniswap_v4.UniswapV4().curve(whole.pool, rest)
        return curve if _ticked(rest).liquidity else None


def known_ticks(pool: PoolSettings, state: Ticked) -> TickRange:
    """The pool for sales of the collateral."""
    if isinstance(state, UniswapV3State):
        return uniswap_v3.tick_range(pool, state)
    return uniswap_v4.tick_range(pool, state, zero_for_one=pool.collateral_is_token0)


def _made_of(state: Ticked, rows: Iterable[Row]) -> Ticked:
    """The same pool with these positions and no other; a tick stays initialised while a position ends there."""
    nets: defaultdict[int, int] = defaultdict(int)
    liquidity = 0
    for lower, upper, size in rows:
        nets[lower] += size
        nets[upper] -= size
        liquidity += size if lower <= state.tick < upper else 0
    ticks = tuple((tick, nets[tick]) for tick in sorted(nets) if state.lowest_tick <= tick <= state.highest_tick)
    return replace(state, ticks=ticks, liquidity=liquidity)


def _fallen(sqrt_price_x96: int, fall_bps: int, *, zero_for_one: bool) -> int:
    """The pool's own sqrt price when the collateral is cheaper by this much, on the near side."""
    squared = sqrt_price_x96 * sqrt_price_x96
    if zero_for_one:
        return isqrt_up(squared * (BPS - fall_bps) // BPS)
    return isqrt_up(squared * BPS // (BPS - fall_bps))


def _scale(state: Ticked) -> tuple[int, int]:
    """(counted, active) liquidity."""
    if isinstance(state, UniswapV3State):
        return uniswap_v3.counted_liquidity(state), state.liquidity
    return state.liquidity, state.liquidity


def _ticked(state: PoolState) -> Ticked:
    if not isinstance(state, UniswapV3State | UniswapV4State):
        raise TypeError("not the state of a pool with ticks")
    return state
