"""Who listens on a port: proves that a local chain is the process that was started, not a stranger's."""

import contextlib
import http.client
import json
import os
import socket
from pathlib import Path

LISTEN = "0A"
"""State TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h)."""
_FIRST_DEV_ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
"""First account of the well-known test mnemonic."""
_WEI = 10**18


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owns_listener(pid: int, port: int) -> bool:
    """Whether process ``pid`` itself holds the listening socket of ``port`` (Linux)."""
    inodes = _listening_inodes(port)
    return bool(inodes) and not inodes.isdisjoint(_socket_inodes(pid))


def has_marker(port: int, marker: int) -> bool:
    """Whether the chain on ``port`` gives its first account ``marker`` ether.

    Only the process that was started with that balance can answer so; a marker written through the port would prove
    nothing, as it would land on whatever chain is there.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, http.client.HTTPException):
        return int(_ask(port, "eth_getBalance", [_FIRST_DEV_ACCOUNT, "0x0"]), 16) == marker * _WEI
    return False


def _ask(port: int, method: str, params: list[str]) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        connection.request("POST", "/", body, {"content-type": "application/json"})
        return str(json.loads(connection.getresponse().read())["result"])


def _listening_inodes(port: int) -> set[str]:
    wanted, inodes = f":{port:04X}", set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                cells = line.split()
                if cells[1].endswith(wanted) and cells[3] == LISTEN:
                    inodes.add(cells[9])
    return inodes


def _socket_inodes(pid: int) -> set[str]:
    inodes = set()
    with contextlib.suppress(OSError):
        for handle in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = str(Path(handle.path).readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes
