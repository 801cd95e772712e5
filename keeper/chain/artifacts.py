"""Compiled contracts that the keeper deploys or reads through, as ``scripts/build_contracts.py`` exported them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from keeper.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract."""

    abi: tuple[dict[str, Any], ...]
    """JSON ABI."""
    bytecode: bytes
    """Creation code, without constructor arguments."""
    runtime: bytes
    """Deployed code; immutables are zero in it."""
    storage: dict[str, int]
    """Slot of every storage variable by its name in the source."""


@cache
def load(name: str, package: str = "keeper.chain") -> Artifact:
    """Artifact by contract name.

    Parameters
    ----------
    name
        Contract name, for example ``CollateralParameters``.
    package
        Package that holds the folder ``artifacts``: ``keeper.chain``, or ``keeper.testing`` for the devnet's contracts.

    Raises
    ------
    ConfigError
        When there is no such artifact: the installation is broken or was never built.
    """
    file = resources.files(package) / "artifacts" / f"{name}.json"
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError:
        raise ConfigError(f"no compiled contract {name} in {package}", "run scripts/build_contracts.py") from None
    return Artifact(
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(raw["runtime"].removeprefix("0x")),
        storage=raw.get("storage", {}),
    )
