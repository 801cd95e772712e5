"""Balancer v2 composable stable pools with rate providers: swaps among their tokens, not with their own share.

Supported are pools of the factories 20220906, 20221122-v2 and 20230206-v3. A swap uses the cached rate of a token until
the cache has expired; the first swap after that asks the rate provider first, so a provider that fails then stops every
swap. That is what is read here: a valid cache, or what the provider answers in this block.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from keeper.maths import balancer_stable as formula
from keeper.maths.balancer_log_exp import OutOfBounds
from keeper.maths.balancer_stable import AMP_PRECISION, MAX_AMP, MAX_TOKENS, MIN_AMP, StablePool
from keeper.maths.balancer_swap import Token
from keeper.records.pools import BalancerStableState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import WAD, Address, BlockRef, Price
from keeper.venues.abi import answered, view
from keeper.venues.balancer_check import problems_of
from keeper.venues.balancer_swaps import BalancerSwaps
from keeper.venues.balancer_words import Garbage, RawToken, fee_of, list_of, reading, refuse_stopped, single, tokens_ask
from keeper.venues.sampled import SampledCurve

_VIEWS = (
    "getPausedState()",
    "inRecoveryMode()",
    "getSwapFeePercentage()",
    "getScalingFactors()",
    "getAmplificationParameter()",
    "getBptIndex()",
)
_CACHE_WORDS = 4
"""Rate, rate at the last join, duration, expiry."""
_UNITS = frozenset(10**more for more in range(19))
"""What brings a token of 18 to 0 decimals to 18."""
_MAX_RATE = (1 << 96) - 1
"""Largest rate that a cache holds; a larger one reverts."""
_COARSENESS = 10_000
"""Scaled units: one unit of the contract's D**2 / (A n P) is about a thousand units of a balance."""
_SOLD_INVARIANTS = 16
"""A curve ends after this many times the pool's whole value: what is left to buy there is next to nothing."""


class BalancerStable:
    """Adapter of composable stable pools."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pool has no range and no ring
        block: BlockRef,  # noqa: ARG002 - the pool and the reader know the block's time themselves
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Tokens, balances and rates by the reader, the rest by the pool's views."""
        views = (view(pool.address, name) for name in _VIEWS)
        asks = (tokens_ask(pool), view(pool.companion, "getPausedState()"), *views)
        answers = yield asks
        return reading(pool, asks, answers, lambda tokens, rest: _state(pool, tokens, rest))

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Settings against the pool's and the Vault's views."""
        return (yield from problems_of(pool, collateral, debt, "getBptIndex()"))

    def curve(self, pool: PoolSettings, state: PoolState) -> SampledCurve:
        """Sale of collateral."""
        swaps, known = self.swaps(pool, state), _formula(pool, state)
        numerator, denominator = formula.price(known.pool, known.index_collateral, known.index_debt)
        mid = Price(numerator * swaps.collateral.scaling, denominator * swaps.debt.scaling)
        rounding = swaps.debt.raw_down(_COARSENESS)
        return swaps.curve(mid, _most_sold(swaps, known.pool.invariant), rounding)

    def swaps(self, pool: PoolSettings, state: PoolState) -> BalancerSwaps:
        """Both directions by the pool's formulas."""
        known, pricing = _stable(pool, state), _formula(pool, state)
        collateral, debt = (
            Token(known.balances[index], known.scaling[index])
            for index in (pricing.index_collateral, pricing.index_debt)
        )
        return BalancerSwaps(collateral, debt, known.fee_wad, pricing)


@dataclass(frozen=True, slots=True)
class _Formula:
    """``balancer_swaps.Formula`` of a stable pool."""

    pool: StablePool
    """Its invariant is 0 when the contract can't compute it, which reverts every swap."""
    index_collateral: int
    index_debt: int

    def most_in(self, *, sells_collateral: bool) -> None:
        """No limit of its own."""

    def most_out(self, *, sells_collateral: bool) -> int:
        """All but the last unit."""
        return self.pool.balances[self.index_debt if sells_collateral else self.index_collateral] - 1

    def out_down(self, amount_in: int, *, sells_collateral: bool) -> int:
        """Output for an input."""
        sold, bought = self._sides(sells_collateral)
        return formula.out_given_in_down(self.pool, sold, bought, amount_in)

    def in_up(self, amount_out: int, *, sells_collateral: bool) -> int:
        """Input for an output."""
        sold, bought = self._sides(sells_collateral)
        return formula.in_given_out_up(self.pool, sold, bought, amount_out)

    def _sides(self, sells_collateral: bool) -> tuple[int, int]:
        sides = self.index_collateral, self.index_debt
        return sides if sells_collateral else sides[::-1]


def _formula(pool: PoolSettings, state: PoolState) -> _Formula:
    known = _stable(pool, state)
    sides = _without_share(pool.collateral_index, known), _without_share(pool.debt_index, known)
    return _Formula(_computed(known), *sides)


def _stable(pool: PoolSettings, state: PoolState) -> BalancerStableState:
    if not isinstance(state, BalancerStableState):
        raise TypeError(f"{pool.address}: not the state of a Balancer stable pool")
    return state


def _without_share(index: int, state: BalancerStableState) -> int:
    """Place among the tokens that are swapped."""
    return index - (index > state.share_index)


def _most_sold(swaps: BalancerSwaps, invariant: int) -> int:
    """Largest sale that the curve looks at and the contract still computes."""
    wanted = swaps.collateral.raw_down(_SOLD_INVARIANTS * invariant)
    amount = min(wanted, swaps.most_in(sells_collateral=True))
    while amount and not swaps.exact_in_down(amount, sells_collateral=True)[0]:
        amount //= 2
    return amount


def _computed(state: BalancerStableState) -> StablePool:
    """The pool as the contract computes with it; without an invariant where that reverts."""
    sides = zip(state.balances, state.scaling, strict=True)
    try:
        balances = tuple(Token(*side).scaled for side in sides)
        return StablePool(state.amplification, balances, formula.invariant_down(state.amplification, balances))
    except OutOfBounds:
        return StablePool(state.amplification, (0,) * len(state.balances), 0)


def _state(pool: PoolSettings, tokens: tuple[RawToken, ...], answers: Sequence[Answer]) -> BalancerStableState:
    vault_paused, paused, recovery, fee, scaling, amplification, share = answers
    refuse_stopped(vault_paused, paused, recovery, recovery_known=True)
    share_index = single(share, "getBptIndex()")
    if share_index >= len(tokens) or len(tokens) - 1 > MAX_TOKENS:
        raise Garbage(f"its own share is token {share_index} of {len(tokens)}")
    if share_index in (pool.collateral_index, pool.debt_index):
        raise Garbage(f"token {share_index} is the pool's own share: only swaps among its tokens are supported")
    cached = list_of(scaling, len(tokens))
    if cached is None:
        raise Garbage(f"getScalingFactors() does not answer {len(tokens)} factors")
    factors = [_swap_factor(token, factor) for token, factor in zip(tokens, cached, strict=True)]
    balances = [token.balance for token in tokens]
    del factors[share_index], balances[share_index]
    state = BalancerStableState(
        tuple(balances), tuple(factors), _amplification(amplification), fee_of(fee), share_index
    )
    if not _computed(state).invariant:
        raise Garbage("the invariant of its balances can't be computed: every swap reverts")
    return state


def _amplification(answer: Answer) -> int:
    words = answered(answer, 3)
    if words is None or words[2] != AMP_PRECISION or not MIN_AMP <= words[0] <= MAX_AMP:
        raise Garbage("getAmplificationParameter() does not answer an amplification")
    return words[0]


def _swap_factor(token: RawToken, factor: int) -> int:
    """The scaling factor that a swap in this block uses."""
    cached = WAD
    if token.cache is not None:
        words = answered(token.cache, _CACHE_WORDS)
        if words is None or not 0 < words[0] <= _MAX_RATE:
            raise Garbage(f"getTokenRateCache does not answer a rate of {token.address}")
        cached = words[0]
    unit, rest = divmod(factor, cached)
    if rest or unit not in _UNITS:
        raise Garbage(f"the scaling factor {factor} of {token.address} does not fit its rate {cached}")
    return unit * (cached if token.rate is None else _rate(token, token.rate))


def _rate(token: RawToken, answer: Answer) -> int:
    """What the provider answers to the swap that finds the cache expired."""
    words = answered(answer, 1)
    if words is None:
        raise Garbage(f"the rate provider of {token.address} fails and the cached rate has expired: every swap reverts")
    if not 0 < words[0] <= _MAX_RATE:
        raise Garbage(f"the rate provider of {token.address} answers {words[0]}, which no swap can use")
    return words[0]
