"""A backtest under a keeper's settings file: what of it is walked, what no price file can feed, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import WETH, make_settings, market_settings, model_settings
from test_cli_backtest import cut, run
from test_config_terms import write

from keeper.backtest.assumptions import ONE, market_of, starting_model, starting_settings
from keeper.backtest.candidates import ours
from keeper.backtest.terms import read_terms
from keeper.errors import ConfigError
from keeper.records.settings import FeedSettings, MarketSettings, ModelSettings, Settings
from keeper.records.units import WAD, Address

__all__ = ["cut"]

START = starting_model("liquidity_adjusted", 43_200, ONE)
INDEX = FeedSettings("chainlink", Address("0x" + "d0" * 20), 8, 3600)


def file_of(folder: Path, *models: ModelSettings, feeds: tuple[FeedSettings, ...] = (), **scalars: int) -> Path:
    markets = [
        replace(market_settings(model=model, volatility_feeds=feeds), name=f"M{at}") for at, model in enumerate(models)
    ]
    return write(folder, make_settings(markets=tuple(markets), **scalars))


def walked(cut: Path, out: Path, *options: str) -> dict[str, object]:
    same = ("--judge-from", "2021-05-15", "--var-hours", "12", "--json")
    _, text = run("--prices", str(cut), "--out", str(out), *same, *options)
    (asset,) = json.loads(text)["assets"]
    return dict(asset)


def equal_to_start() -> dict[str, int]:
    """Scalars of the starting values, which are not those of the tests' own settings."""
    settings = starting_settings(market_of("", START))
    names = ("bootstrap_windows", "bootstrap_min_windows", "warm_days")
    return {name: getattr(settings, name) for name in names}


def test_a_file_with_the_starting_values_gives_their_figures(cut: Path, tmp_path: Path) -> None:
    plain = walked(cut, tmp_path / "plain")
    of_file = walked(cut, tmp_path / "file", "--settings", str(file_of(tmp_path, START, **equal_to_start())))
    told = ("terms", "notFed")
    assert [plain[name] for name in told] == ["starting values", []]
    assert [of_file[name] for name in told] == ["terms of M0 in keeper.toml", []]
    assert {**plain, "terms": ""} == {**of_file, "terms": ""}


def test_terms_of_the_named_market_are_walked_and_the_rest_is_named(cut: Path, tmp_path: Path) -> None:
    stress = {"stressed_sigma_wad": 4 * WAD, "jump_bps": 4_000, "basis": True, "premium_max_bps": 9}
    rough = replace(START, **stress, implied_seconds=86_400, implied_min_liquidity=1)  # type: ignore[arg-type]
    file = file_of(tmp_path, START, rough, feeds=(INDEX,))
    found = walked(cut, tmp_path / "out", "--settings", str(file), "--market", "m1")
    assert [str(line).split(":")[0] for line in found["notFed"]] == [  # type: ignore[attr-defined]
        "implied_seconds",
        "volatility_feeds",
        "basis",
        "premium_max_bps",
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("not fed by this history") == 4
    model = dict(found["model"])  # type: ignore[call-overload]
    assert (model["jump_bps"], model["stressed_sigma_wad"]) == ("4000", str(4 * WAD))
    # A fall by 40 % at once asks for 1 - 0.995 x 0.6 / 1.05 at least.
    rows = [row for row in found["coverage"] if row["name"] == "liquidity_adjusted"]  # type: ignore[attr-defined]
    assert min(row["mean_bps"] for row in rows if row["series"] == "model") >= 4_314


@pytest.mark.parametrize(
    ("terms", "sigma", "lowest"),
    [
        ({}, WAD // 100, WAD // 5),
        ({"stressed_sigma_wad": 4 * WAD}, WAD // 5, 2 * WAD),
        ({"sigma_buffer_bps": 5000}, WAD // 10, 3 * WAD // 10),
    ],
)
def test_our_volatility_is_what_the_fold_would_use(terms: dict[str, int], sigma: int, lowest: int) -> None:
    assert ours(replace(START, **terms), None).sigma(sigma) >= lowest  # type: ignore[arg-type]


def test_sizes_are_brought_to_the_decimals_of_a_backtest(tmp_path: Path) -> None:
    base = market_settings(model=model_settings(size=7 * 10**6), collateral_decimals=6)
    assert read_terms(write(tmp_path, make_settings(markets=(base,))), "").model.size == 7 * ONE
    held: MarketSettings = replace(
        market_settings(), protocol="aave_v3", holders=(WETH,), protocol_market_id=bytes(31) + b"1"
    )
    settings: Settings = make_settings(markets=(held,))
    terms = read_terms(write(tmp_path, settings), "WETH/USDC")
    assert terms.model.size == ONE
    assert [line.split(":")[0] for line in terms.not_fed] == ["holders"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--market", "M0"), "--market chooses from a settings file"),
        (("--settings", "none.toml"), "there is no file none.toml"),
        (("--settings", "{file}"), "has 2 markets"),
        (("--settings", "{file}", "--market", "M7"), "there is no market 'M7'"),
        (("--settings", "{file}", "--market", "M0", "--k", "3"), "--k and --settings say the same thing"),
        (("--settings", "{file}", "--market", "M0", "--tau-hours", "12"), "--tau-hours and --settings say"),
    ],
)
def test_a_wrong_choice_is_one_line_with_a_remedy(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    file = str(file_of(tmp_path, START, START))
    with pytest.raises(ConfigError) as caught:
        run("--prices", "none.csv", "--out", str(tmp_path / "out"), *(row.replace("{file}", file) for row in options))
    assert words in str(caught.value)
    assert caught.value.hint
