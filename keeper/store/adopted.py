"""Rows that were found on chain and are final: the database that had them is gone, or is an old copy."""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from keeper.records.outcome import Outcome
from keeper.store.lease import Fence
from keeper.store.sql import keep_first
from keeper.store.tables import intents


def adopt(engine: Engine, fence: Fence, rows: Sequence[Outcome]) -> None:
    """Add these rows, unless their key is known."""
    if not rows:
        return
    values = [
        {
            "key": row.intent.key,
            "purpose": row.intent.purpose,
            "recipient": row.intent.to,
            "calldata": row.intent.data,
            "observed_block": row.intent.observed_block,
            "valid_until": row.intent.valid_until,
            "markets": ",".join(market.hex() for market in row.intent.markets),
            "state": row.state.value,
            "nonce": row.nonce,
            "tx_hash": row.tx_hash,
            "block_number": row.block_number,
        }
        for row in rows
    ]
    with engine.begin() as connection:
        fence.hold(connection)
        connection.execute(keep_first(connection, intents), values)


def highest_nonce(engine: Engine) -> int | None:
    """Highest nonce that any row has; None when none has one."""
    with engine.connect().execution_options(read_only=True) as connection:
        return connection.execute(select(func.max(intents.c.nonce))).scalar()
