#!/usr/bin/env python3
"""Compare the gas that the forge scenarios measured with tests/snapshots/gas.json: a drift over 2 % fails.

The scenarios write ``contracts/snapshots/*.json``, objects of name to gas, with ``vm.writeJson`` or
``vm.snapshotValue``. A name must not come from two files. ``--write`` takes the measured numbers as the new snapshot.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "contracts" / "snapshots"
SNAPSHOT = ROOT / "tests" / "snapshots" / "gas.json"
MAX_DRIFT_PERCENT = 2
REQUIRED = ("publish_per_market_100", "publish_per_market_10", "publish_first_write", "parameters_read")


class DriftError(Exception):
    """There is nothing to compare, or it is not readable."""


def main() -> int:
    """Exit code 1 when something drifted, 2 when there is nothing to compare."""
    parser = argparse.ArgumentParser(description="Compare measured gas with tests/snapshots/gas.json.")
    parser.add_argument("--write", action="store_true", help="take the measured numbers as the new snapshot")
    options = parser.parse_args()
    try:
        now = measured(MEASURED)
        if options.write:
            SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
            SNAPSHOT.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n")
            return 0
        problems = differences(committed(), now)
    except DriftError as error:
        print(f"gas_drift: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"gas_drift: {problem}", file=sys.stderr)
    if not problems:
        print(f"gas_drift: {len(now)} figures within {MAX_DRIFT_PERCENT} %")
    return 1 if problems else 0


def committed() -> dict[str, int]:
    """The snapshot in git."""
    if not SNAPSHOT.is_file():
        raise DriftError("tests/snapshots/gas.json is missing: run scripts/gas_drift.py --write")
    figures: dict[str, int] = json.loads(SNAPSHOT.read_text())
    return figures


def measured(folder: Path) -> dict[str, int]:
    """Every figure of the folder's files; decimal strings, as cheatcodes write them, count as numbers."""
    figures: dict[str, int] = {}
    for path in sorted(folder.glob("*.json")):
        for name, value in json.loads(path.read_text()).items():
            if name in figures:
                raise DriftError(f"{name} was measured twice, the second time in {path.name}")
            figures[name] = int(value)
    missing = [name for name in REQUIRED if name not in figures]
    if missing:
        raise DriftError(f"not measured: {', '.join(missing)} (the forge gas scenarios write contracts/snapshots)")
    return figures


def differences(snapshot: dict[str, int], now: dict[str, int]) -> list[str]:
    """One line a figure that drifted, is new or is gone."""
    problems = [f"{name} is new: run scripts/gas_drift.py --write" for name in sorted(now.keys() - snapshot.keys())]
    problems += [f"{name} is no longer measured" for name in sorted(snapshot.keys() - now.keys())]
    for name in sorted(snapshot.keys() & now.keys()):
        before, after = snapshot[name], now[name]
        if abs(after - before) * 100 > MAX_DRIFT_PERCENT * before:
            problems.append(f"{name}: {before} -> {after} gas ({100 * (after - before) / max(before, 1):+.1f} %)")
    return problems


if __name__ == "__main__":
    sys.exit(main())
