"""F25, F27, F29, F30, F32 to F40: what happens to a transaction between its signature and its end."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from faults import lies
from faults.mempool import Mempool
from faults.proxy import FaultProxy
from faults.world import GWEI, Keeper, World, config_of, keeper, nodes

from keeper.cycle import plan
from keeper.maths.fixed import cdiv
from keeper.records.outcome import IntentState, Tier
from keeper.testing.client import Tx, calldata

FINAL = {IntentState.FINAL_OK, IntentState.SUPERSEDED}
Say = Callable[..., None]
DEAR = 100 * GWEI
"""Fifty times the base fee that a test begins with; above the routine cap."""


@pytest.fixture
def node(town: World) -> Iterator[FaultProxy]:
    with nodes(town.chain.url) as (proxy,):
        yield proxy


@pytest.fixture
def alone(town: World, node: FaultProxy, tmp_path: Path) -> Iterator[Keeper]:
    """A keeper over one node, before its first report."""
    with keeper(config_of(town.devnet, tmp_path, [node.url])) as one:
        yield one


@pytest.fixture
def running(town: World, alone: Keeper) -> Keeper:
    """A keeper whose first reports are final."""
    alone.cycle()
    town.mine(3)
    alone.cycle()
    assert {row.state for row in alone.rows()} == {IntentState.FINAL_OK}
    return alone


def settled(town: World, one: Keeper, most: int = 8) -> int:
    """Blocks until nothing of the keeper's is open any more, less the three of finality."""
    for blocks in range(1, most + 4):
        town.mine()
        one.cycle()
        if {row.state for row in one.rows()} <= FINAL:
            town.whole()
            return max(0, blocks - 3)
    raise AssertionError([(row.state, row.error) for row in one.rows()])


def strict_mempool() -> Mempool:
    """What geth does: 10 % more on both fields, and nothing refused for a low fee."""
    pool = Mempool()
    pool.replacement_percent, pool.holds_underpriced = 10, True
    return pool


def test_f25_a_transaction_that_a_node_swallows_is_sent_again(
    town: World, node: FaultProxy, alone: Keeper, verdict: Say
) -> None:
    node.on("eth_sendRawTransaction", lies.swallow(), times=1)
    alone.cycle()
    assert town.pending() == []
    (row,) = alone.rows()
    assert row.state is IntentState.SENT
    blocks = settled(town, alone)
    assert len(node.seen("eth_sendRawTransaction")) == 2
    assert len({raw for (raw,) in node.seen("eth_sendRawTransaction")}) == 1, "the same bytes"
    verdict("F25", "answered and never passed on: noticed at the next block, the same bytes sent again", blocks)


@pytest.mark.matrix
def test_f27_every_replacement_offers_an_eighth_more_on_both_fees(town: World, tmp_path: Path, verdict: Say) -> None:
    pool = strict_mempool()
    with nodes(town.chain.url, mempool=pool) as (proxy,), keeper(config_of(town.devnet, tmp_path, [proxy.url])) as one:
        one.cycle()
        for base in (6, 6, 6, 20, 20, 20, 60, 60, 60):
            town.mine(base_fee=base * GWEI)
            one.cycle()
        offers = [row for row in pool.arrived if row.nonce == 0]
        distinct = list({row.hash: row for row in offers}.values())
        assert len(distinct) >= 3
        for before, after in pairwise(distinct):
            assert after.max_fee_wei >= cdiv(before.max_fee_wei * 9, 8)
            assert after.tip_wei >= cdiv(before.tip_wei * 9, 8)
        assert one.events("tx_error") == []
        settled(town, one)
    assert pool.nonces(town.address) == [0]
    verdict("F27", f"{len(distinct) - 1} replacements at one nonce, none refused by the 10 % rule")


def test_f29_a_reorg_that_drops_our_transaction_gets_it_again_at_the_same_nonce(
    town: World, alone: Keeper, verdict: Say
) -> None:
    alone.cycle()
    town.mine()
    alone.cycle()
    (row,) = alone.rows()
    assert row.state is IntentState.MINED
    before = town.chain.block().hash
    town.chain.rpc("anvil_reorg", 1, [])
    assert town.chain.block().hash != before
    assert town.nonce() == 0
    alone.cycle()
    (row,) = alone.rows()
    assert (row.state, row.nonce) == (IntentState.SENT, 0)
    blocks = settled(town, alone)
    assert town.nonce() == 1
    assert len(alone.rows()[0].attempts) == 1
    verdict("F29", "reorg of 1 dropped our transaction: the same bytes again, same nonce", blocks)


def test_f30_a_reorg_in_which_a_newer_report_won_supersedes_ours_without_a_gap(
    town: World, alone: Keeper, tmp_path: Path, verdict: Say
) -> None:
    alone.cycle()
    town.mine()
    alone.cycle()
    town.chain.rpc("anvil_reorg", 1, [])
    town.mine(6)
    _publish_newer(town, tmp_path)
    town.mine()
    for _ in range(6):
        alone.cycle()
        town.mine()
    row = alone.rows()[0]
    assert row.state is IntentState.SUPERSEDED, (row.state, row.error)
    assert row.cancelled
    assert town.nonce() == len({each.nonce for each in alone.rows() if each.nonce is not None})
    town.whole()
    verdict("F30", "another report won the reorg: ours ended superseded by a no-op at its nonce, 0 reverts")


def _publish_newer(town: World, folder: Path) -> None:
    """Somebody else brings a report of a later window, signed by the same quorum."""
    config = config_of(town.devnet, folder / "relay", [town.chain.url])
    with keeper(config) as other:
        follower, head = other.ports.follower, other.ports.reader.block("latest")
        follower.refresh(head)
        for window, cores in follower.missing(head):
            other.ports.samples.record(follower.fold(window, cores, follower.observe(window, cores)))
        (made,) = plan(other.ports, head)
    town.chain.run([Tx(town.devnet.trader, made.intent.to, made.intent.data, 3_000_000)])


def test_f32_a_base_fee_times_fifty_defers_what_is_routine_and_not_what_is_urgent(
    town: World, running: Keeper, verdict: Say
) -> None:
    before = town.haircuts()
    # Whichever block of the second window is drawn, the fall is behind it.
    town.crash()
    town.window()
    town.mine(base_fee=DEAR)
    blocks = 0
    while town.haircuts() == before:
        running.cycle()
        town.mine(base_fee=DEAR)
        blocks += 1
        assert blocks <= 6
    assert all(new > old for new, old in zip(town.haircuts(), before, strict=True))
    urgent = [row for row in running.rows() if row.intent.tier is Tier.EMERGENCY]
    assert urgent
    assert all(row.attempts[-1].price.max_fee_wei > 80 * GWEI for row in urgent)
    assert running.events("fee_deferred") == []
    verdict(
        "F32", f"base fee x 50: every market tightened, {urgent[0].attempts[-1].price.max_fee_wei // GWEI} gwei", blocks
    )


@pytest.mark.matrix
def test_f32_a_routine_report_waits_out_a_base_fee_above_its_cap_and_is_counted(
    town: World, alone: Keeper, verdict: Say
) -> None:
    town.mine(base_fee=DEAR)
    for _ in range(3):
        alone.cycle()
        town.mine(base_fee=DEAR)
    assert town.nonce() == 0
    assert len(alone.events("fee_deferred")) == 1
    (row,) = alone.rows()
    assert row.state is IntentState.PLANNED
    town.mine(base_fee=GWEI)
    alone.cycle()
    blocks = settled(town, alone)
    verdict("F32", "a first report waited while the base fee was above its cap, and went when it was not", blocks)


@pytest.mark.matrix
def test_f33_above_the_emergency_cap_nothing_is_spent_and_the_chain_s_own_decay_defends(
    town: World, running: Keeper, verdict: Say
) -> None:
    absurd = 2_000 * GWEI
    balance = int(town.chain.rpc("eth_getBalance", town.address, "latest"), 16)
    # No trades: nobody could pay for them either. The sample shows the crash of the window before.
    town.crash()
    town.mine(base_fee=absurd)
    for _ in range(4):
        running.cycle()
        town.mine(base_fee=absurd)
    town.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(absurd))
    town.chain.wait(3_600)
    for _ in range(4):
        running.cycle()
        town.mine(base_fee=absurd)
    assert int(town.chain.rpc("eth_getBalance", town.address, "latest"), 16) == balance
    assert len(running.events("fee_deferred")) <= len({row.intent.key for row in running.rows()})
    for market in town.devnet.market_keys:
        words = town.chain.rpc("eth_call", {"to": town.devnet.contract, "data": parameters_of(market)}, "latest")
        effective, stored = (int(words[2 + 64 * at : 66 + 64 * at], 16) for at in (0, 1))
        assert effective > stored
    verdict("F33", "base fee above the emergency cap for an hour: 0 wei spent, the getter's value widened by itself")


@pytest.mark.matrix
def test_f34_an_underpriced_transaction_is_replaced_within_three_blocks(
    town: World, tmp_path: Path, verdict: Say
) -> None:
    pool = strict_mempool()
    with nodes(town.chain.url, mempool=pool) as (proxy,), keeper(config_of(town.devnet, tmp_path, [proxy.url])) as one:
        one.cycle()
        took = None
        for block in range(1, 21):
            town.mine(base_fee=20 * GWEI)
            one.cycle()
            if took is None and len(one.rows()[0].attempts) > 1:
                took = block
        assert took is not None
        assert took <= 3
        settled(town, one)
    verdict("F34", "left behind by the base fee: replaced, and mined", took)


@pytest.mark.matrix
def test_f35_a_transaction_evicted_from_the_pool_is_sent_again(town: World, alone: Keeper, verdict: Say) -> None:
    alone.cycle()
    (waiting,) = town.pending()
    town.chain.rpc("anvil_dropTransaction", waiting)
    blocks = settled(town, alone)
    assert alone.rows()[0].tx_hash == bytes.fromhex(waiting[2:])
    verdict("F35", "evicted from the pool: the same bytes again", blocks)


def parameters_of(market: bytes) -> str:
    """Calldata of ``parameters``; its first two answers are the effective and the stored haircut."""
    return "0x" + calldata("parameters(bytes32)", market).hex()


def foreign(town: World, nonce: int) -> str:
    """A transaction of the keeper's key that the keeper knows nothing of."""
    fields = {
        "chainId": 31337,
        "nonce": nonce,
        "to": to_checksum_address(town.devnet.trader),
        "value": 1,
        "gas": 21_000,
        "type": 2,
    }
    fees = {"maxFeePerGas": 500 * GWEI, "maxPriorityFeePerGas": 400 * GWEI}
    return "0x" + Account.sign_transaction(fields | fees, town.devnet.keeper_keys[0]).raw_transaction.hex()


def test_f36_a_nonce_that_somebody_else_used_is_named_and_the_update_planned_again_once(
    town: World, alone: Keeper, verdict: Say
) -> None:
    alone.cycle()
    town.block_with([foreign(town, 0)])
    assert town.nonce() == 1
    for _ in range(3):
        alone.cycle()
        town.mine()
    rows = alone.rows()
    assert rows[0].state is IntentState.FOREIGN
    assert [row.intent.replaces for row in rows[1:]] == [rows[0].intent.key]
    assert alone.events("foreign_nonce")[0]["nonce"] == 0
    for _ in range(4):
        town.mine()
        alone.cycle()
    assert alone.rows()[1].state is IntentState.FINAL_OK
    assert len(town.applied()) == len(town.devnet.market_keys)
    town.whole()
    verdict("F36", "key used elsewhere: FOREIGN two blocks later, the update planned again once and landed", 3)


@pytest.mark.matrix
def test_f36_a_gap_made_by_hand_is_named_and_never_filled_twice(town: World, running: Keeper, verdict: Say) -> None:
    town.chain.rpc("anvil_setNonce", town.address, hex(7))
    town.crash()
    town.window()
    for _ in range(6):
        running.cycle()
        town.mine()
    assert [(row["nonce"], row["up_to"]) for row in running.events("foreign_nonce")] == [(1, 6)]
    settled(town, running)
    assert {row.nonce for row in running.rows()} >= {0, 7}
    verdict("F36", "nonces 1 to 6 used by nobody we know: named once, the next update took 7")


@pytest.mark.matrix
@pytest.mark.parametrize("off_by", [5, -3])
def test_f37_a_pending_count_that_lies_is_never_asked(
    town: World, node: FaultProxy, alone: Keeper, verdict: Say, off_by: int
) -> None:
    node.on("eth_getTransactionCount", lies.pending_count(off_by))
    alone.cycle()
    blocks = settled(town, alone)
    assert {params[1] for params in node.seen("eth_getTransactionCount")} & {"pending"} == set()
    assert town.nonce() == 1
    verdict("F37", f"pending count off by {off_by:+}: never asked, nonce 0 used", blocks)


@pytest.mark.parametrize("balance", [0, 10**14])
def test_f38_an_empty_purse_sends_nothing_and_goes_on_when_it_is_filled(
    town: World, node: FaultProxy, alone: Keeper, verdict: Say, balance: int
) -> None:
    town.chain.fund(town.address, balance)  # type: ignore[arg-type]
    for _ in range(3):
        alone.cycle()
        town.mine()
    assert node.seen("eth_sendRawTransaction") == []
    assert alone.events("insufficient_funds")
    assert alone.rows()[0].nonce is None
    town.chain.fund(town.address, 10**18)  # type: ignore[arg-type]
    alone.cycle()
    blocks = settled(town, alone)
    verdict("F38", f"{balance} wei: nothing sent, said at the first tick, resumed on top-up", blocks)


def test_f39_a_revoked_signer_is_a_named_refusal_that_costs_no_gas(town: World, alone: Keeper, verdict: Say) -> None:
    ours = town.chain.call(town.devnet.contract, "signers()", returns="(address[])")
    balance = int(town.chain.rpc("eth_getBalance", town.address, "latest"), 16)
    town.govern("setSigners(address[],uint8)", [town.devnet.trader], 1)
    for _ in range(3):
        alone.cycle()
        town.mine()
    (row,) = alone.rows()
    assert (row.state, row.nonce) == (IntentState.PLANNED, None)
    assert "Signature" in row.error or "Signer" in row.error or "Quorum" in row.error, row.error
    assert int(town.chain.rpc("eth_getBalance", town.address, "latest"), 16) == balance
    town.govern("setSigners(address[],uint8)", list(ours), 1)
    alone.cycle()
    blocks = settled(town, alone)
    verdict("F39", f"role revoked: {row.error}; 0 gas; resumed when it was given back", blocks)


@pytest.mark.matrix
def test_f40_what_passed_the_simulation_and_reverts_on_chain_is_decoded_and_not_repeated(
    town: World, node: FaultProxy, alone: Keeper, verdict: Say
) -> None:
    ours = town.chain.call(town.devnet.contract, "signers()", returns="(address[])")
    alone.cycle()
    # In the same block, before our transaction, governance names another signer.
    call = calldata("setSigners(address[],uint8)", [town.devnet.trader], 1)
    fields = {"from": town.devnet.admin, "to": town.devnet.contract, "data": "0x" + call.hex(), "gas": hex(500_000)}
    town.chain.rpc(
        "eth_sendTransaction",
        fields | {"maxFeePerGas": hex(500 * GWEI), "maxPriorityFeePerGas": hex(400 * GWEI)},
    )
    town.mine()
    alone.cycle()
    row = alone.rows()[0]
    assert row.state is IntentState.MINED
    assert row.landing is not None
    assert not row.landing.ok
    town.govern("setSigners(address[],uint8)", list(ours), 1)
    sent = len(node.seen("eth_sendRawTransaction"))
    town.mine(2)
    alone.ports.sender.settle()  # type: ignore[union-attr]
    row = alone.rows()[0]
    assert row.state is IntentState.FINAL_REVERTED
    assert row.error
    assert len(node.seen("eth_sendRawTransaction")) == sent
    verdict("F40", f"reverted on chain: {row.error}; not repeated blindly")
