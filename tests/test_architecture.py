"""The layers of design.md 4, kept: who may import whom, what pure code may not touch, how large a room may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

KEEPER = Path(__file__).resolve().parents[1] / "keeper"

PURE = {"records", "maths", "venues", "feeds", "volatility", "haircuts", "protocols", "risk"}
PLUGINS = {"venues", "feeds", "volatility", "haircuts", "protocols"}
EDGES = {"chain", "store", "monitor", "web"}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "timing": {"errors"},
    "records": {"errors"},
    "maths": {"errors", "records"},
    **{layer: {"errors", "records", "maths"} for layer in PLUGINS | {"risk"}},
    # An edge may hash what it sends; it may not think.
    **{layer: {"errors", "timing", "records", "maths"} for layer in EDGES},
    "fold": {"errors", "records", "maths", "risk", "fold_loans", "fold_volatility"} | PLUGINS,
    "fold_loans": {"errors", "records", "maths", "risk"} | PLUGINS,
    "fold_volatility": {"errors", "records", "maths", "risk"} | PLUGINS,
    # Where floats live. Nobody of the published path may import it: see below.
    "calibration": {"errors", "records", "maths"},
}
"""What each layer may import besides itself. Joins (cycle, replay, daemon, cli, testing) may import everything."""

FORBIDDEN_IN_PURE = {
    "web3",
    "httpx",
    "time",
    "datetime",
    "logging",
    "structlog",
    "random",
    "secrets",
    "sqlalchemy",
    "socket",
    "os",
}
"""No chain, no clock, no log, no chance in code whose result must be the same everywhere."""

READERS_OF_CALIBRATION = {"calibration", "backtest", "cli"}
"""Who may see a float: proposals and reports. A keeper that runs decides without it."""

MAX_LINES = 300


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "keeper":
                yield from (f"keeper.{alias.name}" for alias in node.names)


def layer_of(path: Path) -> str:
    return path.relative_to(KEEPER).parts[0].removesuffix(".py")


def violations(path: Path) -> list[str]:
    layer = layer_of(path)
    found = []
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "keeper" and len(parts) > 1 and layer in ALLOWED and parts[1] not in ALLOWED[layer] | {layer}:
            found.append(f"{path.relative_to(KEEPER)} ({layer}) imports {name}")
        if layer in PURE | {"calibration"} and parts[0] in FORBIDDEN_IN_PURE:
            found.append(f"{path.relative_to(KEEPER)} is pure and imports {name}")
    return found


def python_files() -> list[Path]:
    return sorted(KEEPER.rglob("*.py"))


def test_imports_go_one_way() -> None:
    assert [line for path in python_files() for line in violations(path)] == []


def test_edges_never_import_each_other() -> None:
    crossing = [
        f"{path.relative_to(KEEPER)} imports {name}"
        for path in python_files()
        if layer_of(path) in EDGES
        for name in imports_of(path)
        if name.startswith("keeper.") and name.split(".")[1] in EDGES - {layer_of(path)}
    ]
    assert crossing == []


def test_the_check_itself_sees_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "risk" / "depth.py"
    wrong.parent.mkdir()
    wrong.write_text("import time\nfrom keeper.venues import VENUES\n")
    monkeypatch.setattr("test_architecture.KEEPER", tmp_path)
    assert violations(wrong) == [
        "risk/depth.py is pure and imports time",
        "risk/depth.py (risk) imports keeper.venues",
    ]


def test_only_proposals_and_reports_read_calibration() -> None:
    readers = {
        str(path.relative_to(KEEPER))
        for path in python_files()
        if any(name.startswith("keeper.calibration") for name in imports_of(path))
        and layer_of(path) not in READERS_OF_CALIBRATION
    }
    assert readers == set()


def test_nobody_but_the_command_reads_a_backtest() -> None:
    readers = {
        layer_of(path)
        for path in python_files()
        if any(name.startswith("keeper.backtest") for name in imports_of(path))
    }
    assert readers == {"backtest", "cli"}


def test_the_floats_of_calibration_load_only_when_asked_for() -> None:
    eager = {
        str(path.relative_to(KEEPER))
        for path in python_files()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.split(".")[0] in {"arch", "scipy", "pandas", "statsmodels"}
    }
    assert eager == set()


def test_no_float_in_the_published_path() -> None:
    floats = [
        f"{path.relative_to(KEEPER)}:{node.lineno}"
        for path in python_files()
        if layer_of(path) in PURE | {"fold", "fold_volatility"}
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert floats == []


def test_no_module_has_outgrown_its_room() -> None:
    long = {
        str(path.relative_to(KEEPER)): lines
        for path in python_files()
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(KEEPER)) for path in python_files() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_broad_excepts_are_the_two_that_keep_one_plugin_from_blinding_the_others() -> None:
    broad = [
        f"{path.relative_to(KEEPER)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]
    assert len(broad) <= 2, broad
