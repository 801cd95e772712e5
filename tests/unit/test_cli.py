"""The command line: quick, one line a mistake, one document with --json, exit codes as documented."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import typer
from factories import CHAIN_ID, CONTRACT, make_settings

from keeper.__main__ import hoisted, main
from keeper.cli.common import now_settings
from keeper.cli.output import amount, emit_json, percent, table, wad_percent
from keeper.config import Operator, Provider, dump_toml
from keeper.config_keys import Secret
from keeper.errors import Refused
from keeper.records.settings import Settings
from keeper.store.schema import MIGRATIONS, head_revision
from keeper.store.store import KeeperStore

HELP_SECONDS = 0.4
COMMANDS = (
    "init",
    "run",
    "rebuild",
    "resume",
    "depth",
    "explain",
    "history",
    "limits",
    "providers",
    "resilience",
    "verify",
    "replay",
    "calibrate",
    "backtest",
    "devnet",
    "doctor",
    "top",
)
HEAVY = (
    "sqlalchemy",
    "pydantic",
    "httpx",
    "rich.live",
    "alembic",
    "apscheduler",
    "eth_account",
    "eth_abi",
    "matplotlib",
    "numpy",
    "scipy",
    "arch",
    "structlog",
    "apprise",
    "prometheus_client",
)


def write(folder: Path) -> Path:
    operator = Operator(
        network="test",
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        providers=(Provider("local", Secret("http://127.0.0.1:9")),),
        allow_single_provider=True,
        key=None,
        data_dir=folder / "data",
        store_url=f"sqlite:///{folder / 'keeper.sqlite'}",
    )
    path = folder / "keeper.toml"
    path.write_text(dump_toml(operator, make_settings()))
    return path


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    probe = (
        "import sys, time; start = time.process_time()\n"
        "from keeper.__main__ import main\n"
        "main(['--help'])\n"
        "took = time.process_time() - start\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('\\n' + repr((took, heavy)))\n"
    )
    best = min((_probe(probe) for _ in range(3)), key=lambda row: row[0])
    assert best[1] == []
    assert best[0] < HELP_SECONDS


def _probe(code: str) -> tuple[float, list[str]]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    took, heavy = eval(done.stdout.splitlines()[-1])  # noqa: S307 - our own output
    return took, heavy


def test_every_command_of_the_issue_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_offers_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["fly"], ["run", "--fast"], ["explain"], ["--log-level", "loud", "limits"]])
def test_wrong_usage_ends_with_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1


def test_a_configuration_mistake_ends_with_2_and_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace("margin_bps = 50", "margin_bps = 50000\nfoo = 1"))
    assert main(["--config", str(path), "limits"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "error: settings.margin_bps: 50000 is above 10000; give basis points from 0 to 10000: 250 is 2.5 %",
        "error: settings.foo: unknown key; remove it",
    ]


def test_a_failure_with_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["limits", "--json", "--config", str(tmp_path / "none.toml")]) == 2
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["schemaVersion"] == 1
    assert document["error"]["code"] == "ConfigError"
    assert "no such file" in document["error"]["message"]
    assert document["error"]["hint"]
    assert shown.err == ""


def test_an_unknown_market_names_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", str(write(tmp_path)), "explain", "DOGE/USDC"]) == 2
    assert capsys.readouterr().err == "error: there is no market 'DOGE/USDC' (choose from: WETH/USDC)\n"


def test_a_market_without_samples_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", str(write(tmp_path)), "explain", "weth/usdc"]) == 4
    assert "keeper run --once" in capsys.readouterr().err


def test_broadcasting_without_a_terminal_needs_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", str(write(tmp_path)), "run", "--broadcast"]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("BROADCAST")
    assert "--yes" in shown.err


def test_a_dry_run_says_so_first(tmp_path: Path) -> None:
    path = write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "keeper", "-c", str(path), "run", "--once"], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[0].startswith("DRY RUN")
    assert done.returncode == 4


def test_verify_needs_both_node_and_contract_or_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", str(write(tmp_path)), "verify", "--rpc", "http://127.0.0.1:9"]) == 2
    assert "belong together" in capsys.readouterr().err


def test_global_options_may_stand_anywhere() -> None:
    assert hoisted(["run", "--once", "--config", "x.toml"]) == ["--config", "x.toml", "run", "--once"]
    assert hoisted(["run", "--log-format=json"]) == ["--log-format=json", "run"]
    assert hoisted(["verify", "A", "--all"]) == ["verify", "A", "--all"]
    assert hoisted(["run", "--config"]) == ["--config", "run"]


@pytest.mark.parametrize("arguments", ["--help", "doctor", "doctor --json", "limits --json"])
def test_a_closed_pipe_is_no_error(arguments: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m keeper -c {tmp_path / 'none.toml'} {arguments} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    # doctor found something before its reader went away, unless writing was what came first
    assert done.returncode in {0, 2}


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: keeper" in capsys.readouterr().out


def test_saying_no_sends_nothing_and_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert main(["-c", str(write(tmp_path)), "run", "--broadcast"]) == 5
    assert capsys.readouterr().err == "error: not confirmed: nothing was sent (answer y, or leave out --broadcast)\n"


def test_leaving_the_question_is_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", leave)
    assert main(["-c", str(write(tmp_path)), "run", "--broadcast"]) == 130


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace(str(tmp_path / "keeper.sqlite"), str(path / "x" / "keeper.sqlite")))
    assert main(["-c", str(path), "explain", "WETH/USDC"]) == 2
    assert capsys.readouterr().err.startswith("error: keeper.data_dir: ")


@pytest.mark.parametrize(
    ("rpc", "contract", "names"), [("localhost", CONTRACT, "--rpc"), ("http://127.0.0.1:9", "0x12", "--contract")]
)
def test_verify_names_the_wrong_option(rpc: str, contract: str, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--all", "--rpc", rpc, "--contract", contract]) == 2
    assert capsys.readouterr().err.startswith(f"error: {names}: ")


@dataclass(frozen=True)
class OneSettings:
    """A history that knows one document of settings."""

    settings: Settings
    adopted: tuple[int, ...] = (1,)
    up_to: int = 9

    def settings_at(self, _block: int) -> Settings:
        return self.settings


def test_a_contract_cannot_write_to_the_terminal_through_a_markets_name() -> None:
    plain = OneSettings(make_settings())
    assert now_settings(plain) is plain.settings  # type: ignore[arg-type]
    loud = replace(plain.settings.markets[0], name="\x1b[2J\x9b")
    with pytest.raises(Refused) as caught:
        now_settings(OneSettings(make_settings(markets=(loud,))))  # type: ignore[arg-type]
    assert caught.value.message == r"its settings name a market '\x1b[2J\x9b'"


def test_amounts_are_exact_and_rounded_down() -> None:
    assert amount(1_234_567_890_123_456_789_012, 18) == "1,234.5678"
    assert amount(99, 6) == "0.0000"
    assert amount(None, 18) == "-"
    assert percent(1263) == "12.63 %"
    assert percent(None) == "-"
    assert wad_percent(2_253_700_000_000_000_000) == "225.37 %"


def test_numbers_stand_to_the_right_in_tables() -> None:
    assert table(("name", "bps"), [("a", 5), ("long", 1000)]) == "name   bps\na        5\nlong  1000"
    assert table(("name",), []) == "name"


def test_json_has_no_null_and_no_large_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": None, "b": 2**60, "c": b"\x01", "d": [{"e": None, "f": True}]})
    assert json.loads(capsys.readouterr().out) == {
        "schemaVersion": 1,
        "b": str(2**60),
        "c": "0x01",
        "d": [{"f": True}],
    }


def test_resume_without_a_halt_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(write(tmp_path)), "resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schemaVersion": 1, "halts": [], "resumed": False}


def test_resume_needs_a_person_or_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = write(tmp_path)
    with KeeperStore(f"sqlite:///{tmp_path / 'keeper.sqlite'}") as store:
        store.halts.halt("finalized block 7 changed")
        assert main(["--config", str(toml), "resume"]) == 2
        assert "add --yes" in capsys.readouterr().err
        assert store.halts.reasons() == ["finalized block 7 changed"]
        assert main(["--config", str(toml), "resume", "--yes"]) == 0
        assert capsys.readouterr().out == "halted: finalized block 7 changed\nsending goes on\n"
        assert store.halts.reasons() == []


def test_an_old_schema_names_the_command_that_copies_and_migrates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml, file = write(tmp_path), tmp_path / "keeper.sqlite"
    KeeperStore(f"sqlite:///{file}").close()
    head = head_revision()
    migrate_to(file, "0002")
    assert main(["--config", str(toml), "resume"]) == 2
    assert "run: keeper rebuild --migrate" in capsys.readouterr().err
    assert main(["--config", str(toml), "rebuild", "--migrate"]) == 0
    assert capsys.readouterr().out == f"the schema is {head}; a copy of before is {file}.schema-0002\n"
    assert main(["--config", str(toml), "rebuild", "--migrate"]) == 0
    assert capsys.readouterr().out == f"the schema is {head}\n"


def migrate_to(file: Path, revision: str) -> None:
    import alembic.command
    from alembic.config import Config
    from sqlalchemy import create_engine

    config, engine = Config(), create_engine(f"sqlite:///{file}")
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.downgrade(config, revision)
    engine.dispose()


def test_postgresql_without_its_driver_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("BULKHEAD_STORE__URL", "postgresql+psycopg://host/database")
    assert main(["--config", str(write(tmp_path)), "resume"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert 'pip install "bulkhead-keeper[postgres]"' in err
