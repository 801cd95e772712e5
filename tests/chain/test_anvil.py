"""The local chain is the process that was started, and goes when its owner goes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keeper.chain.anvil import Anvil, AnvilOptions, resolve_anvil
from keeper.chain.anvil_port import free_port, has_marker, owns_listener
from keeper.errors import ConfigError
from keeper.testing.client import DevChain

HISTORY_CONTRACT = "0x0000F90827F1C53a10cb7A02335B175320002935"
"""EIP-2935."""

OWNER = """
import sys, time
from keeper.chain.anvil import Anvil
node = Anvil.start()
print(node.pid, flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


def test_it_answers_on_its_own_port_and_stops_by_its_own_id() -> None:
    with Anvil.start(AnvilOptions(no_mining=True, timestamp=1_700_000_000)) as node:
        chain = DevChain(node.url)
        assert chain.chain_id == 31_337
        assert chain.block().timestamp == 1_700_000_000
        assert owns_listener(node.pid, node.port)
    assert not runs(node.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux only")
def test_it_dies_when_its_owner_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert runs(pid)
        os.kill(owner.pid, signal.SIGKILL)
    assert wait_until_gone(pid)


def test_it_dies_when_its_owner_ends_by_itself() -> None:
    script = OWNER.replace("time.sleep(60)", "")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert wait_until_gone(int(ended.stdout))


def test_a_taken_port_is_refused_and_never_mistaken_for_ours() -> None:
    with Anvil.start() as first:
        with pytest.raises(ConfigError, match=f"port {first.port} is taken by another process"):
            Anvil.start(AnvilOptions(port=first.port))
        assert first.alive


def test_a_listener_of_another_process_is_not_ours() -> None:
    with socket.socket() as strange:
        strange.bind(("127.0.0.1", 0))
        strange.listen()
        port = strange.getsockname()[1]
        assert owns_listener(os.getpid(), port)
        with Anvil.start() as node:
            assert not owns_listener(node.pid, port)


def test_the_marker_tells_one_chain_from_another() -> None:
    with Anvil.start(AnvilOptions(extra=("--balance", "12345"))) as node:
        assert has_marker(node.port, 12_345)
        assert not has_marker(node.port, 12_346)
    assert not has_marker(free_port(), 12_345)


def test_a_script_is_never_taken_for_the_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = tmp_path / "anvil"
    wrapper.write_text("#!/usr/bin/env node\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BULKHEAD_ANVIL", raising=False)
    assert resolve_anvil() != wrapper
    monkeypatch.setenv("BULKHEAD_ANVIL", str(wrapper))
    with pytest.raises(ConfigError, match="is not a native anvil binary"):
        resolve_anvil()


def test_a_missing_binary_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BULKHEAD_NODE_MODULES", str(tmp_path))
    monkeypatch.delenv("BULKHEAD_ANVIL", raising=False)
    with pytest.raises(ConfigError) as caught:
        resolve_anvil()
    assert str(caught.value) == "anvil 1.7 or newer was not found (run: npm --prefix contracts ci)"


def test_the_chain_keeps_block_hashes_and_old_state(chain: DevChain) -> None:
    chain.mine(40)
    seventh = chain.block(7)
    word = chain.rpc("eth_getStorageAt", HISTORY_CONTRACT, "0x7", "latest")
    assert bytes.fromhex(word[2:]) == seventh.hash
    assert chain.block(40).timestamp - seventh.timestamp == 33 * 12
    assert chain.block("safe").number == 39
    assert int(chain.rpc("eth_getBalance", chain.accounts[0], "0x1"), 16) == 10_000 * 10**18
