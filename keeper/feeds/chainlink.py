"""Chainlink's AggregatorV3: the latest answer, refused when it is old, not positive or garbage, and earlier rounds.

Its storage lies behind a proxy and has no layout to rely on, so answers are recomputable but not provable. The ids of
earlier rounds follow from the latest one, so placed code asks for them inside the same call.
Reference: ``AggregatorV3Interface`` -> (roundId, answer, startedAt, updatedAt, answeredInRound).
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

from keeper.feeds.chainlink_views import LATEST_STIPEND, ROUND_STIPEND, ROUND_WORDS, get_round, latest_round
from keeper.maths.abi import answered, inputs_of, rows_of, signed, view
from keeper.maths.keccak import keccak
from keeper.records.settings import FeedSettings
from keeper.records.snapshot import Answer, Ask, FeedReading, FeedRound
from keeper.records.units import Address, BlockRef

READER = Address("0x" + keccak(b"Bulkhead Chainlink reader")[12:].hex())
"""Where the reader's code is placed: an address that nobody holds a key of."""

_OWN_GAS, _OWN_ROUND_GAS = 300_000, 20_000
"""Gas of the reader itself, above its callees' stipends: once, and for each round."""


class Chainlink:
    """Adapter of AggregatorV3 feeds."""

    def read(self, feed: FeedSettings, block: BlockRef) -> Generator[tuple[Ask, ...], tuple[Answer, ...], FeedReading]:
        """The latest answer and its time, and as many earlier rounds as the settings ask for."""
        (answer,) = yield (_ask(feed),)
        rows = _rows(feed, answer)
        latest, asks = rows[0] or Answer(False, b""), [latest_round(feed.address)]
        words = answered(latest, ROUND_WORDS)
        ids = [words[0] - back if words else 0 for back in range(1, len(rows))]
        inputs = inputs_of(asks + [get_round(feed.address, number) for number in ids], rows)
        rounds = _rounds(ids, rows[1:], block)
        if words is None:
            return FeedReading(None, 0, inputs, f"{feed.address}: {_fault(latest)}")
        price, updated_at = signed(words[1], 256), words[3]
        failure = _failure(price, block.timestamp - updated_at, feed)
        return FeedReading(None if failure else price, updated_at, inputs, failure, rounds)

    def check(self, feed: FeedSettings) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
        """Decimals of the settings against the feed's own."""
        (answer,) = yield (replace(view(feed.address, "decimals()"), gas=LATEST_STIPEND),)
        words = answered(answer, 1)
        if words is None:
            return ("does not answer like a Chainlink feed",)
        if words[0] != feed.decimals:
            return (f"decimals() is {words[0]}, the settings say {feed.decimals}",)
        return ()


def _ask(feed: FeedSettings) -> Ask:
    """A plain call where the latest round is enough."""
    if not feed.rounds:
        return latest_round(feed.address)
    data = bytes.fromhex(feed.address[2:]) + bytes([feed.rounds])
    gas = _OWN_GAS + LATEST_STIPEND + feed.rounds * (ROUND_STIPEND + _OWN_ROUND_GAS)
    return Ask(READER, data, "chainlink", gas)


def _rows(feed: FeedSettings, answer: Answer) -> list[Answer | None]:
    """Outcome of every call, the latest round's first."""
    if not feed.rounds:
        return [answer]
    try:
        rows = rows_of(answer.data) if answer.ok else []
    except ValueError:
        rows = []
    return rows if len(rows) == 1 + feed.rounds else [Answer(False, b"")]


def _rounds(ids: Sequence[int], rows: Sequence[Answer | None], block: BlockRef) -> tuple[FeedRound, ...]:
    """Earlier rounds that the feed gives; a phase's beginning or a refusal leaves one out and harms nothing else."""
    found = []
    for number, row in zip(ids, rows, strict=True):
        words = answered(row, ROUND_WORDS) if row else None
        if words is None:
            continue
        answer, updated_at = signed(words[1], 256), words[3]
        if words[0] == number and answer > 0 and 0 < updated_at <= block.timestamp:
            found.append(FeedRound(number, answer, updated_at))
    return tuple(found)


def _fault(latest: Answer) -> str:
    return f"{len(latest.data)} bytes are not a round" if latest.ok else "the feed reverted"


def _failure(price: int, age: int, feed: FeedSettings) -> str:
    """Why the answer does not count; empty when it does."""
    if price <= 0:
        return f"{feed.address}: answer {price} is not positive"
    if age < 0:
        return f"{feed.address}: updated {-age} s after the block"
    if age > feed.max_age_seconds:
        return f"{feed.address}: {age} s old, at most {feed.max_age_seconds} s count"
    return ""
