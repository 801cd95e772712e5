"""Rows that were found on chain and are final: the database that had them is gone, or is an old copy."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Engine

from keeper.records.outcome import Outcome
from keeper.store.lease import Fence
from keeper.store.sql import keep_first
from keeper.store.tables import intents


def adopt(engine: Engine, fence: Fence, rows: Sequence[Outcome]) -> None:
    """Add these rows, unless their key is known."""
    if not rows:
        return
    with engine.begin() as connection:
        fence.hold(connection)
        connection.execute(keep_first(connection, intents), [_values(row) for row in rows])


def _values(row: Outcome) -> dict[str, object]:
    intent = row.intent
    if row.landing is None:
        raise TypeError("a row that was found on chain has a receipt")
    return asdict(row.landing) | {
        "key": intent.key,
        "purpose": intent.purpose,
        "recipient": intent.to,
        "calldata": intent.data,
        "observed_block": intent.observed_block,
        "valid_until": intent.valid_until,
        "markets": ",".join(market.hex() for market in intent.markets),
        "tier": intent.tier.value,
        "state": row.state.value,
        "nonce": row.nonce,
    }
