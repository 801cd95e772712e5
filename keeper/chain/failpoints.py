"""Places where a test may kill the process, or break off; inert unless ``KEEPER_FAILPOINT=name=kill`` on a test chain.

``name=break`` raises instead, so that one process can stand for many.
"""

import os
import signal

from keeper.errors import ConfigError

VARIABLE = "KEEPER_FAILPOINT"
TEST_CHAINS = frozenset({31337})
POINTS = frozenset(
    {
        "planned:pre_commit",
        "planned:post_commit",
        "prepared:post_commit",
        "signed:pre_commit",
        "signed:post_commit",
        "sent:pre_commit",
        "mined:pre_commit",
        "bumped:post_commit",
    }
)


ACTIONS = frozenset({"kill", "break"})


class BrokenOff(BaseException):
    """Nothing of the keeper catches it: as if the process had ended there."""


def check_failpoint(chain_id: int) -> None:
    """Refuse the variable on a chain that is not a test chain.

    Raises
    ------
    ConfigError
        It is set on a real chain, or names no failpoint.
    """
    wanted = os.environ.get(VARIABLE, "")
    if not wanted:
        return
    if chain_id not in TEST_CHAINS:
        raise ConfigError(f"{VARIABLE} is set on chain {chain_id}", "unset it: it kills the keeper on purpose")
    name, _, action = wanted.partition("=")
    if name not in POINTS or action not in ACTIONS:
        raise ConfigError(
            f"{VARIABLE}={wanted} names no failpoint", f"use <name>=kill with one of {', '.join(sorted(POINTS))}"
        )


def fire(name: str) -> None:
    """Die here, at once and without clean-up, when the variable says so."""
    wanted = os.environ.get(VARIABLE)
    if wanted == f"{name}=kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wanted == f"{name}=break":
        raise BrokenOff(name)
