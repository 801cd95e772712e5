"""Faults of the host: clocks, memory, descriptors, threads, slow jobs, bad reloads, dead alert services, secrets."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import libfaketime
import pytest
from eth_account import Account
from faults.daemons import Daemon, command, daemon
from faults.lies import delay, drop
from faults.proxy import FaultProxy
from faults.world import World

from keeper.testing.client import DevChain
from keeper.testing.devnet import write_operator_files

Verdict = Callable[..., None]
LISTED_REPORTS = 2
"""One first report a market is due as soon as a keeper starts on the devnet."""


@contextmanager
def open_market(town: World) -> Iterator[None]:
    """A block of trades every 0.3 s, with what waits in the mempool."""
    stop = threading.Event()

    def run() -> None:
        # A connection of its own: the test asks the chain from another thread.
        own = World(DevChain(town.chain.url), town.devnet)
        while not stop.wait(0.3):
            own.trade()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def published(town: World, running: Daemon, reports: int) -> None:
    """Wait until the contract took so many reports, each once."""
    running.until(lambda: sum(town.applied().values()) >= reports)
    town.whole()


# F45 ---------------------------------------------------------------------------------------------------------------


def faked(folder: Path) -> tuple[Path, dict[str, str]]:
    """(file that says how the wall clock is off, environment that makes it so); the monotonic clock stays real."""
    library = next(Path(libfaketime.__file__).parent.rglob("libfaketime.so*"))
    spec = folder / "clock"
    spec.write_text("+0")
    return spec, {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(spec),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("step", "skew"),
    [
        ("+3d", 3 * 86_400),
        ("-1h", -3_600),
        ("+90", 90),
        ("-90", -90),
        ("frozen", None),
    ],
)
def test_f45_a_clock_that_jumps_or_stands_still_changes_nothing_but_an_alarm(
    town: World, tmp_path: Path, verdict: Verdict, step: str, skew: int | None
) -> None:
    spec, environment = faked(tmp_path)
    toml = write_operator_files(town.devnet, tmp_path)
    with daemon(toml, environment=environment) as running, open_market(town):
        published(town, running, LISTED_REPORTS)
        # Frozen a minute ahead: standing still alone would need half a minute to show.
        ahead = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + 60))
        spec.write_text(ahead if step == "frozen" else step)
        before, folded = town.chain.block().number, len(running.events("sample_folded"))
        running.until(lambda: town.chain.block().number >= before + town.devnet.settings.cadence_blocks + 4)
        running.until(lambda: len(running.events("sample_folded")) >= folded + LISTED_REPORTS)
        (alarm,) = running.said("clock_skew")
        assert abs(alarm["seconds"] - (skew if skew is not None else alarm["seconds"])) < 5
        running.until(lambda: abs(running.metric("keeper_clock_skew_seconds")) > 30)
        assert running.get("/live")[0] == 200
        assert running.stop() == 143
    town.whole()
    assert running.events("cycle_crashed") == []
    verdict(fault="F45", happened=f"clock {step}: sampled on, alarm said", recovery_blocks=0)


# F56 ---------------------------------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
{limit}
from keeper.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
NO_THREADS = """
import _thread, threading, sys
begun = []
start = _thread.start_joinable_thread if hasattr(_thread, "start_joinable_thread") else _thread.start_new_thread
def few(*arguments, **named):
    if len(begun) >= {count}:
        raise RuntimeError("can't start new thread")
    begun.append(1)
    return start(*arguments, **named)
for name in ("_start_joinable_thread", "_start_new_thread"):
    if hasattr(threading, name):
        setattr(threading, name, few)
from keeper.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def limited(kind: str, amount: int) -> tuple[str, str]:
    return "-c", LIMITED.format(limit=f"resource.setrlimit(resource.{kind}, ({amount}, {amount}))")


@pytest.mark.matrix
def test_f56_with_64_descriptors_the_keeper_works(town: World, tmp_path: Path, verdict: Verdict) -> None:
    toml = write_operator_files(town.devnet, tmp_path)
    with daemon(toml, program=limited("RLIMIT_NOFILE", 64)) as running, open_market(town):
        published(town, running, LISTED_REPORTS)
        used = len([*Path(f"/proc/{running.process.pid}/fd").iterdir()])
        assert used < 64 - 16, used
        # Sixty probes that hang on to their connections take the rest: the keeper's own work goes on.
        host, _, port = running.said("monitor_listens")[0]["address"].rpartition(":")
        idle = [socket.create_connection((host, int(port)), timeout=5) for _ in range(60)]
        before = len(running.events("sample_folded"))
        running.until(lambda: len(running.events("sample_folded")) > before, 60)
        for row in idle:
            row.close()
        running.until(lambda: running.get("/live")[0] == 200)
        assert running.stop() == 143
    town.whole()
    verdict(fault="F56", happened=f"64 descriptors: {used} used, works on under 60 idle probes", recovery_blocks=0)


@pytest.mark.matrix
@pytest.mark.parametrize("megabytes", [300])
def test_f56_too_little_memory_ends_with_one_line_or_works(
    town: World, tmp_path: Path, verdict: Verdict, megabytes: int
) -> None:
    toml = write_operator_files(town.devnet, tmp_path)
    with daemon(toml, program=limited("RLIMIT_AS", megabytes << 20)) as running, open_market(town):
        running.until(lambda: running.process.poll() is not None or sum(town.applied().values()) >= LISTED_REPORTS, 60)
        ended = running.process.poll()
        code = running.stop()
    town.whole()
    if ended is None:
        assert code == 143
        happened = "works"
    else:
        assert code == 4, running.text()
        happened = next(line for line in running.lines if line.startswith("error:")).strip()
        # A thread's stack is memory, too: which of both is refused first depends on the machine.
        assert "the system gives no more" in happened
        assert "Traceback" not in running.text()
    verdict(fault="F56", happened=f"RLIMIT_AS {megabytes} MB: {happened}", recovery_blocks=None)


@pytest.mark.matrix
@pytest.mark.parametrize("count", [0, 2, 3])
def test_f56_without_threads_it_ends_with_one_line(town: World, tmp_path: Path, verdict: Verdict, count: int) -> None:
    toml = write_operator_files(town.devnet, tmp_path)
    with daemon(toml, program=("-c", NO_THREADS.format(count=count))) as running:
        code = running.process.wait(timeout=60)
    assert code == 4, running.text()
    (line,) = [line for line in running.lines if line.startswith("error:")]
    assert "thread" in line
    assert "TasksMax" in line
    assert "Traceback" not in running.text()
    verdict(fault="F56", happened=f"only {count} threads: {line.strip()}", recovery_blocks=None)


# F57 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.matrix
def test_f57_a_job_that_takes_three_intervals_runs_once_at_a_time_and_is_counted(
    town: World, tmp_path: Path, verdict: Verdict
) -> None:
    with FaultProxy(town.chain.url) as proxy:
        toml = write_operator_files(town.devnet, tmp_path, url=proxy.url)
        with daemon(toml) as running, open_market(town):
            published(town, running, LISTED_REPORTS)
            missed = 'keeper_job_missed_total{job="head_tick"}'
            before = running.metric(missed)
            proxy.on("eth_getBlockByNumber", delay(0.7))
            count = 'keeper_cycle_total{job="head_tick",result="ok"}'
            cycles = running.metric(count)
            running.until(lambda: running.metric(missed) >= before + 4 and running.metric(count) >= cycles + 2)
            # Never two at once: as long as one runs, no other starts.
            ends = [row for row in running.events("job_done") if row["job"] == "head_tick"]
            assert max(row["seconds"] for row in ends) >= 3
            proxy.heal()
            healed, cycles = town.chain.block().number, running.metric(count)
            # The one that runs when the fault ends, and the first of the quick ones.
            running.until(lambda: running.metric(count) >= cycles + 2)
            recovered = town.chain.block().number
            assert running.stop() == 143
    numbers = [row["cycle"] for row in running.events("sample_folded")]
    assert numbers == sorted(numbers)
    town.whole()
    happened = f"{len(running.events('tick_missed'))} runs missed and counted, one at a time"
    verdict(fault="F57", happened=happened, recovery_blocks=recovered - healed)


# F58 ---------------------------------------------------------------------------------------------------------------

BAD = [
    ("poll_seconds = 1", "poll_seconds = 0", "keeper.poll_seconds: 0 is below 1"),
    ("chain_id = 31337", "chain_id = 1", "network.chain_id cannot change while the keeper runs"),
    ('data_dir = "data"', 'data_dir = "other"', "keeper.data_dir, store.url cannot change"),
    ("buffer_bps = 250", "buffer_bps = 260", "is not the contract's"),
    ("[network]", "[network", "not TOML"),
]


@pytest.mark.matrix
def test_f58_a_bad_reload_keeps_the_old_configuration_and_says_why_in_one_line(
    town: World, tmp_path: Path, verdict: Verdict
) -> None:
    toml = write_operator_files(town.devnet, tmp_path)
    good = toml.read_text()
    with daemon(toml) as running, open_market(town):
        published(town, running, LISTED_REPORTS)
        for count, (old, new, why) in enumerate(BAD, start=1):
            assert old in good
            toml.write_text(good.replace(old, new, 1))
            running.process.send_signal(signal.SIGHUP)
            line = running.said("config_reload_failed", count)[-1]["error"]
            assert why in line
            assert "\n" not in line
        assert running.metric('keeper_config_reloads_total{result="failed"}') == len(BAD)
        toml.write_text(good.replace("poll_seconds = 1", "poll_seconds = 2", 1))
        running.process.send_signal(signal.SIGHUP)
        running.said("config_reloaded")
        before = len(running.events("sample_folded"))
        running.until(lambda: len(running.events("sample_folded")) > before)
        assert running.stop() == 143
    town.whole()
    assert running.events("cycle_crashed") == []
    verdict(
        fault="F58", happened=f"{len(BAD)} bad reloads refused in one line each, a good one taken", recovery_blocks=0
    )


# F60 ---------------------------------------------------------------------------------------------------------------


def test_f60_a_dead_alert_service_costs_the_keeper_nothing(town: World, tmp_path: Path, verdict: Verdict) -> None:
    toml = write_operator_files(town.devnet, tmp_path)
    good = toml.read_text()
    # Takes the connection and never answers: worse than one that refuses.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/s3cr3t-hook-token?cto=2&rto=20"
        with daemon(toml, environment={"BULKHEAD_MONITOR__NOTIFY_URLS": url}) as running, open_market(town):
            running.said("monitor_listens")
            published(town, running, LISTED_REPORTS)
            toml.write_text(good.replace("poll_seconds = 1", "poll_seconds = 0", 1))
            for count in range(1, 4):
                running.process.send_signal(signal.SIGHUP)
                running.said("config_reload_failed", count)
            before = len(running.events("sample_folded"))
            running.until(lambda: len(running.events("sample_folded")) > before)
            waiting = json.loads(running.get("/status")[1])["alertsWaiting"]
            assert waiting <= 100
            started = time.monotonic()
            assert running.stop() == 143
            stopped = time.monotonic() - started
    assert stopped < 5
    assert "s3cr3t-hook-token" not in running.text()
    town.whole()
    verdict(fault="F60", happened=f"silent service: keeper worked on, stopped in {stopped:.1f} s", recovery_blocks=0)


# Secrets -----------------------------------------------------------------------------------------------------------

TOKEN = "c4n4ry-url-t0ken-7f3a"
PASSWORD = "c4n4ry-passw0rd-91be"
HOOK = "c4n4ry-h00k-55d1"


def keystore(town: World, folder: Path) -> Path:
    """The operator's files with an encrypted key, its password file, and a node behind a token."""
    toml = write_operator_files(town.devnet, folder)
    sealed = Account.encrypt(town.devnet.keeper_keys[0], PASSWORD, kdf="pbkdf2", iterations=1_000)
    for name, text in (("keeper.key", json.dumps(sealed)), ("keeper.password", PASSWORD + "\n")):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    toml.write_text(toml.read_text().replace("[keeper]", '[keeper]\npassword_file = "keeper.password"', 1))
    return toml


@pytest.mark.matrix
def test_no_secret_is_in_any_output_of_work_and_of_failures(town: World, tmp_path: Path) -> None:
    with FaultProxy(town.chain.url) as proxy:
        toml = keystore(town, tmp_path)
        good = toml.read_text().replace(town.chain.url, f"{proxy.url}/{TOKEN}?key={TOKEN}-query")
        toml.write_text(good)
        hooks = {"BULKHEAD_MONITOR__NOTIFY_URLS": f"json://user:{HOOK}@127.0.0.1:9/{HOOK}"}
        with daemon(toml, environment=hooks) as running, open_market(town):
            published(town, running, LISTED_REPORTS)
            # A node that repeats its URL and more in its errors, then none at all, then a bad reload.
            loud = f"upstream {proxy.url}/{TOKEN}?key={TOKEN}-query says {PASSWORD} {HOOK}"
            proxy.on("*", lambda request, _: {"jsonrpc": "2.0", "id": request.get("id"), "error": {"message": loud}})
            running.said("cycle_failed")
            proxy.heal()
            proxy.on("*", drop())
            running.said("cycle_failed", 3)
            proxy.heal()
            toml.write_text(good.replace(proxy.url, "ftp://nowhere"))
            running.process.send_signal(signal.SIGHUP)
            running.said("config_reload_failed")
            running.said("alert_failed")
            monitor = "".join(running.get(path)[1] for path in ("/metrics", "/status", "/ready", "/fresh", "/live"))
            assert running.stop() == 143
        toml.write_text(good)
        _, doctor = command(toml, "doctor", "--json", environment=hooks)
        wrong = keystore(town, tmp_path / "wrong")
        (wrong.parent / "keeper.password").write_text(f"{PASSWORD}-not\n")
        code, refused = command(wrong, "run", "--once", "--broadcast", "--yes")
    assert code == 2, refused
    database = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert database
    text = running.text() + monitor + doctor + refused
    assert "keeper_head_block" in text
    key = town.devnet.keeper_keys[0]
    for secret in (TOKEN, PASSWORD, HOOK, key.hex()):
        assert secret not in text
        assert secret.encode() not in database
    assert key not in database
