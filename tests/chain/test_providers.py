"""Providers of real Uniswap v2, v3 and v4 pools: positions as managers tell them, and what is left."""

import json
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from bench import Bench, build, trade
from bench_v4 import BenchV4, build_v4
from providers_world import Capped, Nft, NftV4, deploy_nft_v4, lone_provider, move, provision_of, widest

from keeper.departures import Departures
from keeper.errors import Refused, RetryLater
from keeper.maths.tick_math import MAX_TICK, MIN_TICK
from keeper.records.pools import UniswapV2State, UniswapV3State, UniswapV4State
from keeper.records.providers import Position, Provision
from keeper.records.settings import PoolSettings
from keeper.records.units import NO_ADDRESS, Address
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.uniswap import Position as Placed
from keeper.testing.uniswap import move_positions
from keeper.venues import VENUES
from keeper.venues.positions import PROVIDED

UNIT = 10**18


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    return build(module_chain)


@pytest.fixture(scope="module")
def nft(bench: Bench) -> Nft:
    nft = Nft(bench)
    nft.ready(*bench.chain.accounts[1:5])
    return nft


def by_account(whole: Provision) -> Counter[Position]:
    return Counter(whole.positions)


def gone(whole: Provision, *accounts: Address) -> object:
    return PROVIDED[whole.pool.venue].rest(whole, [row.provider in accounts for row in whole.positions])


def departures(*wholes: Provision) -> Departures:
    venues = [(whole.pool, VENUES[whole.pool.venue].curve(whole.pool, whole.state)) for whole in wholes]
    mids = [Fraction(curve.mid.numerator, curve.mid.denominator) for _, curve in venues]
    return Departures(venues, {whole.pool: whole for whole in wholes}, max(mids))


@pytest.fixture(scope="module")
def v3(bench: Bench, nft: Nft) -> tuple[PoolSettings, dict[str, Address], list[Position], PoolSettings]:
    """A pool after months in a minute: mints, more, partly and wholly out, given away, alone, through one multicall."""
    chain = bench.chain
    a, b, c, d = chain.accounts[1:5]
    other = bench.v3(500, 10, [Placed(-1_000, 1_000, UNIT)])
    pool = bench.v3(3000, 60, [])
    wide = (-widest(60), widest(60))
    narrow_a = nft.mint(a, pool, 9_000, 12_000, 10**20)
    wide_a = nft.mint(a, pool, *wide, 10**20)
    given_b = nft.mint(b, pool, 9_000, 12_000, 10**20)
    # One transaction opens two positions here and one elsewhere, between them.
    calls = [
        nft.mint_data(c, pool.fee_pips, 10_800, 11_100, 10**19),
        nft.mint_data(c, other.fee_pips, 9_000, 12_000, 10**19),
        nft.mint_data(c, pool.fee_pips, 9_000, 12_000, 10**19),
    ]
    chain.transact(c, nft.manager, "multicall(bytes[])", calls, gas=6_000_000)
    first_c = given_b + 1
    lone = lone_provider(
        chain, a, pool, [Placed(9_000, 12_000, 7 * UNIT), Placed(10_980, 11_040, UNIT), Placed(11_040, 11_100, UNIT)]
    )
    trade(bench, pool, random.Random(1), 4)
    nft.more(a, narrow_a, 10**19)
    nft.less(b, given_b, 12_345_678_901)
    nft.collect(a, narrow_a)
    nft.give(b, d, given_b)
    gone_d = nft.mint(d, pool, 11_040, 11_100, 10**18)
    nft.less(d, gone_d, nft.held(d, gone_d).liquidity)
    # In other pools of the manager the same accounts move too.
    nft.less(c, first_c + 1, 5)
    held = [
        nft.held(a, narrow_a),
        nft.held(a, wide_a),
        nft.held(d, given_b),
        nft.held(c, first_c),
        nft.held(c, first_c + 2),
        Position(lone, 9_000, 12_000, 7 * UNIT),
        Position(lone, 10_980, 11_040, UNIT),
        Position(lone, 11_040, 11_100, UNIT),
    ]
    chain.mine(3)
    return pool, {"a": a, "b": b, "c": c, "d": d, "lone": lone}, held, other


World = tuple[PoolSettings, dict[str, Address], list[Position], PoolSettings]


def test_every_v3_position_belongs_to_the_owner_of_its_token(v3: World, bench: Bench, tmp_path: Path) -> None:
    pool, who, held, _ = v3
    whole = provision_of(bench.chain, pool, tmp_path)
    assert by_account(whole) == Counter(held)
    assert who["b"] not in {row.provider for row in whole.positions}


def test_another_pool_of_the_same_manager_is_told_apart(v3: World, bench: Bench, tmp_path: Path) -> None:
    other = v3[3]
    whole = provision_of(bench.chain, other, tmp_path)
    assert {row.provider for row in whole.positions} == {bench.uniswap.liquidity, v3[1]["c"]}


def test_a_past_block_has_the_owners_of_that_block(v3: World, bench: Bench, nft: Nft, tmp_path: Path) -> None:
    pool, who, held, _ = v3
    chain = bench.chain
    mark = chain.rpc("evm_snapshot")
    before = chain.block().number
    token = nft.mint(who["b"], pool, 9_600, 10_200, 10**18)
    nft.give(who["b"], who["a"], token)
    now = provision_of(chain, pool, tmp_path)
    assert by_account(now) - Counter(held) == Counter([nft.held(who["a"], token)])
    assert by_account(provision_of(chain, pool, tmp_path, at=before)) == Counter(held)
    at_mint = provision_of(chain, pool, tmp_path, at=before + 1)
    assert by_account(at_mint) - Counter(held) == Counter([replace(nft.held(who["a"], token), provider=who["b"])])
    chain.rpc("evm_revert", mark)


@pytest.mark.parametrize("leaver", ["a", "c", "lone"])
def test_what_is_left_is_what_the_real_pool_holds_after_they_burned(
    v3: World, bench: Bench, nft: Nft, tmp_path: Path, leaver: str
) -> None:
    pool, who, held, _ = v3
    chain = bench.chain
    whole = provision_of(chain, pool, tmp_path)
    told = gone(whole, who[leaver])
    mark = chain.rpc("evm_snapshot")
    if leaver == "lone":
        rows = [Placed(row.tick_lower, row.tick_upper, row.liquidity) for row in held if row.provider == who["lone"]]
        move(chain, who["a"], who["lone"], pool, rows, "close")
    else:
        count = chain.call(nft.manager, "balanceOf(address)", who[leaver], returns="(uint256)")
        for at in range(count):
            signature = "tokenOfOwnerByIndex(address,uint256)"
            token = chain.call(nft.manager, signature, who[leaver], at, returns="(uint256)")
            nft.less(who[leaver], token, nft.held(who[leaver], token).liquidity)
    after = provision_of(chain, pool, tmp_path).state
    assert isinstance(told, UniswapV3State)
    assert isinstance(after, UniswapV3State)
    words = ("sqrt_price_x96", "tick", "liquidity", "ticks", "lowest_tick", "highest_tick")
    assert [getattr(told, word) for word in words] == [getattr(after, word) for word in words]
    assert after.ticks != whole.state.ticks  # type: ignore[union-attr]
    chain.rpc("evm_revert", mark)


def test_shares_of_three_alike_ranges_are_five_three_two(bench: Bench, tmp_path: Path) -> None:
    chain = bench.chain
    pool = bench.v3(10_000, 200, [])
    lower, upper = -widest(200), widest(200)
    who = [lone_provider(chain, bench.trader, pool, [Placed(lower, upper, part * UNIT)]) for part in (5, 3, 2)]
    chain.mine(5)
    market = departures(provision_of(chain, pool, tmp_path))
    assert [row.account for row in market.providers] == who
    for figures in market.concentration():
        assert figures is not None
        assert round(figures.hhi, 12) == Fraction(38, 100)
        assert round(figures.top1, 12) == Fraction(1, 2)
        assert round(figures.gini, 12) == Fraction(1, 5)
    # Alike ranges: depth is in proportion to the liquidity, to the three digits that it is stated in.
    for loss, whole in enumerate(market.depths):
        assert market.without(who[:1])[loss] == pytest.approx(whole / 2, rel=0.01)
        assert market.without(who[:2])[loss] == pytest.approx(whole / 5, rel=0.01)
    assert market.without(who) == (0, 0, 0)


def test_a_history_that_begins_too_late_is_refused_in_one_line(v3: World, bench: Bench, tmp_path: Path) -> None:
    pool = v3[0]
    with pytest.raises(Refused, match="incomplete history, so no concentration is stated") as refused:
        provision_of(bench.chain, pool, tmp_path, first=bench.chain.block().number - 12)
    assert "\n" not in str(refused.value)
    assert "--from" in refused.value.hint


def test_a_second_scan_goes_on_where_the_first_ended(v3: World, bench: Bench, tmp_path: Path) -> None:
    pool, _, held, _ = v3
    chain = bench.chain
    mark = chain.rpc("evm_snapshot")
    chain.mine(70)
    assert by_account(provision_of(chain, pool, tmp_path)) == Counter(held)
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    assert kept["block"] == chain.block().number - 64
    # The scan began where the pool was created.
    codes = [chain.rpc("eth_getCode", pool.address, hex(kept["first"] + ago)) for ago in (-1, 0)]
    assert [code == "0x" for code in codes] == [True, False]
    move_on = move_positions(bench.uniswap, bench.trader, pool.address, [Placed(9_000, 12_000, 11)], opening=True)
    chain.run(move_on)
    added = Position(bench.uniswap.liquidity, 9_000, 12_000, 11)
    assert by_account(provision_of(chain, pool, tmp_path)) == Counter([*held, added])
    # Whatever lies there, the answer is the chain's.
    # Neither a look at the past nor one that begins elsewhere costs what was kept.
    chain.mine(3)
    past = chain.block().number - 70
    assert by_account(provision_of(chain, pool, tmp_path, at=past)) == Counter(held)
    assert by_account(provision_of(chain, pool, tmp_path, first=0)) == Counter([*held, added])
    assert json.loads(file.read_text())["block"] > past
    thief = [[bench.trader, *kept["book"][-1][1:]]]
    for wrong in (
        "{",
        # Of a block that is no longer on the chain: it adds up, and another one owns it.
        json.dumps(kept | {"hash": "00" * 32, "book": kept["book"][:-1] + thief}),
        json.dumps(kept | {"book": kept["book"][1:]}),
        json.dumps(kept | {"book": [["0x"]]}),
        "[]",
    ):
        file.write_text(wrong)
        assert by_account(provision_of(chain, pool, tmp_path)) == Counter([*held, added])
    chain.rpc("evm_revert", mark)


def test_an_interrupted_scan_goes_on_from_where_it_was_kept(v3: World, bench: Bench, tmp_path: Path) -> None:
    pool, _, held, _ = v3
    chain = bench.chain
    mark = chain.rpc("evm_snapshot")
    chain.mine(200)
    with pytest.raises(RetryLater, match="went away"):
        provision_of(chain, pool, tmp_path, node=Capped(chain.url, 4, 45))
    whole, rest = Capped(chain.url, 4, 10_000), Capped(chain.url, 4, 10_000)
    assert by_account(provision_of(chain, pool, tmp_path, node=rest)) == Counter(held)
    assert by_account(provision_of(chain, pool, tmp_path / "other", node=whole)) == Counter(held)
    # Up to twenty pieces are done twice.
    assert whole.scanned - 45 <= rest.scanned <= whole.scanned - 25
    chain.rpc("evm_revert", mark)


def test_lp_tokens_of_a_pair_are_followed_to_their_holders(bench: Bench, tmp_path: Path) -> None:
    chain = bench.chain
    a, b, c = chain.accounts[1:4]
    pool = bench.v2(10**21, 3 * 10**21)
    send = "transfer(address,uint256)"
    for account, part in ((a, 5), (b, 3)):
        for token, amount in ((bench.token0, part * 10**20), (bench.token1, part * 3 * 10**20)):
            chain.transact(bench.trader, token, "mint(address,uint256)", pool.address, amount)
        chain.transact(bench.trader, pool.address, "mint(address)", account)
    shares = chain.call(pool.address, "balanceOf(address)", a, returns="(uint256)")
    chain.transact(a, pool.address, send, c, shares // 4)
    chain.transact(a, pool.address, send, NO_ADDRESS, 777)
    # B burns a third of his.
    burned = chain.call(pool.address, "balanceOf(address)", b, returns="(uint256)") // 3
    chain.transact(b, pool.address, send, pool.address, burned)
    chain.transact(b, pool.address, "burn(address)", b)
    whole = provision_of(chain, pool, tmp_path)
    accounts = (bench.trader, a, b, c, NO_ADDRESS)
    balances = [chain.call(pool.address, "balanceOf(address)", who, returns="(uint256)") for who in accounts]
    assert balances[-1] == 1777
    assert by_account(whole) == Counter(
        Position(who, MIN_TICK, MAX_TICK, held) for who, held in zip(accounts, balances, strict=True)
    )
    told = gone(whole, c)
    chain.transact(c, pool.address, send, pool.address, balances[3])
    chain.transact(c, pool.address, "burn(address)", c)
    assert provision_of(chain, pool, tmp_path).state == told
    market = departures(whole)
    assert NO_ADDRESS not in {row.account for row in market.providers}
    # What nobody can take out stays: a dust of the supply.
    assert 0 < max(market.without(accounts)) < 10**4
    assert isinstance(told, UniswapV2State)


@pytest.fixture(scope="module")
def v4_world(bench: Bench) -> tuple[BenchV4, NftV4]:
    v4 = build_v4(bench.chain)
    return v4, deploy_nft_v4(v4)


def test_v4_positions_belong_to_the_owners_of_their_tokens(v4_world: tuple[BenchV4, NftV4], tmp_path: Path) -> None:
    v4, nft = v4_world
    chain = v4.chain
    a, b, c = chain.accounts[1:4]
    key = v4.key(3000, 60)
    pool = v4.open(key, [Placed(9_000, 12_000, 4 * UNIT)])
    other = v4.key(500, 10)
    v4.open(other, [Placed(9_000, 12_000, UNIT)])
    kept = nft.mint(a, key, Placed(9_000, 12_000, 3 * UNIT))
    given = nft.mint(a, key, Placed(10_800, 11_100, 2 * UNIT))
    nft.mint(b, other, Placed(9_000, 12_000, UNIT))
    left = nft.mint(b, key, Placed(9_600, 12_000, UNIT))
    nft.more(a, key, kept, 5)
    nft.less(a, key, kept, 2)
    nft.give(a, c, given)
    nft.less(b, key, left, UNIT)
    v4.trade(key, random.Random(2), 3)
    whole = provision_of(chain, pool, tmp_path)
    assert by_account(whole) == Counter(
        [
            Position(v4.v4.unlocker, 9_000, 12_000, 4 * UNIT),
            Position(a, 9_000, 12_000, 3 * UNIT + 3),
            Position(c, 10_800, 11_100, 2 * UNIT),
        ]
    )
    told = gone(whole, c)
    nft.less(c, key, given, 2 * UNIT)
    assert isinstance(told, UniswapV4State)
    assert provision_of(chain, pool, tmp_path).state == told
    market = departures(whole)
    assert market.without({c}) == departures(replace(whole, state=told, positions=())).depths
    assert market.without({a, c, v4.v4.unlocker}) == (0, 0, 0)


def test_one_account_in_several_pools_leaves_all_of_them(v3: World, bench: Bench, tmp_path: Path) -> None:
    pool, who, _, _ = v3
    pair = bench.chain.call(
        bench.uniswap.v2_factory, "getPair(address,address)", bench.token0, bench.token1, returns="(address)"
    )
    pair_settings = replace(pool, venue="uniswap_v2", address=Address(pair), tick_spacing=0, price_source=False)
    bench.chain.run(
        [
            Tx(bench.trader, bench.token0, calldata("mint(address,uint256)", pair, 10**20)),
            Tx(bench.trader, bench.token1, calldata("mint(address,uint256)", pair, 3 * 10**20)),
            Tx(bench.trader, Address(pair), calldata("mint(address)", who["a"])),
        ]
    )
    both = departures(provision_of(bench.chain, pool, tmp_path), provision_of(bench.chain, pair_settings, tmp_path))
    (row,) = [row for row in both.providers if row.account == who["a"]]
    assert row.positions == 3
    alone = [departures(provision_of(bench.chain, one, tmp_path)).without({who["a"]}) for one in (pool, pair_settings)]
    assert all(
        max(parts) <= whole < old
        for whole, old, *parts in zip(both.without({who["a"]}), both.depths, *alone, strict=True)
    )
    assert both.told == 1
    assert sum(row.taken for row in both.providers) <= sum(taken for taken, _ in both.fills)
