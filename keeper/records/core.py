"""The packed core: the part of the fold's state that travels in publish calldata (design.md 5.2). At most 192 bytes."""

import struct
from dataclasses import dataclass

MAX_SOURCES = 3
MAX_CORE_BYTES = 192
_HEAD = ">BIIIB"
_SOURCE_BYTES = 53
VERSION, WARMING_VERSION = 1, 2
"""The second one has a byte more a source, and is written only while one of them warms up after a gap."""


@dataclass(frozen=True, slots=True)
class SourceCore:
    """One price source's entry."""

    pool: bytes
    """First 7 bytes of keccak(venue | address): an unchanged source keeps its entry, a new one bootstraps."""
    last_time: int
    """When the last window closed."""
    last_tick_cumulative: int
    """Cumulative at that time, int56."""
    window_ticks: int
    """Cumulative difference over the last closed window, int56."""
    window_seconds: int
    """Length of the last closed window; 0 = none since the gap."""
    fast: int
    """Decayed variance, half-life 1 d: squared ticks per second in WAD, rounded up, uint96."""
    slow: int
    """Decayed variance, half-life 11 d: squared ticks per second in WAD, rounded up, uint96."""
    warming: int = 0
    """Windows that must still close after a gap before the source has a value, uint8."""


@dataclass(frozen=True, slots=True)
class Core:
    """State of one market's fold after one sample."""

    window: int
    """Index of the last window folded: its end block / cadence."""
    time: int
    """Time of the sample folded there."""
    dwell_since: int
    """First sample of the present stretch in which the model asks for less by the full band; 0 = none."""
    sources: tuple[SourceCore, ...]
    """In the order of the settings; sources that have not started are absent."""


def encode_core(core: Core | None) -> bytes:
    """Pack; an empty core (at listing) is zero bytes.

    Layout, big-endian: version u8, window u32, time u32, dwell_since u32, count u8, then per source
    pool 7, last_time u32, last_tick_cumulative i56, window_ticks i56, window_seconds u32, fast u96, slow u96 = 53.
    Version 2: then warming u8 = 54.
    """
    if core is None:
        return b""
    warming = any(source.warming for source in core.sources)
    version = WARMING_VERSION if warming else VERSION
    head = struct.pack(_HEAD, version, core.window, core.time, core.dwell_since, len(core.sources))
    tails = [bytes([source.warming]) if warming else b"" for source in core.sources]
    return head + b"".join(_encode_source(source) + tail for source, tail in zip(core.sources, tails, strict=True))


def decode_core(data: bytes) -> Core | None:
    """Inverse of :func:`encode_core`.

    Raises
    ------
    ValueError
        When the bytes are not a core of this version.
    """
    if not data:
        return None
    size = struct.calcsize(_HEAD)
    if len(data) < size:
        raise _not_a_core(data)
    version, window, time, dwell, count = struct.unpack(_HEAD, data[:size])
    warms = version == WARMING_VERSION
    length = _SOURCE_BYTES + warms
    if version not in {VERSION, WARMING_VERSION} or len(data) != size + count * length:
        raise _not_a_core(data)
    rows = [data[size + i * length : size + (i + 1) * length] for i in range(count)]
    sources = tuple(_decode_source(row) for row in rows)
    if warms and not any(source.warming for source in sources):
        # One state has one encoding.
        raise _not_a_core(data)
    return Core(window, time, dwell, sources)


def _not_a_core(data: bytes) -> ValueError:
    return ValueError(f"not a core of version {VERSION} or {WARMING_VERSION}: {len(data)} bytes, version {data[0]}")


def _encode_source(source: SourceCore) -> bytes:
    return b"".join(
        (
            source.pool,
            source.last_time.to_bytes(4, "big"),
            source.last_tick_cumulative.to_bytes(7, "big", signed=True),
            source.window_ticks.to_bytes(7, "big", signed=True),
            source.window_seconds.to_bytes(4, "big"),
            source.fast.to_bytes(12, "big"),
            source.slow.to_bytes(12, "big"),
        )
    )


def _decode_source(row: bytes) -> SourceCore:
    def number(start: int, stop: int, *, signed: bool = False) -> int:
        return int.from_bytes(row[start:stop], "big", signed=signed)

    return SourceCore(
        pool=row[:7],
        last_time=number(7, 11),
        last_tick_cumulative=number(11, 18, signed=True),
        window_ticks=number(18, 25, signed=True),
        window_seconds=number(25, 29),
        fast=number(29, 41),
        slow=number(41, 53),
        warming=number(53, len(row)),
    )
