"""Incidents of others, replayed (reliability.md G): named after where they happened."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_typing import Hash32
from faults import lies
from faults.proxy import FaultProxy
from faults.world import GWEI, Keeper, World, config_of, keeper, nodes

from keeper.acting import plan_publish
from keeper.config import Secret
from keeper.cycle import read_words
from keeper.errors import Refused
from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import keccak
from keeper.protocols import PROTOCOLS
from keeper.protocols.bulkhead import decode_publish
from keeper.records.outcome import IntentState, Tier, TxIntent
from keeper.records.report import Signature
from keeper.records.units import Address
from keeper.risk.packing import pack_reports, unpack_reports
from keeper.testing.client import Tx
from keeper.testing.world import CADENCE

Say = Callable[..., None]
DEAR = 100 * GWEI
FINAL = {IntentState.FINAL_OK, IntentState.SUPERSEDED, IntentState.CANCELLED}


@pytest.fixture
def three(town: World) -> Iterator[list[FaultProxy]]:
    with nodes(town.chain.url, 3) as made:
        yield made


def first_reports(town: World, one: Keeper) -> None:
    one.cycle()
    town.mine(3)
    one.cycle()
    assert {row.state for row in one.rows()} == {IntentState.FINAL_OK}


def until_tightened(town: World, one: Keeper, before: list[int], base_fee: int) -> int:
    """Blocks until every market's haircut is above what it was."""
    for blocks in range(1, 9):
        one.cycle()
        town.mine(base_fee=base_fee)
        if all(new > old for new, old in zip(town.haircuts(), before, strict=True)):
            return blocks
    raise AssertionError([(row.intent.purpose, row.state, row.error) for row in one.rows()])


def forged(town: World, one: Keeper, seconds: int, cut_bps: int) -> tuple[TxIntent, list[int]]:
    """A validly signed batch whose time is moved and which wants every haircut lower by so much."""
    follower, head = one.ports.follower, one.ports.reader.block("latest")
    rows = [row for key in town.devnet.market_keys if (row := one.ports.samples.latest(key))]
    made = plan_publish(follower, rows, read_words(one.ports, head), head, None)
    batch, packed, _ = decode_publish(made.intent.data)
    reports = [
        replace(row, targets=replace(row.targets, haircut_bps=row.targets.haircut_bps - cut_bps))
        for row in unpack_reports(packed)
    ]
    packed = pack_reports(reports)
    batch = replace(batch, observed_time=batch.observed_time + seconds, reports_hash=keccak(packed))
    digest = batch_digest(batch, follower.chain_id, follower.contract)
    key = Account.from_key(town.devnet.keeper_keys[0])
    signature = Signature(Address(key.address.lower()), bytes(key.unsafe_sign_hash(Hash32(digest)).signature))
    wanted = [row.targets.haircut_bps for row in reports]
    data = PROTOCOLS["bulkhead"].encode_publish(batch, packed, [signature])
    return replace(made.intent, key=keccak(data), data=data, valid_until=2**40), wanted


@pytest.mark.matrix
@pytest.mark.parametrize("days", [7, -7, 0])
def test_r1_capo_2026_03_10(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say, days: int) -> None:
    """There a ratio was clamped and its time was not, so that the two no longer fitted: here neither moves alone."""
    with keeper(config_of(town.devnet, tmp_path, [three[0].url, three[1].url])) as one:
        first_reports(town, one)
        town.window()
        one.cycle()
        words = read_words(one.ports, one.ports.reader.block("latest"))
        before = [words[key].live for key in town.devnet.market_keys]
        forgery, wanted = forged(town, one, days * 86_400, 300)
        sent = town.nonce()
        said = one.ports.sender.submit(forgery)  # type: ignore[union-attr]
        hurt = ""
        if days:
            assert said.nonce is None
            with pytest.raises(Refused) as caught:
                town.chain.run([Tx(town.devnet.trader, forgery.to, forgery.data, 3_000_000)])
            hurt = f"; forced: {str(caught.value)[:60]}"
        town.mine(2)
        words = read_words(one.ports, one.ports.reader.block("latest"))
        after = [words[key].live for key in town.devnet.market_keys]
    assert [live.haircut_bps for live in after] == [live.haircut_bps for live in before]
    assert all(live.haircut_bps > wish for live, wish in zip(after, wanted, strict=True))
    if days:
        assert [live.observed_time for live in after] == [live.observed_time for live in before]
        assert town.nonce() == sent
    verdict("R1", f"300 bps looser at {days:+} days: {said.error or 'pending, nothing live moved'}{hurt}")


@pytest.mark.matrix
def test_r10_mkr_bytes32(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    """A symbol of 32 bytes broke readers of text; ours asks no token for a name: the address is the identity."""
    hostile = "0x" + b"\x1b[31mMKR\n<script>".ljust(32, b"\0").hex()
    for node in three[:2]:
        node.on("eth_call", lies.alter(lambda request, found: hostile if asks_name(request) else found))
    with keeper(config_of(town.devnet, tmp_path, [three[0].url, three[1].url])) as one:
        first_reports(town, one)
        shown = [one.ports.follower.name(key) for key in town.devnet.market_keys]
    assert shown == ["WETH/USDC", "WBTC/USDC"]
    asked = [call for node in three for call in node.seen("eth_call") if asks_name({"params": call})]
    assert asked == []
    verdict("R10", "no token is asked for its symbol or name; markets are shown as governance named them")


def asks_name(request: dict[str, Any]) -> bool:
    """Whether a call is of ``symbol()`` or ``name()``."""
    data = str(request["params"][0].get("data", request["params"][0].get("input", "")))
    return data[:10] in {"0x95d89b41", "0x06fdde03"}


def test_r2_black_thursday(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    with keeper(config_of(town.devnet, tmp_path, [node.url for node in three])) as one:
        first_reports(town, one)
        before = town.haircuts()
        for node in three[1:]:
            node.refuse()
        # Whichever block of the second window is drawn, the whole fall is behind it.
        town.window(0.5)
        town.mine(CADENCE)
        town.mine(base_fee=DEAR)
        for _ in range(4):
            one.ports.pool.poll()  # type: ignore[union-attr]
        assert one.ports.pool.degraded  # type: ignore[union-attr]
        blocks = until_tightened(town, one, before, DEAR)
        assert blocks <= 6
        assert one.events("degraded_quorum")
        urgent = [row for row in one.rows() if row.intent.tier is Tier.EMERGENCY]
        assert urgent
    town.whole()
    verdict("R2", "ETH -50 %, base fee x 50, 1 of 3 nodes: every market tightened, said as degraded_quorum", blocks)


@pytest.mark.matrix
def test_r3_robovault_gas_cap(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    """A routine transaction stuck under its cap stands in front of an emergency, at fees of ten times as much (S11)."""
    config = config_of(town.devnet, tmp_path, [three[0].url, three[1].url])
    with keeper(config) as one:
        one.cycle()
        (stuck,) = one.rows()
        assert stuck.intent.tier is Tier.ROUTINE
        town.mine(base_fee=20 * GWEI)
        assert town.nonce() == 0
        town.crash(base_fee=20 * GWEI)
        before = [0] * len(town.devnet.market_keys)
        blocks = until_tightened(town, one, before, 20 * GWEI)
        assert blocks <= 6
    town.whole()
    verdict("R3", "the routine cap delayed nothing: both landed", blocks)


@pytest.mark.matrix
def test_r5_livepeer471_older_attempt_mined(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    with keeper(config_of(town.devnet, tmp_path, [three[0].url, three[1].url])) as one:
        one.cycle()
        older = one.rows()[0].attempts[0]
        for _ in range(3):
            town.mine(base_fee=20 * GWEI)
            one.cycle()
        assert len(one.rows()[0].attempts) == 2
        assert town.nonce() == 0
        town.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        town.block_with(["0x" + (older.raw or b"").hex()])
        one.cycle()
        row = one.rows()[0]
        assert (row.state, row.tx_hash) == (IntentState.MINED, older.tx_hash)
        town.mine(3)
        one.cycle()
        assert one.rows()[0].state is IntentState.FINAL_OK
    assert town.nonce() == 1
    town.whole()
    verdict("R5", "the older of two attempts was mined: it closed the row, the newer one was never missed", 1)


@pytest.mark.matrix
def test_r6_oz818_counter_drift(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    """Sends that fail do not move any counter: there is none; the next nonce is the chain's."""
    config = config_of(town.devnet, tmp_path, [node.url for node in three[:2]])
    for node in three:
        node.on("eth_sendRawTransaction", lies.error(-32000, "internal error"))
    with keeper(config) as one:
        for _ in range(3):
            one.cycle()
            town.mine()
        assert [row.nonce for row in one.rows()] == [0]
    for node in three:
        node.heal()
    with keeper(config) as again:
        for _ in range(8):
            again.cycle()
            town.mine()
        assert {row.state for row in again.rows()} <= FINAL
        assert sorted(row.nonce for row in again.rows() if row.nonce is not None) == list(range(town.nonce()))
    town.whole()
    verdict("R6", "sends that failed for three blocks moved no counter; a restart went on at the chain's nonce")


@pytest.mark.matrix
def test_r7_oz843_occupied_drift(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    """What is refused before it is signed occupies no nonce."""
    ours = town.chain.call(town.devnet.contract, "signers()", returns="(address[])")
    town.govern("setSigners(address[],uint8)", [town.devnet.trader], 1)
    with keeper(config_of(town.devnet, tmp_path, [node.url for node in three[:2]])) as one:
        for _ in range(3):
            one.cycle()
            town.window()
        assert {row.nonce for row in one.rows()} == {None}
        town.govern("setSigners(address[],uint8)", list(ours), 1)
        for _ in range(6):
            one.cycle()
            town.mine()
        assert town.nonce() == 1
        assert [row.nonce for row in one.rows() if row.nonce is not None] == [0]
    town.whole()
    verdict("R7", "reports refused in three windows held no nonce; the first good one took nonce 0")


@pytest.mark.matrix
def test_r12_chainlink_2020_gas_grief(town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say) -> None:
    """Prices driven up and down: every report is valid, and the day's cost stays inside the budget."""
    reserve = 2_500_000
    config = config_of(town.devnet, tmp_path, [three[0].url, three[1].url], market_reserve_gwei=reserve)
    with keeper(config) as one:
        first_reports(town, one)
        for move in (0.8, 1.25, 0.75, 1.3, 0.7, 1.35, 0.65, 1.4, 0.6):
            town.window(move, 5 * GWEI)
            one.cycle()
            town.mine(base_fee=5 * GWEI)
            one.cycle()
        town.mine(3)
        one.cycle()
        paid = dict.fromkeys(town.devnet.market_keys, 0.0)
        for row in one.rows():
            if row.intent.tier is Tier.EMERGENCY and row.landing:
                for market in row.intent.markets:
                    paid[market] += row.landing.fee_wei / len(row.intent.markets)
        assert all(0 < wei <= reserve * GWEI for wei in paid.values()), paid
        refused = [row["error"] for row in one.events("intent") if "budget" in (row["error"] or "")]
        assert refused or one.events("budget_exhausted")
    town.whole()
    share = max(paid.values()) / (reserve * GWEI)
    verdict("R12", f"nine swings of 20 to 40 %: {share:.0%} of the day's reserve spent, then nothing more")


@pytest.mark.matrix
@pytest.mark.parametrize("fault", ["answers 500", "never includes"])
def test_f54_a_private_relay_that_fails_is_passed_by_after_three_blocks_with_the_same_bytes(
    town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say, fault: str
) -> None:
    relay, *public = three
    relay.on("eth_sendRawTransaction", lies.status(500) if fault == "answers 500" else lies.swallow())
    config = config_of(town.devnet, tmp_path, [node.url for node in public], private_relay=Secret(relay.url))
    with keeper(config) as one:
        blocks = 0
        while not town.applied():
            one.cycle()
            town.mine()
            blocks += 1
            assert blocks <= 6
        shown = {raw for (raw,) in relay.seen("eth_sendRawTransaction")}
        sent = {raw for node in public for (raw,) in node.seen("eth_sendRawTransaction")}
        assert shown == sent
        assert len(sent) == 1
    town.whole()
    verdict("F54", f"relay {fault}: the same bytes to everybody", blocks - 1)


@pytest.mark.matrix
def test_s2_a_large_cut_lands_at_once_as_far_as_it_may_and_the_rest_by_itself(
    town: World, three: list[FaultProxy], tmp_path: Path, verdict: Say
) -> None:
    with keeper(config_of(town.devnet, tmp_path, [three[0].url, three[1].url])) as one:
        first_reports(town, one)
        before = town.haircuts()
        # Whichever block of the second window is drawn, the whole fall is behind it.
        town.window(0.35)
        town.mine(CADENCE)
        blocks = until_tightened(town, one, before, GWEI)
        step = [new - old for new, old in zip(town.haircuts(), before, strict=True)]
        assert max(step) <= 1_000
        advanced = [row for row in one.rows() if row.intent.purpose == "advance"]
        for _ in range(12):
            town.chain.wait(300)
            one.cycle()
            town.mine()
            advanced = [row for row in one.rows() if row.intent.purpose == "advance"]
        assert advanced
        assert {row.intent.tier for row in advanced} == {Tier.EMERGENCY}
    town.whole()
    verdict("S2", f"a step of {max(step)} bps at once, the rest in {len(advanced)} further steps", blocks)
