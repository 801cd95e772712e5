"""The long runs, only with --deep: F13, 200 kills at random; a day of 7,200 blocks with faults in one of a hundred."""

import os
import random
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import lies
from faults.programs import program
from faults.proxy import FaultProxy
from faults.world import World, config_of, keeper, nodes

from keeper.protocols.bulkhead_events import ReportApplied
from keeper.records.outcome import TERMINAL
from keeper.testing import world
from keeper.testing.client import DevChain

Say = Callable[..., None]
KILLS = int(os.environ.get("KEEPER_TEST_KILLS", "200"))
BLOCKS = int(os.environ.get("KEEPER_TEST_BLOCKS", "7200"))
"""A day of mainnet; less for a try."""
WARM_UP = 0.2
"""Share of the run after which memory is held to its size."""
SWINGS = (0.97, 1.03, 0.95, 1.05, 0.9, 1.1)
MENU: tuple[Callable[[], Any], ...] = (
    lies.drop,
    lies.truncated,
    lambda: lies.status(500),
    lambda: lies.status(503),
    lambda: lies.status(429, **{"Retry-After": "1"}),
    lambda: lies.body(b"<html>maintenance</html>"),
    lambda: lies.error(-32005, "limit exceeded"),
    lambda: lies.result("0x"),
)


def trading(town: World, stop: threading.Event, seconds: float) -> threading.Thread:
    """Blocks of trades around prices that swing, until told to stop."""
    chance = random.Random(11)

    def trade() -> None:
        mine = World(DevChain(town.chain.url), town.devnet)
        while not stop.wait(seconds):
            mine.trade(1, 1 + chance.gauss(0, 0.01))

    thread = threading.Thread(target=trade)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_f13_random_kills_neither_lose_nor_double_an_update(town: World, tmp_path: Path, verdict: Say) -> None:
    chance, stop = random.Random(13), threading.Event()
    begin = town.chain.block().number
    thread = trading(town, stop, 0.7)
    try:
        for _ in range(KILLS):
            with program(town, tmp_path) as process:
                time.sleep(chance.uniform(0.5, 6.0))
                process.kill()
                process.wait(10)
    finally:
        stop.set()
        thread.join()
    blocks = town.chain.block().number - begin
    with keeper(config_of(town.devnet, tmp_path, [town.chain.url])) as last:
        for _ in range(20):
            last.cycle()
            town.trade()
        for _ in range(8):
            last.ports.sender.settle()  # type: ignore[union-attr]
            town.mine()
        rows = last.rows()
    town.whole()
    assert {row.state for row in rows if row.nonce is not None} <= TERMINAL
    held = sorted(row.nonce for row in rows if row.nonce is not None)
    assert held == list(range(town.nonce())), "a gap, or a nonce used twice"
    assert len(town.applied()) >= len(town.devnet.market_keys)
    verdict("F13", f"{KILLS} kills in {blocks} blocks: {len(town.applied())} reports, each once, {town.nonce()} nonces")


@pytest.mark.slow
@pytest.mark.timeout(5_400)
def test_a_day_of_blocks_with_random_faults_stays_in_its_bounds(town: World, tmp_path: Path, verdict: Say) -> None:
    chance = random.Random(17)
    with nodes(town.chain.url, 3) as three, keeper(config_of(town.devnet, tmp_path, [row.url for row in three])) as one:
        begin, memory, handles, faults = town.chain.block().number, [], [], 0
        for block in range(BLOCKS):
            town.trade(1, 1 + chance.gauss(0, 0.002) + 0.02 * (town.devnet.prices[0] / town.prices[0] - 1))
            if chance.random() < 0.01:
                faults += 1
                strike(three, chance)
            one.cycle()
            if block % 50 == 0:
                for node in three:
                    node.heal()
                memory.append(rss_bytes())
                handles.append(len(list(Path("/proc/self/fd").iterdir())))
                one.said.clear()
                for node in three:
                    node.log.clear()
                    node.mempool.arrived.clear()
        for node in three:
            node.heal()
        for _ in range(10):
            one.cycle()
            town.trade()
        lags = update_lags(town, begin)
        size = sum(file.stat().st_size for file in tmp_path.rglob("keeper.sqlite*"))
        rows = [row for row in one.rows() if row.nonce is not None]
    town.whole()
    warm = int(len(memory) * WARM_UP)
    grown = max(memory[warm:]) / memory[warm] - 1
    figures = (
        f"{BLOCKS} blocks, {faults} faults, {len(lags)} reports, lag p50 {sorted(lags)[len(lags) // 2]}, "
        f"max {max(lags)} blocks, "
        f"RSS {grown:+.1%} after warm-up, descriptors {min(handles[warm:])}..{max(handles[warm:])}, "
        f"database {size >> 20} MB"
    )
    verdict("soak", figures)
    assert grown <= 0.05, figures
    assert max(handles[warm:]) - min(handles[warm:]) <= 6, figures
    assert sorted(row.nonce for row in rows) == list(range(town.nonce())), figures
    assert max(lags) <= 2 + 3, figures


def strike(three: list[FaultProxy], chance: random.Random) -> None:
    """One node does something wrong with its next few requests."""
    chance.choice(three).on("*", chance.choice(MENU)(), times=chance.randint(1, 8))


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def update_lags(town: World, begin: int) -> list[int]:
    """Blocks from the first that could hold a report (its window's end, two deep, and one) to the one that does."""
    found = []
    for row in town.chain.logs(town.devnet.contract, begin):
        event = town.decoded(row)
        if isinstance(event, ReportApplied):
            end = -(-event.live.observed_block // world.CADENCE) * world.CADENCE
            found.append(int(row["blockNumber"], 16) - (end + 3))
    return found
