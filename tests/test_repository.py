"""What must never be committed, and what a release must not contain."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_locks_hold_hashes_and_no_addresses() -> None:
    names = [path.name for path in ROOT.glob("requirements*.lock")]
    assert {
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-calibrate.lock",
        "requirements-slither.lock",
        "requirements-bench.lock",
    } <= set(names)
    for name in names:
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index|--find-links| @ ", text), name


def test_the_npm_locks_hold_no_download_addresses() -> None:
    for folder in ("contracts", "scripts/benchmarks/peers"):
        packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_no_foreign_lock_database_or_dependency_is_tracked() -> None:
    bad = re.compile(r"(^|/)(uv\.lock|pylock\.toml)$|(^|/)(node_modules|\.venv)/|\.(sqlite3?|db)$")
    assert [path.name for path in tracked() if bad.search(str(path.relative_to(ROOT)))] == []


def test_no_path_of_a_machine_and_no_registry_host_is_in_the_tree() -> None:
    marks = ("/work" + "/main", "registry." + "npmjs", "files.python" + "hosted", "/root/" + ".")
    hits = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in tracked()
        if path.suffix not in {".png", ".svg"}
        for mark in marks
        if mark in path.read_text(errors="ignore")
    ]
    assert hits == []


def test_scripts_are_executable() -> None:
    for name in (
        "scripts/demo",
        "scripts/test",
        "scripts/setup",
        "scripts/analyse",
        "scripts/bench.py",
        ".ci/run",
        "contracts/solc.cjs",
    ):
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_the_analyses_tell_what_they_are() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "analysis", "--help"], cwd=ROOT / "scripts", capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "at least 90 % must make" in " ".join(answer.stdout.split())


def test_the_wheel_holds_our_code_only(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "keeper/cycle.py" in names
    assert any(name.startswith("keeper/store/migrations/versions/") for name in names)
    assert "keeper/chain/artifacts/CollateralParameters.json" in names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"keeper", next(top for top in tops if top.endswith(".dist-info"))}
    foreign = re.compile(r"node_modules|Uniswap(?!V[34]Reader)|Router|Quoter|Balancer(?!Reader)|Aave", re.IGNORECASE)
    solidity = [name for name in names if name.endswith((".json", ".sol")) and foreign.search(name)]
    assert solidity == []
