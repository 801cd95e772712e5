"""F46 to F50: two keepers of one key, on one database or two, one of them stopped, cut off or killed."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faults.mempool import Mempool
from faults.programs import mining, program, wait_for
from faults.proxy import FaultProxy
from faults.wire import Wire
from faults.world import World, config_of, keeper

from keeper.errors import ConfigError, StoreFailure
from keeper.protocols.bulkhead_events import PendingActivated, ReportApplied, StageAdvanced
from keeper.store.lease import LEASE_SECONDS, TRUST_SECONDS
from keeper.store.store import open_exclusive
from keeper.timing import VARIABLE

SCALE = 0.2
"""A lease of 3 s instead of 15 s."""
STORE = "BULKHEAD_STORE__URL"
RENEWED_AT_ONCE = 1.0
"""A standby tries that often, at most."""
LATE_SECONDS = 2.5
"""What polling once a second and two busy cores may add."""

STEPS = (ReportApplied, StageAdvanced, PendingActivated)


class Said:
    """What a program logs, as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.events: list[dict[str, Any]] = []
        self._stream = process.stderr
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def has(self, event: str, **fields: object) -> bool:
        """Whether such a line came."""
        return any(
            row["event"] == event and all(row.get(name) == value for name, value in fields.items())
            for row in list(self.events)
        )

    def _read(self) -> None:
        assert self._stream is not None
        for line in self._stream:
            if line.startswith("{"):
                self.events.append(json.loads(line))


@contextmanager
def running(
    town: World, folder: Path, url: str, *, signer: int = 0, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], Said]]:
    more = {"BULKHEAD_MONITOR__LISTEN": "", VARIABLE: str(SCALE), **environment}
    with program(town, folder, "--log-format", "json", url=url, signer=signer, more=more) as process:
        yield process, Said(process)


def wasted(town: World, mempool: Mempool) -> int:
    """Transactions that reached the node, whoever sent them, and neither changed something nor may still do so."""
    content = town.chain.rpc("txpool_content")
    waiting = {row["hash"] for part in content.values() for rows in part.values() for row in rows.values()}
    return len({tx_hash for _, _, tx_hash in mempool.reached} - waiting - useful(town))


def useful(town: World) -> set[str]:
    """Transactions that applied a report, or took a step that a report left to be taken."""
    rows = town.chain.logs(town.devnet.contract, town.devnet.listed_block + 1)
    return {row["transactionHash"] for row in rows if isinstance(town.decoded(row), STEPS)}


def all_reported(town: World) -> bool:
    return len({market for market, _ in town.applied()}) == len(town.devnet.market_keys)


def tightens(town: World, done: Callable[[], bool], windows: int = 6) -> None:
    """Falling prices until an update of them lands."""
    for _ in range(windows):
        town.window(0.8)
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            town.chain.mine()
            if done():
                return
            time.sleep(0.3)
    raise AssertionError("the update was lost")


def test_f46_a_second_keeper_on_the_same_database_is_refused_within_a_second(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    config = config_of(town.devnet, tmp_path, [town.chain.url])
    with keeper(config):
        started = time.monotonic()
        with pytest.raises(ConfigError, match=f"another keeper .process {os.getpid()}"):
            open_exclusive(config.operator.store_url, print).__enter__()
        assert time.monotonic() - started < 1
        with program(town, tmp_path, more={"BULKHEAD_MONITOR__LISTEN": ""}) as second:
            _, err = second.communicate(timeout=30)
        assert second.returncode == ConfigError.exit_code
        assert err.count("\n") == 1
    assert town.nonce() == 0
    verdict(fault="F46", happened="refused at once, exit 2", recovery_blocks=0)


def apart(town: World, tmp_path: Path, second: int) -> str:
    """Two keepers that do not know of each other bring two updates; what was wasted."""
    mempool = Mempool()
    with (
        FaultProxy(town.chain.url, mempool) as left,
        FaultProxy(town.chain.url, mempool) as right,
        running(town, tmp_path / "a", left.url),
        running(town, tmp_path / "b", right.url, signer=second),
    ):
        wait_for(lambda: len({sender for sender, _, _ in mempool.reached}) == 1 + bool(second))
        time.sleep(1)
        with mining(town):
            wait_for(lambda: all_reported(town))
        first = len(town.applied())
        tightens(town, lambda: len(town.applied()) > first)
        with mining(town):
            time.sleep(2)
    town.mine(2)  # whatever was sent after the last block; a nonce above a gap would stay
    town.whole()
    updates = len(useful(town))
    assert wasted(town, mempool) <= updates, sorted(mempool.reached)
    assert int(town.chain.rpc("txpool_status")["pending"], 16) == 0
    assert int(town.chain.rpc("txpool_status")["queued"], 16) == 0
    return f"{updates} updates, {wasted(town, mempool)} transactions wasted, none applied twice"


@pytest.mark.matrix
def test_f47_one_key_and_two_databases_waste_at_most_one_transaction_an_update(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    verdict(fault="F47", happened=apart(town, tmp_path, second=0))


@pytest.mark.matrix
def test_f48_two_keys_that_share_no_lease_waste_at_most_one_transaction_an_update(
    town: World, tmp_path: Path, verdict: Callable[..., None]
) -> None:
    verdict(fault="F48", happened=apart(town, tmp_path, second=1))


@pytest.mark.matrix
def test_f48_a_leader_cut_off_from_the_lease_stops_before_a_standby_begins(
    town: World,
    tmp_path: Path,
    postgres: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    verdict: Callable[..., None],
) -> None:
    monkeypatch.setenv(VARIABLE, str(SCALE))
    url = postgres()
    with Wire.to(url) as wire:
        config = config_of(town.devnet, tmp_path / "a", [town.chain.url], store_url=wire.url)
        other = config_of(town.devnet, tmp_path / "b", [town.chain.url], store_url=url)
        with keeper(config) as leader, keeper(other) as standby:
            leads, waits = leader.ports.guard._store.lease, standby.ports.guard._store.lease
            assert (leads.leads(), waits.leads()) == (True, False)
            standby.cycle()
            assert standby.rows() == []
            wire.cut()
            cut = time.monotonic()
            while leads.leads():
                leads.tick()
                waits.tick()
                assert not waits.leads()
                time.sleep(0.1)
            assert time.monotonic() - cut <= TRUST_SECONDS * SCALE + 0.5
            assert isinstance(leader.cycle(), StoreFailure)
            while not waits.leads():
                waits.tick()
                time.sleep(0.1)
            assert time.monotonic() - cut <= LEASE_SECONDS * SCALE + 1
            standby.cycle()
            assert len(town.pending()) == 1
            wire.mend()
            leads.tick()
            assert not leads.leads()
            leader.cycle()
            town.chain.mine()
            assert town.nonce() == 1
            assert waits.epoch == 2
    town.whole()
    verdict(fault="F48", happened="leader stopped, standby published, nothing wasted", recovery_blocks=1)


@contextmanager
def pair(town: World, tmp_path: Path, store: str) -> Iterator[tuple[list[subprocess.Popen[str]], list[Said], Mempool]]:
    """A leader and its standby on one PostgreSQL; the first update has landed."""
    mempool = Mempool()
    with (
        FaultProxy(town.chain.url, mempool) as left,
        FaultProxy(town.chain.url, mempool) as right,
        running(town, tmp_path / "a", left.url, **{STORE: store}) as (leader, first),
    ):
        wait_for(lambda: first.has("lease", state="leader"))
        with running(town, tmp_path / "b", right.url, **{STORE: store}) as (standby, second):
            wait_for(lambda: second.has("lease", state="standby"))
            with mining(town):
                wait_for(lambda: all_reported(town))
            assert not second.has("tx_sent")
            yield [leader, standby], [first, second], mempool


def taken_over(second: Said, since: float) -> float:
    """Seconds until the standby leads."""
    wait_for(lambda: second.has("lease", state="leader"))
    return time.monotonic() - since


@pytest.mark.matrix
def test_f49_a_leader_that_was_stopped_and_wakes_up_wastes_at_most_one_transaction(
    town: World, tmp_path: Path, postgres: Callable[[], str], verdict: Callable[..., None]
) -> None:
    with pair(town, tmp_path, postgres()) as ((leader, _), (first, second), mempool):
        os.kill(leader.pid, signal.SIGSTOP)
        taken_over(second, time.monotonic())
        before = len(town.applied())
        tightens(town, lambda: len(town.applied()) > before)
        os.kill(leader.pid, signal.SIGCONT)
        with mining(town):
            wait_for(lambda: first.has("lease", state="standby"))
            time.sleep(1)
        waste = wasted(town, mempool)
        assert waste <= 1
        assert leader.poll() is None
    town.whole()
    verdict(fault="F49", happened=f"standby took over; the sleeper woke as standby, {waste} wasted")


@pytest.mark.matrix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_f50_when_a_leader_dies_its_standby_goes_on_within_the_lease_and_a_block(
    town: World, tmp_path: Path, postgres: Callable[[], str], verdict: Callable[..., None], how: signal.Signals
) -> None:
    with pair(town, tmp_path, postgres()) as ((leader, standby), (_, second), mempool):
        before = len(town.applied())
        died = time.monotonic()
        leader.send_signal(how)
        seconds = taken_over(second, died)
        # A leader that is told to end hands over at once; a killed one's lease has to run out.
        most = LEASE_SECONDS * SCALE if how is signal.SIGKILL else RENEWED_AT_ONCE
        assert seconds <= most + LATE_SECONDS
        tightens(town, lambda: len(town.applied()) > before)
        assert leader.wait(10) == (-signal.SIGKILL if how is signal.SIGKILL else 143)
        assert standby.poll() is None
        assert wasted(town, mempool) == 0
    town.whole()
    verdict(
        fault="F50",
        happened=f"{how.name}: standby led after {seconds:.1f} s of a lease of {LEASE_SECONDS * SCALE:.0f} s",
    )
