"""The Chainlink feed: which answers count."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.feeds import FEEDS
from keeper.feeds.chainlink import READER, Chainlink
from keeper.maths.abi import packed
from keeper.records.settings import FeedSettings
from keeper.records.snapshot import Answer, CallInput, FeedReading, FeedRound
from keeper.records.units import Address, BlockRef

NOW = 1_700_000_000
BLOCK = BlockRef(100, bytes(32), NOW)
FEED = FeedSettings("chainlink", Address("0x" + "fe" * 20), 8, 3600)
LATEST_ROUND_DATA, GET_ROUND_DATA = bytes.fromhex("feaf968c"), bytes.fromhex("9a6fc8f5")
DECIMALS = bytes.fromhex("313ce567")
"""Chainlink's selectors."""
PHASE = 3 << 64


def round_data(price: int, updated_at: int, number: int = 7) -> bytes:
    words = (number, price % (1 << 256), updated_at, updated_at, number)
    return b"".join(word.to_bytes(32, "big") for word in words)


def read_rounds(data: bytes, *, rounds: int = 3, ok: bool = True) -> FeedReading:
    reading = FEEDS["chainlink"].read(replace(FEED, rounds=rounds), BLOCK)
    (ask,) = next(reading)
    assert (ask.to, ask.reader) == (READER, "chainlink")
    assert ask.data == bytes.fromhex(FEED.address[2:]) + bytes([rounds])
    with pytest.raises(StopIteration) as stop:
        reading.send((Answer(ok, data),))
    value = stop.value.value
    assert isinstance(value, FeedReading)
    return value


def rows(*answers: Answer | None) -> bytes:
    return b"".join(packed(row) for row in answers)


def read(answer: Answer) -> FeedReading:
    reading = FEEDS["chainlink"].read(FEED, BLOCK)
    (ask,) = next(reading)
    assert (ask.to, ask.data, ask.reader) == (FEED.address, LATEST_ROUND_DATA, "")
    with pytest.raises(StopIteration) as stop:
        reading.send((answer,))
    value = stop.value.value
    assert isinstance(value, FeedReading)
    return value


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


def test_earlier_rounds_come_newest_first_and_every_call_is_an_input() -> None:
    latest, before, first = (round_data(200 + n, NOW - 60 * (9 - n), PHASE + n) for n in (9, 8, 7))
    reading = read_rounds(rows(Answer(True, latest), Answer(True, before), Answer(True, first), None))
    assert (reading.answer, reading.updated_at, reading.failure) == (209, NOW, "")
    assert reading.rounds == (FeedRound(PHASE + 8, 208, NOW - 60), FeedRound(PHASE + 7, 207, NOW - 120))
    asked = [GET_ROUND_DATA + (PHASE + n).to_bytes(32, "big") for n in (8, 7)]
    assert reading.inputs == (
        CallInput(FEED.address, LATEST_ROUND_DATA, True, latest),
        CallInput(FEED.address, asked[0], True, before),
        CallInput(FEED.address, asked[1], True, first),
    )


@pytest.mark.parametrize(
    "row",
    [
        None,
        Answer(False, b"no data"),
        Answer(True, b""),
        Answer(True, round_data(0, NOW, 8)),
        Answer(True, round_data(-1, NOW, 8)),
        Answer(True, round_data(1, 0, 8)),
        Answer(True, round_data(1, NOW + 1, 8)),
        Answer(True, round_data(1, NOW, 7)),
    ],
)
def test_a_round_that_is_none_is_left_out_and_harms_nothing_else(row: Answer | None) -> None:
    good = Answer(True, round_data(5, NOW - 9, 7))
    reading = read_rounds(rows(Answer(True, round_data(6, NOW, 9)), row, good), rounds=2)
    assert (reading.answer, reading.failure) == (6, "")
    assert reading.rounds == (FeedRound(7, 5, NOW - 9),)


def test_a_stale_latest_answer_is_refused_with_its_rounds_recorded() -> None:
    reading = read_rounds(rows(Answer(True, round_data(6, NOW - 3601, 2)), Answer(True, round_data(5, 9, 1))), rounds=1)
    assert reading.answer is None
    assert "3601 s old" in reading.failure
    assert reading.rounds == (FeedRound(1, 5, 9),)


def test_without_a_latest_round_there_is_none() -> None:
    reading = read_rounds(rows(Answer(False, b"x"), None, None, None))
    assert reading == FeedReading(
        None, 0, (CallInput(FEED.address, LATEST_ROUND_DATA, False, b"x"),), f"{FEED.address}: the feed reverted"
    )


@given(st.binary(max_size=300), st.booleans())
def test_a_reply_of_any_kind_never_raises(data: bytes, ok: bool) -> None:
    reading = read_rounds(data, ok=ok)
    assert (reading.answer is None) == bool(reading.failure)
