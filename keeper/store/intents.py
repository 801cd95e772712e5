"""Write-ahead rows of the sender: every state edge is one committed transaction (reliability.md B1)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.engine import Row

from keeper.errors import Refused
from keeper.records.outcome import TERMINAL, Attempt, IntentState, Landing, Outcome, Price, Tier, TxIntent
from keeper.records.units import Address
from keeper.store.lease import OPEN, Fence
from keeper.store.tables import attempts, intents

_TERMINAL = [state.value for state in TERMINAL]


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

    def landed_since(self, time: int) -> list[Outcome]:
        """Rows whose transaction was mined at that chain time or later, and every row that may still be mined."""
        late = intents.c.block_time >= time
        open_with_nonce = intents.c.state.not_in(_TERMINAL) & intents.c.nonce.is_not(None)
        return self._rows(select(intents).where(late | open_with_nonce).order_by(intents.c.id))

    def find(self, key: bytes) -> Outcome | None:
        """The row with this key."""
        rows = self._rows(select(intents).where(intents.c.key == key))
        return rows[0] if rows else None

    def highest_nonce(self) -> int | None:
        """Highest nonce that any row ever held; None when there is none."""
        # A foreign row's nonce counts too: it is used up, whoever used it.
        with self._engine.connect().execution_options(read_only=True) as connection:
            found: int | None = connection.execute(select(func.max(intents.c.nonce))).scalar()
        return found

    def plan(self, intent: TxIntent) -> Outcome:
        """Insert as PLANNED, or return the row that already has this key."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            row = connection.execute(select(intents).where(intents.c.key == intent.key)).first()
            if row is not None:
                return _outcome(row, _attempts(connection, [intent.key]).get(intent.key, ()))
            connection.execute(
                insert(intents).values(
                    key=intent.key,
                    purpose=intent.purpose,
                    recipient=intent.to,
                    calldata=intent.data,
                    observed_block=intent.observed_block,
                    valid_until=intent.valid_until,
                    markets=",".join(market.hex() for market in intent.markets),
                    tier=intent.tier.value,
                    replaces=intent.replaces,
                    state=IntentState.PLANNED.value,
                )
            )
        return Outcome(intent, IntentState.PLANNED)

    def advance(self, key: bytes, state: IntentState, *, error: str = "") -> Outcome:
        """Commit a state edge; ``error`` says how it came to it."""
        return self._commit(key, {"state": state.value, "error": error})

    def note(self, key: bytes, error: str) -> Outcome:
        """Why the row waits, in whatever state it is."""
        return self._commit(key, {"error": error})

    def prepare(self, key: bytes, nonce: int, attempt: Attempt, *, fills: bool = False) -> Outcome:
        """Take a nonce with the first attempt's fees and gas, in one transaction: PREPARED. ``fills``: below others.

        Raises
        ------
        Refused
            Another open row holds the nonce, or one above it unless this one fills a gap.
        """
        edge = {"state": IntentState.PREPARED.value, "nonce": nonce, "error": ""}
        return self._commit(key, edge, attempt, fills=fills)

    def add_attempt(self, key: bytes, attempt: Attempt) -> Outcome:
        """Keep another signed transaction at the row's nonce before it is sent: SIGNED."""
        return self._commit(key, {"state": IntentState.SIGNED.value, "error": ""}, attempt)

    def sign(self, key: bytes, number: int, raw: bytes, tx_hash: bytes) -> Outcome:
        """Keep the signed bytes of a prepared attempt: SIGNED."""
        facts = {"raw": raw, "tx_hash": tx_hash}
        return self._commit(key, {"state": IntentState.SIGNED.value, "error": ""}, number=number, facts=facts)

    def acknowledge(self, key: bytes, number: int, block: int) -> Outcome:
        """A node took an attempt: SENT. The block of the first time stays."""
        first = func.coalesce(attempts.c.sent_block, block)
        edge = {"state": IntentState.SENT.value, "error": ""}
        return self._commit(key, edge, number=number, facts={"sent_block": first})

    def land(self, key: bytes, state: IntentState, landing: Landing | None, *, error: str = "") -> Outcome:
        """Keep the receipt, or take it back when a reorg did."""
        values: dict[str, object] = {"state": state.value, "error": error}
        names = ("tx_hash", "block_number", "block_hash", "block_time", "gas_used", "ok")
        values |= {name: getattr(landing, name) if landing else None for name in names}
        return self._commit(key, values | {"fee_wei": landing.fee_wei if landing else None})

    def retire(self, key: bytes, aside: bytes, error: str) -> None:
        """End a row of a replaced key under another key of the table: its batch can be planned anew."""
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            ended = {"key": aside, "state": IntentState.SUPERSEDED.value, "error": error}
            connection.execute(update(intents).where(intents.c.key == key).values(ended))
            connection.execute(update(attempts).where(attempts.c.intent_key == key).values(intent_key=aside))

    def _commit(
        self,
        key: bytes,
        values: dict[str, Any],
        new: Attempt | None = None,
        *,
        number: int = 0,
        facts: dict[str, Any] | None = None,
        fills: bool = False,
    ) -> Outcome:
        """One edge in one transaction.

        Raises
        ------
        Refused
            There is no such row, it is terminal already, or its nonce is not its own.
        """
        edge = update(intents).where(intents.c.key == key, intents.c.state.not_in(_TERMINAL))
        with self._engine.begin() as connection:
            self._fence.hold(connection)
            if values.get("nonce") is not None:
                _require_free(connection, key, values["nonce"], fills=fills)
            changed = connection.execute(edge.values(**values)).rowcount
            row = connection.execute(select(intents).where(intents.c.key == key)).first()
            if row is None or not changed:
                is_now = row.state if row else "unknown"
                raise Refused(f"intent 0x{key.hex()[:16]} cannot become {values.get('state', 'noted')}: it is {is_now}")
            if new is not None:
                connection.execute(insert(attempts).values(_attempt_values(key, new)))
            if facts is not None:
                one = update(attempts).where(attempts.c.intent_key == key, attempts.c.number == number)
                connection.execute(one.values(**facts))
            return _outcome(row, _attempts(connection, [key]).get(key, ()))

    def _rows(self, query: Any) -> list[Outcome]:
        with self._engine.connect().execution_options(read_only=True) as connection:
            rows = connection.execute(query).all()
            made = _attempts(connection, [row.key for row in rows if row.nonce is not None])
            return [_outcome(row, made.get(row.key, ())) for row in rows]


def _require_free(connection: Connection, key: bytes, nonce: int, *, fills: bool) -> None:
    held = intents.c.nonce == nonce if fills else intents.c.nonce >= nonce
    taken = select(intents.c.key).where(held, intents.c.state.not_in(_TERMINAL), intents.c.key != key)
    row = connection.execute(taken.limit(1)).first()
    if row is not None:
        raise Refused(f"nonce {nonce} is not free: intent 0x{row.key.hex()[:16]} holds it or a later one")


def _attempts(connection: Connection, keys: Iterable[bytes]) -> dict[bytes, tuple[Attempt, ...]]:
    found: dict[bytes, tuple[Attempt, ...]] = {}
    wanted = list(keys)
    if not wanted:
        return found
    query = select(attempts).where(attempts.c.intent_key.in_(wanted)).order_by(attempts.c.number)
    for row in connection.execute(query):
        found[row.intent_key] = (*found.get(row.intent_key, ()), _attempt(row))
    return found


def _attempt(row: Row[Any]) -> Attempt:
    price = Price(row.max_fee_wei or 0, row.tip_wei or 0)
    return Attempt(row.number, row.cancels, price, row.gas, row.raw, row.tx_hash, row.signed_block, row.sent_block)


def _attempt_values(key: bytes, row: Attempt) -> dict[str, object]:
    return {
        "intent_key": key,
        "number": row.number,
        "cancels": row.cancels,
        "max_fee_wei": row.price.max_fee_wei,
        "tip_wei": row.price.tip_wei,
        "gas": row.gas,
        "raw": row.raw,
        "tx_hash": row.tx_hash,
        "signed_block": row.signed_block,
        "sent_block": row.sent_block,
    }


def _outcome(row: Row[Any], made: tuple[Attempt, ...]) -> Outcome:
    intent = TxIntent(
        key=row.key,
        purpose=row.purpose,
        to=Address(row.recipient),
        data=row.calldata,
        observed_block=row.observed_block,
        valid_until=row.valid_until,
        markets=tuple(bytes.fromhex(market) for market in row.markets.split(",") if market),
        tier=Tier(row.tier),
        replaces=row.replaces or b"",
    )
    return Outcome(intent, IntentState(row.state), row.nonce, made, _landing(row), row.error)


def _landing(row: Row[Any]) -> Landing | None:
    if row.tx_hash is None or row.block_hash is None:
        return None
    return Landing(
        row.tx_hash,
        row.block_number,
        row.block_hash,
        row.block_time,
        row.gas_used,
        row.fee_wei or 0,
        bool(row.ok),
    )
