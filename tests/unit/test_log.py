"""The log: one line an event, hostile strings escaped, secrets masked, libraries held down, ids in every line."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from keeper.cli import log

Begin = Callable[[], None]
Caught = pytest.CaptureFixture[str]
SECRETS = ("t0ken-of-the-url", "correct horse battery", "0x" + "ab" * 32)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """To be called in the test itself: the log keeps the stream that it was set up with."""
    monkeypatch.setattr(log, "MASKER", log.Masker())

    def start() -> None:
        log.configure("debug", "json")
        log.mask(SECRETS)

    yield start
    structlog.reset_defaults()


def lines(capsys: Caught) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_of_a_cycle_and_of_an_intent_carries_its_id(begin: Begin, capsys: Caught) -> None:
    begin()
    with bound_contextvars(cycle=7):
        log.emit("sample_folded", market="A")
        with bound_contextvars(intent="ab12"):
            log.emit("node_silent", node="one")
    log.emit("stopped")
    rows = lines(capsys)
    assert [(row.get("cycle"), row.get("intent")) for row in rows] == [(7, None), (7, "ab12"), (None, None)]
    assert [row["level"] for row in rows] == ["info", "warning", "info"]


@pytest.mark.parametrize("log_format", ["json", "plain"])
@pytest.mark.parametrize(
    "hostile",
    ["a\nforged: 1", "\x1b[2J\x1b[1;1H", "\r\x00\x07", "\u202egnp.exe", "\u2028next", "a\u0085b", "tab\there"],
)
def test_a_strangers_string_never_breaks_a_line_or_steers_a_terminal(
    capsys: Caught, monkeypatch: pytest.MonkeyPatch, hostile: str, log_format: str
) -> None:
    monkeypatch.setattr(log, "MASKER", log.Masker())
    monkeypatch.setenv("NO_COLOR", "1")
    log.configure("info", log_format)
    log.emit("cycle_failed", error=hostile, names=[hostile], more={hostile: hostile})
    text = capsys.readouterr().err
    structlog.reset_defaults()
    assert text.count("\n") == 1
    assert text.splitlines() == [text[:-1]]
    assert text[:-1].isprintable()


def test_bytes_are_hex_and_long_strings_are_cut(begin: Begin, capsys: Caught) -> None:
    begin()
    log.emit("tx_sent", hash=b"\x01\xff", error="x" * 1_000_000)
    (row,) = lines(capsys)
    assert row["hash"] == "0x01ff"
    assert row["error"] == "x" * log.MOST_LETTERS + "... (1000000 letters)"


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_wherever_it_stands(begin: Begin, capsys: Caught, secret: str) -> None:
    begin()
    log.emit("cycle_crashed", error=f"at {secret}!", trace=f"line\n{secret}\n", deep=[{"a": (secret,)}])
    log.emit("cycle_failed", error=Odd(secret))
    logging.getLogger("httpx").warning("POST %s", secret)
    log._crashed(RuntimeError, RuntimeError(secret), None)
    text = capsys.readouterr().err
    assert secret not in text
    assert text.count("***") >= 6
    assert text.count("\n") == 4


class Odd:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_libraries_are_heard_from_warning_on_and_never_with_their_urls(begin: Begin, capsys: Caught) -> None:
    begin()
    for name in ("web3", "web3.providers.HTTPProvider", "httpx", "httpcore.http11", "urllib3", "apscheduler.scheduler"):
        logging.getLogger(name).info("https://node/t0ken")
        logging.getLogger(name).debug("https://node/t0ken")
    logging.getLogger("apprise").error("failed: json://user:pass@host")
    logging.getLogger("urllib3.connectionpool").warning("retry\nnow")
    rows = lines(capsys)
    assert [(row["event"], row["logger"], row["message"]) for row in rows] == [
        ("library", "urllib3.connectionpool", "retry\\nnow")
    ]


def test_what_happens_all_the_time_is_for_debugging(begin: Begin, capsys: Caught) -> None:
    begin()
    log.configure("info", "json")
    log.emit("job_done", job="watch", result="ok")
    log.emit("rpc_done", method="eth_call")
    assert capsys.readouterr().err == ""


def test_what_is_too_short_to_be_a_secret_is_left_alone() -> None:
    masker = log.Masker()
    masker.add(["", "a", "abc"])
    assert masker.clean("abcdef") == "abcdef"
