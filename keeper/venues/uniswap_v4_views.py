"""What ``UniswapV4Reader`` answers, through the manager's own ``extsload``, for nodes that allow no state override.

The same words in three rounds instead of one: each round says which slots the next one needs.
"""

from collections.abc import Generator, Sequence

from keeper.maths.keccak import keccak
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef
from keeper.venues.abi import WORD, signed, word, words_of
from keeper.venues.tick_words import beyond, bounds, covering, initialised, mapped
from keeper.venues.uniswap_v4_words import BITMAP_OFFSET, HEAD_OFFSETS, TICKS_OFFSET, first_slot

FAILED = Answer(False, b"")

_EXTSLOAD = keccak(b"extsload(bytes32[])")[:4]
_REQUEST_BYTES = 38
_GAS_A_SLOT = 2_700
_GAS = 100_000

Round = Generator[tuple[Ask, ...], tuple[Answer, ...], list[int] | None]


def by_views(
    ask: Ask,
    block: BlockRef,  # noqa: ARG001 - a v4 pool says nothing about time
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    """Answer of the reader to ``ask``; a failure when the manager does not answer like one, or a balance is asked."""
    spacing, range_ticks = int.from_bytes(ask.data[32:35], "big"), int.from_bytes(ask.data[35:38], "big")
    if len(ask.data) != _REQUEST_BYTES or not spacing:
        return FAILED
    base = first_slot(ask.data[:32])
    head = yield from _load(ask.to, [base + offset for offset in HEAD_OFFSETS])
    if head is None:
        return FAILED
    low, high = bounds(signed(head[0] >> 160, 24), range_ticks)
    positions = covering(low, high, spacing)
    words = yield from _load(ask.to, [mapped(position, base + BITMAP_OFFSET) for position in positions])
    if words is None:
        return FAILED
    found = initialised(dict(zip(positions, words, strict=True)), low, high, spacing)
    if beyond(ask.gas, len(words) + len(found)):
        return FAILED
    ticks = yield from _load(ask.to, [mapped(tick, base + TICKS_OFFSET) for tick in found])
    if ticks is None:
        return FAILED
    return Answer(True, b"".join(word(value) for value in (*head, *words, *ticks)))


def _load(manager: Address, slots: Sequence[int]) -> Round:
    """Words at the slots; None when the manager does not answer as many."""
    if not slots:
        return []
    data = _EXTSLOAD + b"".join(word(value) for value in (WORD, len(slots), *slots))
    (answer,) = yield (Ask(manager, data, gas=_GAS + len(slots) * _GAS_A_SLOT),)
    if not answer.ok or len(answer.data) != (2 + len(slots)) * WORD:
        return None
    return list(words_of(answer.data)[2:])
