"""A copy of the contracts' project in a temporary folder, where an analyser may clean, compile and change things."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import build_contracts

ROOT = build_contracts.ROOT
CONTRACTS = build_contracts.CONTRACTS
REPORTS = CONTRACTS / "cache"
"""Where the analyses leave their reports; ignored by git."""

STACK_TOO_DEEP = "Stack too deep"
_FILES = ("foundry.toml", "solc.cjs", "package.json", "slither.config.json")
_IR = re.compile(
    r"^(?:#.*\n)*additional_compiler_profiles = .*\ncompilation_restrictions = \[(?:.*\]|\n(?: .*\n)*\])\n",
    re.MULTILINE,
)
_IMPORT = re.compile(r'^import [^;]*?"(\.[^"]+)"', re.MULTILINE)


class AnalysisError(Exception):
    """The analysis could not run or judged nothing; one line, what failed."""


@contextmanager
def workspace(*tests: str) -> Iterator[Path]:
    """Copy the project; of ``contracts/test`` only what the glob patterns ``tests`` match. Gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-analysis-") as folder:
        yield copy_project(Path(folder), *tests)


def copy_project(folder: Path, *tests: str) -> Path:
    """Copy the project into ``folder``; the npm packages are a link, so nothing may write there."""
    project = folder / "contracts"
    project.mkdir(parents=True)
    for name in _FILES:
        if (CONTRACTS / name).exists():
            shutil.copy2(CONTRACTS / name, project / name)
    shutil.copytree(CONTRACTS / "src", project / "src")
    for empty in ("test", "devnet", "snapshots"):
        (project / empty).mkdir()
    for pattern in tests:
        for source in sorted((CONTRACTS / "test").glob(pattern)):
            target = project / source.relative_to(CONTRACTS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    (project / "node_modules").symlink_to((CONTRACTS / "node_modules").resolve(), target_is_directory=True)
    return project


def drop_unused_readers(project: Path) -> None:
    """Remove the readers that no Solidity imports: they are tested from Python, and do not compile unoptimised."""
    imported = {
        (source.parent / name).resolve()
        for folder in ("src", "test")
        for source in (project / folder).rglob("*.sol")
        for name in _IMPORT.findall(source.read_text())
    }
    for reader in (project / "src" / "readers").glob("*.sol"):
        if reader.resolve() not in imported:
            reader.unlink()


def drop_ir(project: Path) -> None:
    """Compile every file the same, plain way: what comes through the IR has no exact lines, and takes long."""
    settings = project / "foundry.toml"
    text, found = _IR.subn("", settings.read_text())
    if found != 1:
        raise AnalysisError("foundry.toml names no compiler profile for the contract any more: adapt drop_ir")
    settings.write_text(text)


def forge() -> Path:
    """The forge binary that the build takes."""
    try:
        return build_contracts.find_forge()
    except build_contracts.BuildError as error:
        raise AnalysisError(str(error)) from error


def tool(venv: str, name: str) -> str:
    """Path of an analyser inside its own virtual environment."""
    path = ROOT / venv / "bin" / name
    if not path.is_file():
        raise AnalysisError(f"{venv}/bin/{name} is missing: run scripts/setup {name}")
    return str(path)


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a child: forge on the path, none of the caller's own forge settings, then ``settings``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FOUNDRY_")}
    path = f"{forge().parent}{os.pathsep}{inherited.get('PATH', '')}"
    return {**inherited, "PATH": path, "NO_COLOR": "1", **(settings or {})}


def call(
    command: list[str], project: Path, settings: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy; the caller judges the answer."""
    return subprocess.run(
        command, cwd=project, env=environment(settings), capture_output=True, text=True, timeout=timeout, check=False
    )


def last_words(answer: subprocess.CompletedProcess[str], lines: int = 20) -> str:
    """What a failed command said last, without the compiler's warnings above it."""
    return "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-lines:])
