"""F51 to F53: calls inside a call that fail, no way to make many in one, and events that a node holds back."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import lies
from faults.proxy import Fault, Request
from faults.world import World, config_of, keeper, nodes

from keeper.chain.node import ContractNode
from keeper.chain.routes import DISPATCHER, MULTICALL3
from keeper.chain.rpc import Rpc, RpcError
from keeper.holes import HoleInLogs
from keeper.protocols.bulkhead_events import TOPICS, BatchPublished, ReportApplied
from keeper.published import read_history

Say = Callable[..., None]
WORD = 32
CREATION = Path(__file__).parents[1] / "chain" / "data" / "multicall3.json"


def reads_pools(contract: str) -> Callable[[Request], bool]:
    """Whether a call places readers at more than our own contract: a snapshot, or what of it is asked again."""
    ours = {DISPATCHER, contract}
    return lambda request: len(request["params"]) > 2 and bool(request["params"][2].keys() - ours)


def failing(share: float) -> Fault:
    """So many of the calls inside fail without a word; at least one."""

    def change(_request: Request, found: Any) -> Any:
        data = bytes.fromhex(found[2:])
        rows, at = [], 3 * WORD
        while at < len(data):
            size = int.from_bytes(data[at + 1 : at + 4], "big")
            rows.append(data[at : at + 4 + size])
            at += 4 + size
        count = max(1, math.ceil(share * len(rows)))
        return "0x" + (data[: 3 * WORD] + b"\0\0\0\0" * count + b"".join(rows[count:])).hex()

    return lies.alter(change)


@pytest.mark.parametrize(
    ("share", "ill"),
    [(0.0, 1), pytest.param(0.3, 1, marks=pytest.mark.matrix), pytest.param(1.0, 2, marks=pytest.mark.matrix)],
    ids=["one", "30 %", "all"],
)
def test_f51_calls_that_revert_cost_their_market_and_are_no_zero(
    town: World, tmp_path: Path, verdict: Say, share: float, ill: int
) -> None:
    with nodes(town.chain.url, 2) as both:
        with keeper(config_of(town.devnet, tmp_path, [node.url for node in both])) as one:
            for node in both:
                node.on("eth_call", failing(share), when=reads_pools(town.devnet.contract))
            one.cycle()
            kept = [one.ports.samples.latest(market) for market in town.devnet.market_keys]
        with keeper(config_of(town.devnet, tmp_path / "free", [town.chain.url]), broadcast=False) as free:
            free.cycle()
            whole = [free.ports.samples.latest(market) for market in town.devnet.market_keys]
    missing = [row is None or bool(row.folded.estimates.missing) for row in kept]
    assert sum(missing) >= ill
    for row, right, lacks in zip(kept, whole, missing, strict=True):
        assert right is not None
        assert right.folded.decision.targets is not None
        if row is None:
            continue
        if not lacks:
            assert row == right
            continue
        assert all((reading.state is None) == bool(reading.failure) for reading in row.snapshot.pools)
        # Without a value, or with none that is looser than the whole truth allows.
        targets = row.folded.decision.targets
        assert targets is None or targets.haircut_bps >= right.folded.decision.targets.haircut_bps
    verdict("F51", f"{sum(missing)} of {len(kept)} markets degraded, none read as zero, the rest as ever")


def without_tricks(node: Any) -> None:
    """A node that allows neither overrides nor bare creations in a call."""
    node.on("eth_call", lies.error(-32602, "too many arguments"), when=lambda request: len(request["params"]) > 2)
    node.on("eth_call", lies.error(-32602, "missing to"), when=lambda request: "to" not in request["params"][0])


@pytest.mark.matrix
@pytest.mark.parametrize("short", [False, pytest.param(True, marks=pytest.mark.matrix)], ids=["absent", "short array"])
def test_f52_without_multicall_every_call_is_made_by_itself(
    town: World, tmp_path: Path, verdict: Say, short: bool
) -> None:
    if short:
        creation = {"from": town.chain.accounts[0], "data": json.loads(CREATION.read_text())["creation"]}
        sent = town.chain.rpc("eth_sendTransaction", {**creation, "gas": hex(3_000_000), "maxFeePerGas": hex(10**11)})
        town.mine()
        address = town.chain.rpc("eth_getTransactionReceipt", sent)["contractAddress"]
        town.chain.rpc("anvil_setCode", MULTICALL3, town.chain.rpc("eth_getCode", address, "latest"))
        town.mine()
    none = "0x" + (WORD).to_bytes(WORD, "big").hex() + bytes(WORD).hex()
    # The trailing depths are known by then: thousands of single calls would say no more than one window's do.
    with keeper(config_of(town.devnet, tmp_path, [town.chain.url]), broadcast=False) as before:
        before.cycle()
    town.window()
    with nodes(town.chain.url, 2) as both:
        for node in both:
            without_tricks(node)
        with keeper(config_of(town.devnet, tmp_path, [node.url for node in both])) as one:
            for node in both if short else ():
                # An array of none, to whoever asks for more than by which the way is tried.
                node.on(
                    "eth_call",
                    lies.result(none),
                    when=lambda request: request["params"][0].get("to") == MULTICALL3,
                )
            one.cycle()
            kept = [one.ports.samples.latest(market) for market in town.devnet.market_keys]
            assert all(row is not None and not row.folded.estimates.missing for row in kept)
            with keeper(config_of(town.devnet, tmp_path / "free", [town.chain.url]), broadcast=False) as free:
                free.cycle()
                assert [free.ports.samples.latest(market) for market in town.devnet.market_keys] == kept
            route = one.ports.reader.route(one.ports.reader.block("latest"))  # type: ignore[attr-defined]
            assert route.name == ("multicall3" if short else "single")
            town.mine(2)
            assert len(town.applied()) == len(town.devnet.market_keys)
            assert one.events("rehearsal_unavailable")
    verdict("F52", f"{'a short array from' if short else 'no'} Multicall3: single calls, the same samples", 0)


@pytest.mark.parametrize(
    "limit",
    [
        lies.logs_limit(blocks=16),
        lies.logs_limit(results=8),
        pytest.param(lies.logs_limit(blocks=7, results=8), marks=pytest.mark.matrix),
    ],
    ids=["16 blocks", "8 results", "7 blocks, 8 results"],
)
def test_f53_a_limited_node_is_read_whole_in_few_halvings(town: World, verdict: Say, limit: Fault) -> None:
    first, last = town.devnet.start_block, town.chain.block().number
    with nodes(town.chain.url) as (node,), Rpc("limited", node.url) as rpc, Rpc("free", town.chain.url) as free:
        node.on("eth_getLogs", limit)
        found = ContractNode(rpc, town.devnet.contract).logs(first, last)
        assert found == ContractNode(free, town.devnet.contract).logs(first, last)
        assert len(found) >= 5
        spans = [int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1 for (query,) in node.seen("eth_getLogs")]
        halvings = next((at for at, span in enumerate(spans) if at and span >= spans[at - 1]), len(spans) - 1)
        assert halvings <= math.ceil(math.log2(spans[0])) + 1
    verdict("F53", f"every event, after {halvings} halvings and {len(spans)} requests")


def test_f53_a_node_that_pruned_its_past_says_so(town: World, verdict: Say) -> None:
    with nodes(town.chain.url) as (node,), Rpc("pruned", node.url) as rpc:
        node.on("eth_getLogs", lies.logs_limit(pruned_below=town.chain.block().number))
        with pytest.raises(RpcError, match="pruned history unavailable"):
            ContractNode(rpc, town.devnet.contract).logs(town.devnet.start_block, town.chain.block().number)
    verdict("F53", "pruned: named, nothing taken for empty")


def without_newest(*topics: bytes) -> Fault:
    """The newest events of these kinds are held back."""

    def change(_request: Request, found: Any) -> Any:
        names = {"0x" + topic.hex() for topic in topics}
        mine = [row for row in found if row["topics"][0] in names]
        return [row for row in found if row not in mine[-len(topics) * 2 :]]

    return lies.alter(change)


@pytest.mark.matrix
def test_f53_events_held_back_are_counted_and_another_node_is_asked(town: World, tmp_path: Path, verdict: Say) -> None:
    with nodes(town.chain.url, 2) as both:
        config = config_of(town.devnet, tmp_path, [node.url for node in both])
        with keeper(config) as one:
            one.cycle()
            town.mine(3)
            town.crash()
            both[0].on("eth_getLogs", without_newest(TOPICS[ReportApplied], TOPICS[BatchPublished]))
            with keeper(config_of(town.devnet, tmp_path / "late", [node.url for node in both])) as late:
                results = [late.cycle() for _ in range(3)]
                assert isinstance(results[0], HoleInLogs)
                assert "the contract counts 1 reports" in str(results[0])
                assert late.events("hole_in_logs")
                assert late.ports.pool is not None
                assert late.ports.pool.states()["node0"] == "unusable"
            town.whole()
    verdict("F53", "the contract's own count disproved the events; the node was ejected")


def test_f53_a_hole_in_the_middle_is_seen_without_the_contract(town: World, tmp_path: Path) -> None:
    with nodes(town.chain.url) as (node,):
        with keeper(config_of(town.devnet, tmp_path, [node.url])) as one:
            one.cycle()
            town.mine(3)
        node.on(
            "eth_getLogs",
            lies.alter(
                lambda _, found: [row for row in found if row["topics"][0] != "0x" + TOPICS[BatchPublished].hex()]
            ),
        )
        devnet, head = town.devnet, town.chain.block().number
        with Rpc("liar", node.url) as rpc:
            contract = ContractNode(rpc, devnet.contract)
            with pytest.raises(HoleInLogs, match="a report without its batch"):
                read_history(contract, devnet.contract, devnet.chain_id, 0, head)
