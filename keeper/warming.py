"""Reads the trailing depths before the first cycle of a keeper, with progress in the log."""

from collections.abc import Callable

from keeper.cycle import Ports
from keeper.follow import Emit

PROGRESS_STEPS = 10
"""Lines that the reading takes in the log."""


def warm_up(ports: Ports, emit: Emit) -> None:
    """Read the trailing depths before the first cycle, with progress in the log.

    Raises
    ------
    RetryLater
        The node does not serve blocks that old; nothing can be folded until it does.
    """
    head = ports.reader.block("latest")
    ports.follower.refresh(head)
    ports.follower.warm_up(ports.follower.newest_window(head), _progress(emit))


def _progress(emit: Emit) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == total or done % max(1, total // PROGRESS_STEPS) == 0:
            emit("trailing_depths", done=done, total=total)

    return progress
