"""Positions of a real Aave v3 market: what is read equals the contracts' own views to the wei, in one call."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from aave_bench import DOLLAR, ETHER, AaveBench, build_aave
from ways import ROUTES, reader_by, with_multicall3

from keeper.chain.reader import Reader
from keeper.chain.rpc import Rpc
from keeper.maths.fixed import cdiv
from keeper.protocols import PROTOCOLS
from keeper.protocols.aave_v3_calls import HOLDERS_A_CALL
from keeper.records.positions import Position, Positions
from keeper.records.settings import MarketSettings
from keeper.records.snapshot import PositionsReading
from keeper.records.units import Address
from keeper.risk.positions import sizing_of
from keeper.testing.aave import borrow, supply
from keeper.testing.client import DevChain

ACCOUNT = "(uint256,uint256,uint256,uint256,uint256,uint256)"


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> AaveBench:
    return build_aave(with_multicall3(module_chain))


@pytest.fixture
def rpc(bench: AaveBench) -> Iterator[Rpc]:
    with Rpc("local", bench.chain.url) as client:
        yield client


def read(reader: Reader, market: MarketSettings) -> PositionsReading:
    (reading,) = reader.run([PROTOCOLS["aave_v3"].positions(market)], reader.block("latest"))
    assert isinstance(reading, PositionsReading)
    return reading


def positions_of(reader: Reader, market: MarketSettings) -> Positions:
    reading = read(reader, market)
    assert (reading.failure, reading.doubts) == ("", ())
    assert reading.state is not None
    return reading.state


def by_holder(positions: Positions) -> dict[Address, Position]:
    return {row.holder: row for row in positions.holders}


def test_what_is_read_equals_the_contracts_own_views_to_the_wei(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    positions = positions_of(reader, bench.market())
    assert reader.eth_calls == 1
    view = bench.chain.call
    assert positions.supply == view(bench.a_weth, "totalSupply()", returns="(uint256)") > 1_094 * ETHER
    assert [row.holder for row in positions.holders] == list(bench.holders)
    for row in positions.holders:
        assert row.supplied == view(bench.a_weth, "balanceOf(address)", row.holder, returns="(uint256)") > 0
        account = view(bench.aave.pool, "getUserAccountData(address)", row.holder, returns=ACCOUNT)
        assert row.threshold_bps == account[3]
        # US dollars of eight decimals, and a dollar is a USDC of six.
        assert row.backing == account[0] // 100
        assert row.debt == cdiv(account[1], 100)
    seen = by_holder(positions)
    for holder in (bench.failing, bench.rich, bench.mixed, bench.unpledged):
        owed = view(bench.debt_usdc, "balanceOf(address)", holder, returns="(uint256)")
        assert seen[holder].debt == owed > 0
    assert seen[bench.failing].debt > 21_000 * DOLLAR
    assert Fraction(positions.price.numerator, positions.price.denominator) == Fraction(3_000 * DOLLAR, ETHER)


def test_thresholds_are_those_in_force_and_unpledged_supply_cannot_be_seized(bench: AaveBench, rpc: Rpc) -> None:
    seen = by_holder(positions_of(reader_by(rpc, ROUTES[0]), bench.market()))
    assert seen[bench.failing].threshold_bps == 8_250
    assert seen[bench.category].threshold_bps == 9_500
    assert 7_800 < seen[bench.mixed].threshold_bps < 8_250
    assert [seen[holder].pledged for holder in bench.holders] == [True, True, True, True, False]
    assert seen[bench.unpledged].collateral == 0
    assert seen[bench.unpledged].supplied > 7 * ETHER


def test_the_size_is_what_the_reference_shock_liquidates_and_what_nobody_accounts_for(
    bench: AaveBench, rpc: Rpc
) -> None:
    market = bench.market()
    positions = positions_of(reader_by(rpc, ROUTES[0]), market)
    seen, sizing = by_holder(positions), sizing_of(positions, market)
    # A fall by 30 % leaves 2,100 dollars; liquidators take 5 % more than they repay.
    taken = cdiv(seen[bench.failing].debt * 105 * ETHER, 100 * 2_100 * DOLLAR)
    assert 21 * ETHER // 2 < taken < 11 * ETHER < seen[bench.failing].supplied
    counted = [taken, seen[bench.mixed].supplied, seen[bench.category].supplied]
    assert (sizing.failing, sizing.liquidated) == (3, sum(counted))
    stranger = bench.chain.call(bench.a_weth, "balanceOf(address)", bench.stranger, returns="(uint256)")
    assert abs(sizing.uncovered - stranger) <= len(bench.holders)
    assert sizing.size == max(sum(sorted(counted)[-2:]), cdiv(sum(counted), 2) + sizing.uncovered)


def test_a_rich_account_with_a_dust_of_debt_moves_nothing_but_what_it_covers(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    with_it, without = bench.market(), bench.market(*(row for row in bench.holders if row != bench.rich))
    sizes = [sizing_of(positions_of(reader, market), market) for market in (with_it, without)]
    assert sizes[0].liquidated == sizes[1].liquidated
    # Off the list its thousand WETH are anybody's.
    assert sizes[1].size > 1_000 * ETHER > sizes[0].size


@pytest.mark.parametrize("route", ROUTES[1:], ids=lambda route: route.name)
def test_positions_and_inputs_are_the_same_bytes_by_every_way(bench: AaveBench, rpc: Rpc, route: object) -> None:
    nobody = Address("0x" + "e0" * 20)
    markets = [
        bench.market(),
        bench.market(nobody, *bench.holders, bench.stranger, bench.lender, nobody),
        bench.market(collateral=nobody),
        bench.market(debt=nobody),
        bench.market(protocol_market_id=bytes(12) + b"\xe0" * 20),
        bench.market(protocol_market_id=bytes(12) + bytes.fromhex(bench.aave.pool[2:])),
    ]
    for market in markets:
        raw, by_views = (read(reader_by(rpc, way), market) for way in (ROUTES[0], route))
        assert by_views == raw
    assert read(reader_by(rpc, route), markets[0]).state is not None


def test_a_long_list_is_spread_over_calls_by_the_gas_cap_and_answers_the_same(bench: AaveBench, rpc: Rpc) -> None:
    many = tuple(Address(f"0x{number:040x}") for number in range(1 << 80, (1 << 80) + 10 * HOLDERS_A_CALL))
    market = bench.market(*bench.holders, *many)
    one, small = reader_by(rpc, ROUTES[0]), reader_by(rpc, ROUTES[0])
    small.gas_cap = 14_000_000
    whole = read(one, market)
    assert (one.eth_calls, len(whole.inputs)) == (1, 6 + 3 * 45)
    assert read(small, market) == whole
    assert small.eth_calls > 1


def test_an_account_costs_less_than_100_000_gas(bench: AaveBench, rpc: Rpc, record_property) -> None:  # type: ignore[no-untyped-def]
    reader = reader_by(rpc, ROUTES[0])
    read(reader, bench.market(bench.failing))
    base = reader.last_gas
    others = tuple(row for row in (*bench.holders, bench.stranger, bench.lender) if row != bench.failing)
    read(reader, bench.market(bench.failing, *others))
    each = (reader.last_gas - base) / len(others)
    record_property("figure", f"Aave v3: {each:.0f} gas an account")
    assert each < 100_000


def test_an_account_named_twice_covers_its_supply_once(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    once = read(reader, bench.market(bench.failing))
    assert read(reader, bench.market(bench.failing, bench.failing)) == once


def test_an_account_that_cannot_be_read_counts_fully(bench: AaveBench, rpc: Rpc) -> None:
    chain = bench.chain
    market = bench.market(bench.failing, bench.stranger)
    snapshot = chain.rpc("evm_snapshot")
    whole = positions_of(reader_by(rpc, ROUTES[0]), market)
    spin_for(chain, bench.a_weth, bench.stranger)
    torn = read(reader_by(rpc, ROUTES[0]), market)
    chain.rpc("evm_revert", snapshot)
    assert torn.state is not None
    assert [row.holder for row in torn.state.holders] == [bench.failing]
    assert torn.doubts == (f"{bench.stranger} could not be read, so what it supplies counts fully",)
    assert torn.state.uncovered == torn.state.supply - torn.state.holders[0].supplied
    assert torn.state.uncovered > whole.uncovered + 5 * ETHER


def spin_for(chain: DevChain, proxy: Address, account: Address) -> None:
    """Put code before a contract that never ends for calls whose argument is ``account``, and forwards all others."""
    original = Address("0x" + "0f" * 20)
    chain.rpc("anvil_setCode", original, chain.rpc("eth_getCode", proxy, "latest"))
    forward = f"365f5f375f5f365f73{original[2:]}5af43d5f5f3e3d5ff3"
    # calldataload(4) == account ? loop : whatever the original answers.
    loop = len(bytes.fromhex(forward)) + 28
    code = f"60043573{account[2:]}1460{loop:02x}57{forward}5b60{loop:02x}56"
    chain.rpc("anvil_setCode", proxy, "0x" + code)
    chain.mine()


def test_a_market_whose_own_words_fail_is_a_missing_input_with_its_reason(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    nobody = Address("0x" + "e0" * 20)
    wrong = read(reader, bench.market(protocol_market_id=bytes(12) + b"\xe0" * 20))
    assert wrong.state is None
    assert "does not answer like a Pool of Aave v3" in wrong.failure
    assert wrong.inputs
    other = read(reader, bench.market(collateral=nobody))
    assert (other.state, other.failure) == (None, f"{bench.aave.provider}: {nobody} is not one of its reserves")
    unpriced = read(reader, bench.market(debt=nobody))
    assert (unpriced.state, unpriced.failure) == (
        None,
        f"{bench.aave.provider}: it does not answer a price of the debt asset",
    )


def test_check_compares_decimals_and_bonus_with_the_reserve(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    market = bench.market()
    wrong = replace(market, collateral_decimals=8, model=replace(market.model, bonus_bps=400))
    checks = [PROTOCOLS["aave_v3"].check_market(row) for row in (market, wrong)]
    assert reader.run(checks, reader.block("latest")) == [
        (),
        (
            "the reserve has 18 decimals, the settings say 8",
            "its liquidation bonus is 500 bps, the settings say 400",
        ),
    ]


def test_a_falling_price_and_new_debt_move_the_size_up(bench: AaveBench, rpc: Rpc) -> None:
    reader = reader_by(rpc, ROUTES[0])
    market = bench.market()
    before = sizing_of(positions_of(reader, market), market)
    snapshot = bench.chain.rpc("evm_snapshot")
    borrow(bench.chain, bench.aave, bench.rich, bench.usdc, 2_000_000 * DOLLAR)
    indebted = sizing_of(positions_of(reader, market), market)
    supply(bench.chain, bench.aave, bench.stranger, bench.weth, 5_000 * ETHER)
    strange = sizing_of(positions_of(reader, market), market)
    bench.set_price(1_500)
    fallen = sizing_of(positions_of(reader, market), market)
    bench.chain.rpc("evm_revert", snapshot)
    assert before.size < 200 * ETHER
    assert indebted.failing == before.failing + 1
    assert indebted.size > 999 * ETHER
    assert strange.size >= 5_000 * ETHER + indebted.liquidated // 2
    assert fallen.liquidated > strange.liquidated
