"""What a day may cost: nobody outside can make the keeper spend without bound (reliability.md B7).

Every market has a budget of its own for each tier, so that an exhausted one stops that market and no other.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keeper.errors import RetryLater
from keeper.maths.fixed import cdiv
from keeper.records.outcome import UNMINED, Outcome, Tier, TxIntent

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

    def left_wei(self, budgets: Budgets, market: bytes, tier: Tier) -> int:
        """What may still be spent on the market; not above 0 when nothing."""
        mine = self.by_market[tier, market]
        if tier is Tier.EMERGENCY:
            return budgets.market_reserve_wei - mine
        return min(budgets.market_wei - mine, budgets.key_wei - self.by_tier[Tier.ROUTINE])

    def share_left(self, budgets: Budgets, market: bytes, tier: Tier) -> float:
        """Likewise as a share of the market's budget, 0 to 1; for people."""
        whole = budgets.market_reserve_wei if tier is Tier.EMERGENCY else budgets.market_wei
        return max(0.0, self.left_wei(budgets, market, tier) / whole)


def require_affordable(
    rows: Sequence[Outcome], budgets: Budgets, intent: TxIntent, most_wei: int, name: Callable[[bytes], str]
) -> None:
    """Refuse what might break a budget if it cost all it may.

    Raises
    ------
    RetryLater
        It might; what was spent leaves the day's window by and by.
    """
    costs, each = spent([row for row in rows if row.intent.key != intent.key]), cdiv(most_wei, len(intent.markets))
    for market in intent.markets:
        left = costs.left_wei(budgets, market, intent.tier)
        if each > left:
            what = f"{name(market)} has {max(0, left)} wei of its {intent.tier} budget left today, {each} may be needed"
            raise RetryLater(what, "raise keeper.market_reserve_gwei or keeper.market_budget_gwei, or wait")


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
