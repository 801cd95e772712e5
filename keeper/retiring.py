"""After a rotation: what the old key sent or planned is the old key's, and must not hold nonces of the new one."""

from collections.abc import Iterable

from keeper.follow import Emit
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import decode_publish
from keeper.records.outcome import IntentState, Outcome
from keeper.records.units import Address
from keeper.store.intents import IntentStore

RECENT = 100
"""Newest rows that are looked at besides the open ones: a batch so far back can't be planned again."""


def retire_others(rows: IntentStore, account: Address, emit: Emit) -> None:
    """Set aside every row of another key that is open, or that would stand in the way of the same batch.

    An open nonce of the old key would leave a gap in the new one's, and a row whose batch the old key signed would be
    taken for the new key's. What was set aside may still be mined: the contract's order of blocks is the fence.
    """
    seen = {row.intent.key: row for row in (*rows.open_intents(), *rows.outcomes(RECENT))}
    signed = {key: _account(row) for key, row in seen.items()}
    others = {signer for signer in signed.values() if signer and signer != account}
    if not others:
        return
    found = [row for key, row in seen.items() if _is_other(row, signed[key], account)]
    for row in found:
        rows.retire(row.intent.key, keccak(b"retired" + row.intent.key), f"its key was replaced by {account}")
    if found:
        emit("intents_retired", intents=len(found), account=account, before=sorted(others))


def _is_other(row: Outcome, signer: Address | None, account: Address) -> bool:
    # Of a nonce that was taken and not signed for, nobody knows the key; nothing of it was ever sent.
    return row.state is not IntentState.FINAL_OK and signer != account and (signer is not None or row.nonce is not None)


def _account(row: Outcome) -> Address | None:
    """Who signed its transaction, or else its batch."""
    from eth_account import Account

    for raw in _raws(row):
        return Address(Account.recover_transaction(raw).lower())
    try:
        _, _, signatures = decode_publish(row.intent.data)
    except ValueError:
        return None
    return signatures[0].signer if signatures else None


def _raws(row: Outcome) -> Iterable[bytes]:
    return (attempt.raw for attempt in row.attempts if attempt.raw)
