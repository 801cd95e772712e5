"""The packed core survives its bytes, and nothing else passes for one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.records.core import MAX_CORE_BYTES, MAX_SOURCES, Core, SourceCore, decode_core, encode_core

U32, U96, I56 = st.integers(0, 2**32 - 1), st.integers(0, 2**96 - 1), st.integers(-(2**55), 2**55 - 1)
U8 = st.integers(0, 255)
SOURCES = st.builds(SourceCore, st.binary(min_size=7, max_size=7), U32, I56, I56, U32, U96, U96, U8)
CORES = st.builds(Core, U32, U32, U32, st.lists(SOURCES, max_size=MAX_SOURCES).map(tuple))


@given(core=CORES)
def test_a_core_survives_its_bytes(core: Core) -> None:
    assert decode_core(encode_core(core)) == core


@given(core=CORES)
def test_a_core_fits_its_calldata(core: Core) -> None:
    row = 54 if any(source.warming for source in core.sources) else 53
    assert len(encode_core(core)) == 14 + row * len(core.sources) <= MAX_CORE_BYTES


def test_only_a_core_with_a_warming_source_is_of_version_two() -> None:
    calm = SourceCore(b"source!", 1, 2, 3, 4, 5, 6)
    assert encode_core(Core(1, 2, 3, (calm, calm)))[0] == 1
    assert encode_core(Core(1, 2, 3, (calm, replace(calm, warming=4))))[0] == 2


def test_a_core_of_version_two_in_which_nothing_warms_is_not_ours() -> None:
    calm = SourceCore(b"source!", 1, 2, 3, 4, 5, 6)
    data = encode_core(Core(1, 2, 3, (replace(calm, warming=1),)))
    with pytest.raises(ValueError, match="not a core"):
        decode_core(data[:-1] + b"\0")


def test_no_core_is_no_bytes() -> None:
    assert encode_core(None) == b""
    assert decode_core(b"") is None


@given(core=CORES, cut=st.integers(1, 13))
def test_a_truncated_core_is_refused(core: Core, cut: int) -> None:
    with pytest.raises(ValueError, match="not a core"):
        decode_core(encode_core(core)[:-cut].ljust(14, b"\x01"))


def test_another_version_is_refused() -> None:
    data = bytes([3]) + encode_core(Core(1, 2, 3, ()))[1:]
    with pytest.raises(ValueError, match="version 3"):
        decode_core(data)
