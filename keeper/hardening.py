"""What keeps an opened key inside the process: no core file, no debugger of the same user."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
"""linux/prctl.h."""


def forbid_core_dumps() -> None:
    """Let a crash leave no image of the memory. Done by the process that opens a key, before it does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A core handler that is a pipe ignores the limit; a process that is not dumpable it leaves alone.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
