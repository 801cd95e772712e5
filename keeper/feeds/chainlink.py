"""Chainlink's AggregatorV3: the latest answer by a plain call, refused when it is old, not positive or garbage.

Its storage lies behind a proxy and has no layout to rely on, so the answer is recomputable but not provable.
Reference: ``AggregatorV3Interface.latestRoundData`` -> (roundId, answer, startedAt, updatedAt, answeredInRound).
"""

from collections.abc import Generator

from keeper.maths.keccak import keccak
from keeper.records.settings import FeedSettings
from keeper.records.snapshot import Answer, Ask, CallInput, FeedReading
from keeper.records.units import BlockRef

LATEST_ROUND_DATA = keccak(b"latestRoundData()")[:4]
DECIMALS = keccak(b"decimals()")[:4]

READ_GAS = 1_000_000
"""Stipend of a read; proxies with access control stay far below."""

_WORD = 32


class Chainlink:
    """Adapter of AggregatorV3 feeds."""

    def read(self, feed: FeedSettings, block: BlockRef) -> Generator[tuple[Ask, ...], tuple[Answer, ...], FeedReading]:
        """The latest answer and its time."""
        ask = Ask(feed.address, LATEST_ROUND_DATA, gas=READ_GAS)
        (answer,) = yield (ask,)
        inputs = (CallInput(feed.address, ask.data, answer.ok, answer.data),)
        if not answer.ok:
            return FeedReading(None, 0, inputs, f"{feed.address}: the feed reverted")
        if len(answer.data) != 5 * _WORD:
            return FeedReading(None, 0, inputs, f"{feed.address}: {len(answer.data)} bytes are not a round")
        price = int.from_bytes(answer.data[_WORD : 2 * _WORD], "big", signed=True)
        updated_at = int.from_bytes(answer.data[3 * _WORD : 4 * _WORD], "big")
        failure = _failure(price, block.timestamp - updated_at, feed)
        return FeedReading(None if failure else price, updated_at, inputs, failure)

    def check(self, feed: FeedSettings) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Decimals of the settings against the feed's own."""
        (answer,) = yield (Ask(feed.address, DECIMALS, gas=READ_GAS),)
        if not answer.ok or len(answer.data) != _WORD:
            return ("does not answer like a Chainlink feed",)
        decimals = int.from_bytes(answer.data, "big")
        if decimals != feed.decimals:
            return (f"decimals() is {decimals}, the settings say {feed.decimals}",)
        return ()


def _failure(price: int, age: int, feed: FeedSettings) -> str:
    """Why the answer does not count; empty when it does."""
    if price <= 0:
        return f"{feed.address}: answer {price} is not positive"
    if age < 0:
        return f"{feed.address}: updated {-age} s after the block"
    if age > feed.max_age_seconds:
        return f"{feed.address}: {age} s old, at most {feed.max_age_seconds} s count"
    return ""
