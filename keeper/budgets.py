"""What a day may cost: nobody outside can make the keeper spend without bound (reliability.md B7).

Every market has a budget of its own for each tier, so that an exhausted one stops that market and no other.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from keeper.maths.fixed import cdiv
from keeper.records.outcome import UNMINED, Outcome, Tier

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Budgets:
    """The operator's limits for any 24 hours, wei."""

    market_wei: int
    """Routine transactions of one market."""
    market_reserve_wei: int
    """Emergency transactions of one market; routine ones never touch it."""
    key_wei: int
    """Routine transactions of all markets together."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the last 24 hours cost, and may still cost by what is in flight, wei."""

    by_market: Counter[tuple[Tier, bytes]]
    by_tier: Counter[Tier]

    def exhausted(self, budgets: Budgets, market: bytes, tier: Tier) -> bool:
        """Whether nothing more of this tier may be spent on the market."""
        if tier is Tier.EMERGENCY:
            return self.by_market[tier, market] >= budgets.market_reserve_wei
        mine = self.by_market[tier, market] >= budgets.market_wei
        return mine or self.by_tier[Tier.ROUTINE] >= budgets.key_wei

    def remaining(self, budgets: Budgets, market: bytes, tier: Tier) -> float:
        """Share of the market's budget that is left, 0 to 1; for people."""
        whole = budgets.market_reserve_wei if tier is Tier.EMERGENCY else budgets.market_wei
        return max(0.0, 1 - self.by_market[tier, market] / whole) if whole else 0.0


def spent(rows: Sequence[Outcome]) -> Spent:
    """Sum over the rows of a day; a transaction's cost is shared by its markets, rounded up."""
    by_market: Counter[tuple[Tier, bytes]] = Counter()
    by_tier: Counter[Tier] = Counter()
    for row in rows:
        cost = cost_wei(row)
        by_tier[row.intent.tier] += cost
        for market in row.intent.markets:
            by_market[row.intent.tier, market] += cdiv(cost, len(row.intent.markets))
    return Spent(by_market, by_tier)


def cost_wei(row: Outcome) -> int:
    """Paid, or at most to be paid while it is in flight."""
    if row.landing:
        return row.landing.fee_wei
    if row.state not in UNMINED or not row.attempts:
        return 0
    last = row.attempts[-1]
    return last.gas * last.price.max_fee_wei
