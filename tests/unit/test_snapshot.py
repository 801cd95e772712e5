"""Inputs that are listed late are the same inputs."""

from factories import make_snapshot, pool_reading

from keeper.records.snapshot import Input, LateInputs, MarketSnapshot, PoolReading, WordInput
from keeper.records.units import Address
from keeper.store.codec import dumps, loads

ROWS = tuple(WordInput(Address("0x" + "ab" * 20), bytes([slot]) * 32, bytes(32)) for slot in range(3))


def late() -> tuple[LateInputs, list[int]]:
    """Inputs, and how often they were worked out."""
    made: list[int] = []

    def make() -> tuple[Input, ...]:
        made.append(1)
        return ROWS

    return LateInputs(make), made


def test_late_inputs_are_worked_out_once_and_only_when_they_are_looked_at() -> None:
    inputs, made = late()
    reading = PoolReading(None, inputs)
    assert made == []
    assert list(reading.inputs) == list(ROWS)
    assert (len(inputs), inputs[1], inputs[1:]) == (3, ROWS[1], ROWS[1:])
    assert made == [1]


def test_late_inputs_equal_the_tuple_of_the_same() -> None:
    (one, _), (two, _) = late(), late()
    assert one == two
    assert one == ROWS
    assert PoolReading(None, ROWS) == PoolReading(None, one)
    assert one != ROWS[:2]
    assert (hash(one), repr(one)) == (hash(ROWS), repr(ROWS))


def test_the_store_keeps_late_inputs_like_any_others() -> None:
    state = pool_reading().state
    at_once, later = (make_snapshot(pools=(PoolReading(state, inputs),)) for inputs in (ROWS, late()[0]))
    assert dumps(later) == dumps(at_once)
    assert loads(MarketSnapshot, dumps(later)) == later == at_once
