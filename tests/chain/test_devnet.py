"""The devnet has what it says: real pools with about 200 ticks, grown rings, three decimals, listed markets."""

import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits_world import PARAMETERS_ABI

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.config import load_config
from keeper.maths.keccak import keccak
from keeper.records.settings import PoolSettings, encode_settings
from keeper.testing.client import DevChain
from keeper.testing.devnet import FIRST_HAIRCUT_BPS, Devnet, account_of, build_devnet, write_operator_files
from keeper.testing.scenario import STORY, Scenario, plan_story
from keeper.testing.uniswap import initialised_ticks


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[DevChain, Devnet]]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain, keepers=2)
        yield chain, devnet


def v3_pools(devnet: Devnet) -> list[PoolSettings]:
    return [pool for market in devnet.settings.markets for pool in market.pools if pool.venue == "uniswap_v3"]


def words_of(pool: PoolSettings) -> range:
    return range(-887_272 // pool.tick_spacing // 256, 887_272 // pool.tick_spacing // 256 + 1)


def test_tokens_have_18_8_and_6_decimals(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    tokens = [
        devnet.settings.markets[0].collateral,
        devnet.settings.markets[1].collateral,
        devnet.settings.markets[0].debt,
    ]
    assert [chain.call(token, "decimals()", returns="(uint8)") for token in tokens] == [18, 8, 6]


def test_each_v3_pool_has_about_200_ticks_over_sixty_percent(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    for pool in v3_pools(devnet):
        ticks = initialised_ticks(chain, pool.address, words_of(pool))
        assert 180 <= len(ticks) <= 240
        assert 13_800 <= ticks[-1] - ticks[0] <= 14_100
        assert {tick % pool.tick_spacing for tick in ticks} == {0}


def test_weth_has_two_v3_pools_of_different_fees_and_a_v2_pair(world: tuple[DevChain, Devnet]) -> None:
    weth = world[1].settings.markets[0]
    assert [(pool.venue, pool.fee_pips, pool.tick_spacing) for pool in weth.pools] == [
        ("uniswap_v3", 500, 10),
        ("uniswap_v3", 3_000, 60),
        ("uniswap_v2", 3_000, 0),
    ]


def test_both_orientations_occur(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    sides = set()
    for market in devnet.settings.markets:
        for pool in market.pools:
            token0 = chain.call(pool.address, "token0()", returns="(address)")
            assert (token0 == market.collateral) == pool.collateral_is_token0
            sides.add(pool.collateral_is_token0)
    assert sides == {True, False}


def test_rings_are_grown_and_written(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    for pool in v3_pools(devnet):
        slot0 = chain.call(pool.address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")
        assert slot0[3] == 200
        assert slot0[2] >= 80
        ages = [1_800, 0]
        cumulatives, _ = chain.call(pool.address, "observe(uint32[])", ages, returns="(int56[],uint160[])")
        assert abs((cumulatives[1] - cumulatives[0]) / 1_800 - slot0[1]) < 1_000


def test_the_pools_agree_on_the_price_that_the_feed_says(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    for market, price in zip(devnet.settings.markets, devnet.prices, strict=True):
        answer = chain.call(market.feed.address, "latestRoundData()", returns="(uint80,int256,uint256,uint256,uint80)")[
            1
        ]
        assert answer / 10**8 == pytest.approx(price, rel=0.006)
        pair = next(pool for pool in market.pools if pool.venue == "uniswap_v2")
        reserves = chain.call(pair.address, "getReserves()", returns="(uint112,uint112,uint32)")[:2]
        collateral, debt = reserves if pair.collateral_is_token0 else reserves[::-1]
        whole = debt / 10**market.debt_decimals / (collateral / 10**market.collateral_decimals)
        assert whole == pytest.approx(price, rel=0.005)


def test_the_contract_holds_settings_signers_and_markets(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    document = keccak(encode_settings(devnet.settings))
    chain.mine()
    assert chain.call(devnet.contract, "settingsHash()", returns="(bytes32)") == document
    signers = chain.call(devnet.contract, "signers()", returns="(address[])")
    assert list(signers) == [account_of(key) for key in devnet.keeper_keys] == sorted(signers)
    for key in devnet.market_keys:
        assert chain.call(devnet.contract, "parameters(bytes32)", key, returns=PARAMETERS_ABI)[0] == FIRST_HAIRCUT_BPS


def test_the_operator_files_load_into_the_same_settings(world: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    _, devnet = world
    config = load_config(write_operator_files(devnet, tmp_path, keeper=1), {})
    assert config.settings == devnet.settings
    assert config.operator.contract == devnet.contract
    assert stat.S_IMODE((tmp_path / "keeper.key").stat().st_mode) == 0o600


def test_the_story_falls_by_45_percent_and_most_providers_leave(world: tuple[DevChain, Devnet]) -> None:
    plans = plan_story((3_000.0, 60_000.0), seed=1)
    assert plans == plan_story((3_000.0, 60_000.0), seed=1)
    fall = STORY[0].steps + STORY[1].steps - 1
    assert plans[fall].prices == pytest.approx((3_000 * 0.55, 60_000 * 0.60))
    assert plans[fall].left == 7
    assert [plan.left for plan in plans[: fall + 1]] == sorted(plan.left for plan in plans[: fall + 1])


def test_a_step_is_one_window_of_real_swaps_and_withdrawals(world: tuple[DevChain, Devnet]) -> None:
    chain, devnet = world
    story = (STORY[0], STORY[1])
    scenario = Scenario(chain, devnet, story=story)
    scenario.align()
    leaving = next(i for i, plan in enumerate(scenario.plans) if plan.left == 1)
    before = {pool.address: chain.call(pool.address, "liquidity()", returns="(uint128)") for pool in v3_pools(devnet)}
    head = chain.block().number
    step = scenario.step(leaving)
    assert step.head == head + 5
    assert step.head % 5 == 2
    assert step.window == step.head // 5
    for pool in v3_pools(devnet):
        now = chain.call(pool.address, "liquidity()", returns="(uint128)")
        assert now / before[pool.address] == pytest.approx(0.9, abs=0.03)


def test_the_command_prints_its_addresses_and_stops_on_request(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "keeper",
        "devnet",
        "--json",
        "--data-dir",
        str(tmp_path),
        "--block-seconds",
        "0.1",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0]
        facts = json.loads(process.stdout.readline())
        chain = DevChain(facts["url"])
        assert chain.rpc("eth_getCode", facts["contract"], "latest") != "0x"
        assert load_config(Path(facts["config"][0]), {}).operator.contract == facts["contract"]
        head = chain.block().number
        time.sleep(1)
        assert chain.block().number > head
    finally:
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
