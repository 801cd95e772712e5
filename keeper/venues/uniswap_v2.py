"""Uniswap v2 and forks with its storage layout: reserves by one raw word, sales by the constant product.

A pair keeps token0 in slot 6, token1 in 7, and both reserves with their time in slot 8.
"""

from collections.abc import Generator
from dataclasses import dataclass

from keeper.maths.constant_product import amount_in_to_price_down, amount_in_up, amount_out_down
from keeper.records.pools import PoolState, UniswapV2State
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, CallInput, PoolReading, ReadPlan, WordInput
from keeper.records.units import Address, BlockRef, Price
from keeper.venues.abi import answered, token_mismatches, view, word, words_of

TOKEN0_SLOT, TOKEN1_SLOT, RESERVES_SLOT = 6, 7, 8
_UINT112 = (1 << 112) - 1


class UniswapV2:
    """Adapter of constant-product pairs."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pair has no range and no ring
        block: BlockRef,  # noqa: ARG002 - reserves say nothing about time
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Reserves from the pair's own storage word."""
        ask = Ask(pool.address, word(RESERVES_SLOT), "uniswap_v2")
        (answer,) = yield (ask,)
        found = answered(answer, 1)
        if found is None:
            return _failed(ask, answer, "the storage could not be read")
        state = _reserves(found[0])
        if not state.reserve0 or not state.reserve1:
            return _failed(ask, answer, "no reserves")
        return PoolReading(state, (WordInput(pool.address, ask.data, answer.data),))

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Tokens against the settings, raw slots against ``token0``, ``token1``, ``getReserves``."""
        raw = Ask(pool.address, word(TOKEN0_SLOT) + word(TOKEN1_SLOT) + word(RESERVES_SLOT), "uniswap_v2")
        (raw_answer,) = yield (raw,)
        names = ("token0()", "token1()", "getReserves()")
        answers = yield tuple(view(pool.address, name) for name in names)
        slots = answered(raw_answer, 3)
        token0, token1 = answered(answers[0], 1), answered(answers[1], 1)
        reserves = answered(answers[2], 3)
        if slots is None or token0 is None or token1 is None or reserves is None:
            return ("does not answer like a Uniswap v2 pair",)
        tokens = (*token0, *token1)
        problems = token_mismatches(
            tokens, collateral_is_token0=pool.collateral_is_token0, collateral=collateral, debt=debt
        )
        if slots[:2] != tokens:
            problems.append("slots 6 and 7 are not its tokens: another storage layout")
        if (_reserves(slots[2]).reserve0, _reserves(slots[2]).reserve1) != reserves[:2]:
            problems.append("slot 8 does not hold what getReserves() answers: another storage layout")
        return tuple(problems)

    def curve(self, pool: PoolSettings, state: PoolState) -> "PairCurve":
        """Sale of collateral into the pair."""
        return PairCurve(*_sides(pool, state), pool.fee_pips)

    def swaps(self, pool: PoolSettings, state: PoolState) -> "PairSwaps":
        """Both directions by the library's formulas."""
        return PairSwaps(*_sides(pool, state), pool.fee_pips)


@dataclass(frozen=True, slots=True)
class PairCurve:
    """``records.ports.SaleCurve`` of a pair."""

    collateral: int
    """Reserve of the collateral, raw units."""
    debt: int
    """Reserve of the debt asset, raw units."""
    fee_pips: int

    @property
    def mid(self) -> Price:
        """Ratio of the reserves."""
        return Price(self.debt, self.collateral)

    def sell_exact_in_down(self, amount_in: int) -> tuple[int, int]:
        """A pair takes any amount."""
        return amount_in, amount_out_down(amount_in, self.collateral, self.debt, self.fee_pips)

    def sell_to_price(self, sqrt_price_x96: int) -> tuple[int, int]:
        """(amount in, amount out down) at the last unit that still earns the price after the fee."""
        amount_in = amount_in_to_price_down(sqrt_price_x96, self.collateral, self.debt, self.fee_pips)
        return amount_in, amount_out_down(amount_in, self.collateral, self.debt, self.fee_pips)


@dataclass(frozen=True, slots=True)
class PairSwaps:
    """``records.ports.Swaps`` of a pair."""

    collateral: int
    """Reserve of the collateral, raw units."""
    debt: int
    fee_pips: int

    def exact_in_down(self, amount_in: int, *, sells_collateral: bool) -> tuple[int, int]:
        """A pair takes any amount."""
        return amount_in, amount_out_down(amount_in, *self._reserves(sells_collateral), self.fee_pips)

    def exact_out_up(self, amount_out: int, *, sells_collateral: bool) -> tuple[int, int]:
        """All but the last unit can be bought."""
        reserve_in, reserve_out = self._reserves(sells_collateral)
        given = min(amount_out, reserve_out - 1)
        return (amount_in_up(given, reserve_in, reserve_out, self.fee_pips), given) if given > 0 else (0, 0)

    def _reserves(self, sells_collateral: bool) -> tuple[int, int]:
        return (self.collateral, self.debt) if sells_collateral else (self.debt, self.collateral)


def by_views(
    ask: Ask,
    block: BlockRef,  # noqa: ARG001 - reserves say nothing about time
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """What the slot reader would answer, by the pair's own views: same words in more calls."""
    names = ("token0()", "token1()", "getReserves()")
    answers = yield tuple(view(ask.to, name) for name in names)
    token0, token1, reserves = (answered(row, count) for row, count in zip(answers, (1, 1, 3), strict=True))
    if token0 is None or token1 is None or reserves is None:
        return Answer(False, b"")
    packed = reserves[0] | reserves[1] << 112 | reserves[2] << 224
    slots = {TOKEN0_SLOT: token0[0], TOKEN1_SLOT: token1[0], RESERVES_SLOT: packed}
    return Answer(True, b"".join(word(slots[slot]) for slot in words_of(ask.data)))


def _sides(pool: PoolSettings, state: PoolState) -> tuple[int, int]:
    """Reserves of collateral and debt."""
    if not isinstance(state, UniswapV2State):
        raise TypeError(f"{pool.address}: not the state of a Uniswap v2 pair")
    return (state.reserve0, state.reserve1) if pool.collateral_is_token0 else (state.reserve1, state.reserve0)


def _reserves(slot: int) -> UniswapV2State:
    """uint112 reserve0 | uint112 reserve1 | uint32 time, lowest bits first."""
    return UniswapV2State(slot & _UINT112, slot >> 112 & _UINT112)


def _failed(ask: Ask, answer: Answer, reason: str) -> PoolReading:
    return PoolReading(None, (CallInput(ask.to, ask.data, answer.ok, answer.data),), f"{ask.to}: {reason}")
