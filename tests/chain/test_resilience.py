"""Depth over time on the devnet: a provider leaves and comes back in steps; both commands, as operators run them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keepers import keeper
from providers_world import Nft, lone_provider

from keeper.chain.rpc import Rpc
from keeper.depth_history import Seen, describe, of_blocks
from keeper.reading import open_reader
from keeper.records.settings import MarketSettings, PoolSettings
from keeper.records.units import Address
from keeper.refill import Rules
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.devnet import Devnet, write_operator_files
from keeper.testing.uniswap import Position as Placed

STEP = 10
"""Blocks between two samples."""
BLOCK_SECONDS = 12


@pytest.fixture
def clean(module_chain: DevChain, devnet: Devnet) -> Iterator[tuple[DevChain, Devnet]]:
    mark = module_chain.rpc("evm_snapshot")
    yield module_chain, devnet
    module_chain.rpc("evm_revert", mark)
    module_chain.set_interval(BLOCK_SECONDS)


def pair_of(market: MarketSettings) -> PoolSettings:
    return next(pool for pool in market.pools if pool.venue == "uniswap_v2")


def add(chain: DevChain, market: MarketSettings, owner: Address, times_ppm: int) -> None:
    """Put so many millionths of the pair's reserves into it."""
    pair = pair_of(market).address
    reserves = chain.call(pair, "getReserves()", returns="(uint112,uint112,uint32)")[:2]
    paid = []
    for name, reserve in zip(("token0()", "token1()"), reserves, strict=True):
        token = Address(chain.call(pair, name, returns="(address)"))
        paid.append(Tx(owner, token, calldata("mint(address,uint256)", pair, reserve * times_ppm // 10**6)))
    chain.run(paid)
    chain.transact(owner, pair, "mint(address)", owner)


def remove(chain: DevChain, market: MarketSettings, owner: Address, share_ppm: int) -> None:
    """Take out so many millionths of what he has."""
    pair = pair_of(market).address
    held = chain.call(pair, "balanceOf(address)", owner, returns="(uint256)")
    chain.transact(owner, pair, "transfer(address,uint256)", pair, held * share_ppm // 10**6)
    chain.transact(owner, pair, "burn(address)", owner)


def seen_between(devnet: Devnet, market: MarketSettings, first: int, last: int) -> list[Seen]:
    with Rpc("local", devnet.url) as rpc:
        reader = open_reader(rpc)
        blocks = range(first, last + 1, STEP)
        return of_blocks(reader, devnet.settings, market, devnet.contract, blocks, lambda *_: None)


def test_a_provider_who_comes_back_by_halves_has_that_half_life(clean: tuple[DevChain, Devnet]) -> None:
    """Nine tenths of a pair belong to one; of what he takes out half of the rest is back every ten blocks."""
    chain, devnet = clean
    whole = devnet.settings.markets[0]
    market = replace(whole, pools=(pair_of(whole),), feed=replace(whole.feed, max_age_seconds=10**6))
    devnet = replace(devnet, settings=replace(devnet.settings, markets=(market,)))
    owner = chain.accounts[3]
    add(chain, market, owner, 9_000_000)
    chain.mine(STEP)
    first = chain.block().number
    chain.mine(15 * STEP)
    remove(chain, market, owner, 888_889)
    # What is there is now a fifth, in units of the whole: 0.2, 0.6, 0.8, 0.9, 0.95, 0.975.
    there = 0.2
    chain.mine(STEP - 2)
    for _ in range(5):
        more = (1 - there) / 2
        add(chain, market, owner, int(more / there * 10**6))
        there += more
        chain.mine(STEP - 2)
    chain.mine(5 * STEP)
    document = describe(seen_between(devnet, market, first, chain.block().number), "200", Rules(baseline_points=5))
    assert document["withoutValue"] == 0
    (shock,) = document["shocks"]
    assert shock["missingBps"] == pytest.approx(8_000, abs=20)
    assert shock["recovered"]
    assert document["refill"]["count"] == 1
    assert document["refill"]["medianSeconds"] == pytest.approx(STEP * BLOCK_SECONDS, rel=0.02)
    levels = document["levels"]["200"]
    assert int(levels["lowest"]) == pytest.approx(int(levels["median"]) / 5, rel=0.02)
    assert levels["lowestBlock"] == pytest.approx(first + 16 * STEP, abs=STEP)


def test_resilience_reads_the_chain_and_draws_it(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    toml, picture = write_operator_files(devnet, tmp_path), tmp_path / "past.png"
    head = chain.block().number
    asked = ("--from", str(head - 100), "--every", "10")
    done = keeper(toml, "resilience", "WETH/USDC", *asked, "--plot", str(picture), "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["blocks"], document["firstBlock"], document["lastBlock"]) == (11, head - 100, head)
    depths = {int(row["depth"]) for row in document["series"]}
    assert int(document["levels"]["200"]["lowest"]) == min(depths)
    now = json.loads(keeper(toml, "depth", "WETH/USDC", "--json").out)["sellable"]["200"]
    assert document["series"][-1]["depth"] == now
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert len(picture.with_suffix(".csv").read_text().splitlines()) == 12
    shown = keeper(toml, "resilience", "WETH/USDC", *asked)
    assert "10th percentile" in shown.out
    assert "nothing is said about refilling" in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ((), 4, "has no sample"),
        (("--loss", "300"), 2, "there is no depth at '300'"),
        (("--from", "99999999"), 2, "is after block"),
        (("--from", "0", "--to", "9999999", "--every", "1"), 2, "more than 20000"),
    ],
)
def test_resilience_says_what_is_wrong_in_one_line(
    clean: tuple[DevChain, Devnet], tmp_path: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = keeper(write_operator_files(clean[1], tmp_path), "resilience", "WETH/USDC", *arguments)
    assert done.code == code
    assert word in done.err
    assert done.err.count("\n") == 1


def test_resilience_speaks_from_the_keepers_own_samples(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    chain.mine(2 * devnet.settings.cadence_blocks)
    toml = write_operator_files(devnet, tmp_path)
    assert keeper(toml, "run", "--once").code == 0
    document = json.loads(keeper(toml, "resilience", "WETH/USDC", "--json").out)
    assert document["blocks"] >= 1
    assert document["tRepSeconds"] == devnet.settings.markets[0].model.t_rep_seconds


def test_providers_shows_who_stands_behind_the_depth(clean: tuple[DevChain, Devnet], tmp_path: Path) -> None:
    chain, devnet = clean
    market = devnet.settings.markets[0]
    pool = next(pool for pool in market.pools if pool.venue == "uniswap_v3")
    tick = chain.call(pool.address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")[1]
    middle = tick // pool.tick_spacing * pool.tick_spacing
    reach = 100 * pool.tick_spacing
    liquidity = chain.call(pool.address, "liquidity()", returns="(uint128)")
    lone = lone_provider(chain, devnet.trader, pool, [Placed(middle - reach, middle + reach, liquidity)])
    chain.mine(60)
    toml, picture = write_operator_files(devnet, tmp_path), tmp_path / "who.svg"
    asked = ("--without", lone, "--fall", "700", "--plot", str(picture))
    done = keeper(toml, "providers", pool.address, *asked, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    by_account = {row["account"]: row for row in document["providers"]}
    # Half of the liquidity at the price was put in by one.
    assert by_account[lone]["inRange"] == str(liquidity)
    assert by_account[lone]["inRangeBps"] == 5_000
    assert document["concentration"]["inRange"]["top1"] == pytest.approx(0.5)
    assert document["without"] == [{"account": lone, "depth": by_account[lone]["depth"]}]
    assert [row["fallBps"] for row in document["falls"] if not row["sigma"]] == [100, 200, 500, 700]
    assert int(by_account[lone]["depth"]["200"]) < int(document["depth"]["200"])
    assert picture.read_text().lstrip().startswith("<?xml")
    rows = picture.with_suffix(".csv").read_text().splitlines()
    assert len(rows) == 2 + len(document["providers"]) + len(document["together"])
    whole = json.loads(keeper(toml, "providers", "WETH/USDC", "--json").out)
    assert whole["depth"]["200"] == json.loads(keeper(toml, "depth", "WETH/USDC", "--json").out)["sellable"]["200"]
    assert whole["toldBps"] == 10_000
    shown = keeper(toml, "providers", "WETH/USDC")
    assert lone in shown.out
    assert "its positions add up to the last unit" in shown.out
    assert "HHI" in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("0x" + "99" * 20,), 2, "no market counts the pool"),
        (("WETH/USDC", "--without", "0x12"), 2, "--without: '0x12' is not an address"),
        (("WETH/USDC", "--from", "450"), 5, "incomplete history, so no concentration is stated"),
        (("WETH/USDC", "--plot", "who.txt"), 2, "not a picture"),
    ],
)
def test_providers_says_what_is_wrong_in_one_line(
    clean: tuple[DevChain, Devnet], tmp_path: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = keeper(write_operator_files(clean[1], tmp_path), "providers", *arguments)
    assert done.code == code
    assert word in done.err
    assert done.err.count("\n") == 1


def test_tokens_of_the_position_manager_are_listed_by_their_owners(
    clean: tuple[DevChain, Devnet], tmp_path: Path
) -> None:
    """On the devnet, whose v3 pools were all provided by one contract, through the commands' own path."""
    chain, devnet = clean
    market = devnet.settings.markets[0]
    pool = next(pool for pool in market.pools if pool.venue == "uniswap_v3")
    tick = chain.call(pool.address, "slot0()", returns="(uint160,int24,uint16,uint16,uint16,uint8,bool)")[1]
    middle = tick // pool.tick_spacing * pool.tick_spacing
    tokens = [Address(chain.call(pool.address, name, returns="(address)")) for name in ("token0()", "token1()")]
    nft = Nft(_Pair(chain, devnet, *tokens))  # type: ignore[arg-type]
    owner, heir = chain.accounts[4:6]
    nft.ready(owner)
    number = nft.mint(owner, pool, middle - 6_000, middle + 6_000, 10**18)
    nft.give(owner, heir, number)
    toml = write_operator_files(devnet, tmp_path)
    listed = json.loads(keeper(toml, "providers", pool.address, "--json").out)["providers"]
    (row,) = [row for row in listed if row["account"] == heir]
    assert row["inRange"] == str(nft.held(heir, number).liquidity)
    assert owner not in {row["account"] for row in listed}


class _Pair:
    """What :class:`Nft` needs of a bench."""

    def __init__(self, chain: DevChain, devnet: Devnet, token0: Address, token1: Address) -> None:
        self.chain, self.uniswap, self.token0, self.token1 = chain, devnet.uniswap, token0, token1
