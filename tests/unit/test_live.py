"""Packing of the contract's words: every field at its own bits, nothing truncated."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.live import AUX_BITS, LIMITS_BITS, LIVE_BITS, AuxWord, Limits, LiveWord, pack, unpack

LAYOUTS = [(LiveWord, LIVE_BITS, 256), (AuxWord, AUX_BITS, 220), (Limits, LIMITS_BITS, 198)]


def words_of(record: type, bits: tuple[int, ...]) -> st.SearchStrategy[object]:
    return st.tuples(*(st.integers(0, (1 << width) - 1) for width in bits)).map(lambda values: record(*values))


@pytest.mark.parametrize(("record", "bits", "total"), LAYOUTS)
def test_every_field_has_a_width_and_the_widths_add_up(record: type, bits: tuple[int, ...], total: int) -> None:
    assert len(fields(record)) == len(bits)
    assert sum(bits) == total


@given(words_of(LiveWord, LIVE_BITS))
def test_a_live_word_survives_packing(word: LiveWord) -> None:
    assert LiveWord(*unpack(pack(word, LIVE_BITS), LIVE_BITS)) == word


@given(words_of(AuxWord, AUX_BITS))
def test_an_aux_word_survives_packing(word: AuxWord) -> None:
    assert AuxWord(*unpack(pack(word, AUX_BITS), AUX_BITS)) == word


@given(words_of(Limits, LIMITS_BITS))
def test_limits_survive_packing(word: Limits) -> None:
    assert Limits(*unpack(pack(word, LIMITS_BITS), LIMITS_BITS)) == word


def test_a_value_wider_than_its_field_is_refused_by_name() -> None:
    with pytest.raises(OverflowError, match="haircut_bps=16384 does not fit 14 bits"):
        pack(LiveWord(haircut_bps=1 << 14), LIVE_BITS)


def test_fields_lie_where_the_solidity_comment_draws_them() -> None:
    word = LiveWord(
        haircut_bps=1, bonus_bps=1, regime=1, observed_time=1, observed_block=1, sequence=1, decay=1, flags=1
    )
    places = (0, 42, 100, 124, 156, 188, 212, 242)
    assert pack(word, LIVE_BITS) == sum(1 << place for place in places)
    assert pack(replace(AuxWord(), pending_time=1, extra_updates=1), AUX_BITS) == (1 << 60) + (1 << 196)
