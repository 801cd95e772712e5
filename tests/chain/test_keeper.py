"""The keeper on a local chain: two of them think the same bytes; killing one neither loses nor doubles an update."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from keepers import events, keeper, mining, opened

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import Ports, run_cycle
from keeper.protocols.bulkhead_events import PendingActivated, ReportApplied, ReportRefused
from keeper.published import read_history
from keeper.records.outcome import IntentState
from keeper.replay import Replay, verify_all
from keeper.store.samples import StoredSample
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet, write_operator_files
from keeper.testing.scenario import Scenario

BLOCK_SECONDS = 12
STARTS = {5: ("b",), 6: ("b",), 12: ("b",), 30: ("b",), 31: ("b",), 40: ("late",), 55: ("late", "b"), 63: ("b",)}
"""After which steps the other keepers run a cycle and stop again; "late" starts with an empty database in mid-story."""


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[DevChain, Devnet]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        built = build_devnet(chain)
        chain.mine(2 * built.settings.cadence_blocks)
        yield chain, built


@pytest.fixture
def clean(world: tuple[DevChain, Devnet]) -> Iterator[tuple[DevChain, Devnet]]:
    """The same world for every test."""
    chain = world[0]
    mark = chain.rpc("evm_snapshot")
    yield world
    chain.rpc("evm_revert", mark)
    chain.set_interval(BLOCK_SECONDS)


def applied(chain: DevChain, devnet: Devnet) -> Counter[tuple[bytes, int]]:
    """How often each sequence of each market was applied."""
    return Counter(
        (event.market, event.sequence) for event in events(chain, devnet) if isinstance(event, ReportApplied)
    )


@pytest.mark.parametrize("point", ["planned:post_commit", "signed:post_commit", "sent:pre_commit"])
def test_a_kill_at_any_step_of_a_send_leaves_exactly_one_update(
    clean: tuple[DevChain, Devnet], tmp_path: Path, point: str
) -> None:
    chain, devnet = clean
    toml = write_operator_files(devnet, tmp_path)
    signer = Account.from_key(devnet.keeper_keys[0]).address
    killed = keeper(toml, "run", "--once", "--broadcast", "--yes", environment={"KEEPER_FAILPOINT": f"{point}=kill"})
    assert killed.code == -signal.SIGKILL
    assert not applied(chain, devnet)
    with mining(chain.url):
        for _ in range(2):
            again = keeper(toml, "run", "--once", "--broadcast", "--yes")
            assert again.code == 0, again.err
    assert applied(chain, devnet) == {(market, 1): 1 for market in devnet.market_keys}
    assert int(chain.rpc("eth_getTransactionCount", signer, "latest"), 16) == 1


def test_a_kill_with_the_database_lost_still_leaves_one_update(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    first, second = (write_operator_files(devnet, tmp_path / name) for name in ("first", "second"))
    kill = {"KEEPER_FAILPOINT": "sent:pre_commit=kill"}
    assert keeper(first, "run", "--once", "--broadcast", "--yes", environment=kill).code == -signal.SIGKILL
    chain.mine()
    with mining(chain.url):
        assert keeper(second, "run", "--once", "--broadcast", "--yes").code == 0
    assert applied(chain, devnet) == {(market, 1): 1 for market in devnet.market_keys}


def test_the_daemon_publishes_once_and_drains_on_sigterm(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    toml = write_operator_files(devnet, tmp_path)
    command = [sys.executable, "-m", "keeper", "-c", str(toml), "--log-format", "json", "run", "--broadcast", "--yes"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with mining(chain.url):
            deadline = time.monotonic() + 30
            while not applied(chain, devnet) and time.monotonic() < deadline:
                time.sleep(0.2)
            second = keeper(toml, "run", "--once")
            time.sleep(2)
        started = time.monotonic()
        daemon.terminate()
        out, err = daemon.communicate(timeout=10)
    finally:
        if daemon.poll() is None:
            os.kill(daemon.pid, signal.SIGKILL)
    assert daemon.returncode == 143, err
    assert time.monotonic() - started < 5
    assert out.startswith("BROADCAST")
    assert '"event": "stopped"' in err
    assert second.code == 2
    assert f"another keeper (process {daemon.pid})" in second.err
    assert applied(chain, devnet) == {(market, 1): 1 for market in devnet.market_keys}


def test_a_dry_run_sends_nothing(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    done = keeper(write_operator_files(devnet, tmp_path), "run", "--once")
    assert done.code == 0
    assert done.out.startswith("DRY RUN")
    assert "publish WETH/USDC" in done.out
    chain.mine(3)
    assert not applied(chain, devnet)
    assert int(chain.rpc("eth_getTransactionCount", Account.from_key(devnet.keeper_keys[0]).address, "latest"), 16) == 0


def test_two_keepers_think_the_same_bytes_through_a_crash(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    """One broadcasts throughout; the other is stopped, started again, and started with an empty database."""
    chain, devnet = clean
    scenario = Scenario(chain, devnet)
    seen: dict[tuple[bytes, int], StoredSample] = {}
    with opened(devnet, tmp_path / "a", broadcast=True) as first:
        for step in scenario.play():
            run_cycle(first)
            for name in STARTS.get(step.index, ()):
                with opened(devnet, tmp_path / name) as second:
                    for row in run_cycle(second).samples:
                        assert seen.setdefault((row.market, row.window), row) == row
                    _same_evidence(first, second, devnet)
        chain.mine(3)
        assert first.sender is not None
        first.sender.settle()
        own = {
            (row.market, row.window): row for market in devnet.market_keys for row in first.samples.history(market, 200)
        }
        states = {row.state for row in first.intents.outcomes(500)}
    assert len(seen) >= 100
    for key, row in seen.items():
        assert (row.folded, row.snapshot) == (own[key].folded, own[key].snapshot)
    _judge(chain, devnet, states)


def _same_evidence(first: Ports, second: Ports, devnet: Devnet) -> None:
    """Both would report the same samples since the same base, whatever each of them has kept."""
    for market in devnet.market_keys:
        newest = [ports.samples.latest(market) for ports in (first, second)]
        since = [ports.follower.since_base(row) for ports, row in zip((first, second), newest, strict=True) if row]
        assert since[0] == since[1]


def _judge(chain: DevChain, devnet: Devnet, states: set[IntentState]) -> None:
    counts = applied(chain, devnet)
    assert set(counts.values()) == {1}
    assert len(counts) >= 10
    assert not events(chain, devnet, lambda event: isinstance(event, ReportRefused))
    assert events(chain, devnet, lambda event: isinstance(event, PendingActivated))
    assert states <= {IntentState.FINAL_OK, IntentState.MINED, IntentState.SUPERSEDED}
    with Rpc("local", devnet.url) as rpc:
        from keeper.chain.node import ContractNode

        head = chain.block().number
        history = read_history(ContractNode(rpc, devnet.contract), devnet.contract, devnet.chain_id, 0, head)
        verdicts = list(verify_all(Replay(history, Reader(rpc), devnet.contract)))
    assert len(verdicts) == len(counts)
    assert [verdict.differs for verdict in verdicts if not verdict.ok] == []


def test_a_reorg_makes_the_keeper_read_again(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    mark = chain.rpc("evm_snapshot")
    chain.mine(3 * devnet.settings.cadence_blocks)
    with opened(devnet, tmp_path) as ports:
        run_cycle(ports)
        market = devnet.market_keys[0]
        before = ports.samples.history(market)
        # Going back and mining again gives other blocks at the same heights: every header has its own mixHash.
        chain.rpc("evm_revert", mark)
        chain.mine(4 * devnet.settings.cadence_blocks)
        run_cycle(ports)
        after = ports.samples.history(market)
    assert [row.window for row in after] == [*(row.window for row in before), before[-1].window + 1]
    assert [row.snapshot.block.hash for row in after[-3:]] != [row.snapshot.block.hash for row in before[-3:]]
    for row in after:
        assert chain.block(row.snapshot.block.number).hash == row.snapshot.block.hash
