"""Every term switched on at once, on real pools: a keeper publishes, and everybody recomputes the same bytes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keepers import keeper, opened

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.artifacts import load
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import read_words, run_cycle
from keeper.maths import ceiling
from keeper.records.live import LiveWord
from keeper.records.settings import FeedSettings, MarketSettings, encode_settings
from keeper.records.units import WAD, Address
from keeper.risk.windows import last_ended
from keeper.sampling import Sampler
from keeper.testing import world
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet
from keeper.testing.scenario import Scenario

STEPS = 8
SPAN = 4 * world.CADENCE * world.BLOCK_SECONDS
TERMS = {
    "implied_seconds": SPAN,
    "implied_change_wad": 100 * WAD,
    "implied_min_liquidity": 1,
    "stressed_sigma_wad": 3 * WAD,
    "sigma_buffer_bps": 1_000,
    "basis": True,
    "jump_bps": 2_000,
    "ceiling_share_bps": 5_000,
    "premium_max_bps": 800,
}
INDEX_PER_CENT = 3_000
"""Above what prices do in a world whose time is compressed."""
Lived = tuple[DevChain, Devnet, Path, dict[bytes, LiveWord]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A devnet whose governance has switched everything on, and a keeper that has lived on it for a while."""
    folder = tmp_path_factory.mktemp("terms")
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = with_terms(chain, build_devnet(chain))
        scenario = Scenario(chain, devnet)
        scenario.align()
        with opened(devnet, folder, broadcast=True) as ports:
            for index in range(STEPS):
                scenario.step(index)
                run_cycle(ports)
            chain.mine(3)
            run_cycle(ports)
            words = read_words(ports, ports.reader.block("latest"))
        yield chain, devnet, folder / "keeper.toml", {key: row.live for key, row in words.items()}


def with_terms(chain: DevChain, devnet: Devnet) -> Devnet:
    """Governance adopts the terms, and an index of volatility that stands far above what prices do."""
    feed = chain.deploy(load("DevFeed", "keeper.testing"), "DVOL", 8, sender=devnet.trader)
    chain.transact(devnet.trader, feed, "push(int256)", INDEX_PER_CENT * 10**8)
    markets = tuple(switched_on(market, feed) for market in devnet.settings.markets)
    settings = replace(devnet.settings, markets=markets)
    document, start = encode_settings(settings), chain.block().number + 1
    chain.transact(devnet.admin, devnet.contract, "setSettings(bytes,uint64)", document, start, gas=8_000_000)
    return replace(devnet, settings=settings)


def switched_on(market: MarketSettings, index: Address) -> MarketSettings:
    feed = FeedSettings("chainlink", index, 8, 8_000_000)
    return replace(market, model=replace(market.model, **TERMS), volatility_feeds=(feed,))


def test_every_report_is_recomputed_to_the_same_bytes_with_everything_on(lived: Lived, tmp_path: Path) -> None:
    _, devnet, _, _ = lived
    arguments = ("verify", "--all", "--proofs", "--json", "--rpc", devnet.url, "--contract", devnet.contract)
    done = keeper(tmp_path / "there-is-none.toml", *arguments)
    assert done.code == 0, done.out + done.err
    reports = json.loads(done.out)["reports"]
    assert len(reports) >= 2
    assert all(row["ok"] for row in reports)
    # Two answers of code a sample, the price feed's and the index's; windows before the terms held have one.
    assert all(row["samples"] < row["unprovableAnswers"] <= 2 * row["samples"] for row in reports)


def test_fees_of_real_pools_and_the_index_speak_and_raise(lived: Lived) -> None:
    _, devnet, toml, _ = lived
    for market in devnet.settings.markets:
        found = json.loads(keeper(toml, "explain", market.name, "--json").out)["estimates"]
        assert not [line for line in found["missing"] if line.startswith("volatility")]
        *pools, index = found["implied"]
        for pool, row in zip(market.pools, pools, strict=True):
            if pool.venue == "uniswap_v3":
                assert (row["source"], row["reason"]) == (pool.address, "fees")
                assert int(row["sigmaWad"]) > 0
                assert int(row["weight"]) > 0
            else:
                assert "keeps no fee growth" in row["reason"]
        assert (index["reason"], int(index["sigmaWad"])) == ("feed", INDEX_PER_CENT * WAD // 100)
        realised, implied = int(found["realisedWad"]), int(found["impliedWad"])
        assert 0 < implied <= 2 * realised
        assert int(found["sigmaWad"]) > realised
        assert found["liquidationBps"] < found["waterfall"]["haircutBps"]
        text = keeper(toml, "explain", market.name).out
        assert "debt ceiling " in text
        assert "by the pools together" in text


def test_the_contract_holds_the_ceiling_and_premium_that_depth_carries(lived: Lived) -> None:
    _, devnet, toml, live = lived
    for market, key in zip(devnet.settings.markets, devnet.market_keys, strict=True):
        found = json.loads(keeper(toml, "explain", market.name, "--json").out)
        q_star, size = int(found["estimates"]["qStar"]), int(found["estimates"]["size"])
        short = -(-800 * max(0, size - q_star) // size)
        assert found["decision"]["due"] != "none" or live[key].premium_bps > short - 50
        assert live[key].ceiling
        # Never more than half of Q* at the price at which a listing began, and a tenth of slack.
        price = float(next(plan for plan in world.MARKETS if market.name.startswith(plan.token.symbol)).token.price)
        worth = q_star / 10**market.collateral_decimals * price * 10**market.debt_decimals
        assert ceiling.decode(live[key].ceiling) <= worth * 0.5 * 1.25


def test_another_keeper_without_a_store_reads_the_same_trailing_fees(lived: Lived) -> None:
    chain, devnet, _, _ = lived
    window = last_ended(chain.block().number, devnet.settings.cadence_blocks) - 1
    with Rpc("one", chain.url) as one, Rpc("other", chain.url) as other:
        first, second = (Sampler(Reader(rpc), devnet.contract, devnet.settings) for rpc in (one, other))
        whole = first.observe(window, dict.fromkeys(first.markets, b""))
        assert all(row.volatility for row in whole.values())
        assert first.depths(window) == second.depths(window)
    for key, market in second.markets.items():
        fees = second.depths(window)[key].fees
        assert [row is not None for row in fees] == [pool.venue == "uniswap_v3" for pool in market.pools]
