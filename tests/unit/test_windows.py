"""The sample rule of design.md 5.1 and the trailing days."""

import pytest
from factories import make_settings
from hypothesis import given
from hypothesis import strategies as st

from keeper.risk.windows import last_ended, sample_block, sample_span, trailing_windows, window_end, window_of


@given(window=st.integers(1, 2**31), cadence=st.integers(1, 1000), end_hash=st.binary(min_size=32, max_size=32))
def test_the_sample_lies_among_the_last_blocks_of_its_window(window: int, cadence: int, end_hash: bytes) -> None:
    end = window_end(window, cadence)
    block = sample_block(end, end_hash, cadence)
    assert end - sample_span(cadence) < block <= end
    assert window_of(block, cadence) == window


@pytest.mark.parametrize(
    ("hash_value", "block"), [(0, 1000), (1, 999), (24, 976), (25, 1000), (2**256 - 1, 1000 - (2**256 - 1) % 25)]
)
def test_the_hash_of_the_end_chooses_the_block(hash_value: int, block: int) -> None:
    assert sample_block(1000, hash_value.to_bytes(32, "big"), 25) == block


def test_a_long_window_is_sampled_near_its_end_only() -> None:
    assert sample_span(300) == 64
    assert sample_block(300, (63).to_bytes(32, "big"), 300) == 237


@given(head=st.integers(0, 10**9), cadence=st.integers(1, 1000))
def test_the_last_ended_window_ends_at_or_before_the_head(head: int, cadence: int) -> None:
    window = last_ended(head, cadence)
    assert window_end(window, cadence) <= head < window_end(window + 1, cadence)


def test_trailing_windows_are_whole_days_and_the_present_one() -> None:
    settings = make_settings(windows_per_day=10, trailing_days=3)
    assert list(trailing_windows(57, settings)) == list(range(30, 57))
    assert list(trailing_windows(12, settings)) == list(range(1, 12))
