"""Sends transactions so that a crash at any instruction neither loses nor doubles one (reliability.md B1).

::

    PLANNED --> PREPARED --> SIGNED --> SENT --> MINED --> CONFIRMED --> FINAL_OK, FINAL_REVERTED
       |        nonce,       ^   ^        |        |           |          CANCELLED, SUPERSEDED (a no-op was mined)
       |        fees         |   +- bump -+        |           |
       |                     +-------- reorg ------+-----------+
       +--> SUPERSEDED, EXPIRED           +--> FOREIGN: somebody else used the nonce

Every arrow is committed before the step after it. A row keeps its nonce; what was signed is only ever sent again byte
by byte, or outbid at the same nonce by an attempt that is stored first. Where a row stands is asked of the chain anew
at every drive, never trusted from the row alone.
"""

from collections.abc import Sequence
from contextlib import suppress

from keeper.chain.failpoints import check_failpoint, fire
from keeper.chain.fees import BUMP_EVERY, FeePolicy, FeesTooHigh, Unfunded
from keeper.chain.guards import Guards
from keeper.chain.in_flight import is_lowest, raw_of, tier_of, waited
from keeper.chain.lookup import Head, Lookup
from keeper.chain.nonces import Nonces
from keeper.chain.offers import MOST_ATTEMPTS, Emit, Offers, facts
from keeper.chain.rpc import Reverted
from keeper.chain.send_errors import HOPELESS, OCCUPIED, TOO_CHEAP, SendError, classify, explain
from keeper.chain.settling import Settling
from keeper.errors import Refused, RetryLater
from keeper.records.outcome import LANDED, UNMINED, Attempt, IntentState, Outcome, Tier, TxIntent
from keeper.records.ports import SendingNode, Signer, Store

MOST_IN_FLIGHT = 16
"""Unmined nonces that even emergencies do not exceed."""

PATIENCE_BLOCKS = 10
"""A well-paid transaction that is not mined by then is outbid all the same."""

PRIVATE_BLOCKS = 3
"""How long a transaction is shown to the private relay alone."""

MOST_WAIT_BLOCKS = 8
"""Longest pause between two tries to send what a node refuses."""


class TxSender:
    """``records.ports.Sender`` over a node or a pool of them.

    Parameters
    ----------
    node
        Where to send and ask; its retries are ours, not a library's.
    store
        Durable rows.
    signer
        The key.
    private
        Whether a private relay is tried first.
    in_flight
        Unmined nonces that routine transactions may hold at once.
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
        private: bool = False,
        in_flight: int = 1,
    ) -> None:
        check_failpoint(chain_id)
        self._node = node
        self._store = store
        self._guards = guards
        self._emit = emit
        self._private = private
        self._in_flight = in_flight
        self._lookup = Lookup(node, signer.address)
        self._offers = Offers(node, store, signer, chain_id=chain_id, policy=policy, guards=guards, emit=emit)
        self._nonces = Nonces(signer.address, self._lookup, store, offers=self._offers, emit=emit)
        self._settling = Settling(node, self._lookup, store, offers=self._offers, guards=guards, emit=emit)
        self._tries: dict[bytes, tuple[int, int]] = {}
        """Key -> (tries that failed, block before which it is not tried again)."""
        self._steps = {
            IntentState.PLANNED: self._prepare,
            IntentState.PREPARED: self._sign,
            IntentState.SIGNED: self._send,
            IntentState.SENT: self._watch,
            IntentState.MINED: self._settling.deepen,
            IntentState.CONFIRMED: self._settling.deepen,
        }

    def submit(self, intent: TxIntent) -> Outcome:
        """Store, simulate, sign, store, send. Never twice for one key."""
        fire("planned:pre_commit")
        row = self._store.plan(intent)
        fire("planned:post_commit")
        return self._drive(row, self._lookup.head())

    def settle(self) -> list[Outcome]:
        """Drive every open intent on, those with the lowest nonce first; return those that moved."""
        rows = self._store.open_intents()
        if not rows:
            return []
        head = self._lookup.head()
        rows.sort(key=lambda row: (row.nonce is None, row.nonce or 0))
        self._fill_gap(head)
        after = [(row, self._drive(row, head)) for row in rows]
        return [new for old, new in after if new != old]

    def _drive(self, row: Outcome, head: Head) -> Outcome:
        """Take every step that can be taken now."""
        while step := self._steps.get(row.state):
            try:
                after = step(row, head)
            except (RetryLater, Refused) as error:
                return self._held(row, error)
            if after.state == row.state:
                return after
            row = after
        return row

    def _fill_gap(self, head: Head) -> None:
        if self._guards.halted():
            return
        with suppress(RetryLater):
            try:
                row = self._nonces.fill(head)
            except Unfunded as error:
                self._emit("insufficient_funds", purpose="repair", nonce=head.count, **error.purse)
            else:
                if row:
                    self._drive(row, head)

    def _prepare(self, row: Outcome, head: Head) -> Outcome:
        """Take a nonce, once everything that can be known says that the transaction will do what it should."""
        intent = row.intent
        if intent.tier is Tier.REPAIR:
            return self._store.advance(intent.key, IntentState.EXPIRED, error="the gap is looked at anew")
        if head.time > intent.valid_until:
            return self._store.advance(intent.key, IntentState.EXPIRED, error="valid_until passed before it was signed")
        if self._guards.is_superseded(intent):
            newer = "the contract holds something at least as new"
            return self._store.advance(intent.key, IntentState.SUPERSEDED, error=newer)
        if reason := self._why_wait(intent):
            return self._note(row, reason)
        attempt = self._offers.first(intent, head)
        self._guards.rehearse(intent)
        row = self._store.prepare(intent.key, self._nonces.next(), attempt)
        fire("prepared:post_commit")
        if intent.tier is Tier.EMERGENCY:
            self._hurry_those_before(attempt, head)
        return row

    def _why_wait(self, intent: TxIntent) -> str:
        """Why no nonce is taken now, or empty."""
        if halted := self._guards.halted():
            return halted
        urgent = intent.tier is Tier.EMERGENCY
        if self._node.degraded and not urgent:
            return "one node answers alone: only tightening is sent"
        before = sum(row.state in UNMINED for row in self._store.open_intents())
        most = MOST_IN_FLIGHT if urgent else self._in_flight
        return "waits for the transaction before it" if before >= most else ""

    def _hurry_those_before(self, urgent: Attempt, head: Head) -> None:
        """Routine transactions at lower nonces get an emergency's price, so that all fit into the next block."""
        for row in self._store.open_intents():
            waits = row.state in {IntentState.SIGNED, IntentState.SENT} and row.intent.tier is Tier.ROUTINE
            if waits and row.attempts[-1].price.max_fee_wei < urgent.price.max_fee_wei:
                try:
                    self._drive(self._outbid(row, head, Tier.EMERGENCY), head)
                except (RetryLater, Refused) as error:
                    # The urgent one has its nonce and goes out all the same.
                    self._held(row, error)

    def _sign(self, row: Outcome, head: Head) -> Outcome:  # noqa: ARG002 - every step has the same shape
        return self._offers.sign(row)

    def _send(self, row: Outcome, head: Head) -> Outcome:
        attempt = row.attempts[-1]
        if landing := self._lookup.landing(row):
            return self._settling.land(row, landing)
        if row.nonce is not None and head.count > row.nonce:
            return self._store.advance(row.intent.key, IntentState.SENT)
        if halted := self._guards.halted():
            return self._note(row, halted)
        if attempt.signed_block < head.number and (reason := self._offers.why_cancel(row, head)):
            row = self._offers.cancel(row, head.number, reason)
            attempt = row.attempts[-1]
        paused = self._tries.get(row.intent.key, (0, 0))[1] > head.number
        if paused and tier_of(row, self._store.open_intents()) is not Tier.EMERGENCY:
            return row
        answer = self._node.broadcast(raw_of(row, attempt), private=self._is_private(row, head))
        kinds = {classify(text) for _, text in answer.errors}
        if answer.accepted or SendError.ALREADY_KNOWN in kinds:
            self._tries.pop(row.intent.key, None)
            fire("sent:pre_commit")
            row = self._store.acknowledge(row.intent.key, attempt.number, head.number)
            self._emit("tx_sent", hash=attempt.tx_hash, attempt=attempt.number, **facts(row))
            return row
        return self._refused(row, head, answer.errors, kinds)

    def _refused(self, row: Outcome, head: Head, errors: Sequence[tuple[str, str]], kinds: set[SendError]) -> Outcome:
        for name, text in errors:
            self._emit("tx_error", error_class=classify(text).value, provider=name, error=text, **facts(row))
        if OCCUPIED & kinds:
            # Looking it up, or outbidding it, is the next step's business.
            return self._store.advance(row.intent.key, IntentState.SENT, error=errors[0][1])
        if kinds and kinds <= HOPELESS and not row.cancelled:
            return self._offers.cancel(row, head.number, errors[0][1])
        tier = tier_of(row, self._store.open_intents())
        if TOO_CHEAP & kinds and self._offers.outbidden(row.attempts[-1].price):
            return self._outbid(row, head, tier)
        failed = self._tries.get(row.intent.key, (0, 0))[0] + 1
        # A node that misses the nonce before ours may see it in the next block.
        soon = tier is Tier.EMERGENCY or kinds == {SendError.NONCE_TOO_HIGH}
        pause = 1 if soon else min(2 ** (failed - 1), MOST_WAIT_BLOCKS)
        self._tries[row.intent.key] = (failed, head.number + pause)
        return self._note(row, explain(errors))

    def _watch(self, row: Outcome, head: Head) -> Outcome:
        if landing := self._lookup.landing(row):
            return self._settling.land(row, landing)
        if row.nonce is not None and head.count > row.nonce:
            return self._foreign(row, head)
        if self._guards.halted():
            return row
        is_capped = False
        try:
            row = self._replaced(row, head)
        except (RetryLater, Refused) as error:
            row, is_capped = self._held(row, error), isinstance(error, FeesTooHigh)
        if row.state is not IntentState.SENT or not waited(row, head) or self._lookup.is_known(row):
            return row
        attempt = row.attempts[-1]
        answer = self._node.broadcast(raw_of(row, attempt), private=self._is_private(row, head))
        self._emit("tx_rebroadcast", accepted=answer.accepted, hash=attempt.tx_hash, **facts(row))
        kinds = {classify(text) for _, text in answer.errors}
        if is_capped and SendError.REPLACEMENT_UNDERPRICED in kinds and not answer.accepted:
            # What waits at our nonce is not ours, and an eighth more is above the cap: then the cap, and a higher tip.
            return self._outbid(row, head, tier_of(row, self._store.open_intents()), cut=True)
        return row

    def _replaced(self, row: Outcome, head: Head) -> Outcome:
        """A no-op where it is too late, a higher offer where it is outbidden; else the row itself."""
        if not row.cancelled and (reason := self._offers.too_late(row, head)):
            # It may have been mined while we asked: then what is newer in the contract is our own.
            landing = self._lookup.landing(row)
            return self._settling.land(row, landing) if landing else self._offers.cancel(row, head.number, reason)
        rows, blocks = self._store.open_intents(), waited(row, head)
        tier = tier_of(row, rows)
        if not is_lowest(row, rows) or blocks < BUMP_EVERY[tier]:
            return row
        if blocks >= PATIENCE_BLOCKS or self._offers.outbidden(row.attempts[-1].price):
            return self._outbid(row, head, tier)
        return row

    def _outbid(self, row: Outcome, head: Head, tier: Tier, *, cut: bool = False) -> Outcome:
        if len(row.attempts) >= MOST_ATTEMPTS:
            return self._note(row, f"{MOST_ATTEMPTS} attempts were made: it waits as it is until it expires")
        return self._offers.outbid(row, head, tier, cut=cut)

    def _foreign(self, row: Outcome, head: Head) -> Outcome:
        """The nonce is used and none of our receipts shows: once that is deep enough, it is somebody else's."""
        found = self._nonces.foreign(row, head)
        if found is None:
            return self._note(row, "its nonce is used; whose transaction it was shows two blocks later")
        after, again = found
        if again is not None:
            self._drive(again, head)
        return after

    def _is_private(self, row: Outcome, head: Head) -> bool:
        return self._private and head.number - row.attempts[0].signed_block < PRIVATE_BLOCKS

    def _held(self, row: Outcome, error: Refused | RetryLater) -> Outcome:
        """Same state, and said once where money is what is missing."""
        if row.error != error.message and isinstance(error, Unfunded):
            self._emit("insufficient_funds", **error.purse, **facts(row))
        elif row.error != error.message and isinstance(error, FeesTooHigh):
            self._emit("fee_deferred", reason=error.message, **facts(row))
        return self._note(row, self._guards.describe(error.data) if isinstance(error, Reverted) else error.message)

    def _note(self, row: Outcome, error: str) -> Outcome:
        """Same state, with why it does not move."""
        if row.error == error or row.state in LANDED:
            return row
        return self._store.note(row.intent.key, error)
