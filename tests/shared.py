"""Known answers and real data from ``../shared``; a test that needs them skips, with a reason, where absent."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared"


def shared_path(name: str) -> Path:
    """Return ``../shared/<name>``, or skip the test."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"../shared is absent (no {name})")
    return path


def vectors(name: str) -> list[dict[str, Any]]:
    """Cases of ``../shared/vectors/<name>.json``."""
    return list(json.loads(shared_path(f"vectors/{name}.json").read_text())["cases"])
