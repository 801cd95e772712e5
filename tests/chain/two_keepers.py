"""Two keepers over one chain while its market moves: one runs on, one is stopped, cut off, killed and wiped."""

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import log
from pathlib import Path

import pytest
from faults.proxy import FaultProxy

from keeper.acting import plan_publish
from keeper.config import Config, load_config
from keeper.cycle import Ports, read_words, run_cycle
from keeper.errors import RetryLater
from keeper.maths.keccak import keccak
from keeper.protocols.bulkhead import decode_publish
from keeper.records.report import Batch
from keeper.records.units import BlockRef
from keeper.risk.commit import batch_digest
from keeper.store.samples import StoredSample
from keeper.testing import world
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, write_operator_files
from keeper.testing.scenario import Phase, Scenario
from keeper.wiring import open_ports

STORY = (
    Phase("calm", 6, (0.0, 0.0), 0.004),
    Phase("sell-off", 24, (log(0.55), log(0.60)), 0.008, leaving=(6, 22)),
    Phase("recovery", 12, (log(1.10), log(1.08)), 0.003, returning=(3, 12)),
    Phase("calm again", 18, (0.0, 0.0), 0.002),
)
"""The scenario's own story, a little longer: the second keeper misses some windows for good."""

OFF = frozenset({*range(9, 13), *range(30, 35)})
"""Steps during which the second keeper is stopped; it catches up afterwards."""
RESTARTED = frozenset({44, 56})
"""Steps before which it is stopped and started again at once."""
WIPED = frozenset({35, 53})
"""Steps before which its database is deleted: after a pause, and while it ran."""
CUT = {16: 1, 20: 3, 25: 5, 41: 2, 48: 4}
"""Steps in which its node vanishes after so many requests, in the middle of a cycle."""
KILLED = frozenset({25, 48})
"""Of these, those after which its whole process state is gone too."""
STARTS = 8
"""At the beginning and after every one of these."""
NEVER = 2**31
"""A window that no test reaches."""
LATE = 0
"""Step whose reports land after the next window's sample: that sample still rests on the base before."""


Key = tuple[int, tuple[bytes, ...]]
"""A window and the markets that were folded together at it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """All the bytes that a keeper would sign or commit to over one window."""

    cores: tuple[bytes, ...]
    """Packed core of every market after the window."""
    batch: Batch
    """Holds the root of the commitments and the hash of the reports."""
    packed: bytes
    """Packed reports."""
    digest: bytes
    """What the signature is over."""
    evidence: tuple[bytes, ...]
    """keccak of every market's evidence document, as the document is."""


@dataclass(slots=True)
class Keeper:
    """One keeper over its own endpoint and folder; can be stopped and started."""

    config: Config
    endpoint: FaultProxy
    broadcast: bool
    signed: dict[Key, set[Signed]] = field(default_factory=dict)
    """Everything that was ever computed for a key; one value when it never changed its mind."""
    events: list[str] = field(default_factory=list)
    starts: int = 0
    seen: int = 0
    """Newest window whose bytes were taken down."""
    ports: Ports | None = None
    _opened: AbstractContextManager[Ports] | None = None

    def start(self) -> None:
        self._opened = open_ports(self.config, broadcast=self.broadcast, emit=self._emit)
        self.ports = self._opened.__enter__()
        self.starts += 1

    def stop(self) -> None:
        """Its objects go; only the database stays."""
        if self._opened is not None:
            self._opened.__exit__(None, None, None)
        self.ports = self._opened = None

    def wipe(self) -> None:
        assert self.ports is None
        folder = Path(self.config.operator.store_url.removeprefix("sqlite:///")).parent
        assert any(folder.iterdir())
        shutil.rmtree(folder)
        self.seen = 0

    def cycle(self) -> None:
        """What ``keeper run`` does at every tick; then the bytes of every window that is new in the database."""
        run_cycle(self.ports)
        fresh = list(self.samples(self.seen + 1).values())
        for window in sorted({row.window for row in fresh}):
            rows = [row for row in fresh if row.window == window]
            signed = _signed(self.ports, rows)
            self.signed.setdefault(_key(rows), set()).add(signed)
            self.seen = window

    def cut_off(self, requests: int) -> None:
        """A cycle whose node vanishes after so many requests."""
        self.endpoint.fail_after(requests)
        with pytest.raises(RetryLater):
            run_cycle(self.ports)
        self.endpoint.heal()

    def samples(self, first: int = 0) -> dict[tuple[bytes, int], StoredSample]:
        """What the database holds from a window on."""
        store = self.ports.samples
        rows = [row for key in store.markets() for row in store.between(key, first, NEVER)]
        return {(row.market, row.window): row for row in rows}

    def _emit(self, event: str, **_: object) -> None:
        self.events.append(event)


def _key(rows: list[StoredSample]) -> Key:
    return rows[0].window, tuple(sorted(row.market for row in rows))


def _signed(ports: Ports, rows: list[StoredSample]) -> Signed:
    follower, head = ports.follower, ports.reader.block("latest")
    plan = plan_publish(follower, rows, read_words(ports, head), head, None)
    batch, packed, _ = decode_publish(plan.intent.data)
    return Signed(
        cores=tuple(row.core_after for row in sorted(rows, key=lambda row: row.market)),
        batch=batch,
        packed=packed,
        digest=batch_digest(batch, follower.chain_id, follower.contract),
        evidence=tuple(keccak(document) for _, document in plan.reports),
    )


def config_of(devnet: Devnet, folder: Path, endpoint: FaultProxy) -> Config:
    return load_config(write_operator_files(devnet, folder, url=endpoint.url), {})


def play(chain: DevChain, devnet: Devnet, steady: Keeper, restarted: Keeper) -> None:
    scenario = Scenario(chain, devnet, story=STORY)
    scenario.align()
    steady.start()
    restarted.start()
    for index in range(len(scenario.plans)):
        scenario.step(index)
        if index == LATE:
            chain.mine(world.CADENCE - 1)
        steady.cycle()
        _step(restarted, index)
        if index == LATE:
            chain.mine()


def _step(keeper: Keeper, index: int) -> None:
    if index in OFF | RESTARTED | WIPED:
        keeper.stop()
    if index in WIPED:
        keeper.wipe()
    if index in OFF:
        return
    if keeper.ports is None:
        keeper.start()
    if index in CUT:
        keeper.cut_off(CUT[index])
        if index in KILLED:
            keeper.stop()
        return
    keeper.cycle()


def complete(steady: Keeper, restarted: Keeper) -> None:
    """Ask the steady keeper for windows at which the other folded one market alone: each has a base of its own."""
    kept = steady.samples()
    for window, markets in restarted.signed.keys() - steady.signed.keys():
        rows = [kept[market, window] for market in markets]
        steady.signed[window, markets] = {_signed(steady.ports, rows)}


def fold_from_nothing(
    config: Config, kept: dict[tuple[bytes, int], StoredSample], head: BlockRef
) -> list[StoredSample]:
    """Everything since its base of each market's first sample that rests on a report."""
    first = {}
    for (market, _), row in sorted(kept.items()):
        if row.core_before:
            first.setdefault(market, row)
    with open_ports(config, broadcast=False, emit=lambda *_, **__: None) as ports:
        ports.follower.refresh(head)
        return [known for row in first.values() for known in ports.follower.since_base(row)]
