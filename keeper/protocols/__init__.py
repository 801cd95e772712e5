"""Lending protocols: where a market's words are read and how an update is encoded."""

from keeper.protocols.bulkhead import Bulkhead
from keeper.records.ports import LendingProtocol

PROTOCOLS: dict[str, LendingProtocol] = {"bulkhead": Bulkhead()}
"""By the name that settings use."""
