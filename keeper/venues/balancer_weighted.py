"""Balancer v2 weighted pools: balances from the Vault, swaps by the pool's own power arithmetic.

Supported are pools of the factories 20210418 (both), 20220908-v2 and 20230206-v3; a pool of the first has no scaling
factors to show, which tells its power from the later one. No other pool with weights (bootstrapping, managed) is.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from keeper.maths import balancer_weighted as formula
from keeper.maths.balancer_swap import Token
from keeper.records.pools import BalancerWeightedState, PoolState
from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask, PoolReading, ReadPlan
from keeper.records.units import WAD, Address, BlockRef, Price
from keeper.venues.abi import view
from keeper.venues.balancer_check import problems_of
from keeper.venues.balancer_swaps import BalancerSwaps
from keeper.venues.balancer_words import Garbage, RawToken, fee_of, list_of, reading, refuse_stopped, single, tokens_ask
from keeper.venues.sampled import SampledCurve

_VIEWS = (
    "getPausedState()",
    "inRecoveryMode()",
    "getSwapFeePercentage()",
    "getScalingFactors()",
    "getNormalizedWeights()",
)
_RESOLUTION = 10**16
"""The power has 18 decimals, and exponents up to 99 make its last ones coarser."""
_MAX_DECIMALS = 18
_SCALINGS = tuple(int(WAD * 10**more) for more in range(_MAX_DECIMALS + 1))
"""Scaling factor by what a token has fewer decimals than 18."""


class BalancerWeighted:
    """Adapter of weighted pools."""

    def read(
        self,
        pool: PoolSettings,
        plan: ReadPlan,  # noqa: ARG002 - a pool has no range and no ring
        block: BlockRef,  # noqa: ARG002 - balances and weights say nothing about time
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], PoolReading]:
        """Tokens and balances by the reader, the rest by the pool's views."""
        views = (view(pool.address, name) for name in _VIEWS)
        asks = (tokens_ask(pool), view(pool.companion, "getPausedState()"), *views)
        answers = yield asks
        return reading(pool, asks, answers, _state)

    def check(
        self, pool: PoolSettings, collateral: Address, debt: Address
    ) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Settings against the pool's and the Vault's views."""
        return (yield from problems_of(pool, collateral, debt, "getNormalizedWeights()"))

    def curve(self, pool: PoolSettings, state: PoolState) -> SampledCurve:
        """Sale of collateral, up to 30 % of its balance."""
        swaps = self.swaps(pool, state)
        known, sold, bought = _weighted(pool, state), pool.collateral_index, pool.debt_index
        mid = Price(known.balances[bought] * known.weights[sold], known.balances[sold] * known.weights[bought])
        return swaps.curve(mid, swaps.most_in(sells_collateral=True), known.balances[bought] // _RESOLUTION)

    def swaps(self, pool: PoolSettings, state: PoolState) -> BalancerSwaps:
        """Both directions by the pool's formulas."""
        known = _weighted(pool, state)
        sold, bought = (
            (Token(known.balances[index], known.scaling[index]), known.weights[index])
            for index in (pool.collateral_index, pool.debt_index)
        )
        pricing = _Formula((sold[0].scaled, sold[1]), (bought[0].scaled, bought[1]), known.shortcuts)
        return BalancerSwaps(sold[0], bought[0], known.fee_wad, pricing)


@dataclass(frozen=True, slots=True)
class _Formula:
    """``balancer_swaps.Formula`` of a weighted pool."""

    collateral: tuple[int, int]
    """(scaled balance, weight)."""
    debt: tuple[int, int]
    shortcuts: bool

    def most_in(self, *, sells_collateral: bool) -> int:
        """30 % of the balance."""
        return formula.most_in(self._pair(sells_collateral))

    def most_out(self, *, sells_collateral: bool) -> int:
        """30 % of the balance."""
        return formula.most_out(self._pair(sells_collateral))

    def out_down(self, amount_in: int, *, sells_collateral: bool) -> int:
        """Output for an input."""
        return formula.out_given_in_down(self._pair(sells_collateral), amount_in)

    def in_up(self, amount_out: int, *, sells_collateral: bool) -> int:
        """Input for an output."""
        return formula.in_given_out_up(self._pair(sells_collateral), amount_out)

    def _pair(self, sells_collateral: bool) -> formula.Pair:
        sold, bought = (self.collateral, self.debt) if sells_collateral else (self.debt, self.collateral)
        return formula.Pair(*sold, *bought, self.shortcuts)


def _weighted(pool: PoolSettings, state: PoolState) -> BalancerWeightedState:
    if not isinstance(state, BalancerWeightedState):
        raise TypeError(f"{pool.address}: not the state of a Balancer weighted pool")
    return state


def _state(tokens: tuple[RawToken, ...], answers: Sequence[Answer]) -> BalancerWeightedState:
    vault_paused, paused, recovery, fee, scaling, weights_answer = answers
    # Pools of 20210418 show no scaling factors, know no recovery mode and always use the logarithm.
    refuse_stopped(vault_paused, paused, recovery, recovery_known=scaling.ok)
    weights = list_of(weights_answer, len(tokens))
    if weights is None:
        raise Garbage(f"getNormalizedWeights() does not answer {len(tokens)} weights")
    if sum(weights) != WAD or min(weights) < formula.MIN_WEIGHT:
        raise Garbage(f"the weights {', '.join(map(str, weights))} are not those of a pool: they must add up to {WAD}")
    factors = list_of(scaling, len(tokens)) if scaling.ok else tuple(_scaling(token) for token in tokens)
    if factors is None or not set(factors) <= set(_SCALINGS):
        raise Garbage("getScalingFactors() does not answer the scaling of its tokens")
    balances = tuple(token.balance for token in tokens)
    return BalancerWeightedState(balances, factors, weights, fee_of(fee), scaling.ok)


def _scaling(token: RawToken) -> int:
    decimals = single(token.decimals, f"decimals() of {token.address}")
    if decimals > _MAX_DECIMALS:
        raise Garbage(f"{token.address} has {decimals} decimals")
    return _SCALINGS[_MAX_DECIMALS - decimals]
