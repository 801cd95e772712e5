"""One factor for every waiting time of the keeper, so that a test chain need not wait as long as a real one."""

import os

from keeper.errors import ConfigError

VARIABLE = "KEEPER_TIME_SCALE"
TEST_CHAINS = frozenset({31337})


def scaled(seconds: float) -> float:
    """A waiting time under the factor of ``KEEPER_TIME_SCALE``; as given when that is not set."""
    return seconds * float(os.environ.get(VARIABLE) or 1)


def check_time_scale(chain_id: int) -> None:
    """Refuse the factor on a chain that is not a test chain.

    Raises
    ------
    ConfigError
        It is set on a real chain, or is no positive number.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return
    if chain_id not in TEST_CHAINS:
        raise ConfigError(f"{VARIABLE} is set on chain {chain_id}", "unset it: it shortens every waiting time")
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 1:
        raise ConfigError(f"{VARIABLE}={text!a} is no factor", "give a number above 0, at most 1")
