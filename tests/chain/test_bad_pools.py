"""Every bad pool beside a good one: named, worth nothing, and without effect on what is good (docs/bad-input.md)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
from bad_ground import AROUND, Ground, Maker, build_ground, folded, operator_files, quoted, read_alone, v2, v3, v4
from bad_pools import MATRIX, NOTHING_SOLD, SHOUT, renamed_code
from keepers import Done, keeper_here
from ways import reader_by

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.artifacts import load
from keeper.chain.routes import Deployless
from keeper.chain.rpc import Rpc
from keeper.reading import open_reader
from keeper.records.settings import MarketSettings
from keeper.records.units import Address
from keeper.testing.client import DevChain
from keeper.testing.devnet import Devnet, build_devnet
from keeper.venues import VENUES

WINDOWS = 12
"""Traded before the listing: enough for prices and a feed; depth needs no past."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet = build_devnet(chain, history_windows=WINDOWS)
        yield build_ground(chain, devnet)


@pytest.fixture(autouse=True)
def _put_back(ground: Ground) -> Iterator[None]:
    mark = ground.chain.rpc("evm_snapshot")
    yield
    ground.chain.rpc("evm_revert", mark)


def keeper(toml: Path, *arguments: str) -> Done:
    """Run the program in this process; nothing that it writes may steer a terminal."""
    done = keeper_here(toml, *arguments)
    assert all(line.isprintable() for line in (done.out + done.err).split("\n"))
    assert "Traceback" not in done.err
    return done


@pytest.mark.parametrize("name", MATRIX)
def test_a_bad_pool_is_named_counts_nothing_and_moves_nothing_else(ground: Ground, name: str, tmp_path: Path) -> None:
    make, said = MATRIX[name]
    bad = make(ground)
    alone, other, market = ground.mixed(), ground.devnet.settings.markets[1], ground.mixed(bad)
    with Rpc("local", ground.chain.url) as rpc:
        reader = open_reader(rpc)
        expected, by_itself = folded(ground, reader, [alone, other])
        mixed, beside = folded(ground, reader, [market, other])
        # Where no code can be placed, views are asked instead; their faults may be worded otherwise.
        viewed, seen = folded(ground, reader_by(rpc, Deployless()), [market, other])
    estimates, good = mixed[1].estimates, expected[1].estimates
    assert good.depth.bound
    assert estimates.depth == good.depth == viewed[1].estimates.depth
    assert estimates.mid_price == good.mid_price
    (line,) = [row for row in estimates.missing if row not in good.missing]
    assert bad.label in line or bad.address in line
    assert re.search(said, line)
    assert len(line) < 300
    assert set(estimates.missing) == {*good.missing, line}
    assert beside == by_itself
    assert seen[1].estimates == by_itself[1].estimates
    shown = keeper(operator_files(ground, tmp_path, market, other), "depth", market.name)
    assert shown.code == 0
    assert shown.out.count(line) == 1


def test_doctor_says_one_line_or_more_of_every_bad_pool_and_ends(ground: Ground, tmp_path: Path) -> None:
    made = {name: make(ground) for name, (make, _) in MATRIX.items()}
    unique = {(pool.address, pool.pool_id): pool for pool in made.values()}
    market, other = ground.mixed(*unique.values()), ground.devnet.settings.markets[1]
    toml = operator_files(ground, tmp_path, market, other)
    done = keeper(toml, "doctor", "--json")
    assert done.code == 2
    checks = {check["title"]: check for check in json.loads(done.out)["checks"]}
    pools = checks["pools: tokens, fee, spacing, storage layout"]
    assert pools["verdict"] in {"warn", "fail"}
    shown = keeper(toml, "depth", market.name, "--json")
    assert shown.code == 0, shown.err
    missing = json.loads(shown.out)["missing"]
    said = [*pools["findings"], *missing, *checks["tokens move as told, and pools hold what they owe"]["findings"]]
    for name, pool in made.items():
        assert any(pool.address in line for line in said), name
    assert all(len(line) < 600 for line in said)


@pytest.mark.parametrize("make", [v3(1, AROUND), v3(16_383, (-1, 1)), v4(1, AROUND), v4(32_767, (-1, 1))])
def test_the_smallest_and_the_largest_tick_spacing_count_like_any_other(ground: Ground, make: Maker) -> None:
    pool = make(ground)
    state = read_alone(ground, pool).state
    assert state is not None
    swaps, compared = VENUES[pool.venue].swaps(pool, state), 0
    for amount in (10**3, 10**6, 10**9, 10**12):
        taken, out = swaps.exact_in_down(amount, sells_collateral=True)
        if taken == amount:
            assert out == quoted(ground, pool, amount)
            compared += out > 0
    assert compared
    with Rpc("local", ground.chain.url) as rpc:
        (row,) = folded(ground, open_reader(rpc), [replace(ground.market, pools=(pool,))])
    assert not [line for line in row[1].estimates.missing if pool.label in line and NOTHING_SOLD in line]
    assert row[1].estimates.depth.bound is not None


@dataclass(frozen=True)
class Listed:
    """A market of a token of our own against the debt asset."""

    market: MarketSettings
    token: Address


def listed(ground: Ground, token: Address, decimals: int, reserves: tuple[int, int]) -> Listed:
    """A v2 pair at these reserves, a feed at 3,000."""
    market = replace(ground.market, collateral=token, collateral_decimals=decimals, name="ODD/USDC")
    feed = ground.chain.deploy(load("DevFeed", "keeper.testing"), "ODD / USD", 8, sender=ground.devnet.admin)
    ground.act(feed, "push(int256)", 3_000 * 10**8)
    market = replace(market, feed=replace(market.feed, address=feed))
    own = Ground(ground.chain, replace_market(ground, market), ground.v4, ground.balancer)
    pair = v2(*reserves)(own)
    first, second = (0, 1) if token < market.debt else (1, 0)
    return Listed(replace(market, pools=(replace(pair, collateral_index=first, debt_index=second),)), token)


def replace_market(ground: Ground, market: MarketSettings) -> Devnet:
    return replace(ground.devnet, settings=replace(ground.devnet.settings, markets=(market,)))


def test_a_token_without_decimals_sells_as_much_as_the_pair_itself_says(ground: Ground) -> None:
    (token,) = ground.chain.deploy_all(
        [(load("DevToken", "keeper.testing"), ("Whole", "WHOLE", 0))], ground.devnet.admin
    )
    row = listed(ground, token, 0, (10**6, 3_000 * 10**12))
    with Rpc("local", ground.chain.url) as rpc:
        (found,) = folded(ground, open_reader(rpc), [row.market])
    most = found[1].estimates.depth.at_200_bps
    assert most is not None

    def average(amount: int) -> Fraction:
        """By v2's own formula, whole USDC a token."""
        kept = 997 * amount
        return Fraction(kept * 3_000 * 10**12 // (1_000 * 10**6 + kept), amount * 10**6)

    assert average(most) >= 3_000 * Fraction(98, 100) > average(most + 10 ** (len(str(most)) - 3) * 2)


def test_a_token_of_77_decimals_is_refused_by_the_settings_and_stops_no_fold(ground: Ground, tmp_path: Path) -> None:
    coin = (load("DevToken", "keeper.testing"), ("Many", "MANY", 77))
    (token,) = ground.chain.deploy_all([coin], ground.devnet.admin)
    row, other = listed(ground, token, 77, (10**33, 3 * 10**12)), ground.devnet.settings.markets[1]
    with Rpc("local", ground.chain.url) as rpc:
        reader = open_reader(rpc)
        odd, beside = folded(ground, reader, [row.market, other])
        (by_itself,) = folded(ground, reader, [other])
    assert odd[1].estimates.depth.bound is not None
    assert beside == by_itself
    shown = keeper(operator_files(ground, tmp_path / "a", sourced(ground, row.market), other), "depth", "ODD/USDC")
    assert shown.code == 2
    assert "markets[0].collateral_decimals: 77 is above 36" in shown.err
    wrong = sourced(ground, replace(row.market, collateral_decimals=18))
    (line,) = [
        line
        for line in keeper(operator_files(ground, tmp_path / "b", wrong, other), "doctor").out.splitlines()
        if "collateral_decimals" in line
    ]
    assert line.endswith("is 18, the token's is 77; more than 36 cannot be counted: take it out of the settings")


def sourced(ground: Ground, market: MarketSettings) -> MarketSettings:
    """With a price source, as every configuration must have one."""
    return replace(market, pools=(*market.pools, ground.good))


@pytest.mark.parametrize("size", [len(SHOUT), 1_000_000])
def test_what_a_token_calls_itself_is_never_asked_and_never_shown(ground: Ground, size: int, tmp_path: Path) -> None:
    coin = (load("DevToken", "keeper.testing"), ("Odd", "ODD", 18))
    (honest,) = ground.chain.deploy_all([coin], ground.devnet.admin)
    token = Address("0x" + "0d" * 20)
    ground.chain.rpc("anvil_setCode", token, renamed_code(honest, SHOUT, size))
    assert len(ground.chain.rpc("eth_call", {"to": token, "data": "0x06fdde03"}, "latest")) > 2 * size
    row, other = listed(ground, token, 18, (10**21, 3 * 10**12)), ground.devnet.settings.markets[1]
    with Rpc("local", ground.chain.url) as rpc:
        reader = open_reader(rpc)
        odd, beside = folded(ground, reader, [row.market, other])
        (by_itself,) = folded(ground, reader, [other])
    assert odd[1].estimates.depth.bound
    assert beside == by_itself
    toml = operator_files(ground, tmp_path, sourced(ground, row.market), other)
    assert keeper(toml, "depth", "ODD/USDC").code == 0
    assert "pools: tokens, fee, spacing" in keeper(toml, "doctor").out
