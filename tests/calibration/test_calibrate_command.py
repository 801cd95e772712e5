"""``keeper calibrate``: real files in, integers with their evidence out; one line and code 2 for bad input."""

import csv
import gzip
import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from factories import CHAIN_ID, CONTRACT, make_settings
from shared import shared_path
from worlds import gbm, manipulated, without

from keeper.__main__ import main
from keeper.calibration.candles import Candles
from keeper.calibration.implied import black_price
from keeper.config import Operator, Provider, dump_toml, load_config
from keeper.config_keys import Secret
from keeper.records.units import WAD

COLUMNS = ("ts", "open", "high", "low", "close", "volume")


def write(file: Path, candles: Candles) -> Path:
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(COLUMNS)
        for row in zip(*(getattr(candles, name) for name in Candles.__slots__), strict=True):
            rows.writerow([int(row[0]), *(repr(float(value)) for value in row[1:])])
    return file


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["--log-level", "error", "calibrate", "--json", *arguments]) == 0
    (found,) = json.loads(capsys.readouterr().out)["calibrations"]
    return dict(found)


def test_four_years_of_ether_give_a_whole_proposal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    prices = shared_path("data/prices/ethusdt_30m_2020-09-20_2024-06-30.csv.gz")
    found = run_json(capsys, "--prices", str(prices), "--asset", "ETH", "--out", str(tmp_path))
    # The last row of TTR's table (360 days a year there and here: N = 365).
    assert found["sigmas"]["yang_zhang"]["annual"] == pytest.approx(0.447631376981699, rel=1e-13)
    assert found["sigmas"]["parkinson"]["annual"] == pytest.approx(0.424074094736882, rel=1e-13)
    assert found["spoke"] == "ewma"
    assert found["reasons"] == ["persistence 1.00000 is not below 0.9999"]
    settings = tomllib.loads((tmp_path / "ETH.toml").read_text())["markets"]["model"]
    assert settings == {
        "k_wad": 356 * WAD // 100,
        "sigma_floor_wad": 8_169 * 10**14,
        "model_mult_wad": 139 * WAD // 100,
        "tau0_seconds": 43_200,
    }
    assert {row["setting"] for row in found["proposals"] if isinstance(row["value"], dict)} == {"t_rep_seconds"}
    with (tmp_path / "ETH.csv").open() as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 1_379
    assert rows[0]["date"] == "2020-09-21"
    assert rows[-1]["date"] == "2024-06-30"
    assert (tmp_path / "ETH.png").read_bytes().startswith(b"\x89PNG")


def test_the_fragment_is_what_the_configuration_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = write(tmp_path / "x.csv", gbm(days=400, interval=3_600))
    assert main(["--log-level", "error", "calibrate", "--prices", str(prices), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    proposed = tomllib.loads((tmp_path / "x.toml").read_text())["markets"]["model"]
    operator = Operator(
        network="test",
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        providers=(Provider("local", Secret("http://127.0.0.1:9")),),
        allow_single_provider=True,
        key=None,
        data_dir=tmp_path / "data",
        store_url="sqlite:///keeper.sqlite",
    )
    document = dump_toml(operator, make_settings())
    fragment = (tmp_path / "x.toml").read_text().partition("[markets.model]\n")[2].splitlines()
    for line in fragment:
        key = line.partition(" = ")[0]
        if not line.startswith("#"):
            old = next(row for row in document.splitlines() if row.startswith(f"{key} = "))
            document = document.replace(old, line)
    (tmp_path / "keeper.toml").write_text(document)
    model = load_config(tmp_path / "keeper.toml").settings.markets[0].model
    assert {name: getattr(model, name) for name in proposed} == proposed


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = write(tmp_path / "x.csv", gbm(days=300, interval=3_600))
    outputs = []
    for name in ("one", "two"):
        assert main(["--log-level", "error", "calibrate", "--prices", str(prices), "--out", str(tmp_path / name)]) == 0
        files = sorted((tmp_path / name).iterdir())
        assert [file.suffix for file in files] == [".csv", ".md", ".png", ".toml"]
        outputs.append([capsys.readouterr().out, *(file.read_bytes() for file in files)])
    assert outputs[0] == outputs[1]


def test_governance_reads_every_number_with_its_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = write(tmp_path / "x.csv", manipulated(gbm(days=60), 1_000, 4.0))
    assert main(["--log-level", "error", "calibrate", "--prices", str(prices), "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    document = (tmp_path / "x.md").read_text()
    for text in (shown, document):
        settings = ("k_wad", "sigma_floor_wad", "model_mult_wad", "tau0_seconds", "t_rep_seconds")
        for word in (*settings, "gjr_t", "models.md"):
            assert word in text
        assert "59 daily returns, 250 are needed" in text
        assert "bad prints: look at them" in text
    assert "![Returns, volatility and tail](x.png)" in document
    assert "```toml\n# x: proposed" in document
    rows = [line for line in document.splitlines() if line.startswith("| k_wad")]
    assert rows[0].count("|") == 8


def test_governance_may_choose_nu_and_the_horizon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = str(write(tmp_path / "x.csv", gbm(days=60)))
    found = run_json(capsys, "--prices", prices, "--nu", "4", "--tau0-seconds", "3600", "--spread-bps", "5,2.5")
    values = {row["setting"]: row["value"] for row in found["proposals"]}
    # 3.6915, up.
    assert values["k_wad"] == str(370 * WAD // 100)
    assert values["tau0_seconds"] == 3_600
    # Sixty days tell nothing of the tail, but a nu that is given needs no history.
    assert found["tail"] == {"noValue": "59 residuals, 100 are needed"}
    assert found["costs"]["lvar"]["liquidityCost"] == pytest.approx((5 + 3 * 2.5) / 2 / 10_000)


def test_several_files_are_several_calibrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path / f"{name}.csv", gbm(seed, days=40))
    both = ["--prices", str(tmp_path / "a.csv"), "--prices", str(tmp_path / "b.csv")]
    assert main(["--log-level", "error", "calibrate", "--json", *both, "--asset", "A", "--asset", "B"]) == 0
    assert [row["asset"] for row in json.loads(capsys.readouterr().out)["calibrations"]] == ["A", "B"]


def write_chain(file: Path, sigma: float, rate: float = 0.03) -> Path:
    with file.open("w", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(("expiry_minutes", "strike", "call_bid", "call_ask", "put_bid", "put_ask"))
        for days in (25, 39):
            years = days / 365
            for strike in range(500, 6_001, 50):
                sd = sigma * math.sqrt(years)
                call, put = (math.exp(-rate * years) * black_price(2_000.0, strike, sd, flag) for flag in (True, False))
                rows.writerow((days * 1_440, strike, call * 0.99, call * 1.01, put * 0.99, put * 1.01))
    return file


def test_a_flat_smile_is_read_back_and_only_raises_the_blend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = str(write(tmp_path / "x.csv", gbm(days=60)))
    calm = run_json(capsys, "--prices", prices)
    blends = []
    for sigma in (0.3, 2.0):
        chain = str(write_chain(tmp_path / "chain.csv", sigma))
        found = run_json(capsys, "--prices", prices, "--options", chain, "--rate", "0.03")
        assert found["chain"]["index"] == pytest.approx(sigma, rel=0.01)
        smile = found["chain"]["expiries"][0]["smile"]
        at_the_money = next(vol for strike, vol in smile if strike == 2_000)
        assert at_the_money == pytest.approx(sigma, rel=1e-6)
        blends.append(found["blended"])
    assert blends[0] == calm["blended"]
    assert blends[1] > calm["blended"]


def lines_of(candles: Candles) -> list[str]:
    rows = zip(*(getattr(candles, name) for name in Candles.__slots__), strict=True)
    return [",".join([str(int(row[0])), *(repr(float(value)) for value in row[1:])]) for row in rows]


BASE = lines_of(gbm(days=1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*BASE[:4], BASE[3]], "line 6: ts 1600047000 stands twice"),
        ([*BASE[:4], BASE[1]], "line 6: ts 1600043400 is before 1600047000"),
        ([*BASE[:4], "1600048800,1,1,1,nan,1"], "line 6: close is 'nan', not a number"),
        ([*BASE[:4], "1600048800,1,1,1,,1"], "line 6: close is '', not a number"),
        ([*BASE[:4], "1600048800,1,1"], "line 6: low is None, not a number"),
        ([*BASE[:4], "1600048800,1,inf,1,1,1"], "line 6: high is 'inf', not a number"),
        ([*BASE[:4], "1600048800,1,1,0,1,1"], "line 6: low is 0"),
        ([*BASE[:4], "1600048800,-1,1,1,1,1"], "line 6: open is -1"),
        ([*BASE[:4], "1600048800,1,1,1,1,-2"], "line 6: volume is -2"),
        ([*BASE[:4], "1600048800,5,4,3,3.5,1"], "line 6: open or close lies outside low and high"),
        ([*BASE[:4], "1600048800000,1,1,1,1,1"], "line 6: ts 1600048800000 is not a time"),
        ([BASE[0]], "1 candles"),
        ([], "0 candles"),
        ([*BASE[:4], "1600048813,1,1,1,1,1"], "times are not on a grid of 1800 seconds"),
        (BASE[:30], "no UTC day has three quarters of its candles"),
    ],
)
def test_a_bad_file_is_one_line_and_code_2(
    rows: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    assert main(["calibrate", "--prices", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()[-1:]
    assert line.startswith("error: x.csv")
    assert message in line
    assert line.endswith(")")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prices", "none.csv"], "no such file"),
        (["--prices", "x.csv", "--asset", "a", "--asset", "b"], "1 price files and 2 names"),
        (["--prices", "x.csv", "--asset", "../a"], "cannot be a file's name"),
        (["--prices", "x.csv", "--prices", "x.csv"], "two price files have one name"),
        (["--prices", "x.csv", "--nu", "2"], "--nu: 2.0 is outside"),
        (["--prices", "x.csv", "--nu", "nan"], "--nu: nan is outside"),
        (["--prices", "x.csv", "--rate", "3"], "--rate: 3.0 is not a fraction"),
        (["--prices", "x.csv", "--spread-bps", "5"], "is not MEAN,SD"),
        (["--prices", "x.csv", "--spread-bps", "5,nan"], "is not MEAN,SD"),
        (["--prices", "x.csv", "--tau0-seconds", "43200000"], "is above 864000"),
        (["--prices", "x.csv", "--options", "x.csv"], "has no column expiry_minutes"),
        (["--prices", "x.csv", "--prices", "y.csv", "--options", "c.csv"], "belongs to one asset"),
        (["--prices", "x.csv", "--out", "x.csv"], "cannot be written"),
        (["--prices", "broken.csv.gz"], "cannot be read"),
        (["--prices", "cut.csv.gz"], "not a readable CSV"),
        (["--prices", ".", "--asset", "x"], "cannot be read"),
        ([], "--prices"),
    ],
)
def test_a_bad_option_is_one_line_and_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.csv", gbm(days=2))
    (tmp_path / "broken.csv.gz").write_bytes(b"ts,open\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress((tmp_path / "x.csv").read_bytes())[:-40])
    assert main(["--log-level", "error", "calibrate", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,100,1,2,1,2", "must be above 0"),
        ("1000,100,3,2,1,2", "a bid is negative or above its ask"),
        ("1000,100,-1,2,1,2", "a bid is negative or above its ask"),
        ("1000,90,1,2,1,2", "strike 90 stands twice"),
        ("1000,x,1,2,1,2", "strike is 'x', not a number"),
    ],
)
def test_a_bad_chain_is_one_line_and_code_2(
    row: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = write(tmp_path / "x.csv", gbm(days=2))
    chain = tmp_path / "chain.csv"
    chain.write_text(f"expiry_minutes,strike,call_bid,call_ask,put_bid,put_ask\n1000,90,1,2,1,2\n{row}\n")
    assert main(["calibrate", "--prices", str(prices), "--options", str(chain)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: chain.csv line 3: ")
    assert message in line


def test_missing_packages_name_the_command_that_brings_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["calibrate", "--prices", str(write(tmp_path / "x.csv", gbm(days=2)))]) == 2
    assert capsys.readouterr().err == "error: arch is not installed (run ./scripts/setup calibrate)\n"


def test_the_shared_files_are_read_as_they_are() -> None:
    from keeper.calibration.price_file import read_candles

    shapes = {
        "ethusdt_30m_2020-09-20_2024-06-30": (66_195, 10),
        "btcusdt_30m_2020-09-20_2024-06-30": (66_195, 10),
        "ethusdt_5m_2023-01-01_2023-08-16": (65_648, 1),
        "btcusdt_5m_2023-01-01_2023-08-16": (65_648, 1),
    }
    for name, (rows, holes) in shapes.items():
        candles = read_candles(shared_path(f"data/prices/{name}.csv.gz"))
        steps = np.diff(candles.times)
        assert (len(candles.times), int((steps > steps.min()).sum())) == (rows, holes)
    assert len(without(candles, 0, 1).times) == rows - 1
