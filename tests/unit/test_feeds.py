"""The Chainlink feed: which answers count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.feeds import FEEDS
from keeper.feeds.chainlink import DECIMALS, LATEST_ROUND_DATA, Chainlink
from keeper.records.settings import FeedSettings
from keeper.records.snapshot import Answer, CallInput, FeedReading
from keeper.records.units import Address, BlockRef

NOW = 1_700_000_000
BLOCK = BlockRef(100, bytes(32), NOW)
FEED = FeedSettings("chainlink", Address("0x" + "fe" * 20), 8, 3600)


def round_data(price: int, updated_at: int) -> bytes:
    words = (7, price % (1 << 256), updated_at, updated_at, 7)
    return b"".join(word.to_bytes(32, "big") for word in words)


def read(answer: Answer) -> FeedReading:
    reading = FEEDS["chainlink"].read(FEED, BLOCK)
    (ask,) = next(reading)
    assert (ask.to, ask.data, ask.reader) == (FEED.address, LATEST_ROUND_DATA, "")
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    value = stop.value.value
    assert isinstance(value, FeedReading)
    return value


def test_the_selectors_are_chainlinks() -> None:
    assert (LATEST_ROUND_DATA.hex(), DECIMALS.hex()) == ("feaf968c", "313ce567")


@pytest.mark.parametrize("age", [0, 1, 3600])
def test_a_fresh_positive_answer_counts(age: int) -> None:
    data = round_data(206_100_000_000, NOW - age)
    inputs = (CallInput(FEED.address, LATEST_ROUND_DATA, True, data),)
    assert read(Answer(True, data)) == FeedReading(206_100_000_000, NOW - age, inputs, "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(False, b""), "the feed reverted"),
        (Answer(False, round_data(1, NOW)), "the feed reverted"),
        (Answer(True, b""), "0 bytes are not a round"),
        (Answer(True, round_data(1, NOW)[:-1]), "159 bytes are not a round"),
        (Answer(True, round_data(1, NOW) + bytes(32)), "192 bytes are not a round"),
        (Answer(True, round_data(0, NOW)), "answer 0 is not positive"),
        (Answer(True, round_data(-5, NOW)), "answer -5 is not positive"),
        (Answer(True, round_data(1, NOW - 3601)), "3601 s old, at most 3600 s count"),
        (Answer(True, round_data(1, 0)), "at most 3600 s count"),
        (Answer(True, round_data(1, NOW + 1)), "updated 1 s after the block"),
        (Answer(True, round_data(1, (1 << 256) - 1)), "after the block"),
    ],
)
def test_anything_else_is_a_failure_with_a_reason(answer: Answer, reason: str) -> None:
    reading = read(answer)
    assert reading.answer is None
    assert reason in reading.failure
    assert reading.inputs == (CallInput(FEED.address, LATEST_ROUND_DATA, answer.ok, answer.data),)


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(data: bytes) -> None:
    reading = read(Answer(True, data))
    assert (reading.answer is None) == bool(reading.failure)


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (Answer(True, (8).to_bytes(32, "big")), ()),
        (Answer(True, (18).to_bytes(32, "big")), ("decimals() is 18, the settings say 8",)),
        (Answer(False, b""), ("does not answer like a Chainlink feed",)),
        (Answer(True, b""), ("does not answer like a Chainlink feed",)),
    ],
)
def test_check_compares_decimals(answer: Answer, problems: tuple[str, ...]) -> None:
    check = Chainlink().check(FEED)
    (ask,) = next(check)
    assert ask.data == DECIMALS
    with pytest.raises(StopIteration) as stop:
        check.send((answer,))
    assert stop.value.value == problems
