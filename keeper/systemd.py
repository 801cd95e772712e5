"""Tells systemd how the keeper is (``sd_notify``), so that it restarts one that hangs. Silent elsewhere."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send one line such as ``READY=1`` or ``WATCHDOG=1`` to the socket that systemd named, if it did."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for the zero byte of an abstract socket.
    target = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), target)
