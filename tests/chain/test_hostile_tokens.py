"""Hostile tokens in a real Uniswap v2 pair: every vice is seen, with its size; honest tokens pass."""

from dataclasses import dataclass

import pytest

from keeper.chain.artifacts import load
from keeper.chain.rpc import Rpc
from keeper.chain.token_trials import STRANGERS, try_token
from keeper.records.units import Address
from keeper.risk.hostile import faults_of
from keeper.testing.client import DevChain, Tx, calldata
from keeper.testing.contracts import npm_contract
from keeper.testing.uniswap import create_v2_pair

HELD = 10**21
GAS = 50_000_000
NONE, FEE, SALE_TAX, REBASE, CEILING, SILENT, FALSE_ANSWER, WRONG_ANSWER, LONG_ANSWER, BURNER, CALLER, BLACKLIST = (
    range(12)
)
GENEROUS, NO_BALANCE = 12, 13
OUT, ACROSS, BACK = "out of the pool", "between two strangers", "into the pool"


@dataclass(frozen=True)
class Bench:
    chain: DevChain
    token: Address
    pair: Address

    def faults(self, vice: int, parameter: int = 0) -> tuple[str, ...]:
        trader = self.chain.accounts[0]
        self.chain.transact(trader, self.token, "become(uint8,uint256,address)", vice, parameter, self.pair)
        return faults_of(self.trial(self.token))

    def trial(self, token: Address):  # type: ignore[no-untyped-def]
        with Rpc("local", self.chain.url) as rpc:
            return try_token(rpc, token, self.pair, self.chain.block(), GAS)


@pytest.fixture(scope="module")
def bench(module_chain: DevChain) -> Bench:
    trader = module_chain.accounts[0]
    hostile, plain, factory = module_chain.deploy_all(
        [
            (load("DevHostileToken", "keeper.testing"), (18,)),
            (load("DevToken", "keeper.testing"), ("P", "P", 6)),
            (npm_contract("UniswapV2Factory"), (trader,)),
        ],
        trader,
    )
    pair = create_v2_pair(module_chain, factory, trader, (hostile, plain))
    mint = "mint(address,uint256)"
    fills = [Tx(trader, token, calldata(mint, pair, HELD)) for token in (hostile, plain)]
    module_chain.run([*fills, Tx(trader, pair, calldata("mint(address)", trader))])
    return Bench(module_chain, hostile, pair)


def test_an_honest_token_moves_its_half_three_times_and_has_no_fault(bench: Bench) -> None:
    assert bench.faults(NONE) == ()
    trial = bench.trial(bench.token)
    assert trial.held == HELD
    assert [row[0].asked for row in trial.rounds] == [HELD // 2 >> 20, HELD // 2]
    for row in trial.rounds:
        for move in row:
            assert move.tried
            assert move.ok
            assert move.sent == move.received == move.asked
            assert 1_000 < move.gas_used < 60_000


def test_real_erc20s_pass(bench: Bench) -> None:
    chain = bench.chain
    (weth9,) = chain.deploy_all([(npm_contract("WETH9"), ())], chain.accounts[0])
    chain.run([Tx(chain.accounts[0], weth9, calldata("deposit()"), value=10**18)])
    chain.run([Tx(chain.accounts[0], weth9, calldata("transfer(address,uint256)", bench.pair, 10**18))])
    for token in (weth9, chain.call(bench.pair, "token0()", returns="(address)")):
        assert faults_of(bench.trial(token)) == ()


@pytest.mark.parametrize("bps", [1, 300, 10_000])
def test_a_fee_on_transfer_is_measured(bench: Bench, bps: int) -> None:
    found = bench.faults(FEE, bps)
    assert found[0] == f"takes {bps} bps of a transfer {OUT}"
    assert (f"takes {bps} bps of a transfer {BACK}" in found) == (bps < 10_000)


def test_a_tax_on_sales_alone_shows_where_the_token_goes_back_into_the_pool(bench: Bench) -> None:
    assert bench.faults(SALE_TAX, 1_200) == (f"takes 1200 bps of a transfer {BACK}",)


def test_a_ceiling_shows_between_the_small_and_the_large_amount(bench: Bench) -> None:
    found = bench.faults(CEILING, HELD // 100)
    assert found == (f"moves {HELD // 2 >> 20} {OUT} but refuses {HELD // 2}",)


def test_a_token_that_answers_nothing_is_taken_by_every_venue_and_has_no_fault(bench: Bench) -> None:
    assert bench.faults(SILENT) == ()


def test_answers_that_are_no_yes_are_named(bench: Bench) -> None:
    false = bench.faults(FALSE_ANSWER)
    assert false[0] == f"answers false to a transfer {OUT}"
    assert bench.faults(WRONG_ANSWER)[0] == f"answers neither true nor false to a transfer {OUT}"
    assert bench.faults(LONG_ANSWER, 100_000)[0] == f"answers 100000 bytes to a transfer {OUT}"
    assert bench.faults(NO_BALANCE)[0] == f"does not answer balanceOf with one word {OUT}"


def test_a_gas_burner_is_named_and_cannot_stop_the_trial(bench: Bench) -> None:
    assert bench.faults(BURNER, 600_000)[0] == f"burns more than 500000 gas in a transfer {OUT}"
    assert bench.faults(BURNER, 29_000_000) == (f"refuses to be moved {OUT}",)


def test_a_callback_is_noticed(bench: Bench) -> None:
    assert bench.faults(CALLER) == tuple(f"calls whoever sends or receives it, {leg}" for leg in (OUT, ACROSS, BACK))


def test_a_blacklisted_pool_cannot_pay_out(bench: Bench) -> None:
    assert bench.faults(BLACKLIST) == (f"refuses to be moved {OUT}",)


def test_a_rebase_that_moves_other_amounts_is_named(bench: Bench) -> None:
    (*_, last) = bench.faults(GENEROUS)
    assert "moves another amount than it is told, 10000 bps sent and 20000 bps got," in last


def test_nothing_of_a_trial_remains(bench: Bench) -> None:
    before = bench.chain.call(bench.token, "balanceOf(address)", bench.pair, returns="(uint256)")
    bench.faults(FEE, 500)
    assert bench.chain.call(bench.token, "balanceOf(address)", bench.pair, returns="(uint256)") == before
    for stranger in STRANGERS:
        assert bench.chain.call(bench.token, "balanceOf(address)", stranger, returns="(uint256)") == 0
    assert bench.chain.call(bench.pair, "getReserves()", returns="(uint112,uint112,uint32)")[0] == HELD


def test_a_token_of_which_the_pool_holds_none_cannot_be_tried(bench: Bench) -> None:
    (other,) = bench.chain.deploy_all([(load("DevToken", "keeper.testing"), ("Q", "Q", 6))], bench.chain.accounts[0])
    trial = bench.trial(other)
    assert (trial.held, trial.rounds, faults_of(trial)) == (0, (), ())
