"""The main job on real pools, through a crash: ``python -m keeper.testing.demo [--keep] [--out DIR]``.

Builds a local chain, starts the real keeper as a subprocess and drives the market one sampling window at a time,
waiting for the keeper after each. Ends with what happened and with verdicts; any that fails makes the exit code 1.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.config import load_config
from keeper.errors import KeeperError, RetryLater
from keeper.protocols.bulkhead_events import PendingActivated
from keeper.testing import world
from keeper.testing.client import DevChain
from keeper.testing.devnet import HISTORY_WINDOWS, Devnet, account_of, build_devnet, write_operator_files
from keeper.testing.judge import Moment, Verdict, landed_once, loosened_late, rose_early
from keeper.testing.plot import draw
from keeper.testing.scenario import Scenario, calm_blocks
from keeper.testing.screen import Screen, summary, verdict_lines
from keeper.testing.subject import Subject, run_verify
from keeper.testing.watch import Transaction, Watch

BUDGET_SECONDS = 90
"""What the demo should take from the end of the set-up; said, not judged: it depends on the machine."""
START_SECONDS = 30.0
"""Longest wait for the keeper's first sample: it reads the trailing days first."""
STEP_SECONDS = 10.0
"""Longest wait for the keeper after a step."""
LOOK_SECONDS = 0.02
PLAY_SECONDS = 60.0
"""What the story may take; when it falls behind, the keeper is waited for after every second step only."""
CUT_SECONDS = 62.0
"""From here on the story ends as soon as every market has loosened."""
SETTLE_WINDOWS = 2
"""Windows without trades at the end, so that what was sent is mined."""
FINAL_BLOCKS = 3
STOPPED = (0, 128 + signal.SIGTERM)
"""Exit codes of a keeper that drained and stopped on request."""
KEEP_BLOCK_SECONDS = 2.0
"""Wall-clock time between blocks with ``--keep``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit code is 0 only when every verdict is good."""
    parser = argparse.ArgumentParser(prog="demo", description="The keeper at work on real pools, through a crash.")
    parser.add_argument("--keep", action="store_true", help="leave chain and keeper running until Ctrl-C")
    parser.add_argument("--out", type=Path, help="folder for pictures, log and database (default: .bulkhead/demo-TIME)")
    options = parser.parse_args(arguments)
    folder = options.out or Path(".bulkhead") / time.strftime("demo-%Y%m%d-%H%M%S")
    console, notes = Console(), Console(stderr=True)
    # Also where a shell started us in the background with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _demo(folder, console, notes, keep=options.keep)
    except KeyboardInterrupt:
        notes.print("stopped")
        return 130
    except KeeperError as error:
        notes.print(f"demo: {error.message}", style="bold red", markup=False)
        if error.hint:
            notes.print(error.hint, markup=False)
        return error.exit_code


def _demo(folder: Path, console: Console, notes: Console, *, keep: bool) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    start = int(time.time()) - (HISTORY_WINDOWS + 10) * world.CADENCE * world.BLOCK_SECONDS
    with ExitStack() as stack:
        node = stack.enter_context(Anvil.start(AnvilOptions(no_mining=True, timestamp=start)))
        chain = DevChain(node.url)
        devnet = _build(chain, notes)
        toml = write_operator_files(devnet, folder)
        watch = stack.enter_context(Watch(chain, devnet, load_config(toml).operator.store_url))
        console.print(_introduction(devnet, toml, time.monotonic() - began), highlight=False, soft_wrap=True)
        ready = time.monotonic()
        subject = stack.enter_context(Subject(toml, folder / "keeper.log"))
        moments = _play(chain, devnet, watch, subject, console)
        _settle(chain, watch, subject)
        watch.new_events()
        sent = watch.keeper_transactions(account_of(devnet.keeper_keys[0]), chain.block().number)
        verdicts = _judge(moments, watch, sent)
        verdicts.append(_verify(devnet))
        took = time.monotonic() - ready
        console.print(summary(moments), soft_wrap=True)
        console.print(_costs(sent), highlight=False, soft_wrap=True)
        console.print(f"took {took:.0f} s after set-up (aim: {BUDGET_SECONDS} s)", highlight=False)
        console.print(verdict_lines(verdicts), soft_wrap=True)
        files = ", ".join(str(path) for path in [*draw(moments, folder), toml])
        console.print(f"files: {files}", highlight=False, soft_wrap=True)
        if keep:
            again = stack.enter_context(Subject(toml, folder / "keeper-again.log"))
            _keep(chain, devnet, moments[-1].step.prices, again, console)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _build(chain: DevChain, notes: Console) -> Devnet:
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        return build_devnet(chain, progress=progress)


def _introduction(devnet: Devnet, toml: Path, seconds: float) -> str:
    pools = sum(len(market.pools) for market in devnet.settings.markets)
    return (
        f"Set up in {seconds:.1f} s: {pools} real Uniswap pools, {len(devnet.settings.markets)} markets listed in "
        f"{devnet.contract} at block {devnet.listed_block}.\n"
        f"Time is compressed {world.COMPRESSION}-fold: a block is 12 s, a window {world.CADENCE} blocks, "
        f"a day {world.DAY_SECONDS // 60} min, dwell {devnet.settings.dwell_seconds} s, "
        f"dispute window {world.LIMITS.dispute_seconds} s.\n"
        f"The keeper runs as: python -m keeper --config {toml} run --broadcast --yes\n"
    )


def _play(chain: DevChain, devnet: Devnet, watch: Watch, subject: Subject, console: Console) -> list[Moment]:
    scenario = Scenario(chain, devnet)
    scenario.align()
    moments = []
    steps = len(scenario.plans)
    began = time.monotonic()
    with Screen(console, steps) as screen:
        for index in range(steps):
            step = scenario.step(index)
            late = time.monotonic() - began > PLAY_SECONDS * (index + 1) / steps
            if late and index % 2 and index + 1 < steps:
                continue
            _await_window(watch, subject, step.window, STEP_SECONDS if index else START_SECONDS)
            began = began if index else time.monotonic()
            moments.append(Moment(step, tuple(watch.views())))
            screen.show(moments[-1], watch.new_events(), devnet.market_keys)
            # A slow machine has seen all there is to see once every market has loosened in the last calm.
            if time.monotonic() - began > CUT_SECONDS and _all_loosened(watch):
                break
    return moments


def _all_loosened(watch: Watch) -> bool:
    loosened = {row.event.market for row in watch.events if isinstance(row.event, PendingActivated)}
    return loosened.issuperset(watch.devnet.market_keys)


def _await_window(watch: Watch, subject: Subject, window: int, seconds: float) -> None:
    """Wait until the keeper has folded a window for every market."""
    deadline = time.monotonic() + seconds
    while watch.window_seen() < window:
        subject.require_alive()
        if time.monotonic() > deadline:
            raise RetryLater(
                f"the keeper has not seen window {window} within {seconds:.0f} s (it is at {watch.window_seen()})",
                subject.tail(),
            )
        time.sleep(LOOK_SECONDS)


def _settle(chain: DevChain, watch: Watch, subject: Subject) -> None:
    """Let the keeper finish what it began, stop it as an operator would, and mine what it had sent."""
    for _ in range(SETTLE_WINDOWS):
        chain.mine(world.CADENCE)
        _await_window(watch, subject, chain.block().number // world.CADENCE, STEP_SECONDS)
    code = subject.stop()
    if code not in STOPPED:
        raise KeeperError(f"the keeper ended with code {code} when it was asked to stop", subject.tail())
    chain.mine(FINAL_BLOCKS)


def _judge(moments: Sequence[Moment], watch: Watch, sent: Sequence[Transaction]) -> list[Verdict]:
    keys, settings = watch.devnet.market_keys, watch.devnet.settings
    outcomes = watch.store.intents.outcomes(1_000)
    return [
        rose_early(moments, watch.events, keys),
        landed_once(watch.events, outcomes, sent, keys),
        loosened_late(watch.events, keys, settings.dwell_seconds, world.LIMITS.dispute_seconds),
    ]


def _verify(devnet: Devnet) -> Verdict:
    ok, said = run_verify(devnet.url, devnet.contract)
    return Verdict("all reports verify from the chain alone", ok, said.splitlines()[-1] if said else "it said nothing")


def _costs(sent: Sequence[Transaction]) -> str:
    gas = [row.gas_used for row in sent]
    each = f", {min(gas):,} to {max(gas):,} each" if gas else ""
    return f"updates sent: {len(gas)} transactions, {sum(gas):,} gas in all{each}"


def _keep(chain: DevChain, devnet: Devnet, prices: Sequence[float], subject: Subject, console: Console) -> None:
    console.print(
        f"{chain.url} goes on, the keeper runs again, a block every {KEEP_BLOCK_SECONDS:.0f} s; Ctrl-C ends both"
    )
    try:
        for _ in calm_blocks(chain, devnet, prices):
            subject.require_alive()
            time.sleep(KEEP_BLOCK_SECONDS)
    except KeyboardInterrupt:
        console.print("stopped")


if __name__ == "__main__":
    sys.exit(main())
