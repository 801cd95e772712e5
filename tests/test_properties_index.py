"""Every property and every vector file of models.md that concerns the published path has a test; which one it is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared import shared_path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "properties.md"
NUMBERS = (*range(1, 28), *range(50, 57))
"""Properties of models.md sections 1 to 6."""
SEEDED = {53: "24,000 seeded random inputs through the EVM and every edge"}
"""Not Hypothesis: why not."""

NOT_COMPUTED = {
    "lambert_iv": "the tick-spacing form overstates at the 0.01 % tier; the LVR form is used (models.md 2.6)",
    "almgren_chriss": "a sanity model outside the published path",
    "obizhaeva_wang": "a sanity model outside the published path",
}
"""Vector files of sections 1 to 6 and 11 whose computation no code of ours contains."""

BEYOND = {
    "backstop_sizing",
    "bocpd",
    "cascade",
    "cascade_nonmonotone",
    "chart_arl",
    "classifier_metrics",
    "depth_detectors",
    "hawkes",
    "logistic",
    "purged_split",
}
"""Sections 7 to 10: fracture, forecast, cascade and backstop are not written yet."""


def named_tests() -> Iterator[tuple[int, str, str, bool]]:
    """(property, test, file, whether it is tried as often as the profile says)."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (found := re.match(r"test_p(\d\d?)_", node.name)):
                marks = {row.id for row in node.decorator_list if isinstance(row, ast.Name)}
                yield int(found[1]), node.name, path.relative_to(TESTS).as_posix(), "thorough" in marks


def table() -> str:
    """The page's rows: property, tests."""
    rows: dict[int, list[str]] = {}
    for number, name, file, _ in named_tests():
        rows.setdefault(number, []).append(f"`{name}` in `{file}`")
    return "\n".join(f"| P{number} | {'<br>'.join(rows[number])} |" for number in sorted(rows)) + "\n"


def test_every_property_has_a_test_that_is_tried_often_enough() -> None:
    often = {number for number, _, _, enough in named_tests() if enough}
    assert set(NUMBERS) - often == set(SEEDED)
    assert {number for number, *_ in named_tests()} == set(NUMBERS)


def test_the_page_lists_what_is_there() -> None:
    text = PAGE.read_text()
    listed = text[text.index("| P1 |") :]
    assert listed == table(), "write table() of this file into docs/properties.md"


def consumed() -> set[str]:
    """Vector files that some test reads, by name."""
    names: set[str] = set()
    for path in TESTS.rglob("*.py"):
        if path != Path(__file__):
            names |= set(re.findall(r'vectors\("(\w+)"\)', path.read_text()))
    known = (TESTS / "calibration" / "test_known_answers.py").read_text()
    return names | set(re.findall(r'^    "(\w+)": run_', known, flags=re.MULTILINE))


def test_every_vector_file_is_read_by_a_test_or_said_why_not() -> None:
    files = {path.stem for path in shared_path("vectors").glob("*.json")}
    assert files - consumed() == (set(NOT_COMPUTED) | BEYOND) & files
    assert set(NOT_COMPUTED) | BEYOND <= files


@pytest.mark.parametrize("name", sorted(NOT_COMPUTED))
def test_what_is_not_computed_says_why(name: str) -> None:
    assert NOT_COMPUTED[name]
