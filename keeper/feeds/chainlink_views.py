"""What ``ChainlinkReader`` answers, rebuilt call by call where no code can be placed: the same bytes in two rounds."""

from collections.abc import Generator
from dataclasses import replace

from keeper.maths.abi import address_in, answered, kept, packed, view
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef

LATEST_STIPEND = 1_000_000
"""Gas of ``latestRoundData``; proxies with access control stay far below."""
ROUND_STIPEND = 200_000
"""Gas of ``getRoundData``."""
ROUND_WORDS = 5

_ADDRESS_BYTES = 20
_UINT64 = (1 << 64) - 1


def latest_round(feed: Address) -> Ask:
    """The call for the latest round."""
    return replace(view(feed, "latestRoundData()"), gas=LATEST_STIPEND)


def get_round(feed: Address, number: int) -> Ask:
    """The call for one round."""
    return replace(view(feed, "getRoundData(uint80)", number), gas=ROUND_STIPEND)


def by_views(
    ask: Ask,
    block: BlockRef,  # noqa: ARG001 - rounds carry their own times
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """Answer of the reader to ``ask``."""
    feed, count = address_in(ask.data, 0), ask.data[_ADDRESS_BYTES]
    (latest,) = yield (latest_round(feed),)
    words = answered(kept(latest), ROUND_WORDS)
    # A proxy's id holds its phase above the aggregator's own round, which counts from 1.
    last = words[0] & _UINT64 if words else 0
    made = min(count, max(0, last - 1))
    answers = yield tuple(get_round(feed, words[0] - back) for back in range(1, made + 1)) if words else ()
    rows = [kept(latest), *(kept(answer) for answer in answers), *[None] * (count - made)]
    return Answer(True, b"".join(packed(row) for row in rows))
