"""Uniswap v3 and forks with its storage layout: state by raw words, sales by the exact walk over its ticks."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property

from keeper.maths.fixed import cdiv
from keeper.maths.tick_curve import TickCurve, mid_price, price_before_fee
from keeper.maths.tick_walk import TickRange, swap
from keeper.maths.twap import harmonic_mean_liquidity_down
from keeper.records.pools import PoolState, UniswapV3State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef, Price
from keeper.venues.abi import answered, signed, token_mismatches, view
from keeper.venues.tick_words import Garbage, refuse_impossible, tick_liquidity
from keeper.venues.uniswap_v3_words import (
    Observation,
    RawPool,
    current,
    newest_age,
    observed,
    request,
    split,
)

READ_GAS = 12_000_000
"""Stipend of a read: about 4,500 initialised ticks at 2,700 gas each."""


class UniswapV3:
    """Adapter of concentrated-liquidity pools."""

    def read(
        self, pool: PoolSettings, plan: ReadPlan, block: BlockRef
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Price, liquidity, ticks within the plan's range, and the ring at the plan's targets."""
        targets = (plan.harmonic_seconds, *plan.ring_seconds)
        ask = Ask(pool.address, request(pool.tick_spacing, plan.depth_range_ticks, targets), "uniswap_v3", READ_GAS)
        (answer,) = yield (ask,)
        if not answer.ok:
            return _failed(ask, answer, "the storage could not be read")
        try:
            raw = split(answer.data, pool.tick_spacing, plan.depth_range_ticks, len(targets))
            state = _state(raw, plan, block.timestamp)
        except Garbage as error:
            return _failed(ask, answer, str(error))
        return PoolReading(state, raw.inputs(pool.address))

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Settings and raw words against the pool's own views."""
        range_ticks = ReadPlan(0).depth_range_ticks
        data = request(pool.tick_spacing, range_ticks, ())
        (answer,) = yield (Ask(pool.address, data, "uniswap_v3", READ_GAS),)
        try:
            raw = split(answer.data, pool.tick_spacing, range_ticks, 0)
        except Garbage as error:
            return (f"raw storage: {error}",)
        names = ("token0()", "token1()", "fee()", "tickSpacing()")
        answers = yield (*(view(pool.address, name) for name in names), *_layout_views(pool, raw))
        words = [answered(row, 1) for row in answers[:4]]
        if any(row is None for row in words):
            return ("does not answer like a Uniswap v3 pool",)
        token0, token1, fee, spacing = (row[0] for row in words if row is not None)
        problems = token_mismatches(
            (token0, token1), collateral_is_token0=pool.collateral_is_token0, collateral=collateral, debt=debt
        )
        if fee != pool.fee_pips:
            problems.append(f"fee() is {fee}, the settings say {pool.fee_pips}")
        if signed(spacing, 24) != pool.tick_spacing:
            problems.append(f"tickSpacing() is {signed(spacing, 24)}, the settings say {pool.tick_spacing}")
        return (*problems, *_layout_problems(raw, answers[4:]))

    def curve(self, pool: PoolSettings, state: PoolState) -> "PoolCurve":
        """Sale of collateral, liquidity capped by its harmonic mean."""
        return PoolCurve(pool, _v3(pool, state))

    def swaps(self, pool: PoolSettings, state: PoolState) -> "PoolSwaps":
        """Both directions by the exact walk."""
        return PoolSwaps(tick_range(pool, _v3(pool, state)), pool.collateral_is_token0)


class PoolCurve:
    """``records.ports.SaleCurve`` of a pool: the exact walk, scaled by min(1, harmonic mean / current liquidity).

    Without a harmonic mean, or without liquidity at the price, it sells nothing: liquidity of one block does not count.

    Parameters
    ----------
    measured
        The state whose scale holds, when ``state`` is what is left of it without some positions.
    """

    def __init__(self, pool: PoolSettings, state: UniswapV3State, measured: UniswapV3State | None = None) -> None:
        self._pool, self._state = pool, state
        scale_of = measured or state
        self._counted, self._active = counted_liquidity(scale_of) if state.liquidity else 0, scale_of.liquidity

    @cached_property
    def _walk(self) -> TickCurve:
        return TickCurve(tick_range(self._pool, self._state), zero_for_one=self._pool.collateral_is_token0)

    @property
    def mid(self) -> Price:
        """The pool's price."""
        return mid_price(self._state.sqrt_price_x96, zero_for_one=self._pool.collateral_is_token0)

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out), both rounded down where the scale applies."""
        if not self._counted:
            return 0, 0
        asked = amount_in * self._active // self._counted
        taken, given = self._walk.exact_in_down(asked)
        scaled = amount_in if taken == asked else taken * self._counted // self._active
        return scaled, given * self._counted // self._active

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in up, amount out down) down to the after-fee marginal price."""
        if not self._counted:
            return 0, 0
        before_fee = price_before_fee(sqrt_price_x96, self._pool.fee_pips, zero_for_one=self._pool.collateral_is_token0)
        taken, given = self._walk.to_price(before_fee)
        return cdiv(taken * self._counted, self._active), given * self._counted // self._active


@dataclass(frozen=True, slots=True)
class PoolSwaps:
    """``records.ports.Swaps`` of a pool as far as its ticks are known."""

    ticks: TickRange
    collateral_is_token0: bool

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Walk until the input is used up or the known range ends."""
        return self._swap(amount_in, sells_collateral)

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Walk until the output is reached or the known range ends."""
        return self._swap(-amount_out, sells_collateral)

    def _swap(self, amount: int, sells_collateral: bool) -> tuple[int, int]:
        done = swap(self.ticks, amount, zero_for_one=sells_collateral == self.collateral_is_token0)
        return done.amount_in, done.amount_out


def tick_range(pool: PoolSettings, state: UniswapV3State) -> TickRange:
    """The pool for exact quotes in both directions, nothing scaled."""
    return TickRange(
        sqrt_price_x96=state.sqrt_price_x96,
        tick=state.tick,
        liquidity=state.liquidity,
        ticks=tuple(tick for tick, _ in state.ticks),
        nets=tuple(net for _, net in state.ticks),
        lowest_tick=state.lowest_tick,
        highest_tick=state.highest_tick,
        spacing=pool.tick_spacing,
        fee_pips=pool.fee_pips,
    )


def _state(raw: RawPool, plan: ReadPlan, time: int) -> UniswapV3State:
    age = newest_age(raw, time)
    refuse_impossible(raw.slot0.tick, raw.slot0.sqrt_price_x96, raw.liquidity, raw.around)
    harmonic, covered = observed(raw, 0, plan.harmonic_seconds, time)
    long_enough = covered or 4 * (time - harmonic.time) >= plan.harmonic_seconds
    ring = [observed(raw, which, ago, time) for which, ago in enumerate(plan.ring_seconds, start=1)]
    return UniswapV3State(
        sqrt_price_x96=raw.slot0.sqrt_price_x96,
        tick=raw.slot0.tick,
        liquidity=raw.liquidity,
        ticks=raw.around.nets,
        lowest_tick=raw.around.lowest_tick,
        highest_tick=raw.around.highest_tick,
        now=current(raw, time),
        last_observation_time=time - age,
        harmonic=harmonic if long_enough else None,
        ring=tuple(reading for reading, reached in ring if reached),
        fee_growth0_x128=raw.fee_growth[0],
        fee_growth1_x128=raw.fee_growth[1],
    )


def counted_liquidity(state: UniswapV3State) -> int:
    """Current liquidity capped by its harmonic mean; 0 = not counted."""
    then, now = state.harmonic, state.now
    if then is None:
        return 0
    mean = harmonic_mean_liquidity_down(
        then.seconds_per_liquidity_x128, now.seconds_per_liquidity_x128, now.time - then.time
    )
    return 0 if mean is None else min(mean, state.liquidity)


def _layout_views(pool: PoolSettings, raw: RawPool) -> tuple[Ask, ...]:
    """Views that answer the same as the raw words."""
    position = raw.slot0.tick // pool.tick_spacing >> 8
    asks = (
        view(pool.address, "slot0()"),
        view(pool.address, "liquidity()"),
        view(pool.address, "observations(uint256)", raw.slot0.index),
        view(pool.address, "tickBitmap(int16)", position),
        view(pool.address, "feeGrowthGlobal0X128()"),
        view(pool.address, "feeGrowthGlobal1X128()"),
    )
    first = next(iter(raw.around.ticks), None)
    return asks if first is None else (*asks, view(pool.address, "ticks(int24)", first))


def _layout_problems(raw: RawPool, answers: tuple[Answer, ...]) -> tuple[str, ...]:
    slot0, liquidity, newest = answered(answers[0], 7), answered(answers[1], 1), answered(answers[2], 4)
    bitmap, *growth = (answered(answer, 1) for answer in answers[3:6])
    own = raw.slot0
    said = None if slot0 is None else (slot0[0], signed(slot0[1], 24), slot0[2], slot0[3])
    seen = None if newest is None else Observation(newest[0], signed(newest[1], 56), newest[2], bool(newest[3]))
    agreed = {
        "slot0()": said == (own.sqrt_price_x96, own.tick, own.index, own.cardinality),
        "liquidity()": liquidity == (raw.liquidity,),
        "observations()": seen == raw.newest,
        "tickBitmap()": bitmap is not None and bitmap[0] in raw.around.bitmaps.values(),
        "feeGrowthGlobal()": growth == [(word,) for word in raw.fee_growth],
    }
    if raw.around.ticks:
        ticks, first = answered(answers[6], 8), next(iter(raw.around.ticks.values()))
        agreed["ticks()"] = ticks is not None and (ticks[0], signed(ticks[1], 128)) == tick_liquidity(first)
    return tuple(
        f"{name} disagrees with the raw words: another storage layout" for name, same in agreed.items() if not same
    )


def _failed(ask: Ask, answer: Answer, reason: str) -> PoolReading:
    return PoolReading(None, (CallInput(ask.to, ask.data, answer.ok, answer.data),), f"{ask.to}: {reason}")


def _v3(pool: PoolSettings, state: PoolState) -> UniswapV3State:
    if not isinstance(state, UniswapV3State):
        raise TypeError(f"{pool.address}: not the state of a Uniswap v3 pool")
    return state
