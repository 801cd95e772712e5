"""How long things may take at a node, all scaled by one factor so that tests need not wait (reliability.md B2)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, before :attr:`scale`."""

    scale: float = 1.0
    """1 but for tests."""

    @property
    def deadline(self) -> float:
        """One request, from first to last byte."""
        return 5 * self.scale

    @property
    def failover(self) -> float:
        """After this long without an answer the next provider is asked as well."""
        return 1.5 * self.scale

    @property
    def others(self) -> float:
        """How long a broadcast waits for the other providers once one has accepted."""
        return 1 * self.scale

    @property
    def half_life(self) -> float:
        """In which the score of failures halves."""
        return 60 * self.scale

    @property
    def pause(self) -> float:
        """How long an unreachable provider is left alone."""
        return 60 * self.scale

    @property
    def standstill(self) -> float:
        """A head that others are past, and that stands for longer, is out of sync."""
        return 30 * self.scale

    @property
    def unusable(self) -> float:
        """How long a provider that answered nonsense is not believed."""
        return 3_600 * self.scale
