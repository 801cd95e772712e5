"""What commands print: one JSON document, or plain aligned text. Data on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
SAFE_INTEGER = 2**53
"""Larger integers become decimal strings in JSON."""


def emit_json(document: dict[str, Any]) -> None:
    """Print one document with ``schemaVersion`` first."""
    print(json.dumps({"schemaVersion": SCHEMA_VERSION, **_safe(document)}, ensure_ascii=False))


def deliver(
    document: dict[str, Any],
    *,
    plot: Path | None,
    draw: Callable[[dict[str, Any], Path], Path],
    show: Callable[[], None] | None,
) -> None:
    """A picture where one is asked for, then the document: shown, or as JSON when there is no ``show``."""
    if plot:
        print(f"{plot} written, its numbers in {draw(document, plot)}", file=sys.stderr)
    if show is None:
        emit_json(document)
    else:
        show()


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns under their headings; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(heading), *(len(row[i]) for row in cells), 0) for i, heading in enumerate(header)]
    right = [all(_is_number(row[i]) for row in cells) if cells else False for i in range(len(header))]
    return "\n".join(_line(row, widths, right) for row in ([*header], *cells))


def amount(raw: int | None, decimals: int, places: int = 4) -> str:
    """Token amount in whole units; a dash where there is no value."""
    if raw is None:
        return "-"
    scale = 10**decimals
    digits = f"{raw * 10**places // scale:0{places + 1}d}"
    return f"{int(digits[:-places]):,}.{digits[-places:]}"


def percent(bps: int | None) -> str:
    """Basis points as per cent."""
    return "-" if bps is None else f"{bps // 100}.{bps % 100:02d} %"


def wad_percent(wad: int | None) -> str:
    """A WAD fraction as per cent, two decimals, rounded down."""
    return "-" if wad is None else percent(wad * 10_000 // 10**18)


def plain() -> bool:
    """Whether colour is unwanted or pointless on stderr."""
    return "NO_COLOR" in os.environ or not sys.stderr.isatty()


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(row, widths, right, strict=True)
    ]
    return "  ".join(parts).rstrip()


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.removeprefix("-").replace(",", "").replace(".", "").removesuffix(" %").isdigit()


def _safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return str(value)
    return value
