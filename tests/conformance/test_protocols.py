"""Every lending protocol keeps the promises of ``records.ports.LendingProtocol``, whatever it is answered."""

import pytest
from factories import CONTRACT, market_settings
from hypothesis import given
from hypothesis import strategies as st

from keeper.chain.routes import READERS
from keeper.protocols import PROTOCOLS, VIEW_PLANS
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import Answer, Ask, PositionsReading
from keeper.records.units import Address

pytestmark = pytest.mark.parametrize("name", sorted(PROTOCOLS))

HOLDERS = tuple(Address(f"0x{number:040x}") for number in range(1, 8))
ROUNDS = 10


def market(name: str, *holders: Address) -> MarketSettings:
    return market_settings(protocol=name, protocol_market_id=bytes(12) + b"\xa0" * 20, holders=holders)


def driven(reading, data: bytes, ok: bool):  # type: ignore[no-untyped-def]
    """Answer every call the same; the value, and every call that was made."""
    asked: list[Ask] = []
    answers = None
    for _ in range(ROUNDS):
        try:
            asks = next(reading) if answers is None else reading.send(answers)
        except StopIteration as stop:
            return stop.value, asked
        asked += asks
        answers = tuple(Answer(ok, data) for _ in asks)
    raise AssertionError("it never ends")


def test_without_a_holder_list_nobody_is_asked(name: str) -> None:
    assert driven(PROTOCOLS[name].positions(market(name)), b"", True) == (None, [])


@given(data=st.binary(max_size=700), ok=st.booleans())
def test_positions_of_any_answer_are_a_state_or_a_reason(name: str, data: bytes, ok: bool) -> None:
    value, asked = driven(PROTOCOLS[name].positions(market(name, *HOLDERS)), data, ok)
    if value is None:
        assert not asked
        return
    assert isinstance(value, PositionsReading)
    assert (value.state is None) == bool(value.failure)
    assert value.inputs


@given(data=st.binary(max_size=700), ok=st.booleans())
def test_check_and_own_words_take_any_answer(name: str, data: bytes, ok: bool) -> None:
    problems, _ = driven(PROTOCOLS[name].check_market(market(name)), data, ok)
    assert all(isinstance(line, str) for line in problems)
    _, inputs = driven(PROTOCOLS[name].read(CONTRACT, bytes(32)), data, ok)[0]
    assert inputs


def test_every_reader_that_is_asked_has_its_code_and_its_plan_by_views(name: str) -> None:
    _, asked = driven(PROTOCOLS[name].positions(market(name, *HOLDERS)), b"", False)
    assert all(ask.reader in READERS and ask.reader in VIEW_PLANS for ask in asked)
