"""Who provides which pools: the kinds whose events tell it, and who owns what a position manager keeps."""

from collections.abc import Generator

from keeper.records.providers import Book, Position, Provided
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import NO_ADDRESS, Address
from keeper.venues.abi import address_of, answered, view
from keeper.venues.pair_positions import PairPositions
from keeper.venues.tick_positions import V3Positions, V4Positions

PROVIDED: dict[str, Provided] = {
    "uniswap_v2": PairPositions(),
    "uniswap_v3": V3Positions(),
    "uniswap_v4": V4Positions(),
}
"""``PoolSettings.venue`` -> how its providers are known. Curve and Balancer pools are shares of one token each, which
lies in gauges for the most part; they are not told apart."""

OWNER_GAS = 200_000
"""Stipend of ``ownerOf``; a contract that needs more is taken for the provider itself."""


def owned(book: Book) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[Position, ...]]:
    """The positions with those who can take them out.

    The owner of a token is asked of the contract that keeps it, at the block: one batch for all tokens, where its
    ``Transfer`` events would be those of every pool. A contract that names no owner counts as one provider.
    """
    kept = [row for row in book if row.token_id is not None]
    asks = tuple(_owner_of(row.owner, row.token_id) for row in kept)
    answers = (yield asks) if asks else ()
    owners = dict(zip(kept, answers, strict=True))
    return tuple(
        Position(_provider(row.owner, owners.get(row)), row.tick_lower, row.tick_upper, size)
        for row, size in book.items()
    )


def _owner_of(manager: Address, token_id: int | None) -> Ask:
    ask = view(manager, "ownerOf(uint256)", token_id or 0)
    return Ask(ask.to, ask.data, gas=OWNER_GAS)


def _provider(owner: Address, answer: Answer | None) -> Address:
    found = answered(answer, 1) if answer is not None else None
    named = owner if found is None else address_of(found[0])
    return owner if named == NO_ADDRESS else named
