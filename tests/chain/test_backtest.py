"""``keeper backtest --from-chain``: the walk over a contract's own past says what its keeper reported."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from backtests import silent
from keepers import keeper, sold_off

from keeper.backtest.candidates import ours
from keeper.backtest.chain import chain_history
from keeper.backtest.records import History
from keeper.backtest.walk import walk
from keeper.chain.node import ContractNode
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.errors import ConfigError
from keeper.published import read_history
from keeper.risk.windows import last_ended, window_of
from keeper.sampling import Sampler
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet

STEPS = 22


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DevChain, Devnet, Path]]:
    with sold_off(tmp_path_factory.mktemp("lived"), STEPS) as lived:
        yield lived


def windows_since_listing(chain: DevChain, devnet: Devnet) -> range:
    cadence = devnet.settings.cadence_blocks
    with Rpc("local", devnet.url) as rpc:
        node = ContractNode(rpc, devnet.contract)
        history = read_history(node, devnet.contract, devnet.chain_id, 0, chain.block().number)
        first = history.first_window(devnet.market_keys[0], chain.block().number)
    return range(first, last_ended(chain.block().number, cadence) + 1)


def test_the_walk_asks_for_what_the_reports_asked_for(lived: tuple[DevChain, Devnet, Path]) -> None:
    chain, devnet, _ = lived
    key, cadence = devnet.market_keys[0], devnet.settings.cadence_blocks
    with Rpc("local", devnet.url) as rpc:
        reader = Reader(rpc)
        sampler = Sampler(reader, devnet.contract, devnet.settings)
        history: History = chain_history(sampler, key, windows_since_listing(chain, devnet), silent)
        published = read_history(
            ContractNode(rpc, devnet.contract), devnet.contract, devnet.chain_id, 0, chain.block().number
        )
    steps = walk(ours(history.market.model, None), history, silent)
    asked = {row.window: step for row, step in zip(history.readings, steps, strict=True)}
    reports = [row for row in published.reports if row.report.market == key]
    assert len(reports) >= 3
    for row in reports:
        window = window_of(row.batch.observed_block, cadence)
        assert asked[window].model_bps == row.report.targets.liquidation_haircut_bps, window
    assert {step.due for step in steps} >= {"first", "tighten"}
    prices = [row.close_wad for row in history.readings]
    assert min(prices) < max(prices)  # type: ignore[type-var]
    assert all(0 < row.cost < 1 for row in history.readings)


def test_the_command_walks_the_chain_and_writes_its_page(lived: tuple[DevChain, Devnet, Path], tmp_path: Path) -> None:
    chain, devnet, toml = lived
    since = windows_since_listing(chain, devnet)
    # Some windows of the past before the listing belong to the walk: the pools were there already.
    blocks = f"{(since[0] - 30) * devnet.settings.cadence_blocks}:{chain.block().number}"
    out = tmp_path / "out"
    done = keeper(
        toml, "backtest", "--from-chain", "WETH/USDC", "--blocks", blocks, "--out", str(out), "--var-hours", "0.5",
        "--json", timeout=120,
    )  # fmt: skip
    assert done.code in {0, 3}, done.err
    (asset,) = json.loads(done.out)["assets"]
    assert asset["readings"] >= len(since) + 30
    assert asset["noValue"]["volatility"] == 0
    assert {row["span"] for row in asset["coverage"]} == {"first", "later"}
    assert sum(row["n"] for row in asset["coverage"] if row["series"] == "model") > 0
    assert "<svg" in (out / "report.html").read_text()


def test_bad_ranges_and_too_few_windows_are_one_line(lived: tuple[DevChain, Devnet, Path], tmp_path: Path) -> None:
    _, devnet, toml = lived
    done = keeper(toml, "backtest", "--from-chain", "WETH/USDC", "--blocks", "9:5", "--out", str(tmp_path / "out"))
    assert done.code == 2
    assert "is no range of blocks" in done.err
    assert keeper(toml, "backtest", "--from-chain", "DOGE/USDC").code == 2
    with Rpc("local", devnet.url) as rpc:
        sampler = Sampler(Reader(rpc), devnet.contract, devnet.settings)
        with pytest.raises(ConfigError, match="19 windows are too few"):
            chain_history(sampler, devnet.market_keys[0], range(50, 69), silent)
        with pytest.raises(ConfigError, match="is not listed at window 60"):
            chain_history(sampler, devnet.market_keys[0], range(40, 61), silent)
