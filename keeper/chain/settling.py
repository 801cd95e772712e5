"""From a receipt to a final verdict: how deep it lies, whether a reorg took it back, why it reverted."""

from keeper.chain.failpoints import fire
from keeper.chain.guards import CONFIRMED_DEPTH, Guards
from keeper.chain.lookup import Head, Lookup
from keeper.chain.offers import Emit, Offers, facts
from keeper.chain.rpc import Reverted
from keeper.errors import RetryLater
from keeper.records.outcome import IntentState, Landing, Outcome, TxIntent
from keeper.records.ports import SendingNode, Store


class Settling:
    """Rows that were mined, until they are final. Spends nothing.

    Parameters
    ----------
    node, lookup
        Whom to ask.
    store
        Where verdicts are kept.
    guards
        What a revert means, and what the contract holds.
    """

    def __init__(
        self, node: SendingNode, lookup: Lookup, store: Store, *, offers: Offers, guards: Guards, emit: Emit
    ) -> None:
        self._node = node
        self._lookup = lookup
        self._store = store
        self._offers = offers
        self._guards = guards
        self._emit = emit

    def land(self, row: Outcome, landing: Landing) -> Outcome:
        """The first receipt closes the nonce, whichever attempt it belongs to."""
        fire("mined:pre_commit")
        row = self._store.land(row.intent.key, IntentState.MINED, landing)
        waited = landing.block_number - row.attempts[0].signed_block
        paid = {"ok": landing.ok, "fee_wei": landing.fee_wei, "gas_used": landing.gas_used}
        self._emit("tx_mined", hash=landing.tx_hash, block=landing.block_number, blocks=waited, **paid, **facts(row))
        return row

    def deepen(self, row: Outcome, head: Head) -> Outcome:
        """MINED, CONFIRMED, final; or SIGNED again when a reorg took the transaction back."""
        landing = self._lookup.landing(row)
        if landing is None:
            self._emit("tx_unwound", hash=row.tx_hash, **facts(row))
            return self._store.land(row.intent.key, IntentState.SIGNED, None, error="a reorg took it back")
        deep = head.number >= landing.block_number + CONFIRMED_DEPTH
        if deep and head.final >= landing.block_number:
            return self._finish(row, landing)
        state = IntentState.CONFIRMED if deep else IntentState.MINED
        moved = landing != row.landing or state is not row.state
        return self._store.land(row.intent.key, state, landing) if moved else row

    def _finish(self, row: Outcome, landing: Landing) -> Outcome:
        cancels = {attempt.tx_hash for attempt in row.attempts if attempt.cancels}
        state, error = IntentState.FINAL_OK, ""
        if landing.tx_hash in cancels:
            newer = self._guards.is_superseded(row.intent)
            state = IntentState.SUPERSEDED if newer else IntentState.CANCELLED
            error = "the contract holds something at least as new" if newer else "a no-op took its nonce"
        elif not landing.ok:
            state, error = IntentState.FINAL_REVERTED, self._revert_reason(row.intent, landing.block_number)
        row = self._store.land(row.intent.key, state, landing, error=error)
        self._emit("tx_final", state=state.value, hash=landing.tx_hash, error=error or None, **facts(row))
        return row

    def _revert_reason(self, intent: TxIntent, block: int) -> str:
        # At the parent's end the state was as the transaction met it, bar what stood before it in the block.
        for at in (block - 1, block):
            try:
                self._node.call("eth_call", [self._offers.call(intent.to, intent.data), hex(at)])
            except Reverted as error:
                return self._guards.describe(error.data)
            except RetryLater as error:
                return error.message
        return "reverted on chain; the same call passes before and after its block"
