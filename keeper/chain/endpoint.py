"""Who answers JSON-RPC, as those see it that only ask."""

from collections.abc import Sequence
from typing import Any, Protocol


class Endpoint(Protocol):
    """Who answers JSON-RPC: one node, or a pool of them."""

    @property
    def label(self) -> str:
        """What messages call it."""

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one request."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the calls; raises for the first one that failed."""

    def each(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """As ``batch``, with the errors in the list."""

    def close(self) -> None:
        """Close the connections."""
