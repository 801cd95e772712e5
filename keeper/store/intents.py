"""Write-ahead rows of the sender: every state edge is one committed transaction (reliability.md B1)."""

from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.engine import Row

from keeper.errors import Refused
from keeper.records.outcome import TERMINAL, IntentState, Outcome, TxIntent
from keeper.records.units import Address
from keeper.store.lease import OPEN, Fence
from keeper.store.tables import intents

_TERMINAL = [state.value for state in TERMINAL]
_FACTS = frozenset({"nonce", "raw", "tx_hash", "block_number", "gas_used", "error"})


class IntentStore:
    """``records.ports.Store`` over SQL."""

    def __init__(self, engine: Engine, fence: Fence = OPEN) -> None:
        self._engine = engine
        self._fence = fence

    def open_intents(self) -> list[Outcome]:
        """Rows that are not terminal, oldest first."""
        query = select(intents).where(intents.c.state.not_in(_TERMINAL)).order_by(intents.c.id)
        return self._rows(query)

    def outcomes(self, limit: int = 100) -> list[Outcome]:
        """Rows of any state, newest first."""
        return self._rows(select(intents).order_by(intents.c.id.desc()).limit(limit))

    def find(self, key: bytes) -> Outcome | None:
        """The row with this key."""
        rows = self._rows(select(intents).where(intents.c.key == key))
        return rows[0] if rows else None

    def plan(self, intent: TxIntent) -> Outcome:
        """Insert as PLANNED, or return the row that already has this key."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            row = connection.execute(select(intents).where(intents.c.key == intent.key)).first()
            if row is not None:
                return _outcome(row)
            connection.execute(
                insert(intents).values(
                    key=intent.key,
                    purpose=intent.purpose,
                    recipient=intent.to,
                    calldata=intent.data,
                    observed_block=intent.observed_block,
                    valid_until=intent.valid_until,
                    markets=",".join(market.hex() for market in intent.markets),
                    state=IntentState.PLANNED.value,
                )
            )
        return Outcome(intent, IntentState.PLANNED, None, None, None, None, None)

    def advance(self, key: bytes, state: IntentState, **facts: object) -> Outcome:
        """Commit a state edge with its facts.

        Raises
        ------
        Refused
            There is no such row, or it is terminal already.
        """
        if not _FACTS.issuperset(facts):
            raise TypeError(f"unknown facts: {sorted(facts.keys() - _FACTS)}")
        edge = update(intents).where(intents.c.key == key, intents.c.state.not_in(_TERMINAL))
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            changed = connection.execute(edge.values(state=state.value, **facts)).rowcount
            row = connection.execute(select(intents).where(intents.c.key == key)).first()
        if row is None or not changed:
            raise Refused(f"intent 0x{key.hex()[:16]} cannot become {state}: it is {row.state if row else 'unknown'}")
        return _outcome(row)

    def _rows(self, query: Any) -> list[Outcome]:
        with self._engine.connect().execution_options(read_only=True) as connection:
            return [_outcome(row) for row in connection.execute(query)]


def _outcome(row: Row[Any]) -> Outcome:
    intent = TxIntent(
        key=row.key,
        purpose=row.purpose,
        to=Address(row.recipient),
        data=row.calldata,
        observed_block=row.observed_block,
        valid_until=row.valid_until,
        markets=tuple(bytes.fromhex(market) for market in row.markets.split(",") if market),
    )
    state = IntentState(row.state)
    return Outcome(intent, state, row.nonce, row.tx_hash, row.raw, row.block_number, row.gas_used, row.error)
