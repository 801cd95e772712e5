#!/usr/bin/env python3
"""Storage layout and ABI of CollateralParameters as snapshots in tests/snapshots: a change of either is seen in review.

Reads what ``scripts/build_contracts.py`` compiled. ``--check`` fails on a difference; else the snapshots are written.
"""

import argparse
import difflib
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARTIFACT = ROOT / "contracts" / "out" / "CollateralParameters.sol" / "CollateralParameters.json"
SNAPSHOTS = ROOT / "tests" / "snapshots"


def main() -> int:
    """Exit code 1 when ``--check`` finds a difference, 2 when nothing is compiled."""
    parser = argparse.ArgumentParser(description="Storage layout and ABI snapshots of CollateralParameters.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    options = parser.parse_args()
    if not ARTIFACT.is_file():
        print("shape_snapshots: nothing compiled: run scripts/build_contracts.py", file=sys.stderr)
        return 2
    artifact = json.loads(ARTIFACT.read_text())
    wanted = {"storage_layout.json": layout(artifact["storageLayout"]), "abi.json": signatures(artifact["abi"])}
    changed = [name for name, value in wanted.items() if _differs(SNAPSHOTS / name, _text(value), show=options.check)]
    if options.check:
        return 1 if changed else 0
    SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (SNAPSHOTS / name).write_text(_text(wanted[name]))
    return 0


def layout(compiled: dict[str, Any]) -> dict[str, Any]:
    """Variables in order, and the members of every struct they reach, without the compiler's node numbers."""
    types = compiled["types"] or {}
    structs = {_plain(name): _rows(kind["members"]) for name, kind in types.items() if "members" in kind}
    return {"variables": _rows(compiled["storage"]), "structs": structs}


def signatures(abi: list[dict[str, Any]]) -> list[str]:
    """Every entry as a line of Solidity, sorted."""
    return sorted(_line(entry) for entry in abi)


def _rows(entries: list[dict[str, Any]]) -> list[str]:
    return [f"slot {row['slot']} byte {row['offset']}: {_plain(row['type'])} {row['label']}" for row in entries]


def _plain(type_name: str) -> str:
    return re.sub(r"\)\d+", ")", type_name)


def _line(entry: dict[str, Any]) -> str:
    parts = [entry["type"], f"{entry.get('name', '')}({_list(entry.get('inputs', []))})"]
    if entry.get("stateMutability", "nonpayable") != "nonpayable":
        parts.append(entry["stateMutability"])
    if entry.get("outputs"):
        parts.append(f"returns ({_list(entry['outputs'])})")
    return " ".join(parts)


def _list(arguments: list[dict[str, Any]]) -> str:
    return ", ".join(_argument(argument) for argument in arguments)


def _argument(argument: dict[str, Any]) -> str:
    kind = argument["type"]
    if "components" in argument:
        kind = f"({_list(argument['components'])}){kind.removeprefix('tuple')}"
    return " ".join(part for part in (kind, "indexed" if argument.get("indexed") else "", argument["name"]) if part)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _differs(path: Path, text: str, *, show: bool) -> bool:
    old = path.read_text() if path.is_file() else ""
    if show and old != text:
        name = str(path.relative_to(ROOT))
        sys.stderr.writelines(difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, "compiled"))
        print(f"shape_snapshots: {name} is not current: run scripts/shape_snapshots.py", file=sys.stderr)
    return old != text


if __name__ == "__main__":
    sys.exit(main())
