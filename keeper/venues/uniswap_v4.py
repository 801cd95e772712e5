"""Uniswap v4: one pool of the PoolManager by its raw words, sales by the exact walk over its ticks.

The settings are the pool's key: ``address`` the manager, ``companion`` the hooks, ``fee_pips`` and ``tick_spacing`` the
key's own (0x800000 for a dynamic fee); ``pool_id`` is its hash. What counts, and what never does, is decided in
``docs/decisions/0013-uniswap-v4.md``.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property

from keeper.maths.concentrated import swap_fee_pips_up
from keeper.maths.tick_curve import TickCurve, mid_price, price_before_fee
from keeper.maths.tick_walk import TickRange, swap
from keeper.records.pools import PoolState, UniswapV4State
from keeper.records.settings import DYNAMIC_FEE, PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan
from keeper.records.units import Address, BlockRef, Price
from keeper.venues.tick_words import Garbage, refuse_impossible
from keeper.venues.uniswap_v4_check import key_of, layout_asks, problems_of
from keeper.venues.uniswap_v4_words import RawPool, request, split

READ_GAS = 12_000_000
"""Stipend of a read: about 4,500 initialised ticks at 2,700 gas each."""

BEFORE_SWAP = 1 << 7
BEFORE_SWAP_RETURNS_DELTA = 1 << 3
AFTER_SWAP_RETURNS_DELTA = 1 << 2
"""Permission bits in the address of hooks; v4-core 1.0.2 ``Hooks``."""

MOST_AMOUNT = (1 << 127) - 1
"""The manager counts amounts in int128."""


class UniswapV4:
    """Adapter of pools inside the PoolManager."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,
        block: BlockRef,  # noqa: ARG002 - a v4 pool says nothing about time
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Price, fees, liquidity and the ticks within the plan's range, from the manager's own storage."""
        ask = _ask(pool, plan.depth_range_ticks)
        (answer,) = yield (ask,)
        objection = never_counts(pool)
        if objection:
            return _failed(pool, ask, answer, objection)
        if not answer.ok:
            return _failed(pool, ask, answer, "the storage could not be read")
        try:
            raw = split(answer.data, pool.pool_id, pool.tick_spacing, plan.depth_range_ticks)
            state = _state(pool, raw)
        except Garbage as error:
            return _failed(pool, ask, answer, str(error))
        return PoolReading(state, raw.inputs(pool.address))

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Pool id against the key that settings and tokens make, raw words against the manager's ``extsload``."""
        range_ticks = ReadPlan(0).depth_range_ticks
        key = key_of(pool, collateral, debt)
        (answer, *held) = yield (_ask(pool, range_ticks), *key.balance_asks(pool.address))
        objection = never_counts(pool)
        problems = (*key.problems, *((objection,) if objection else ()))
        try:
            raw = split(answer.data, pool.pool_id, pool.tick_spacing, range_ticks)
            _state(pool, raw)
        except Garbage as error:
            return (*problems, f"raw storage: {error}")
        answers = yield layout_asks(pool, key, raw)
        return (*problems, *problems_of(pool, key, raw, answers, held))

    def curve(self, pool: PoolSettings, state: PoolState) -> "PoolCurve":
        """Sale of collateral over the whole of what is known; nothing while no liquidity stands at the price."""
        return PoolCurve(pool, _v4(pool, state))

    def swaps(self, pool: PoolSettings, state: PoolState) -> "PoolSwaps":
        """Both directions by the exact walk, each with its own fee."""
        return PoolSwaps(pool, _v4(pool, state))


def never_counts(pool: PoolSettings) -> str:
    """Why the pool's words can't say what a swap yields, whoever vouches for its hooks; empty if they can."""
    flags = int(pool.companion, 16)
    if flags & (BEFORE_SWAP_RETURNS_DELTA | AFTER_SWAP_RETURNS_DELTA):
        return f"its hooks {pool.companion} take part in the amounts of every swap"
    if pool.fee_pips == DYNAMIC_FEE and flags & BEFORE_SWAP:
        return f"its hooks {pool.companion} may choose the fee of every swap"
    return ""


class PoolCurve:
    """``records.ports.SaleCurve`` of a pool: the exact walk.

    Without liquidity at the price it sells nothing: there anybody moves the price for nothing.
    """

    def __init__(self, pool: PoolSettings, state: UniswapV4State) -> None:
        self._pool, self._state = pool, state
        self._zero = pool.collateral_is_token0

    @cached_property
    def _walk(self) -> TickCurve:
        return TickCurve(tick_range(self._pool, self._state, zero_for_one=self._zero), zero_for_one=self._zero)

    @property
    def mid(self) -> Price:
        """The pool's price."""
        return mid_price(self._state.sqrt_price_x96, zero_for_one=self._zero)

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """(amount taken, amount out)."""
        return self._walk.exact_in_down(min(amount_in, MOST_AMOUNT)) if self._state.liquidity else (0, 0)

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in up, amount out down) down to the after-fee marginal price."""
        if not self._state.liquidity:
            return 0, 0
        fee = _fee(self._state, zero_for_one=self._zero)
        return self._walk.to_price(price_before_fee(sqrt_price_x96, fee, zero_for_one=self._zero))


@dataclass(frozen=True, slots=True)
class PoolSwaps:
    """``records.ports.Swaps`` of a pool as far as its ticks are known."""

    pool: PoolSettings
    state: UniswapV4State

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Walk until the input is used up or the known range ends."""
        return self._swap(min(amount_in, MOST_AMOUNT), sells_collateral)

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """Walk until the output is reached or the known range ends."""
        return self._swap(-min(amount_out, MOST_AMOUNT), sells_collateral)

    def _swap(self, amount: int, sells_collateral: bool) -> tuple[int, int]:
        zero_for_one = sells_collateral == self.pool.collateral_is_token0
        done = swap(tick_range(self.pool, self.state, zero_for_one=zero_for_one), amount, zero_for_one=zero_for_one)
        return done.amount_in, done.amount_out


def tick_range(pool: PoolSettings, state: UniswapV4State, *, zero_for_one: bool) -> TickRange:
    """The pool for exact quotes of one direction: the protocol's fee is another in each."""
    return TickRange(
        sqrt_price_x96=state.sqrt_price_x96,
        tick=state.tick,
        liquidity=state.liquidity,
        ticks=tuple(tick for tick, _ in state.ticks),
        nets=tuple(net for _, net in state.ticks),
        lowest_tick=state.lowest_tick,
        highest_tick=state.highest_tick,
        spacing=pool.tick_spacing,
        fee_pips=_fee(state, zero_for_one=zero_for_one),
    )


def _fee(state: UniswapV4State, *, zero_for_one: bool) -> int:
    return state.fee0_pips if zero_for_one else state.fee1_pips


def _ask(pool: PoolSettings, range_ticks: int) -> Ask:
    return Ask(pool.address, request(pool.pool_id, pool.tick_spacing, range_ticks), "uniswap_v4", READ_GAS)


def _state(pool: PoolSettings, raw: RawPool) -> UniswapV4State:
    slot0 = raw.slot0
    if pool.fee_pips not in (DYNAMIC_FEE, slot0.lp_fee_pips):
        raise Garbage(f"its fee is {slot0.lp_fee_pips}, the settings say {pool.fee_pips}")
    refuse_impossible(slot0.tick, slot0.sqrt_price_x96, raw.liquidity, raw.around)
    return UniswapV4State(
        sqrt_price_x96=slot0.sqrt_price_x96,
        tick=slot0.tick,
        liquidity=raw.liquidity,
        ticks=raw.around.nets,
        lowest_tick=raw.around.lowest_tick,
        highest_tick=raw.around.highest_tick,
        fee0_pips=swap_fee_pips_up(slot0.lp_fee_pips, slot0.protocol_fee0_pips),
        fee1_pips=swap_fee_pips_up(slot0.lp_fee_pips, slot0.protocol_fee1_pips),
        fee_growth0_x128=raw.fee_growth[0],
        fee_growth1_x128=raw.fee_growth[1],
    )


def _failed(pool: PoolSettings, ask: Ask, answer: Answer, reason: str) -> PoolReading:
    inputs = (CallInput(ask.to, ask.data, answer.ok, answer.data),)
    return PoolReading(None, inputs, f"{pool.label}: {reason}")


def _v4(pool: PoolSettings, state: PoolState) -> UniswapV4State:
    if not isinstance(state, UniswapV4State):
        raise TypeError(f"{pool.label}: not the state of a Uniswap v4 pool")
    return state
