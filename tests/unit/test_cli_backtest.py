"""``keeper backtest`` end to end on a cut of the real half hours of ETH: page, numbers, JSON, exit codes."""

import csv
import gzip
import json
import re
from pathlib import Path

import pytest
from shared import shared_path
from typer.testing import CliRunner

from keeper.cli.app import app
from keeper.errors import ConfigError

ETH = "data/prices/ethusdt_30m_2020-09-20_2024-06-30.csv.gz"
CUT = slice(10_000, 12_200)
"""Forty-six days around the crash of 19 May 2021 and the outages before it."""


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = gzip.decompress(shared_path(ETH).read_bytes()).decode().splitlines()
    path = tmp_path_factory.mktemp("cut") / "eth.csv"
    path.write_text("\n".join([lines[0], *lines[CUT]]) + "\n")
    return path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["backtest", *arguments], catch_exceptions=False, standalone_mode=False)
    return int(done.return_value or 0), done.stdout


def test_a_cut_of_the_real_file_ends_in_a_page_with_every_plot_s_numbers(cut: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text = run(
        "--prices", str(cut), "--out", str(out), "--judge-from", "2021-05-15", "--var-hours", "12", "--json"
    )
    document = json.loads(text)
    assert document["schemaVersion"] == 1
    (asset,) = document["assets"]
    # The cut holds the outages of 20 and 25 April 2021: five and eight bars.
    assert (asset["readings"], asset["noValue"]["absent"]) == (2200 + 13, 13)
    assert code == (3 if any(row["holds"] is False for row in asset["verdicts"] if "holds" in row) else 0)
    names = {row["name"] for row in asset["coverage"]}
    assert names == {"liquidity_adjusted", "constant", "smart_ltv", "sigma_band"}
    phases = {(row["multiplier"], row["level"], row["span"]) for row in asset["phases"]}
    assert len(phases) == 8
    assert len(asset["phases"]) == 8 * 24

    page = (out / "report.html").read_text()
    assert page.count("<svg") == 4
    assert page.count('href="data:text/csv;base64,') == 4
    assert not re.search(r'(?:src|href)="http', page)
    assert json.loads((out / "report.json").read_text())["assets"][0]["verdicts"]
    rows = list(csv.DictReader((out / "eth-walk.csv").read_text().splitlines()))
    assert len(rows) == 2213
    crash = max(rows, key=lambda row: float(row["loss_bps"] or 0))
    # The lows of 19 May (1,888 at 13:00) end the sales that began in the twelve hours before.
    assert 1_621_382_400 <= int(crash["time"]) <= 1_621_429_200
    assert sum(1 for row in rows if row["missing"]) == 13 + 47


def test_the_same_history_gives_the_same_bytes(cut: Path, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        run("--prices", str(cut), "--out", str(folder), "--stress-weight", "2500", "--var-hours", "3")
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == sorted(path.name for path in folders[1].iterdir())
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to walk"),
        (("--prices", "none.csv"), "there is no price file"),
        (("--prices", "none.csv", "--from-chain", "WETH/USDC"), "nothing to walk, or two things"),
        (("--prices", "{cut}", "--model", "magic"), "there is no haircut model 'magic'"),
        (("--prices", "{cut}", "--judge-from", "soon"), "'soon' is not a day"),
        (("--prices", "{cut}", "--judge-from", "2030-01-01"), "nothing to choose on before 2030-01-01"),
        (("--prices", "{cut}", "--k", "-1"), "--k: '-1' is not a number"),
        (("--prices", "{cut}", "--half-lives", "1"), "are not two numbers of days"),
        (("--prices", "{cut}", "{cut}"), "two price files are named eth"),
        (("--prices", "{cut}", "--depth", "none.csv"), "there is no recording none.csv"),
        (("--prices", "{cut}", "{cut}", "--depth", "none.csv"), "--depth is one pair's"),
        (("--prices", "{cut}", "--depth", "{cut}"), "does not name its columns"),
    ],
)
def test_bad_input_is_one_line_with_a_remedy(cut: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    filled = [argument.replace("{cut}", str(cut)) for argument in arguments]
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        run(*filled, "--out", str(tmp_path / "out"))
    assert caught.value.hint
    assert not (tmp_path / "out").exists()
