"""Rows that hold a nonce: who is first, whom an emergency waits behind, how long each has waited, what it signed."""

from collections.abc import Sequence

from keeper.chain.lookup import Head
from keeper.errors import Refused
from keeper.records.outcome import UNMINED, Attempt, Outcome, Tier


def is_lowest(row: Outcome, rows: Sequence[Outcome]) -> bool:
    """Whether no other unmined row holds a lower nonce: only the lowest can be stuck by its price."""
    return not any(_before(other, row) for other in rows)


def tier_of(row: Outcome, rows: Sequence[Outcome]) -> Tier:
    """The row's own tier, or a repair's once a no-op is to take its nonce; whatever is before an emergency is one."""
    if any(_before(row, other) and other.intent.tier is Tier.EMERGENCY for other in rows):
        return Tier.EMERGENCY
    return Tier.REPAIR if row.cancelled else row.intent.tier


def waited(row: Outcome, head: Head) -> int:
    """Blocks since the newest attempt went out."""
    attempt = row.attempts[-1]
    return head.number - (attempt.signed_block if attempt.sent_block is None else attempt.sent_block)


def raw_of(row: Outcome, attempt: Attempt) -> bytes:
    """Signed bytes of an attempt.

    Raises
    ------
    Refused
        There are none: the store is not as the sender left it.
    """
    if attempt.raw is None:
        raise Refused(f"intent 0x{row.intent.key.hex()[:16]} is {row.state} without signed bytes", "keeper rebuild")
    return attempt.raw


def _before(one: Outcome, other: Outcome) -> bool:
    if one.nonce is None or other.nonce is None:
        return False
    return one.state in UNMINED and other.state in UNMINED and one.nonce < other.nonce
