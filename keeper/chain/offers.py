"""Signed attempts: the first offer of an intent, one that outbids it, and the no-op that frees its nonce, and when."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keeper.chain.failpoints import fire
from keeper.chain.fees import FeePolicy, Unfunded, first_price, gas_limit, read_market, replacement_price
from keeper.chain.guards import Guards
from keeper.chain.lookup import Head
from keeper.chain.rpc import Reverted
from keeper.errors import Refused
from keeper.records.outcome import Attempt, Outcome, Price, Tier, TxFields, TxIntent
from keeper.records.ports import SendingNode, Signer, Store
from keeper.records.units import Address

MOST_ATTEMPTS = 12
"""For one intent; afterwards only a no-op."""

Emit = Callable[..., None]


class Offers:
    """Prices, signs and stores attempts; sends nothing.

    Parameters
    ----------
    node
        Asked for fees and simulations.
    store
        Every attempt is durable before it is returned.
    signer
        The key.
    """

    def __init__(
        self,
        node: SendingNode,
        store: Store,
        signer: Signer,
        *,
        chain_id: int,
        policy: FeePolicy,
        guards: Guards,
        emit: Emit,
    ) -> None:
        self._node = node
        self._store = store
        self._signer = signer
        self._chain_id = chain_id
        self._policy = policy
        self._guards = guards
        self._emit = emit

    def first(self, intent: TxIntent, head: Head) -> Attempt:
        """Offer for an intent that the node executed without a revert, just as it will be sent.

        Raises
        ------
        FeesTooHigh
            The market is above the tier's cap.
        RetryLater
            A budget forbids it, or the key cannot pay.
        Reverted
            The contract refuses the call.
        """
        price = first_price(read_market(self._node, self._policy), self._policy, intent.tier)
        call = self.call(intent.to, intent.data)
        gas = self._gas(call)
        self._guards.afford(intent, gas * price.max_fee_wei, head.time)
        self._require_funds(gas * price.max_fee_wei)
        fees = {"maxFeePerGas": hex(price.max_fee_wei), "maxPriorityFeePerGas": hex(price.tip_wei)}
        self._node.call("eth_call", [{**call, **fees, "gas": hex(gas)}, "latest"])
        return Attempt(1, False, price, gas, signed_block=head.number)

    def no_op(self, head: Head) -> Attempt:
        """Offer that does nothing but use a nonce.

        Raises
        ------
        FeesTooHigh
            The market is above the repair's cap.
        """
        price = first_price(read_market(self._node, self._policy), self._policy, Tier.REPAIR)
        gas = self._gas(self.call(self._signer.address, b""))
        self._require_funds(gas * price.max_fee_wei)
        return Attempt(1, True, price, gas, signed_block=head.number)

    def sign(self, row: Outcome) -> Outcome:
        """Sign the attempt that PREPARED stored: the same bytes after every restart."""
        attempt = row.attempts[-1]
        raw, tx_hash = self._signer.sign_transaction(self._fields(row, attempt))
        fire("signed:pre_commit")
        row = self._store.sign(row.intent.key, attempt.number, raw, tx_hash)
        fire("signed:post_commit")
        return row

    def outbid(self, row: Outcome, head: Head, tier: Tier, *, cut: bool = False) -> Outcome:
        """The same call for more; with ``cut`` for no more than the cap.

        Raises
        ------
        FeesTooHigh
            A replacement would cost more than the tier's cap.
        RetryLater
            A budget forbids it.
        """
        last = row.attempts[-1]
        market = read_market(self._node, self._policy)
        price = replacement_price(last.price, market, self._policy, Tier.REPAIR if last.cancels else tier, cut=cut)
        if not last.cancels:
            # What an emergency hurries is asked of the emergency's reserve: no routine budget can hold it up.
            self._guards.afford(replace(row.intent, tier=tier), last.gas * price.max_fee_wei, head.time)
        row = self._add(row, Attempt(last.number + 1, last.cancels, price, last.gas, signed_block=head.number))
        paid = {"max_fee_wei": price.max_fee_wei, "tip_wei": price.tip_wei}
        self._emit("tx_bumped", attempt=row.attempts[-1].number, **paid, **facts(row))
        return row

    def cancel(self, row: Outcome, block: int, reason: str) -> Outcome:
        """A no-op at the row's nonce, priced to replace whatever of ours waits there, up to the cap.

        Raises
        ------
        FeesTooHigh
            The market itself is above the repair's cap.
        """
        last, market = row.attempts[-1], read_market(self._node, self._policy)
        price = replacement_price(last.price, market, self._policy, Tier.REPAIR, cut=True)
        gas = self._gas(self.call(self._signer.address, b""))
        row = self._add(row, Attempt(last.number + 1, True, price, gas, signed_block=block))
        self._emit("tx_cancelling", reason=reason, attempt=row.attempts[-1].number, **facts(row))
        return row

    def why_cancel(self, row: Outcome, head: Head) -> str:
        """Why signed bytes that wait since an earlier block should not go out any more, or empty."""
        if row.cancelled:
            return ""
        if reason := self.too_late(row, head):
            return reason
        try:
            self._node.call("eth_call", [self.call(row.intent.to, row.intent.data), "latest"])
        except Reverted as error:
            return self._guards.describe(error.data)
        return ""

    def too_late(self, row: Outcome, head: Head) -> str:
        """Why a call that was sent need not be mined any more, or empty."""
        if head.time > row.intent.valid_until:
            return "valid_until passed before it was mined"
        return "the contract holds something at least as new" if self._guards.is_superseded(row.intent) else ""

    def outbidden(self, price: Price) -> bool:
        """Whether the market has left a price behind."""
        return price.max_fee_wei < read_market(self._node, self._policy).least_fee_wei

    def call(self, to: Address, data: bytes) -> dict[str, str]:
        """Fields of a call as the key would make it."""
        return {"from": self._signer.address, "to": to, "data": "0x" + data.hex()}

    def _gas(self, call: dict[str, str]) -> int:
        # Without a block some nodes estimate over what waits in their mempool: behind another keeper's same report ours
        # is cheap there, and runs out of gas should it be mined first.
        return gas_limit(int(self._node.call("eth_estimateGas", [call, "latest"]), 16), self._policy)

    def _require_funds(self, needed_wei: int) -> None:
        # Before the simulation: a node refuses that too for want of funds, each with words of its own.
        balance = int(self._node.call("eth_getBalance", [self._signer.address, "latest"]), 16)
        if balance < needed_wei:
            raise Unfunded(balance, needed_wei)

    def _add(self, row: Outcome, attempt: Attempt) -> Outcome:
        raw, tx_hash = self._signer.sign_transaction(self._fields(row, attempt))
        row = self._store.add_attempt(row.intent.key, replace(attempt, raw=raw, tx_hash=tx_hash))
        fire("bumped:post_commit")
        return row

    def _fields(self, row: Outcome, attempt: Attempt) -> TxFields:
        if row.nonce is None:
            raise Refused(f"intent 0x{row.intent.key.hex()[:16]} is {row.state} without a nonce", "keeper rebuild")
        to, data = (self._signer.address, b"") if attempt.cancels else (row.intent.to, row.intent.data)
        price = attempt.price
        return TxFields(self._chain_id, row.nonce, to, data, attempt.gas, price.max_fee_wei, price.tip_wei)


def facts(row: Outcome) -> dict[str, Any]:
    """What every event of an intent carries."""
    return {
        "intent": row.intent.key.hex()[:16],
        "purpose": row.intent.purpose,
        "tier": row.intent.tier.value,
        "nonce": row.nonce,
    }
