"""Sends transactions so that a crash at any instruction neither loses nor doubles one (reliability.md B1, first form).

::

    PLANNED --simulate, sign--> SIGNED --send--> SENT --receipt--> MINED --2 blocks--> FINAL_OK | FINAL_REVERTED
       |                          ^                |                 |
       +--> SUPERSEDED, EXPIRED   +--- not known --+----- reorg -----+

Every arrow is committed before the step after it. What is signed is only ever sent again byte by byte; a row never gets
a second nonce, and one key has at most one unmined nonce. Re-pricing a stuck transaction is not part of this form.
"""

import re
from collections.abc import Callable
from typing import Any

from keeper.chain.failpoints import check_failpoint, fire
from keeper.chain.fees import FeePolicy, gas_limit, market_fees
from keeper.chain.keys import KeySigner, TxFields
from keeper.chain.rpc import Endpoint, Reverted, RpcError
from keeper.errors import Refused, RetryLater
from keeper.records.outcome import IntentState, Outcome, TxIntent
from keeper.records.ports import Store

FINAL_DEPTH = 2
"""Blocks on top of the transaction's own before it counts as final."""

UNMINED = frozenset({IntentState.SIGNED, IntentState.SENT})
ALREADY_KNOWN = re.compile(r"already (known|imported|in mempool)|known transaction|AlreadyKnown", re.IGNORECASE)
NONCE_TOO_LOW = re.compile(r"nonce.{0,20}too low|nonce is too low|OldNonce|invalid nonce", re.IGNORECASE)


class TxSender:
    """``records.ports.Sender`` over one node.

    Parameters
    ----------
    rpc
        The node; its retries are ours, not a library's.
    store
        Durable rows.
    signer
        The key.
    describe
        Revert data -> one line.
    is_superseded
        Whether the contract already holds something at least as new for every market of the intent.
    """

    def __init__(
        self,
        rpc: Endpoint,
        store: Store,
        signer: KeySigner,
        *,
        chain_id: int,
        policy: FeePolicy,
        describe: Callable[[bytes], str],
        is_superseded: Callable[[TxIntent], bool],
    ) -> None:
        check_failpoint(chain_id)
        self._rpc = rpc
        self._store = store
        self._signer = signer
        self._chain_id = chain_id
        self._policy = policy
        self._describe = describe
        self._is_superseded = is_superseded

    def submit(self, intent: TxIntent) -> Outcome:
        """Store, simulate, sign, store, send. Never twice for one key."""
        row = self._store.plan(intent)
        fire("planned:post_commit")
        return self._drive(row)

    def settle(self) -> list[Outcome]:
        """Drive every open intent on, those with the lowest nonce first; return those that moved."""
        rows = sorted(self._store.open_intents(), key=lambda row: (row.nonce is None, row.nonce or 0))
        after = [(row, self._drive(row)) for row in rows]
        return [new for old, new in after if new != old]

    def _drive(self, row: Outcome) -> Outcome:
        """Take every step that can be taken now."""
        steps = {
            IntentState.PLANNED: self._sign,
            IntentState.SIGNED: self._send,
            IntentState.SENT: self._await_receipt,
            IntentState.MINED: self._await_depth,
        }
        while row.state in steps:
            after = steps[row.state](row)
            if after.state == row.state:
                return after
            row = after
        return row

    def _sign(self, row: Outcome) -> Outcome:
        intent = row.intent
        if self._chain_time() > intent.valid_until:
            return self._store.advance(intent.key, IntentState.EXPIRED, error="valid_until passed before it was signed")
        if self._is_superseded(intent):
            newer = "the contract holds something at least as new"
            return self._store.advance(intent.key, IntentState.SUPERSEDED, error=newer)
        if any(other.state in UNMINED for other in self._store.open_intents()):
            return self._note(row, "waits for the transaction before it")
        try:
            fields = self._simulated(intent)
            raw, tx_hash = self._signer.sign_transaction(fields)
        except (Reverted, RetryLater) as error:
            return self._note(row, self._reason(error))
        facts = {"nonce": fields.nonce, "raw": raw, "tx_hash": tx_hash, "error": ""}
        row = self._store.advance(intent.key, IntentState.SIGNED, **facts)
        fire("signed:post_commit")
        return row

    def _simulated(self, intent: TxIntent) -> TxFields:
        """Fields of a transaction that the node executed without a revert, just as it will be sent."""
        fees = market_fees(self._rpc, self._policy)
        call = {"from": self._signer.address, "to": intent.to, "data": "0x" + intent.data.hex()}
        gas = gas_limit(int(self._rpc.call("eth_estimateGas", [call]), 16), self._policy)
        call |= {"gas": hex(gas), "maxFeePerGas": hex(fees.max_fee_wei), "maxPriorityFeePerGas": hex(fees.tip_wei)}
        self._rpc.call("eth_call", [call, "latest"])
        return TxFields(self._chain_id, self._next_nonce(), intent.to, intent.data, gas, fees.max_fee_wei, fees.tip_wei)

    def _next_nonce(self) -> int:
        """The chain's count or one above our own highest open nonce; never the node's ``pending`` count."""
        count = int(self._rpc.call("eth_getTransactionCount", [self._signer.address, "latest"]), 16)
        own = [row.nonce + 1 for row in self._store.open_intents() if row.nonce is not None]
        return max([count, *own])

    def _send(self, row: Outcome) -> Outcome:
        raw, tx_hash = _signed(row)
        try:
            self._rpc.call("eth_sendRawTransaction", ["0x" + raw.hex()])
        except (RpcError, Reverted) as error:
            if NONCE_TOO_LOW.search(error.message):
                return self._after_used_nonce(row, tx_hash)
            if not ALREADY_KNOWN.search(error.message):
                return self._note(row, error.message)
        fire("sent:pre_commit")
        return self._store.advance(row.intent.key, IntentState.SENT, error="")

    def _after_used_nonce(self, row: Outcome, tx_hash: bytes) -> Outcome:
        """Our nonce is spent: by this very transaction, or by one that is not ours."""
        if self._receipt(tx_hash) is not None:
            return self._store.advance(row.intent.key, IntentState.SENT, error="")
        foreign = f"nonce {row.nonce} was used by a transaction that is not ours"
        return self._store.advance(row.intent.key, IntentState.SUPERSEDED, error=foreign)

    def _await_receipt(self, row: Outcome) -> Outcome:
        raw, tx_hash = _signed(row)
        receipt = self._receipt(tx_hash)
        if receipt is not None:
            facts = {"block_number": int(receipt["blockNumber"], 16), "gas_used": int(receipt["gasUsed"], 16)}
            return self._store.advance(row.intent.key, IntentState.MINED, **facts)
        if self._rpc.call("eth_getTransactionByHash", ["0x" + tx_hash.hex()]) is None:
            try:
                self._rpc.call("eth_sendRawTransaction", ["0x" + raw.hex()])
            except (RpcError, Reverted) as error:
                if NONCE_TOO_LOW.search(error.message):
                    return self._after_used_nonce(row, tx_hash)
        return row

    def _await_depth(self, row: Outcome) -> Outcome:
        _, tx_hash = _signed(row)
        receipt = self._receipt(tx_hash)
        if receipt is None:
            return self._store.advance(row.intent.key, IntentState.SIGNED, block_number=None, gas_used=None)
        block = int(receipt["blockNumber"], 16)
        if int(self._rpc.call("eth_blockNumber"), 16) < block + FINAL_DEPTH:
            return row
        facts = {"block_number": block, "gas_used": int(receipt["gasUsed"], 16)}
        if int(receipt["status"], 16):
            return self._store.advance(row.intent.key, IntentState.FINAL_OK, **facts)
        error = self._revert_reason(row.intent, block)
        return self._store.advance(row.intent.key, IntentState.FINAL_REVERTED, error=error, **facts)

    def _revert_reason(self, intent: TxIntent, block: int) -> str:
        call = {"from": self._signer.address, "to": intent.to, "data": "0x" + intent.data.hex()}
        try:
            self._rpc.call("eth_call", [call, hex(block)])
        except (Reverted, RetryLater) as error:
            return self._reason(error)
        return "reverted on chain; the same call passes at the block's end"

    def _receipt(self, tx_hash: bytes) -> dict[str, Any] | None:
        receipt = self._rpc.call("eth_getTransactionReceipt", ["0x" + tx_hash.hex()])
        return receipt if isinstance(receipt, dict) and receipt.get("blockNumber") else None

    def _chain_time(self) -> int:
        head = self._rpc.call("eth_getBlockByNumber", ["latest", False])
        return int(head["timestamp"], 16)

    def _note(self, row: Outcome, error: str) -> Outcome:
        """Same state, with why it does not move."""
        return row if row.error == error else self._store.advance(row.intent.key, row.state, error=error)

    def _reason(self, error: Reverted | RetryLater) -> str:
        return self._describe(error.data) if isinstance(error, Reverted) else error.message


def _signed(row: Outcome) -> tuple[bytes, bytes]:
    if row.raw is None or row.tx_hash is None:
        raise Refused(
            f"intent 0x{row.intent.key.hex()[:16]} is {row.state} without signed bytes", "the database is damaged"
        )
    return row.raw, row.tx_hash
