#!/usr/bin/env python3
"""Compile the contracts and export what Python deploys, reads through and decodes with.

``keeper/chain/artifacts/`` gets the contracts that the keeper needs, ``keeper/testing/artifacts/`` those of the devnet.
The files are committed, so that an installed keeper needs no compiler; ``--check`` fails when they are not current.
``--print-forge`` prints the forge binary that was chosen. Standard library only: it runs before anything is installed.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
KEEPER_ARTIFACTS = ROOT / "keeper" / "chain" / "artifacts"
DEVNET_ARTIFACTS = ROOT / "keeper" / "testing" / "artifacts"
MIN_FORGE = (1, 7)
MAIN_CONTRACTS = (
    "CollateralParameters.sol/CollateralParameters",
    "Authority.sol/Authority",
    "Tripwire.sol/Tripwire",
    "AccessManager.sol/AccessManager",
)
ELF_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")


class BuildError(Exception):
    """One line: what failed and what to do."""


def main() -> int:
    """Entry point; exit code 1 when ``--check`` finds differences, 2 when building is impossible."""
    parser = argparse.ArgumentParser(description="Compile the contracts and export their artifacts.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    parser.add_argument("--print-forge", action="store_true", help="print the path of the forge binary and stop")
    options = parser.parse_args()
    try:
        forge = find_forge()
        if options.print_forge:
            print(forge)
            return 0
        compile_contracts(forge)
        wanted = {**exports(MAIN_CONTRACTS, KEEPER_ARTIFACTS), **exports(readers(), KEEPER_ARTIFACTS)}
        wanted |= exports(devnet(), DEVNET_ARTIFACTS)
    except BuildError as error:
        print(f"build_contracts: {error}", file=sys.stderr)
        return 2
    return check(wanted) if options.check else write(wanted)


def find_forge() -> Path:
    """The real forge binary: explicit setting, else a native one on PATH, else npm's platform package.

    Warning: npm's ``.bin/forge`` is a node script that answers 0 whatever forge answered; it is never taken.
    """
    explicit = os.environ.get("BULKHEAD_FORGE")
    if explicit:
        if not _is_current(Path(explicit)):
            raise BuildError(f"BULKHEAD_FORGE names no native forge of version 1.7 or later: {explicit}")
        return Path(explicit).resolve()
    on_path = shutil.which("forge")
    npm = CONTRACTS / "node_modules" / "@foundry-rs" / f"forge-{_npm_platform()}" / "bin"
    candidates = [Path(on_path)] if on_path else []
    candidates += [npm / "forge", npm / "forge.exe"]
    for candidate in candidates:
        if _is_current(candidate):
            return candidate.resolve()
    raise BuildError("no forge found: run `npm ci --prefix contracts`, or name the binary in BULKHEAD_FORGE")


def _npm_platform() -> str:
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(platform.system(), "linux")
    machine = "arm64" if platform.machine() in {"aarch64", "arm64"} else "amd64"
    return f"{system}-{machine}"


def _is_current(binary: Path) -> bool:
    if not binary.is_file() or not os.access(binary, os.X_OK):
        return False
    with binary.open("rb") as stream:
        if not stream.read(4).startswith(ELF_MAGIC):
            return False
    answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"(\d+)\.(\d+)\.\d+", answer.stdout)
    return bool(match) and tuple(int(part) for part in match.groups()) >= MIN_FORGE


def compile_contracts(forge: Path) -> None:
    """Compile everything but the tests, which need more npm packages than a demo installs."""
    command = [str(forge), "build", "--skip", "**/test/**", "--color", "never"]
    answer = subprocess.run(command, cwd=CONTRACTS, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.stderr.write(answer.stdout + answer.stderr)
        raise BuildError("forge build failed (its words are above)")


def readers() -> list[str]:
    """Every contract in ``src/readers``, one a file."""
    return [f"{path.name}/{path.stem}" for path in sorted((CONTRACTS / "src" / "readers").glob("*.sol"))]


def devnet() -> list[str]:
    """Every contract in ``devnet``, one a file."""
    return [f"{path.name}/{path.stem}" for path in sorted((CONTRACTS / "devnet").glob("*.sol"))]


def exports(names: list[str] | tuple[str, ...], folder: Path) -> dict[Path, str]:
    """Text of each artifact by the path it belongs at."""
    return {folder / f"{name.split('/')[1]}.json": _export(name) for name in names}


def _export(name: str) -> str:
    source = CONTRACTS / "out" / f"{name}.json"
    if not source.is_file():
        raise BuildError(f"{name} was not compiled: a source file must hold a contract of its own name")
    artifact = json.loads(source.read_text())
    export = {
        "abi": artifact["abi"],
        "bytecode": artifact["bytecode"]["object"],
        "runtime": artifact["deployedBytecode"]["object"],
        "storage": {row["label"]: int(row["slot"]) for row in artifact.get("storageLayout", {}).get("storage", [])},
    }
    return json.dumps(export, separators=(",", ":"), sort_keys=True) + "\n"


def check(wanted: dict[Path, str]) -> int:
    """Say which committed artifacts differ from what was just compiled."""
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    stale += [path for path in _present() if path not in wanted]
    for path in stale:
        name = path.relative_to(ROOT)
        print(f"build_contracts: {name} is not current: run scripts/build_contracts.py", file=sys.stderr)
    return 1 if stale else 0


def write(wanted: dict[Path, str]) -> int:
    """Write the artifacts and remove those whose contract is gone."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
    for path in _present():
        if path not in wanted:
            path.unlink()
    return 0


def _present() -> list[Path]:
    return [path for folder in (KEEPER_ARTIFACTS, DEVNET_ARTIFACTS) for path in folder.glob("*.json")]


if __name__ == "__main__":
    sys.exit(main())
