"""What every test shares: sockets only where a folder needs them, long runs only with --deep, no silent skips."""

from pathlib import Path

import pytest
from fault_report import write_report
from hypothesis import HealthCheck, settings
from postgres_server import ABSENT, postgres  # noqa: F401 - a fixture for every test

ALLOWED_SKIPS = ("../shared is absent", ABSENT)
"""The reasons for which a test may be skipped by default; long runs are deselected, not skipped.

A server of PostgreSQL needs a second user when the tests run as root; where it must start,
``BULKHEAD_REQUIRE_POSTGRES=1`` makes its absence a failure.
"""
OUTWARD = ("chain", "postgres", "faults")
"""Folders whose tests talk to a process of their own."""

settings.register_profile("default", max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PROPERTY = "property"
"""Profile of the tests that are named after a property of models.md; it goes on where ``default`` and ``deep`` end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", help="add the long runs")
    parser.addoption("--faults", action="store_true", help="the whole fault matrix, not only a third of it")
    parser.addoption("--fault-report", metavar="FILE", help="write the fault matrix's table to FILE (Markdown)")


def pytest_configure(config: pytest.Config) -> None:
    deep = config.getoption("--deep")
    settings.register_profile(PROPERTY, settings.get_profile("default"), max_examples=20_000 if deep else 2_000)
    settings.load_profile("deep" if deep else "default")
    config.stash[_SKIPS] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    outward = {tests / name for name in OUTWARD}
    for item in items:
        if outward.intersection(item.path.parents):
            if tests / "postgres" not in item.path.parents:
                item.add_marker(pytest.mark.anvil)
            item.add_marker(pytest.mark.enable_socket)
        else:
            item.add_marker(pytest.mark.disable_socket)
    left_out = set() if config.getoption("--deep") else {"slow"}
    left_out |= set() if config.getoption("--deep") or config.getoption("--faults") else {"matrix"}
    long = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


_SKIPS = pytest.StashKey[list[str]]()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            _UNALLOWED.append(f"{report.nodeid}: {reason}")


_UNALLOWED: list[str] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if report := terminalreporter.config.getoption("--fault-report"):
        ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
        write_report(Path(report), ended)
    # A worker's own output is lost; what a test records as a "figure" reaches the reader of the run.
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(str(value))
    for line in _UNALLOWED:
        terminalreporter.write_line(f"not allowed to be skipped: {line}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _UNALLOWED and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
