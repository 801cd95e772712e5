"""Packing of the contract's words: every field at its own bits, nothing truncated."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.live import (
    AUX_BITS,
    GUARD_BITS,
    LAW_BITS,
    LIMITS_BITS,
    LIQUIDATION_BITS,
    LIVE_BITS,
    AuxWord,
    GuardWord,
    Law,
    Limits,
    LiquidationWord,
    LiveWord,
    pack,
    unpack,
)

LAYOUTS = [
    (LiveWord, LIVE_BITS, 256),
    (AuxWord, AUX_BITS, 254),
    (LiquidationWord, LIQUIDATION_BITS, 214),
    (GuardWord, GUARD_BITS, 144),
    (Limits, LIMITS_BITS, 245),
    (Law, LAW_BITS, 248),
]


def words_of(record: type, bits: tuple[int, ...]) -> st.SearchStrategy[object]:
    return st.tuples(*(st.integers(0, (1 << width) - 1) for width in bits)).map(lambda values: record(*values))


@pytest.mark.parametrize(("record", "bits", "total"), LAYOUTS)
def test_every_field_has_a_width_and_the_widths_add_up(record: type, bits: tuple[int, ...], total: int) -> None:
    assert len(fields(record)) == len(bits)
    assert sum(bits) == total


@pytest.mark.parametrize(("record", "bits", "total"), LAYOUTS)
@given(data=st.data())
def test_a_word_survives_packing(record: type, bits: tuple[int, ...], total: int, data: st.DataObject) -> None:
    word = data.draw(words_of(record, bits))
    assert pack(word, bits) < 1 << total
    assert record(*unpack(pack(word, bits), bits)) == word


def test_a_value_wider_than_its_field_is_refused_by_name() -> None:
    with pytest.raises(OverflowError, match="haircut_bps=16384 does not fit 14 bits"):
        pack(LiveWord(haircut_bps=1 << 14), LIVE_BITS)


def test_fields_lie_where_the_solidity_comment_draws_them() -> None:
    word = LiveWord(
        haircut_bps=1,
        bonus_bps=1,
        regime=1,
        observed_time=1,
        observed_block=1,
        sequence=1,
        decay=1,
        batch_index=1,
        profile=1,
        flags=1,
    )
    places = (0, 42, 100, 124, 156, 188, 212, 226, 233, 253)
    assert pack(word, LIVE_BITS) == sum(1 << place for place in places)
    assert pack(AuxWord(pending_time=1, extra_updates=1, pending_ceiling=1), AUX_BITS) == (
        (1 << 60) + (1 << 196) + (1 << 234)
    )
    assert pack(LiquidationWord(drained_fortnight=1, ramp_seconds=1), LIQUIDATION_BITS) == (1 << 124) + (1 << 192)
    assert pack(GuardWord(trip_end=1, held_until=1), GUARD_BITS) == (1 << 80) + (1 << 112)
    assert pack(Law(premium_cap_bps=1, ceiling_stretch=1, trip_cooldown_seconds=1), LAW_BITS) == (
        (1 << 92) + (1 << 146) + (1 << 226)
    )
    assert pack(
        Limits(
            *(0,) * 9,
            grace_seconds=1,
            decay_floor=0,
            guarded_add_bps=0,
            stressed_add_bps=1,
            regime_seconds=0,
            bounded=1,
        ),
        LIMITS_BITS,
    ) == ((1 << 158) + (1 << 208) + (1 << 244))
