"""``keeper depth`` over every venue type: what it shows is what the contracts quote; routes, pairs, flags."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode
from keepers import keeper_here as keeper
from keepers import opened

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.artifacts import load
from keeper.cycle import run_cycle
from keeper.records.settings import (
    MarketSettings,
    PoolSettings,
    RouteSettings,
    Settings,
    encode_settings,
    two_token_pool,
)
from keeper.records.units import Address
from keeper.risk.keys import market_key
from keeper.testing.balancer import GIVEN_IN, BalancerPool, Order, query
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.devnet import Devnet, build_devnet, write_operator_files
from keeper.testing.scenario import Scenario
from keeper.testing.uniswap import create_v2_pair
from keeper.testing.uniswap_v4 import KEY, PoolKey
from keeper.venues import VENUES

World = tuple[DevChain, Devnet, Path]
V3_QUOTE = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
V3_ANSWER = "(uint256,uint160,uint32,uint256)"
V4_QUOTE = f"quoteExactInputSingle(({KEY},bool,uint128,bytes))"
FEE = 1


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain, every_venue=True)
        chain.mine()
        yield chain, devnet, write_operator_files(devnet, tmp_path_factory.mktemp("every"))


def shown(world: World, *arguments: str) -> dict[str, Any]:
    done = keeper(world[2], "depth", *arguments, "--json")
    assert done.code == 0, done.err
    document: dict[str, Any] = json.loads(done.out)
    return document


@pytest.fixture(scope="module")
def wbtc(world: World) -> dict[str, Any]:
    return shown(world, "WBTC/USDC", "--at", str(world[1].listed_block))


@pytest.fixture(scope="module")
def weth(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    picture = tmp_path_factory.mktemp("picture") / "weth.png"
    return shown(world, "WETH", "USDC", "--plot", str(picture)), picture


def uniswap_v3(chain: DevChain, devnet: Devnet, pool: PoolSettings, pair: tuple[Address, Address], amount: int) -> int:
    order = (*pair, amount, pool.fee_pips, 0)
    return int(chain.call(devnet.uniswap.v3_quoter, V3_QUOTE, order, returns=V3_ANSWER)[0])


def uniswap_v2(chain: DevChain, devnet: Devnet, pool: PoolSettings, pair: tuple[Address, Address], amount: int) -> int:
    signature = "getAmountsOut(uint256,address[])"
    return int(chain.call(devnet.uniswap.v2_router, signature, amount, list(pair), returns="(uint256[])")[1])


def uniswap_v4(chain: DevChain, devnet: Devnet, pool: PoolSettings, pair: tuple[Address, Address], amount: int) -> int:
    (quoter,) = chain.deploy_all([(npm_contract("V4Quoter"), (pool.address,))], devnet.trader)
    key = PoolKey(*sorted(pair), pool.fee_pips, pool.tick_spacing)
    order = (key.row, pair[0] < pair[1], amount, b"")
    return int(chain.call(quoter, V4_QUOTE, order, returns="(uint256,uint256)")[0])


def balancer(chain: DevChain, _devnet: Devnet, pool: PoolSettings, pair: tuple[Address, Address], amount: int) -> int:
    listed = chain.call(
        pool.companion, "getPoolTokens(bytes32)", pool.pool_id, returns="(address[],uint256[],uint256)"
    )[0]
    tokens = tuple(Address(token) for token in listed)
    order = Order(GIVEN_IN, tokens.index(pair[0]), tokens.index(pair[1]), amount)
    data = "0x" + query(BalancerPool(pool.address, pool.pool_id, tokens), order).hex()
    answer = chain.rpc("eth_call", {"to": pool.companion, "data": data}, "latest")
    (deltas,) = decode(["int256[]"], bytes.fromhex(answer[2:]))
    return -int(deltas[order.index_out])


def curve(signature: str) -> Callable[..., int]:
    def quote(chain: DevChain, devnet: Devnet, pool: PoolSettings, pair: tuple[Address, Address], amount: int) -> int:
        sells = pair[0] == devnet.settings.markets[0].collateral
        sides = (pool.collateral_index, pool.debt_index)
        return int(chain.call(pool.address, signature, *(sides if sells else sides[::-1]), amount, returns="(uint256)"))

    return quote


QUOTES: dict[str, Callable[..., int]] = {
    "balancer_stable": balancer,
    "balancer_weighted": balancer,
    "curve_crypto": curve("get_dy(uint256,uint256,uint256)"),
    "curve_meta": curve("get_dy_underlying(int128,int128,uint256)"),
    "curve_stable": curve("get_dy(int128,int128,uint256)"),
    "uniswap_v2": uniswap_v2,
    "uniswap_v3": uniswap_v3,
    "uniswap_v4": uniswap_v4,
}
"""How to ask each venue's own contract."""


def test_every_venue_type_is_there_and_sells_both_ways(world: World, weth: tuple[dict[str, Any], Path]) -> None:
    document = weth[0]
    assert {row["venue"] for row in document["venues"]} == set(VENUES) == set(QUOTES)
    assert all("failure" not in row for row in document["venues"])
    assert document["missing"] == []
    for direction in ("sell", "buy"):
        at_two = next(point for point in document["curves"][direction] if point["lossBps"] == 200)
        assert all(int(taken) > 0 for taken, _ in at_two["fills"])
        assert sum(int(taken) for taken, _ in at_two["fills"]) == int(at_two["taken"])


@pytest.mark.parametrize("venue", sorted(QUOTES))
def test_what_is_shown_is_what_the_contract_quotes(world: World, weth: tuple[dict[str, Any], Path], venue: str) -> None:
    chain, devnet, _ = world
    market = devnet.settings.markets[0]
    pair = (market.collateral, market.debt)
    for index, pool in enumerate(market.pools):
        if pool.venue != venue:
            continue
        for direction, tokens in (("sell", pair), ("buy", pair[::-1])):
            for point in weth[0]["curves"][direction]:
                if point["lossBps"] not in {50, 200, 1_000}:
                    continue
                taken, given = map(int, point["fills"][index])
                own = QUOTES[venue](chain, devnet, pool, tokens, taken)
                if venue == "uniswap_v3":
                    # Liquidity is the harmonic mean of the last 300 s, rounded down: a little less, never more.
                    assert own * (1 - 1e-4) <= given <= own
                else:
                    assert given == own


def test_the_picture_stacks_all_venues_and_its_numbers_add_up(weth: tuple[dict[str, Any], Path]) -> None:
    document, picture = weth
    assert picture.read_bytes()[:4] == b"\x89PNG"
    header, *rows = csv.reader(picture.with_suffix(".csv").read_text().splitlines())
    assert len(header) == 4 + len(document["venues"]) == 13
    assert len(rows) == 2 * len(document["curves"]["sell"])
    assert all(sum(map(int, row[4:])) == int(row[2]) for row in rows)


def test_a_route_is_shown_whole_counted_in_part_and_named(world: World, wbtc: dict[str, Any]) -> None:
    chain, devnet, toml = world
    market = devnet.settings.markets[1]
    document = wbtc
    row = document["venues"][-1]
    assert (row["venue"], row["through"], [leg["leg"] for leg in row["legs"]]) == (
        "route",
        "WETH",
        ["first", "second", "second"],
    )
    assert document["countedBps"] == {market.routes[0].bridge: 5_000}
    point = next(point for point in document["curves"]["sell"] if point["lossBps"] == 500)
    taken, given = map(int, point["fills"][-1])
    # One pool in the first leg, two in the second: no split of the bridge token by the contracts brings more.
    weth = devnet.settings.markets[0].collateral
    bridged = uniswap_v3(chain, devnet, market.routes[0].collateral_pools[0], (market.collateral, weth), taken)
    first, second = market.routes[0].debt_pools
    best = max(
        uniswap_v3(chain, devnet, first, (weth, market.debt), bridged * part // 32)
        + uniswap_v3(chain, devnet, second, (weth, market.debt), bridged - bridged * part // 32)
        for part in range(1, 32)
    )
    assert best * (1 - 1e-4) <= given <= best * (1 + 1e-5)
    # All that is shown is more than what counts, and that is more than without the route.
    without = replace(devnet.settings.markets[1], routes=())
    bare = shown(
        (chain, devnet, with_settings(devnet, toml.parent / "bare", (devnet.settings.markets[0], without))), "WBTC/USDC"
    )
    counted, shown_at = int(document["sellable"]["500"]), int(point["taken"])
    assert int(bare["sellable"]["500"]) < counted <= shown_at
    text = keeper(toml, "depth", "WBTC/USDC").out
    assert "via WETH" in text
    assert "50.00 % of its second leg counts" in text


def with_settings(devnet: Devnet, folder: Path, markets: tuple[MarketSettings, ...]) -> Path:
    return write_operator_files(replace(devnet, settings=replace(devnet.settings, markets=markets)), folder)


def test_markets_sold_together_keep_less_of_the_pools_they_share(world: World, tmp_path: Path) -> None:
    picture = tmp_path / "together.svg"
    document = shown(world, "--together", "WBTC/USDC,WETH/USDC", "--plot", str(picture))
    assert [row["market"] for row in document["markets"]] == ["WBTC/USDC", "WETH/USDC"]
    assert len(document["shared"]) == 2
    assert all(pool["markets"] == ["WBTC/USDC", "WETH/USDC"] for pool in document["shared"])
    for row in document["markets"]:
        for point in row["points"]:
            alone, together = int(point["alone"]), int(point["together"])
            assert alone * 0.9 <= together <= alone
        assert int(row["points"][-1]["together"]) < int(row["points"][-1]["alone"])
    assert picture.stat().st_size > 1_000
    assert len(picture.with_suffix(".csv").read_text().splitlines()) == 1 + 2 * len(document["markets"][0]["points"])
    text = keeper(world[2], "depth", "--together", "WBTC/USDC,WETH/USDC").out
    assert "keeps" in text
    assert "shared: uniswap_v3" in text


def test_tokens_that_are_no_market_are_a_pair_too(world: World, wbtc: dict[str, Any]) -> None:
    chain, devnet, _ = world
    pair = (devnet.settings.markets[1].collateral, devnet.settings.markets[0].collateral)
    at = str(chain.block().number - 2)
    leg = shown(world, "WBTC", "WETH", "--at", at, "--size", "1.5")
    assert leg == shown(world, *pair, "--at", at, "--size", "1.5")
    assert leg["block"] == int(at)
    (pool,) = devnet.settings.markets[1].routes[0].collateral_pools
    given = int(leg["sale"]["given"])
    own = uniswap_v3(chain, devnet, pool, pair, 15 * 10**7)
    assert own * (1 - 1e-4) <= given <= own
    back = shown(world, "WETH", "WBTC", "--at", at)
    assert back["curves"]["sell"] == leg["curves"]["buy"]
    turned = shown(world, "USDC", "WBTC", "--at", str(devnet.listed_block))
    assert turned["curves"] == {"sell": wbtc["curves"]["buy"], "buy": wbtc["curves"]["sell"]}
    assert "key" in wbtc
    assert "key" not in turned
    assert "selling WETH, loss up to" in keeper(world[2], "depth", "WETH", "WBTC").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no market is named (choose from: WETH/USDC, WBTC/USDC; or name two tokens)"),
        (("WETH", "DAI"), "DAI is no token of the settings"),
        (("WETH", "WETH"), "are the same token"),
        (("WETH", "0x1234"), "0x1234 is no token of the settings"),
        (("--together", "WETH/USDC"), "does not name two markets or more"),
        (("--together", "WETH/USDC,WETH/USDC"), "does not name two markets or more"),
        (("--together", "WETH/USDC,DAI/USDC"), "there is no market 'DAI/USDC'"),
        (("WETH/USDC", "--together", "WETH/USDC,WBTC/USDC"), "a market is named beside it"),
        (("--together", "WETH/USDC,WBTC/USDC", "--size", "3"), "--size is named beside it"),
        (("WBTC", "WETH", "--plot", "depth.doc"), "is not a picture"),
        (("WBTC", "WETH", "--size", "-1"), "is not an amount of tokens"),
    ],
)
def test_bad_input_is_one_line(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = keeper(world[2], "depth", *arguments)
    assert done.code == 2
    assert said in done.err
    assert len([line for line in done.err.splitlines() if line.strip()]) == 1


def test_doctor_finds_nothing_wrong_in_any_of_it(world: World) -> None:
    checks = json.loads(keeper(world[2], "doctor", "--json").out)["checks"]
    odd = [check for check in checks if check["verdict"] != "ok" and check["title"] != "the head is young"]
    assert odd == []


def test_a_leg_of_other_tokens_is_refused_with_one_line(world: World, tmp_path: Path) -> None:
    devnet = world[1]
    first, second = devnet.settings.markets
    wrong = replace(second, routes=(replace(second.routes[0], debt_pools=second.pools[1:]),), pools=second.pools[:1])
    toml = with_settings(devnet, tmp_path, (first, wrong))
    (check,) = [
        row for row in json.loads(keeper(toml, "doctor", "--json").out)["checks"] if row["title"].startswith("pools:")
    ]
    assert check["verdict"] == "fail"
    assert all(line.startswith("markets[1].routes[0].debt_pools[0].address: ") for line in check["findings"])
    assert "the market needs" in check["findings"][0]


@pytest.fixture(scope="module")
def hostile(world: World) -> tuple[Address, tuple[MarketSettings, ...]]:
    """A bridge token that turned hostile, and the markets of which the second has a route through it."""
    chain, devnet, _ = world
    trader, usdc = devnet.trader, devnet.settings.markets[0].debt
    wbtc = devnet.settings.markets[1]
    (token,) = chain.deploy_all([(load("DevHostileToken", "keeper.testing"), (18,))], trader)
    legs = []
    mint = "mint(address,uint256)"
    # As many raw units as are worth 1,000 WBTC on each side; the bridge token is worth a WETH's price in USDC.
    for other, amount in ((wbtc.collateral, 1_000 * 10**8), (usdc, round(devnet.prices[1]) * 1_000 * 10**6)):
        pair = create_v2_pair(chain, devnet.uniswap.v2_factory, trader, (token, other))
        fills = [(token, 20_000 * 10**18), (other, amount)]
        chain.run([Tx(trader, coin, calldata(mint, pair, many)) for coin, many in fills])
        chain.run([Tx(trader, pair, calldata("mint(address)", trader))])
        sells_token0 = (token < other) == (other == usdc)
        legs.append(two_token_pool("uniswap_v2", pair, sells_token0, 3_000))
    route = RouteSettings(token, 18, (legs[0],), (legs[1],), 10_000)
    # Without the slow venues: a keeper re-reads the trailing days.
    weth = replace(devnet.settings.markets[0], pools=devnet.settings.markets[0].pools[:3])
    return token, (weth, replace(wbtc, routes=(route,)))


def adopt(world: World, settings: Settings) -> Devnet:
    """As governance: set other settings."""
    chain, devnet, _ = world
    signature = "setSettings(bytes,uint64)"
    chain.transact(devnet.admin, devnet.contract, signature, encode_settings(settings), chain.block().number + 1)
    chain.mine(2)
    return replace(devnet, settings=settings)


def test_a_hostile_token_holds_its_market_until_governance_flags_it(
    world: World, hostile: tuple[Address, tuple[MarketSettings, ...]], tmp_path: Path
) -> None:
    chain, devnet, _ = world
    token, markets = hostile
    plain = adopt(world, replace(devnet.settings, markets=markets))
    toml = write_operator_files(plain, tmp_path / "plain")
    chain.transact(devnet.trader, token, "become(uint8,uint256,address)", FEE, 300, token)
    checks = {row["title"]: row for row in json.loads(keeper(toml, "doctor", "--json").out)["checks"]}
    found = checks["tokens move as told, and pools hold what they owe"]
    assert found["verdict"] == "fail"
    assert "takes 300 bps of a transfer out of the pool; " in found["findings"][0]
    assert f'governance adds "{token}" to flagged of markets[1]' in found["findings"][0]
    Scenario(chain, plain).align()
    keys = [market_key(devnet.chain_id, market) for market in markets]
    with opened(plain, tmp_path / "held") as ports:
        assert ports.held == {keys[1]}
        reported = {market for plan in run_cycle(ports).plans for market in plan.intent.markets}
    assert reported == {keys[0]}
    flagged = adopt(world, replace(plain.settings, markets=(markets[0], replace(markets[1], flagged=(token,)))))
    chain.mine(3 * devnet.settings.cadence_blocks)
    with opened(flagged, tmp_path / "flagged") as ports:
        assert ports.held == frozenset()
        reported = {market for plan in run_cycle(ports).plans for market in plan.intent.markets}
    assert reported == set(keys)
    toml = write_operator_files(flagged, tmp_path / "shown")
    document = shown((chain, flagged, toml), "WBTC/USDC")
    trusting = shown((chain, plain, write_operator_files(plain, tmp_path / "trusting")), "WBTC/USDC")
    assert int(document["sellable"]["500"]) < int(trusting["sellable"]["500"])
    assert document["venues"][-1]["failure"] == "a leg sells nothing"
    assert {leg["failure"] for leg in document["venues"][-1]["legs"]} == {"flagged in the settings: counts for nothing"}
    assert all(int(point["fills"][-1][0]) == 0 for point in document["curves"]["sell"])
    assert document["missing"] == []


def test_a_balance_that_shrank_is_seen_and_one_that_grew_is_a_warning(
    world: World, hostile: tuple[Address, tuple[MarketSettings, ...]], tmp_path: Path
) -> None:
    chain, devnet, _ = world
    token, markets = hostile
    toml = with_settings(devnet, tmp_path, markets)
    for share, verdict, words in (
        (9_990, "fail", "the token takes or rebases"),
        (10_200, "warn", "a gift, or the token rebases"),
        (10_000, "ok", ""),
    ):
        chain.transact(devnet.trader, token, "become(uint8,uint256,address)", 3, share, token)
        checks = {row["title"]: row for row in json.loads(keeper(toml, "doctor", "--json").out)["checks"]}
        found = checks["tokens move as told, and pools hold what they owe"]
        assert found["verdict"] == verdict, found
        assert not words or any(words in line for line in found["findings"])
