"""Several hosts, one database: a lease says which keeper may act, an epoch voids what an earlier one still writes.

The clock of the lease is the database's; a leader trusts its own only to stop early (reliability.md B5).
"""

import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from keeper.errors import Refused, StoreFailure
from keeper.store.tables import leases
from keeper.timing import scaled

LEASE_SECONDS = 15
"""After its last renewal a lease can be taken over."""
RENEW_SECONDS = 5
TRUST_SECONDS = 10
"""A leader that has not renewed for so long stops sending: well before anybody else may begin."""
RETRY_SECONDS = 1
"""Between two attempts of a standby, and between two looks of a leader at its own clock."""
NAME = "keeper"
"""There is one lease a database: its intents have one key and one line of nonces."""


class Fence:
    """What every write of a keeper passes; this one, of a single host, lets all through: its lock excludes others."""

    def leads(self) -> bool:
        """Whether this keeper may act now."""
        return True

    def hold(self, connection: Connection) -> None:
        """Make sure, inside the write's own transaction, that nobody else has begun to act."""


OPEN = Fence()


class Lease(Fence):
    """The right to act on a shared database.

    Parameters
    ----------
    engine
        PostgreSQL.
    emit
        Log: ``lease(state, epoch)``.
    """

    def __init__(self, engine: Engine, emit: Callable[..., None], owner: str = "") -> None:
        self._engine = engine
        self.emit = emit
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        self.epoch: int | None = None
        """Ours while we lead; None on a standby."""
        self._renewed = 0.0
        self._state = ""

    def leads(self) -> bool:
        """Whether this keeper holds the lease and renewed it lately, by its own monotonic clock."""
        return self.epoch is not None and time.monotonic() - self._renewed < scaled(TRUST_SECONDS)

    def hold(self, connection: Connection) -> None:
        """Lock the row against a take-over until this transaction ends, and compare the epoch.

        Raises
        ------
        Refused
            Another keeper leads.
        """
        query = select(leases.c.epoch).where(leases.c.name == NAME).with_for_update(read=True)
        epoch = connection.execute(query).scalar()
        if self.epoch is None or epoch != self.epoch:
            self._lost()
            raise Refused("lease lost", "another keeper of this database leads; this one stands by")

    def tick(self) -> None:
        """Renew when that is due; on a standby, take the lease over when it has expired. To be called every second."""
        started = time.monotonic()
        if self.epoch is not None and started - self._renewed < scaled(RENEW_SECONDS):
            return
        try:
            epoch = self._renew() if self.epoch is not None else self._take()
        except StoreFailure as error:
            # What cannot be renewed runs out: leads() looks at the clock.
            self._say("unreachable", error=error.message)
            return
        if epoch is None:
            self._lost()
            return
        self.epoch, self._renewed = epoch, started
        self._say("leader")

    def release(self) -> None:
        """Let a standby begin at once."""
        if self.epoch is None:
            return
        ours = (leases.c.name == NAME) & (leases.c.owner == self.owner) & (leases.c.epoch == self.epoch)
        self.epoch = None
        try:
            with self._engine.begin() as connection:
                connection.execute(update(leases).where(ours).values(expires_at=func.clock_timestamp()))
        except StoreFailure as error:
            self._say("unreachable", error=error.message)
            return
        self._say("released")

    def _renew(self) -> int | None:
        ours = (leases.c.name == NAME) & (leases.c.owner == self.owner) & (leases.c.epoch == self.epoch)
        with self._engine.begin() as connection:
            query = update(leases).where(ours).values(expires_at=_expiry()).returning(leases.c.epoch)
            return connection.execute(query).scalar()

    def _take(self) -> int | None:
        first = insert(leases).values(name=NAME, owner=self.owner, epoch=1, expires_at=_expiry())
        over = first.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": self.owner, "epoch": leases.c.epoch + 1, "expires_at": _expiry()},
            where=leases.c.expires_at <= func.clock_timestamp(),
        )
        with self._engine.begin() as connection:
            return connection.execute(over.returning(leases.c.epoch)).scalar()

    def _lost(self) -> None:
        self.epoch = None
        self._say("standby")

    def _say(self, state: str, **fields: object) -> None:
        if state != self._state:
            self._state = state
            self.emit("lease", state=state, epoch=self.epoch, owner=self.owner, **fields)


def _expiry() -> object:
    return func.clock_timestamp() + timedelta(seconds=scaled(LEASE_SECONDS))
