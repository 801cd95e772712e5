"""Readings side by side: what several adapters ask for in a round is asked together."""

from collections.abc import Generator, Mapping, Sequence

from keeper.records.ports import ViewPlan
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import BlockRef

Reading = Generator[tuple[Ask, ...], tuple[Answer, ...], object]


def together(readings: Sequence[Reading]) -> Generator[tuple[Ask, ...], tuple[Answer, ...], list[object]]:
    """All readings in lock step: the asks of a round together, the same ask once; their values in order."""
    values: list[object] = [None] * len(readings)
    asks: dict[int, tuple[Ask, ...]] = {}

    def advance(index: int, answers: tuple[Answer, ...] | None) -> None:
        try:
            reading = readings[index]
            asks[index] = next(reading) if answers is None else reading.send(answers)
        except StopIteration as stop:
            values[index] = stop.value
            asks.pop(index, None)

    for index in range(len(readings)):
        advance(index, None)
    while asks:
        # The same ask of two readings is made once: cheaper, and the second can't find the slots warm.
        wanted = tuple(dict.fromkeys(ask for row in asks.values() for ask in row))
        got = dict(zip(wanted, (yield wanted) if wanted else (), strict=True))
        for index, row in list(asks.items()):
            advance(index, tuple(got[ask] for ask in row))
    return values


def without_readers(reading: Reading, plans: Mapping[str, ViewPlan], block: BlockRef) -> Reading:
    """The same reading where no code can be placed: raw words are rebuilt from views.

    A raw read without a plan fails like a pool that does not answer.
    """
    answers: tuple[Answer, ...] | None = None
    while True:
        try:
            asks = next(reading) if answers is None else reading.send(answers)
        except StopIteration as stop:
            return stop.value
        rows = yield from together([_by_views(ask, plans, block) for ask in asks])
        answers = tuple(row for row in rows if isinstance(row, Answer))


def _by_views(
    ask: Ask, plans: Mapping[str, ViewPlan], block: BlockRef
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], Answer]:
    if not ask.reader:
        (answer,) = yield (ask,)
        return answer
    plan = plans.get(ask.reader)
    return (yield from plan(ask, block)) if plan else Answer(False, b"")
