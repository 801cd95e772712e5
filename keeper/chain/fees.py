"""What a transaction may cost: twice the base fee and a tip under its tier's cap, and more for each replacement.

Source: reliability.md B7 and B1 rule 6; EIP-1559.
"""

from dataclasses import dataclass

from keeper.errors import RetryLater
from keeper.maths.fixed import cdiv
from keeper.records.outcome import Price, Tier
from keeper.records.ports import Asking

GWEI = 10**9
GAS_MARGIN_PERCENT = 130
"""Gas limit in per cent of the estimate."""

BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""A replacement offers at least 12.5 % more on both fees; nodes ask for 10 %."""

MOST_TIP_WEI = 10 * GWEI
FEE_HISTORY_BLOCKS = 5
TIP_PERCENTILE = 10
"""Tips are the low end of what was paid: a base fee that is met is what includes a transaction."""

BUMP_EVERY = {Tier.ROUTINE: 3, Tier.EMERGENCY: 1, Tier.REPAIR: 2}
"""Blocks that an attempt waits before it may be replaced."""


class FeesTooHigh(RetryLater):
    """The market is above the tier's cap: nothing is spent."""


class Unfunded(RetryLater):
    """The key may not be able to pay."""

    def __init__(self, balance_wei: int, needed_wei: int) -> None:
        super().__init__(f"the key holds {balance_wei} wei and may need {needed_wei}", "top it up")
        self.purse = {"balance_wei": balance_wei, "needed_wei": needed_wei}
        """What the event says of it."""


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """The operator's limits."""

    routine_cap_wei: int
    """Nothing routine is signed above this fee per gas."""
    emergency_cap_wei: int
    """Nothing at all is signed above this fee per gas."""
    least_tip_wei: int
    gas_limit: int
    """Most gas that one transaction may ask for."""

    def cap_wei(self, tier: Tier) -> int:
        """Highest fee per gas of a tier; a repair may cost what an emergency may."""
        return self.routine_cap_wei if tier is Tier.ROUTINE else self.emergency_cap_wei


@dataclass(frozen=True, slots=True)
class Market:
    """What inclusion costs now, wei per gas."""

    base_fee_wei: int
    """Of the next block, before our transaction can be in it."""
    tip_wei: int

    @property
    def least_fee_wei(self) -> int:
        """Below this a transaction is not worth a block's room."""
        return self.base_fee_wei + self.tip_wei


def read_market(node: Asking, policy: FeePolicy) -> Market:
    """Next base fee, and the low end of recent tips within the operator's and our bounds."""
    answer = node.call("eth_feeHistory", [hex(FEE_HISTORY_BLOCKS), "latest", [TIP_PERCENTILE]])
    try:
        bases = [int(value, 16) for value in answer["baseFeePerGas"]]
        tips = sorted(int(row[0], 16) for row in answer.get("reward") or [])
        base = bases[-1]
    except (KeyError, TypeError, ValueError, IndexError):
        raise RetryLater("the node answered a malformed eth_feeHistory", "another node is asked next time") from None
    tip = tips[len(tips) // 2] if tips else 0
    return Market(base, max(policy.least_tip_wei, min(tip, MOST_TIP_WEI)))


def first_price(market: Market, policy: FeePolicy, tier: Tier) -> Price:
    """Offer of a first attempt.

    Raises
    ------
    FeesTooHigh
        Base fee and tip are above the tier's cap.
    """
    cap = policy.cap_wei(tier)
    if market.least_fee_wei > cap:
        what = f"the base fee of {_gwei(market.base_fee_wei)} gwei is above the {tier} cap of {_gwei(cap)} gwei"
        raise FeesTooHigh(what, f"raise keeper.{_cap_name(tier)}, or wait")
    return Price(min(2 * market.base_fee_wei + market.tip_wei, cap), market.tip_wei)


def replacement_price(before: Price, market: Market, policy: FeePolicy, tier: Tier, *, cut: bool = False) -> Price:
    """Offer that may replace ``before``: 12.5 % more on both fields, or the market's price where that is more.

    With ``cut`` a fee above the cap becomes the cap: a node that still holds ``before`` refuses that and one that
    forgot it takes it. Either way the nonce is used in the end, where no offer would leave it open for ever.

    Raises
    ------
    FeesTooHigh
        It, or with ``cut`` the market itself, would be above the tier's cap: hold.
    """
    fee, tip = (cdiv(value * BUMP_NUMERATOR, BUMP_DENOMINATOR) for value in (before.max_fee_wei, before.tip_wei))
    cap = policy.cap_wei(tier)
    if cut:
        fee, tip = min(fee, cap), min(tip, cap)
    # The market's own wish is cut to the cap; what a replacement must offer cannot be.
    wanted = min(2 * market.base_fee_wei + market.tip_wei, cap)
    price = Price(max(fee, wanted), max(tip, market.tip_wei))
    if price.max_fee_wei > cap or market.least_fee_wei > cap:
        what = f"a replacement costs {_gwei(max(price.max_fee_wei, market.least_fee_wei))} gwei"
        raise FeesTooHigh(f"{what}, above the {tier} cap of {_gwei(cap)} gwei", f"raise keeper.{_cap_name(tier)}")
    return Price(max(price.max_fee_wei, price.tip_wei), price.tip_wei)


def gas_limit(estimate: int, policy: FeePolicy) -> int:
    """Gas to ask for.

    Raises
    ------
    RetryLater
        Even the bare estimate is above the operator's cap.
    """
    if estimate > policy.gas_limit:
        raise RetryLater(
            f"the transaction needs {estimate} gas, above the cap of {policy.gas_limit}", "raise keeper.gas_limit"
        )
    return min(policy.gas_limit, estimate * GAS_MARGIN_PERCENT // 100)


def _gwei(wei: int) -> str:
    return f"{wei / GWEI:.4g}" if wei % GWEI else str(wei // GWEI)


def _cap_name(tier: Tier) -> str:
    return "max_fee_gwei" if tier is Tier.ROUTINE else "emergency_fee_gwei"
