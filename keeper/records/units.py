"""Units as types, so that a basis point is never taken for a WAD."""

from dataclasses import dataclass
from typing import NewType

Address = NewType("Address", str)
"""20 bytes as lower-case hex with 0x."""

NO_ADDRESS = Address("0x" + "00" * 20)
"""Where a record has no contract to name."""

Bps = NewType("Bps", int)
"""Basis points; 10,000 = 1."""

Wad = NewType("Wad", int)
"""Fixed point; 10**18 = 1."""

WAD = 10**18
BPS = 10_000

YEAR_SECONDS = 31_536_000
"""365 days; models.md 1.1."""


@dataclass(frozen=True, slots=True)
class BlockRef:
    """One block, named so that nobody can mean another."""

    number: int
    """Height."""
    hash: bytes
    """Header hash, 32 bytes."""
    timestamp: int
    """Header time, unix seconds."""
    parent_hash: bytes = b""
    """Hash of the parent, 32 bytes; empty when not asked for."""


@dataclass(frozen=True, slots=True)
class Price:
    """Raw debt units per raw collateral unit, as an exact ratio."""

    numerator: int
    """Raw units of debt."""
    denominator: int
    """Raw units of collateral; above 0."""
