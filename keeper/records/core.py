"""The packed core: the part of the fold's state that travels in publish calldata (design.md 5.2). At most 192 bytes."""

import struct
from dataclasses import dataclass

MAX_SOURCES = 3
MAX_CORE_BYTES = 192
_HEAD = ">BIIIB"
_SOURCE_BYTES = 53
VERSION = 1


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
    """Length of the last closed window."""
    fast: int
    """Decayed variance, half-life 1 d: squared ticks per second in WAD, rounded up, uint96."""
    slow: int
    """Decayed variance, half-life 11 d: squared ticks per second in WAD, rounded up, uint96."""


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
    """
    if core is None:
        return b""
    head = struct.pack(_HEAD, VERSION, core.window, core.time, core.dwell_since, len(core.sources))
    return head + b"".join(_encode_source(source) for source in core.sources)


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
        raise ValueError(f"not a core of version {VERSION}: {len(data)} bytes")
    version, window, time, dwell, count = struct.unpack(_HEAD, data[:size])
    if version != VERSION or len(data) != size + count * _SOURCE_BYTES:
        raise ValueError(f"not a core of version {VERSION}: {len(data)} bytes, version {version}")
    rows = [data[size + i * _SOURCE_BYTES : size + (i + 1) * _SOURCE_BYTES] for i in range(count)]
    return Core(window, time, dwell, tuple(_decode_source(row) for row in rows))


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
    )
