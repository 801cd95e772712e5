"""Reports as bytes: packed into the calldata of ``publish`` and back."""

import struct
from collections.abc import Sequence

from keeper.records.core import MAX_CORE_BYTES
from keeper.records.decision import Targets
from keeper.records.report import Report

_HEAD = struct.Struct(">32sHHHH3sHBHI32sB")
"""market 32, haircut u16, liquidation haircut u16, bonus u16, premium u16, ceiling u24, crunch u16, regime u8,
decay u16, base sequence u32, gap bitmap u256, core length u8: 85 bytes, then the core."""


def pack_report(report: Report) -> bytes:
    """Pack one report, big-endian.

    Raises
    ------
    ValueError
        When a field does not fit.
    """
    if len(report.core) > MAX_CORE_BYTES:
        raise ValueError(f"core of {len(report.core)} bytes is longer than {MAX_CORE_BYTES}")
    targets = report.targets
    try:
        head = _HEAD.pack(
            report.market,
            targets.haircut_bps,
            targets.liquidation_haircut_bps,
            targets.bonus_bps,
            targets.premium_bps,
            targets.ceiling.to_bytes(3, "big"),
            targets.crunch_permille,
            targets.regime,
            targets.decay,
            report.base_sequence,
            report.gap_bitmap.to_bytes(32, "big"),
            len(report.core),
        )
    except (struct.error, OverflowError) as error:
        raise ValueError(f"report does not fit its packed form: {error}") from error
    return head + report.core


def unpack_reports(data: bytes) -> tuple[Report, ...]:
    """Inverse of :func:`pack_report` over concatenated reports.

    Raises
    ------
    ValueError
        When the bytes end inside a report.
    """
    reports, at = [], 0
    while at < len(data):
        end = at + _HEAD.size
        if end > len(data) or end + data[end - 1] > len(data):
            raise ValueError(f"packed reports end inside the report at byte {at}")
        market, *numbers, sequence, bitmap, length = _HEAD.unpack(data[at:end])
        haircut, liquidation, bonus, premium, ceiling, crunch, regime, decay = numbers
        targets = Targets(haircut, liquidation, bonus, premium, int.from_bytes(ceiling, "big"), crunch, regime, decay)
        core = data[end : end + length]
        reports.append(Report(market, targets, sequence, int.from_bytes(bitmap, "big"), core))
        at = end + length
    return tuple(reports)


def pack_reports(reports: Sequence[Report]) -> bytes:
    """Concatenate the packed reports of a batch."""
    return b"".join(pack_report(report) for report in reports)
