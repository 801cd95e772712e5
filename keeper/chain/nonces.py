"""Which nonce is next, whose a used one was, and what to do with one that nobody used (reliability.md B1)."""

from dataclasses import replace

from keeper.chain.guards import CONFIRMED_DEPTH
from keeper.chain.lookup import Head, Lookup
from keeper.chain.offers import Emit, Offers, facts
from keeper.maths.keccak import keccak
from keeper.records.outcome import IntentState, Outcome, Tier, TxIntent
from keeper.records.ports import Store
from keeper.records.units import Address

GAP_BLOCKS = 3
"""How long the chain may wait for a nonce below all of ours before a no-op takes it."""

FOR_EVER = 2**62


class Nonces:
    """The key's nonces, asked of chain and rows anew each time: there is no counter.

    Parameters
    ----------
    address
        The key's.
    """

    def __init__(self, address: Address, lookup: Lookup, store: Store, *, offers: Offers, emit: Emit) -> None:
        self._address = address
        self._lookup = lookup
        self._store = store
        self._offers = offers
        self._emit = emit
        self._gap: tuple[int, int] | None = None
        """(nonce that the chain waits for, block at which that was seen first)."""

    def next(self) -> int:
        """The chain's count or one above our own highest open nonce; never the node's ``pending`` count."""
        count, highest = self._lookup.agreed_count(), self._store.highest_nonce()
        if highest is not None and count > highest + 1:
            # Nonces between our last and the chain's were used by something that is not in our rows.
            self._emit("foreign_nonce", nonce=highest + 1, up_to=count - 1)
        return max([count, *(row.nonce + 1 for row in self._store.open_intents() if row.nonce is not None)])

    def foreign(self, row: Outcome, head: Head) -> tuple[Outcome, Outcome | None] | None:
        """(the row as FOREIGN, the row that plans its intent again); None until the used nonce lies deep enough.

        Planned again once, and never a no-op.
        """
        if row.nonce is None or self._lookup.count(max(0, head.number - CONFIRMED_DEPTH)) <= row.nonce:
            return None
        error = f"nonce {row.nonce} was used by a transaction that is not ours"
        after = self._store.advance(row.intent.key, IntentState.FOREIGN, error=error)
        self._emit("foreign_nonce", up_to=row.nonce, **facts(row))
        if row.intent.replaces or row.cancelled:
            return after, None
        again = replace(row.intent, key=keccak(b"again" + row.intent.key), replaces=row.intent.key)
        return after, self._store.plan(again)

    def fill(self, head: Head) -> Outcome | None:
        """A prepared no-op at a nonce that the chain has waited for below all of ours; None while there is no gap.

        A reorg that takes a foreign transaction back leaves such a hole: nothing of ours could be mined above it.
        """
        held = [row.nonce for row in self._store.open_intents() if row.nonce is not None and row.nonce >= head.count]
        if not held or min(held) == head.count:
            self._gap = None
            return None
        if self._gap is None or self._gap[0] != head.count:
            self._gap = (head.count, head.number)
        if head.number - self._gap[1] < GAP_BLOCKS:
            return None
        attempt = self._offers.no_op(head)
        self._gap = None
        name = f"gap {self._address} {head.count} {head.number}".encode()
        intent = TxIntent(keccak(name), "repair", self._address, b"", 0, FOR_EVER, (), Tier.REPAIR)
        self._emit("nonce_gap", nonce=head.count)
        return self._store.prepare(self._store.plan(intent).intent.key, head.count, attempt, fills=True)
