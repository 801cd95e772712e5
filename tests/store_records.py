"""Rows for tests of the store, and a store that may write them, whatever the engine."""

from dataclasses import replace

from factories import make_block, make_settings, make_snapshot, market_settings

from keeper.fold import fold_sample
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxIntent
from keeper.records.snapshot import MarketSnapshot
from keeper.records.units import Address
from keeper.store.samples import StoredSample
from keeper.store.store import KeeperStore

SETTINGS = make_settings()
WINDOW = 1000


def intent(name: str = "a", **changes: object) -> TxIntent:
    base = TxIntent(
        key=keccak(name.encode()),
        purpose="publish",
        to=Address("0x" + "cc" * 20),
        data=b"\x01\x02",
        observed_block=100,
        valid_until=2_000_000_000,
        markets=(keccak(b"m1"), keccak(b"m2")),
    )
    return replace(base, **changes)


def sample(window: int = WINDOW, snapshot: MarketSnapshot | None = None) -> StoredSample:
    snapshot = snapshot or make_snapshot(block=make_block(window * 25))
    folded = fold_sample(b"", snapshot, window, (), market_settings(), SETTINGS)
    return StoredSample(snapshot.market, window, 1, b"", snapshot, folded)


def leading(database: str) -> KeeperStore:
    """The store of a keeper that may write: on a server it has taken the lease."""
    store = KeeperStore(database)
    if store.lease is not None:
        store.lease.tick()
        assert store.lease.leads()
    return store
