"""What ``UniswapV3Reader`` answers, rebuilt from the pool's own view functions, for nodes that allow no state override.

Every word of the layout follows from the views, so inputs and evidence are the same bytes by either way. It takes
several rounds where the reader takes one.
"""

from collections.abc import Generator, Iterable

from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address, BlockRef
from keeper.venues.abi import answered, signed, view, word
from keeper.venues.tick_words import beyond, bounds, covering, initialised

FAILED = Answer(False, b"")
PROBES = 4
"""Levels of the binary search that one round looks ahead."""

_U32 = 1 << 32

Round = Generator[tuple[Ask, ...], tuple[Answer, ...], "Answer"]


def by_views(ask: Ask, block: BlockRef) -> Round:
    """Answer of the reader to ``ask``; a failure when the pool does not answer like one."""
    spacing, range_ticks = int.from_bytes(ask.data[:3], "big"), int.from_bytes(ask.data[3:6], "big")
    targets = [int.from_bytes(ask.data[at : at + 4], "big") for at in range(6, len(ask.data), 4)]
    names = ("slot0()", "liquidity()", "feeGrowthGlobal0X128()", "feeGrowthGlobal1X128()")
    answers = yield tuple(view(ask.to, name) for name in names)
    slot0, *rest = (answered(answer, count) for answer, count in zip(answers, (7, 1, 1, 1), strict=True))
    if slot0 is None or None in rest or not slot0[3]:
        return FAILED
    tick, newest_index, cardinality = signed(slot0[1], 24), slot0[2], slot0[3]
    low, high = bounds(tick, range_ticks)
    positions = covering(low, high, spacing)
    asks = [view(ask.to, "tickBitmap(int16)", position) for position in positions]
    answers = yield (_observation(ask.to, newest_index), *asks)
    newest = _packed_observation(answers[0])
    bitmaps = [answered(answer, 1) for answer in answers[1:]]
    if newest is None or None in bitmaps:
        return FAILED
    words = [row[0] for row in bitmaps if row is not None]
    ticks = initialised(dict(zip(positions, words, strict=True)), low, high, spacing)
    if beyond(ask.gas, len(words) + len(ticks)):
        return FAILED
    answers = yield tuple(view(ask.to, "ticks(int24)", tick) for tick in ticks)
    liquidities = [answered(answer, 8) for answer in answers]
    if None in liquidities:
        return FAILED
    ring = _Ring(ask.to, newest_index, cardinality, {newest_index: newest}, block.timestamp)
    found: list[int] = []
    for target in targets:
        triple = yield from ring.search(target)
        if triple is None:
            return FAILED
        found += triple
    firsts = [row[0] | (row[1] % (1 << 128)) << 128 for row in liquidities if row is not None]
    liquidity, growth0, growth1 = (row[0] for row in rest if row is not None)
    head = (_packed_slot0(slot0), growth0, growth1, liquidity)
    return Answer(True, b"".join(word(value) for value in (*head, newest, *words, *firsts, *found)))


class _Ring:
    """Observations known so far, and the reader's own search over them."""

    def __init__(self, pool: Address, newest: int, cardinality: int, known: dict[int, int], time: int) -> None:
        self._pool, self._newest, self._cardinality, self._known, self._time = pool, newest, cardinality, known, time

    def search(self, ago: int) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[int, int, int] | None]:
        """(index, observation at or before the target, the one after it or 0); None when the pool fails."""
        newest = self._known[self._newest]
        if ago <= self._age(newest):
            return self._newest, newest, 0
        start = (self._newest + 1) % self._cardinality
        if not (yield from self._fetch({start, 0})):
            return None
        oldest = start if self._known[start] >> 248 else 0
        if self._age(self._known[oldest]) < ago:
            return oldest, self._known[oldest], 0
        left, right = start, start + self._cardinality - 1
        index, before, after = oldest, self._known[oldest], 0
        for _ in range(20):
            middle = (left + right) // 2
            index = middle % self._cardinality
            if index not in self._known and not (yield from self._fetch(self._ahead(left, right))):
                return None
            before = self._known[index]
            if not before >> 248:
                left = middle + 1
                continue
            following = (middle + 1) % self._cardinality
            if not (yield from self._fetch({following})):
                return None
            after = self._known[following]
            reached = self._age(before) >= ago
            if reached and self._age(after) <= ago:
                break
            left, right = (middle + 1, right) if reached else (left, middle - 1)
        return index, before, after

    def _ahead(self, left: int, right: int) -> set[int]:
        """Places that the next levels of the search may look at, each with the one behind it."""
        wanted, spans = set(), [(left, right)]
        for _ in range(PROBES):
            middles = [(low, (low + high) // 2, high) for low, high in spans if low <= high]
            wanted |= {(middle + step) % self._cardinality for _, middle, _ in middles for step in (0, 1)}
            spans = [span for low, middle, high in middles for span in ((low, middle - 1), (middle + 1, high))]
        return wanted

    def _fetch(self, indices: Iterable[int]) -> Generator[tuple[Ask, ...], tuple[Answer, ...], bool]:
        missing = sorted(set(indices) - set(self._known))
        if missing:
            answers = yield tuple(_observation(self._pool, index) for index in missing)
            for index, answer in zip(missing, answers, strict=True):
                packed = _packed_observation(answer)
                if packed is None:
                    return False
                self._known[index] = packed
        return True

    def _age(self, observation: int) -> int:
        return (self._time - observation) % _U32


def _observation(pool: Address, index: int) -> Ask:
    return view(pool, "observations(uint256)", index)


def _packed_observation(answer: Answer) -> int | None:
    row = answered(answer, 4)
    if row is None:
        return None
    time, cumulative, per_liquidity, initialised = row
    return time | (cumulative % (1 << 56)) << 32 | per_liquidity << 88 | initialised << 248


def _packed_slot0(row: tuple[int, ...]) -> int:
    price, tick, index, cardinality, following, fee, unlocked = row
    value = price | (tick % (1 << 24)) << 160 | index << 184 | cardinality << 200
    return value | following << 216 | fee << 232 | unlocked << 240
