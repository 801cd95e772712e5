"""What the keeper needs of its host: signals and their exit codes, threads, a service manager that hears how it is."""

import os
import signal
import socket
import threading
from contextlib import suppress

INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit codes after a clean drain (interfaces.md 10)."""


def notify(state: str) -> None:
    """Tell systemd (``sd_notify``), so that it restarts a keeper that hangs; silent elsewhere.

    Sends one line such as ``READY=1`` or ``WATCHDOG=1`` to the socket that systemd named, if it did.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for the zero byte of an abstract socket.
    target = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), target)


def require_threads(count: int) -> None:
    """Have as many threads as the jobs need, for a moment: without them the scheduler would wait in silence.

    Raises
    ------
    RuntimeError
        The system gives fewer.
    """
    release = threading.Event()
    threads = [threading.Thread(target=release.wait, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
    finally:
        release.set()
