"""The published path gives the same bytes in every surrounding: hash seeds, threads, instruction sets, Python versions.

It imports no numpy, so BLAS and the CPU's vector instructions have nothing to say; both are asserted. The pinned digest
carries the comparison over machines and over the Python versions that run the suite.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PINNED = TESTS / "determinism.sha256"

SURROUNDINGS: dict[str, dict[str, str]] = {
    "plain": {},
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 4242": {"PYTHONHASHSEED": "4242"},
    "one thread": {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "seven threads": {"OPENBLAS_NUM_THREADS": "7", "OMP_NUM_THREADS": "7", "MKL_NUM_THREADS": "7"},
    "no vector instructions": {
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F",
        "OPENBLAS_CORETYPE": "Prescott",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
    },
    "another language and zone": {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
}


def walked(environment: dict[str, str]) -> dict[str, object]:
    path = os.pathsep.join((str(TESTS.parent), str(TESTS)))
    done = subprocess.run(
        [sys.executable, str(TESTS / "determinism_walk.py")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_p51_the_bytes_are_the_same_in_every_surrounding(name: str) -> None:
    got = walked(SURROUNDINGS[name])
    assert got["loaded"] == []
    assert got["digest"] == PINNED.read_text().strip(), (
        "the published bytes have changed; when that is meant: python tests/determinism_walk.py --digest"
    )


def test_the_history_tightens_loosens_and_goes_without_a_value() -> None:
    dues = walked({})["dues"]
    assert isinstance(dues, dict)
    assert {"none", "tighten", "loosen"} <= set(dues)
