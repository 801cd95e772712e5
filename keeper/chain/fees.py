"""What a transaction may cost: twice the base fee and a tip, under a cap."""

from dataclasses import dataclass

from keeper.chain.rpc import Endpoint
from keeper.errors import RetryLater

GWEI = 10**9
GAS_MARGIN_PERCENT = 130
"""Gas limit in per cent of the estimate (reliability.md B7)."""


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """The operator's limits."""

    max_fee_wei: int
    """Nothing is signed above this fee per gas."""
    tip_wei: int
    gas_limit: int
    """Most gas that one transaction may ask for."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Fees of one transaction, wei per gas."""

    max_fee_wei: int
    tip_wei: int


def market_fees(rpc: Endpoint, policy: FeePolicy) -> Fees:
    """Fees for now.

    Raises
    ------
    RetryLater
        Base fee and tip are above the operator's cap: wait.
    """
    head = rpc.call("eth_getBlockByNumber", ["latest", False])
    base = int(head.get("baseFeePerGas", "0x0"), 16) if isinstance(head, dict) else 0
    if base + policy.tip_wei > policy.max_fee_wei:
        cap = policy.max_fee_wei // GWEI
        raise RetryLater(
            f"the base fee of {base // GWEI} gwei is above the cap of {cap} gwei", "raise keeper.max_fee_gwei, or wait"
        )
    return Fees(min(2 * base + policy.tip_wei, policy.max_fee_wei), policy.tip_wei)


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
