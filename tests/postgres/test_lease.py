"""The lease: one leader a database, by the database's clock; what an earlier epoch still writes is refused."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from store_records import intent, sample

from keeper.errors import Refused, StoreFailure
from keeper.records.outcome import IntentState
from keeper.store.lease import LEASE_SECONDS, RENEW_SECONDS, TRUST_SECONDS
from keeper.store.store import KeeperStore
from keeper.timing import VARIABLE

SCALE = 0.08
"""A lease of 1.2 s."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SCALE))


@pytest.fixture
def two(postgres: Callable[[], str]) -> Iterator[tuple[KeeperStore, KeeperStore, list[tuple[str, str | None]]]]:
    """Two keepers on one database, and what their leases said."""
    url, said = postgres(), []

    def emit(event: str, **fields: object) -> None:
        if event == "lease":
            said.append((str(fields["state"]), fields["epoch"]))

    with ExitStack() as stack:
        first, second = (stack.enter_context(KeeperStore(url, emit)) for _ in range(2))
        first.lease.owner, second.lease.owner = "first", "second"
        first.lease.tick()
        second.lease.tick()
        yield first, second, said


def expire() -> None:
    time.sleep(LEASE_SECONDS * SCALE + 0.1)


def test_only_one_leads_and_says_so(two: tuple[KeeperStore, KeeperStore, list[tuple[str, int | None]]]) -> None:
    first, second, said = two
    assert (first.lease.leads(), second.lease.leads()) == (True, False)
    second.lease.tick()
    assert said == [("leader", 1), ("standby", None)]


def test_a_renewed_lease_is_not_taken_over(two: tuple[KeeperStore, KeeperStore, object]) -> None:
    first, second, _ = two
    ends = time.monotonic() + 2 * LEASE_SECONDS * SCALE
    while time.monotonic() < ends:
        time.sleep(RENEW_SECONDS * SCALE)
        first.lease.tick()
        second.lease.tick()
        assert (first.lease.epoch, second.lease.epoch) == (1, None)
        assert first.lease.leads()


def test_a_leader_stops_by_its_own_clock_before_anybody_else_may_begin(
    two: tuple[KeeperStore, KeeperStore, object],
) -> None:
    first, second, _ = two
    time.sleep(TRUST_SECONDS * SCALE)
    assert not first.lease.leads()
    second.lease.tick()
    assert not second.lease.leads()


def test_what_an_earlier_epoch_writes_is_refused(two: tuple[KeeperStore, KeeperStore, object]) -> None:
    first, second, _ = two
    first.intents.plan(intent())
    first.samples.record([sample()])
    expire()
    second.lease.tick()
    assert second.lease.epoch == 2
    writes = (
        lambda: first.intents.plan(intent("b")),
        lambda: first.intents.advance(intent().key, IntentState.SUPERSEDED),
        lambda: first.samples.roll_back(0),
        lambda: first.samples.keep_reports([]),
        lambda: first.samples.forget_samples(sample().market, 0),
        lambda: first.adopt([]) or first.intents.plan(intent("b")),
    )
    for write in writes:
        with pytest.raises(Refused, match="lease lost"):
            write()
    assert first.samples.count() == 1
    (row,) = second.intents.open_intents()
    assert row.state is IntentState.PLANNED
    assert first.lease.epoch is None
    first.lease.tick()
    assert first.lease.epoch is None


def test_a_take_over_waits_for_the_write_that_has_begun(two: tuple[KeeperStore, KeeperStore, object]) -> None:
    first, second, _ = two
    expire()
    with first._engine.begin() as connection:
        first.lease.hold(connection)
        second.lease.tick()
        assert second.lease.epoch is None
    second.lease.tick()
    assert second.lease.epoch == 2


def test_a_keeper_that_is_stopped_in_a_write_does_not_hold_the_lease_for_ever(
    two: tuple[KeeperStore, KeeperStore, object],
) -> None:
    first, second, _ = two
    with first._engine.connect() as connection:
        first.lease.hold(connection)
        expire()
        deadline = time.monotonic() + 5
        while second.lease.epoch is None and time.monotonic() < deadline:
            second.lease.tick()
        assert second.lease.epoch == 2
        with pytest.raises(StoreFailure, match="idle-in-transaction"):
            first.lease.hold(connection)


def test_a_released_lease_is_taken_at_once(two: tuple[KeeperStore, KeeperStore, object]) -> None:
    first, second, _ = two
    first.lease.release()
    second.lease.tick()
    assert (first.lease.leads(), second.lease.leads()) == (False, True)


def test_a_standby_adds_samples_and_replaces_none(two: tuple[KeeperStore, KeeperStore, object]) -> None:
    first, second, _ = two
    seen, other = sample(), sample(1001)
    first.samples.record([seen])
    second.samples.record([other])
    # The same window seen on another fork.
    second.samples.record([sample(snapshot=other.snapshot)])
    assert first.samples.between(seen.market, 1000, 1001) == [seen, other]
