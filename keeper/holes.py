"""Events that a node left out, found by counting: the contract numbers every market's reports (INV-06)."""

from collections.abc import Container, Iterable

from keeper.errors import RetryLater


class HoleInLogs(RetryLater):
    """A node left out events."""


def require_whole(reports: Iterable[tuple[bytes, int, int]], listed: Container[bytes]) -> None:
    """Every market's reports, (market, sequence, block) in chain order, are numbered without a gap.

    The first is 1 where the market's listing is known.

    Raises
    ------
    HoleInLogs
        One is missing.
    """
    last: dict[bytes, int] = {}
    for market, sequence, block in reports:
        wanted = last.get(market, 0) + 1
        if sequence != wanted and (market in last or market in listed):
            raise HoleInLogs(f"report {wanted} of market 0x{market.hex()[:8]} is missing before block {block}")
        last[market] = sequence
