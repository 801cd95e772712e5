"""Every input of a market comes in one call: pools with fee growth, feed with rounds, own words, positions of Aave."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aave_bench import ETHER, AaveBench, build_aave
from keepers import keeper, opened
from ways import ROUTES, reader_by

from keeper.chain.anvil import Anvil, AnvilOptions
from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.cycle import run_cycle
from keeper.fold import fold_sample
from keeper.records.pools import UniswapV3State
from keeper.records.settings import MarketSettings, encode_settings
from keeper.records.snapshot import CallInput, MarketSnapshot, WordInput
from keeper.risk.keys import market_key
from keeper.risk.windows import last_ended
from keeper.sampling import Sampler
from keeper.testing import world
from keeper.testing.aave import supply
from keeper.testing.client import DevChain
from keeper.testing.devnet import FIRST_HAIRCUT_BPS, FIRST_LIQUIDATION_BPS, Devnet, build_devnet
from keeper.testing.scenario import Scenario

STEPS, ROUNDS = 6, 4
Lived = tuple[DevChain, Devnet, AaveBench, Path]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A devnet whose first market is lent against on Aave, and a keeper that has lived on it for a while."""
    folder = tmp_path_factory.mktemp("inputs")
    with Anvil.start(AnvilOptions(no_mining=True)) as node:
        chain = DevChain(node.url)
        devnet, bench = with_aave(chain, build_devnet(chain))
        scenario = Scenario(chain, devnet)
        scenario.align()
        with opened(devnet, folder, broadcast=True) as ports:
            for index in range(STEPS):
                scenario.step(index)
                run_cycle(ports)
            chain.mine(3)
            run_cycle(ports)
        yield chain, devnet, bench, folder / "keeper.toml"


def with_aave(chain: DevChain, devnet: Devnet) -> tuple[Devnet, AaveBench]:
    """Governance lists the first market anew, as one of Aave's, with a holder list and feed rounds."""
    first, *others = devnet.settings.markets
    bench = build_aave(chain, (first.collateral, first.debt), seconds=world.BLOCK_SECONDS)
    feed = replace(first.feed, rounds=ROUNDS)
    market = replace(
        first, protocol="aave_v3", protocol_market_id=bench.aave.market_id, feed=feed, holders=bench.holders
    )
    settings = replace(devnet.settings, markets=(market, *others))
    key = market_key(devnet.chain_id, market)
    document, start = encode_settings(settings), chain.block().number + 1
    chain.transact(devnet.admin, devnet.contract, "setSettings(bytes,uint64)", document, start, gas=8_000_000)
    listing = (key, world.PROFILE, FIRST_HAIRCUT_BPS, FIRST_LIQUIDATION_BPS, world.MODEL["bonus_bps"])
    chain.transact(devnet.admin, devnet.contract, "listMarket(bytes32,uint8,uint16,uint16,uint16)", *listing)
    listed = chain.block().number
    keys = (key, *devnet.market_keys[1:])
    return replace(devnet, settings=settings, market_keys=keys, listed_block=listed), bench


def observed(devnet: Devnet, reader: Reader, head: int) -> dict[bytes, MarketSnapshot]:
    sampler = Sampler(reader, devnet.contract, devnet.settings)
    window = last_ended(head, devnet.settings.cadence_blocks)
    return sampler.observe(window, dict.fromkeys(sampler.markets, b""))


def aave_market(devnet: Devnet) -> tuple[bytes, MarketSettings]:
    return devnet.market_keys[0], devnet.settings.markets[0]


def test_a_whole_snapshot_of_all_inputs_is_one_eth_call(lived: Lived) -> None:
    chain, devnet, bench, _ = lived
    with Rpc("counted", chain.url) as rpc:
        reader = reader_by(rpc, ROUTES[0])
        head = reader.block("latest")
        reader.route(head)
        before = rpc.requests
        snapshots = observed(devnet, reader, head.number)
        # The call, and the headers of the window's end and of its sample, which may be one block.
        assert reader.eth_calls == 1
        assert rpc.requests - before in {2, 3}
    snapshot = snapshots[devnet.market_keys[0]]
    assert [pool.failure for pool in snapshot.pools] == ["", "", ""]
    states = [pool.state for pool in snapshot.pools]
    assert all(row.fee_growth0_x128 and row.fee_growth1_x128 for row in states if isinstance(row, UniswapV3State))
    assert len(snapshot.feed.rounds) == ROUNDS
    assert snapshot.words is not None
    assert snapshot.positions is not None
    assert snapshot.positions.state is not None
    assert [row.holder for row in snapshot.positions.state.holders] == list(bench.holders)
    calls = [row for row in snapshot.inputs if isinstance(row, CallInput)]
    assert len(calls) == 1 + ROUNDS + 6 + 3 * len(bench.holders)
    slots = {int.from_bytes(row.slot, "big") for row in snapshot.pools[0].inputs if isinstance(row, WordInput)}
    assert {0, 1, 2, 4} < slots


def test_the_whole_snapshot_is_the_same_where_no_code_can_be_placed(lived: Lived) -> None:
    chain, devnet, _, _ = lived
    with Rpc("local", chain.url) as rpc:
        head = chain.block().number
        raw, by_views = (observed(devnet, reader_by(rpc, route), head) for route in ROUTES[:2])
    assert by_views == raw
    assert [list(row.inputs) for row in by_views.values()] == [list(row.inputs) for row in raw.values()]


def test_depths_of_past_windows_cost_no_reading_of_accounts(lived: Lived) -> None:
    chain, devnet, _, _ = lived
    first, *others = devnet.settings.markets
    nobody = replace(devnet.settings, markets=(replace(first, holders=()), *others))
    window = last_ended(chain.block().number, devnet.settings.cadence_blocks)
    gas, depths = [], []
    with Rpc("local", chain.url) as rpc:
        for settings in (devnet.settings, nobody):
            reader = reader_by(rpc, ROUTES[0])
            depths.append(Sampler(reader, devnet.contract, settings).depths(window))
            gas.append(reader.last_gas)
    assert gas[0] == gas[1]
    assert depths[0] == depths[1]


def test_every_report_is_recomputed_with_the_positions_of_its_block(lived: Lived, tmp_path: Path) -> None:
    _, devnet, bench, _ = lived
    arguments = ("verify", "--all", "--proofs", "--json", "--rpc", devnet.url, "--contract", devnet.contract)
    done = keeper(tmp_path / "there-is-none.toml", *arguments)
    assert done.code == 0, done.out + done.err
    reports = json.loads(done.out)["reports"]
    assert all(row["ok"] for row in reports)
    ours = [row for row in reports if row["market"] == "WETH/USDC"]
    assert ours
    for row in ours:
        # Words are proved; the feed's and Aave's answers can only be asked for again.
        assert row["provedWords"] > 100 * row["samples"]
        assert row["unprovableAnswers"] == row["samples"] * (1 + ROUNDS + 6 + 3 * len(bench.holders))


def test_explain_says_what_the_size_is_made_of(lived: Lived) -> None:
    _, _, bench, toml = lived
    document = json.loads(keeper(toml, "explain", "WETH/USDC", "--json").out)
    made = document["positions"]
    assert (made["holders"], made["failing"]) == (len(bench.holders), 3)
    assert int(document["estimates"]["size"]) == int(made["size"]) > 70 * ETHER
    assert 5 * ETHER <= int(made["uncovered"]) < 6 * ETHER
    assert len(document["rounds"]) == ROUNDS
    text = keeper(toml, "explain", "WETH/USDC").out
    assert "3 of 5 holders fail it" in text
    assert "supplied is nobody's on the list and counts fully" in text
    other = json.loads(keeper(toml, "explain", "WBTC/USDC", "--json").out)
    assert "positions" not in other
    assert int(other["estimates"]["size"]) == 100 * 10**8


def list_check(toml: Path) -> tuple[str, str]:
    checks = json.loads(keeper(toml, "doctor", "--json").out)["checks"]
    (row,) = [row for row in checks if row["title"] == "holder lists cover what is lent against"]
    return row["verdict"], " ".join(row["findings"])


def test_doctor_names_what_the_list_leaves_out_and_what_cannot_be_read(lived: Lived) -> None:
    _, _, bench, toml = lived
    assert list_check(toml) == ("ok", "")
    text, other = toml.read_text(), toml.with_name("other.toml")
    other.write_text(text.replace(f'"{bench.rich}", ', "").replace("bonus_bps = 500", "bonus_bps = 400", 1))
    verdict, lines = list_check(other)
    assert verdict == "warn"
    assert "91 % of the supply is nobody's on the list" in lines
    assert "its liquidation bonus is 500 bps, the settings say 400" in lines
    other.write_text(text.replace(bench.aave.provider[2:], "e0" * 20))
    verdict, lines = list_check(other)
    assert verdict == "warn"
    assert "does not answer like a Pool of Aave v3; without them this market publishes nothing" in lines


def test_a_whale_that_nobody_named_raises_size_and_haircut_at_the_next_sample(lived: Lived) -> None:
    chain, devnet, bench, _ = lived
    key, market = aave_market(devnet)
    with Rpc("local", chain.url) as rpc:
        calm = observed(devnet, reader_by(rpc, ROUTES[0]), chain.block().number)[key]
        snapshot = chain.rpc("evm_snapshot")
        supply(chain, bench.aave, bench.stranger, bench.weth, 100_000 * ETHER)
        chain.mine(2 * world.CADENCE)
        crowded = observed(devnet, reader_by(rpc, ROUTES[0]), chain.block().number)[key]
        chain.rpc("evm_revert", snapshot)
    window = last_ended(crowded.block.number + world.CADENCE, world.CADENCE)
    before, after = (fold_sample(b"", row, window, (), market, devnet.settings).estimates for row in (calm, crowded))
    assert before.size is not None
    assert after.size is not None
    assert before.size < 200 * ETHER < 100_000 * ETHER < after.size
    assert before.waterfall is not None
    assert after.waterfall is not None
    assert after.waterfall.haircut_bps > before.waterfall.haircut_bps
