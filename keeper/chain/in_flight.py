"""Rows that hold a nonce, in their order: who is first, and whom an emergency waits behind."""

from collections.abc import Sequence

from keeper.records.outcome import UNMINED, Outcome, Tier


def is_lowest(row: Outcome, rows: Sequence[Outcome]) -> bool:
    """Whether no other unmined row holds a lower nonce: only the lowest can be stuck by its price."""
    return not any(_before(other, row) for other in rows)


def tier_of(row: Outcome, rows: Sequence[Outcome]) -> Tier:
    """The row's own tier, or a repair's once a no-op is to take its nonce; whatever is before an emergency is one."""
    if any(_before(row, other) and other.intent.tier is Tier.EMERGENCY for other in rows):
        return Tier.EMERGENCY
    return Tier.REPAIR if row.cancelled else row.intent.tier


def _before(one: Outcome, other: Outcome) -> bool:
    if one.nonce is None or other.nonce is None:
        return False
    return one.state in UNMINED and other.state in UNMINED and one.nonce < other.nonce
