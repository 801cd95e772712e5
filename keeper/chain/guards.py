"""What the sender asks of the rest of the keeper before it spends anything."""

from collections.abc import Callable
from dataclasses import dataclass

from keeper.records.outcome import TxIntent

CONFIRMED_DEPTH = 2
"""Blocks on top of the transaction's own before it counts as confirmed; a used nonce is foreign only as deep."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Joins fulfil them."""

    describe: Callable[[bytes], str]
    """Revert data -> one line."""
    is_superseded: Callable[[TxIntent], bool]
    """Whether the contract already holds something at least as new for every market of the intent."""
    rehearse: Callable[[TxIntent], None]
    """Raises Refused when the contract would not do exactly what our twin of it says."""
    afford: Callable[[TxIntent, int, int], None]
    """(intent, most wei it may cost, chain time): raises RetryLater when a budget forbids it."""
    halted: Callable[[], str]
    """Why nothing may be sent now, or empty."""
