"""What ``BalancerReader`` answers, rebuilt call by call where no code can be placed: the same bytes in three rounds."""

from collections.abc import Generator

from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef
from keeper.venues.abi import WORD, address_in, address_of, kept, packed, view, word_at
from keeper.venues.balancer_words import MAX_TOKENS

STIPEND = 600_000
"""Gas of each call, as in the reader."""

_ADDRESS_BYTES = 20
Row = Answer | None
"""None = a call that is not made."""


def by_views(ask: Ask, block: BlockRef) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """Answer of the reader to ``ask``."""
    vault, pool = (address_in(ask.data, at) for at in (0, _ADDRESS_BYTES))
    pool_id = int.from_bytes(ask.data[2 * _ADDRESS_BYTES :], "big")
    listed, providers = yield (_view(vault, "getPoolTokens(bytes32)", pool_id), _view(pool, "getRateProviders()"))
    listed, providers = kept(listed), kept(providers)
    count = word_at(listed.data, 3)
    count = count if count <= MAX_TOKENS else 0
    tokens = [int(address_of(word_at(listed.data, 4 + index)), 16) for index in range(count)]
    sources = [address_of(word_at(providers.data, 2 + index)) for index in range(count)]
    with_source = [index for index, source in enumerate(sources) if int(source, 16)]
    answers = yield (
        *(_view(address_of(token), "decimals()") for token in tokens),
        *(_view(pool, "getTokenRateCache(address)", tokens[index]) for index in with_source),
    )
    decimals = [kept(answer) for answer in answers[:count]]
    caches = dict(zip(with_source, map(kept, answers[count:]), strict=True))
    expired = [index for index, cache in caches.items() if _expired(cache, block.timestamp)]
    answers = yield tuple(_view(sources[index], "getRate()") for index in expired)
    rates = dict(zip(expired, map(kept, answers), strict=True))
    rows: list[Row] = [listed, providers]
    for index in range(count):
        rows += [decimals[index], caches.get(index), rates.get(index)]
    return Answer(True, b"".join(packed(row) for row in rows))


def _expired(cache: Answer, time: int) -> bool:
    """Whether the last word of the cache, its expiry, lies before the block."""
    words = len(cache.data) // WORD
    return words > 0 and time > word_at(cache.data, words - 1)


def _view(to: Address, signature: str, *arguments: int) -> Ask:
    asked = view(to, signature, *arguments)
    return Ask(asked.to, asked.data, gas=STIPEND)
