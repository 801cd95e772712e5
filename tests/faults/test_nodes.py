"""F14 to F24, R4: nodes that are slow, broken, behind or lying; what they may not do is move a decision."""

import json
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from faults import lies
from faults.proxy import Fault, FaultProxy, Request
from faults.world import Keeper, World, config_of, keeper, nodes

from keeper.chain.agreement import NoQuorum, QuorumMismatch
from keeper.chain.health import ProviderState
from keeper.chain.pool import Pool
from keeper.chain.routes import DISPATCHER
from keeper.chain.rpc import Busy, Rpc, RpcError, TooSlow, Violation
from keeper.chain.timing import Timing
from keeper.cycle import CycleResult
from keeper.errors import ConfigError, KeeperError, RetryLater
from keeper.timing import VARIABLE

Say = Callable[..., None]
SCALE = 0.1
"""A deadline of half a second, a minute's pause of six."""
MIB = 1 << 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SCALE))


@pytest.fixture
def three(town: World) -> Iterator[list[FaultProxy]]:
    with nodes(town.chain.url, 3) as made:
        yield made


@pytest.fixture
def trio(town: World, three: list[FaultProxy], tmp_path: Path) -> Iterator[Keeper]:
    """A keeper over three nodes, before its first report."""
    with keeper(config_of(town.devnet, tmp_path, [node.url for node in three])) as one:
        yield one


@pytest.fixture
def pair(town: World, three: list[FaultProxy], tmp_path: Path) -> Iterator[Keeper]:
    """A keeper over the first two."""
    with keeper(config_of(town.devnet, tmp_path, [node.url for node in three[:2]])) as one:
        yield one


def pool_of(*urls: str, said: list[Any] | None = None, scale: float = SCALE) -> AbstractContextManager[Pool]:
    """A pool of nodes by themselves, probed."""
    said = [] if said is None else said
    members = [Rpc(f"node{at}", url, Timing(scale).deadline) for at, url in enumerate(urls)]
    pool = Pool(members, 31_337, lambda event, **fields: said.append((event, fields)), timing=Timing(scale))
    pool.poll()
    return pool


def states(pool: Pool) -> list[str]:
    return [member.state.value for member in pool.members]


def sends(three: list[FaultProxy]) -> int:
    """Raw transactions that any node was given."""
    return sum(len(node.seen("eth_sendRawTransaction")) for node in three)


def nothing_done(town: World, one: Keeper, three: list[FaultProxy]) -> bool:
    """No sample, no signature, no transaction."""
    kept = [one.ports.samples.latest(market) for market in town.devnet.market_keys]
    return not any(kept) and not one.rows() and sends(three) == 0 and not town.applied()


def published(town: World, one: Keeper, most: int = 3) -> int:
    """Blocks until the due report is on chain."""
    for blocks in range(most + 1):
        one.cycle()
        town.mine()
        if town.applied():
            town.whole()
            return blocks
    raise AssertionError([event for event, _ in one.said])


def test_f14_a_node_that_is_busy_is_left_alone_for_as_long_as_it_asks(
    town: World, three: list[FaultProxy], verdict: Say
) -> None:
    first, second, _ = three
    with pool_of(first.url, second.url) as pool:
        before = first.bodies
        first.on("*", lies.status(429, b"slow down", retry_after="5"))
        started = time.monotonic()
        assert int(pool.call("eth_blockNumber"), 16) == town.chain.block().number
        assert time.monotonic() - started < 1
        assert first.bodies == before + 1
        first.heal()
        assert [pool.call("eth_chainId") for _ in range(5)] == ["0x7a69"] * 5
        assert first.bodies == before + 1, "asked again before the five (scaled: half a) second was over"
        time.sleep(5 * SCALE)
        pool.call("eth_chainId")
        assert first.bodies == before + 2
        assert states(pool) == ["alive", "alive"]
    verdict("F14", "the other one answered at once; asked again only after Retry-After")


def test_f14_a_busy_node_alone_says_how_long(three: list[FaultProxy]) -> None:
    three[0].on("eth_chainId", lies.status(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"))
    with Rpc("only", three[0].url) as rpc, pytest.raises(Busy, match="HTTP 429") as caught:
        rpc.call("eth_chainId")
    assert caught.value.retry_after == 5


@pytest.mark.parametrize("code", [500, 502, 503])
@pytest.mark.matrix
def test_f15_server_errors_at_one_of_three_delay_no_update(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say, code: int
) -> None:
    three[0].on("*", lies.status(code, b"<html>bad gateway</html>"))
    blocks = published(town, trio)
    assert blocks <= 2
    verdict("F15", f"HTTP {code} at one of three nodes: the due update was published", blocks)


@pytest.mark.matrix
def test_f15_a_burst_at_all_nodes_delays_an_update_by_no_more_than_its_length(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    rules = [node.on("*", lies.status(503)) for node in three]
    for _ in range(4):
        assert isinstance(trio.cycle(), RetryLater)
        town.mine()
    assert nothing_done(town, trio, three)
    for node, rule in zip(three, rules, strict=True):
        node.off(rule)
    blocks = published(town, trio)
    assert blocks <= 2
    verdict("F15", "HTTP 503 at all nodes: nothing was done; the due update came after it", blocks)


def refused(node: FaultProxy) -> str:
    node.refuse()
    return node.url


def reset_mid_body(node: FaultProxy) -> str:
    node.on("*", lies.reset_after(30))
    return node.url


def no_such_name(_node: FaultProxy) -> str:
    return "http://no-such-node.invalid:8545"


def no_tls(node: FaultProxy) -> str:
    return node.url.replace("http:", "https:")


@pytest.mark.parametrize("broken", [refused, reset_mid_body, no_such_name, no_tls])
def test_f16_a_connection_that_fails_is_passed_over_within_two_seconds(
    three: list[FaultProxy], verdict: Say, broken: Callable[[FaultProxy], str]
) -> None:
    with pool_of(three[0].url, three[1].url, scale=1) as pool:
        pool.members[0].rpc.close()
        pool.members[0].rpc = Rpc("node0", broken(three[0]))
        started = time.monotonic()
        assert pool.call("eth_chainId") == "0x7a69"
        assert time.monotonic() - started < 2
    verdict("F16", f"{broken.__name__}: the next node answered within 2 s")


@pytest.mark.parametrize(
    "fault",
    [lies.delay(30), pytest.param(lies.drip(1), marks=pytest.mark.matrix)],
    ids=["delay of 30 s", "1 byte a second"],
)
def test_f17_a_node_that_hangs_blocks_no_cycle(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say, fault: Fault
) -> None:
    three[0].on("*", fault)
    started = time.monotonic()
    assert published(town, trio) == 0
    # Every question to it costs at most 1.5 scaled seconds, and three of its silences make it unreachable.
    assert time.monotonic() - started < 20
    with Rpc("slow", three[0].url, 5 * SCALE) as rpc, pytest.raises(TooSlow, match=r"within 0\.5 s"):
        rpc.call("eth_chainId")
    assert trio.ports.pool is not None
    assert trio.ports.pool.states()["node0"] is ProviderState.UNREACHABLE
    verdict("F17", "the deadline of 5 s held; the others were read, the slow one is unreachable", 0)


NONSENSE = {
    "garbage": lies.body(b"\x00\xff\xfe not json"),
    "HTML": lies.body(b"<!doctype html><title>Welcome</title>"),
    "truncated": lies.truncated(),
    "empty": lies.body(b""),
    "nested too deep": lies.body(b"[" * 200_000),
    "not an object": lies.body(b'"0x1"'),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_f18_nonsense_for_an_answer_marks_the_node(three: list[FaultProxy], verdict: Say, name: str) -> None:
    said: list[Any] = []
    with pool_of(three[0].url, three[1].url, three[2].url, said=said) as pool:
        three[0].on("*", NONSENSE[name])
        assert [pool.call("eth_chainId") for _ in range(3)] == ["0x7a69"] * 3
        assert states(pool) == ["unusable", "alive", "alive"]
        assert three[0].failures + three[0].calls["eth_chainId"] >= 2
    assert [fields["state"] for event, fields in said if event == "provider_state"] == ["unusable"]
    verdict("F18", f"{name}: two such answers made the node unusable, the next one answered")


def test_f18_a_flood_costs_little_memory(three: list[FaultProxy], verdict: Say) -> None:
    three[0].on("eth_call", lies.huge(200 * MIB))
    with Rpc("flood", three[0].url, 30) as rpc:
        tracemalloc.start()
        with pytest.raises(TooSlow, match="more than 16 MiB"):
            rpc.call("eth_call", [{}, "latest"])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20 * MIB
    verdict("F18", f"a body of 200 MiB was cut off; {peak // MIB} MiB were held at most")


def other_id(_request: Request, reply: Any) -> Any:
    return reply | {"id": reply["id"] + 1}


def both(_request: Request, reply: Any) -> Any:
    return reply | {"error": {"code": -32000, "message": "and yet"}}


LIES: dict[str, Fault] = {
    "another id": lies.reply(other_id),
    "result and error": lies.reply(both),
    "neither": lies.reply(lambda _request, reply: {"jsonrpc": "2.0", "id": reply["id"]}),
    "null": lies.result(None),
    "hex without 0x": lies.alter(lambda _request, found: found[2:]),
    "odd hex": lies.alter(lambda _request, found: found + "0"),
    "negative": lies.result("-0x1"),
    "a number": lies.result(7),
    "2^300": lies.result(hex(2**300)),
    "empty": lies.result("0x"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "null" else pytest.mark.matrix) for name in LIES]
)
def test_f19_a_malformed_answer_is_a_typed_error_and_no_decision(
    town: World, three: list[FaultProxy], pair: Keeper, verdict: Say, name: str
) -> None:
    # Answers of a constructor come as an error, which not every lie would reach.
    three[0].on("eth_call", lies.error(-32602, "missing to"), when=lambda request: "to" not in request["params"][0])
    three[0].on("eth_call", LIES[name], when=lambda request: isinstance(request["params"][1], dict))
    for _ in range(2):
        assert isinstance(pair.cycle(), RetryLater)
    assert nothing_done(town, pair, three)
    three[0].heal()
    verdict("F19", f"eth_call answered with {name}: no quorum, no sample, nothing signed")


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("eth_getBlockByNumber", {"number": "0x1"}),
        ("eth_getLogs", [{"address": "0x00"}]),
        ("eth_chainId", "31337"),
        ("eth_sendRawTransaction", "ok"),
    ],
)
def test_f19_every_method_has_its_shape(three: list[FaultProxy], method: str, value: Any) -> None:
    three[0].on(method, lies.result(value))
    with Rpc("liar", three[0].url) as rpc, pytest.raises(Violation, match=f"answered {method}: "):
        rpc.call(method, ["0x1", False])


def test_f20_a_wrong_chain_at_the_start_is_fatal(town: World, three: list[FaultProxy], tmp_path: Path) -> None:
    three[1].on("eth_chainId", lies.chain_id(5))
    with (
        pytest.raises(ConfigError, match=r"node1 .* is of chain 5, the configuration says 31337") as caught,
        keeper(config_of(town.devnet, tmp_path, [node.url for node in three])),
    ):
        pass
    assert caught.value.exit_code == 2


def test_f20_a_node_that_changes_its_chain_is_ejected_at_the_next_poll(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    three[0].on("eth_chainId", lies.chain_id(1))
    blocks = published(town, trio)
    assert trio.events("provider_state")[-1] | {"reason": ""} == {
        "provider": "node0",
        "state": "wrong_chain",
        "reason": "",
    }
    assert three[0].calls["eth_sendRawTransaction"] == 0
    assert three[1].calls["eth_sendRawTransaction"] == three[2].calls["eth_sendRawTransaction"] == 1
    three[0].heal()
    trio.cycle()
    assert trio.ports.pool is not None
    assert trio.ports.pool.states()["node0"] is ProviderState.WRONG_CHAIN, "until the operator restarts"
    verdict("F20", "ejected at the first poll; it was given no transaction", blocks)


@pytest.mark.matrix
def test_f20_nothing_is_signed_when_every_node_changes_its_chain(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    for node in three:
        node.on("eth_chainId", lies.chain_id(1))
    assert isinstance(trio.cycle(), NoQuorum)
    assert nothing_done(town, trio, three)
    verdict("F20", "all nodes of another chain: no quorum, nothing signed")


@pytest.mark.parametrize("behind", [0, 3, 1_000])
def test_f21_a_frozen_head_is_out_of_sync_after_two_blocks(
    town: World, three: list[FaultProxy], verdict: Say, behind: int
) -> None:
    with pool_of(*(node.url for node in three)) as pool:
        head = town.chain.block().number
        three[0].on("*", lies.frozen_head(max(0, head - behind)))
        seen = []
        for _ in range(4):
            pool.poll()
            seen.append(states(pool)[0])
            town.mine()
        blocks = seen.index("out_of_sync")
        assert blocks == (3 if behind == 0 else 0)
        assert states(pool)[1:] == ["alive", "alive"]
        assert pool.agreed_height() == head + 3
        three[0].heal()
        back = []
        for _ in range(3):
            pool.poll()
            back.append(states(pool)[0])
        assert back == ["out_of_sync", "out_of_sync", "alive"]
    verdict("F21", f"head frozen at N-{behind}: ejected once more than two blocks behind; back after three good probes")


@pytest.mark.matrix
def test_f22_an_oscillating_head_moves_no_read_and_doubles_no_decision(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    for node in three[:2]:
        node.on("*", lies.oscillating(lambda: town.chain.block().number))
    published(town, trio)
    for _ in range(2):
        town.window()
        for _ in range(3):
            trio.cycle()
    folded = [(row["market"], row["window"]) for row in trio.events("sample_folded")]
    assert len(folded) == len(set(folded)) >= 4
    pinned = [params[1] for node in three for params in node.seen("eth_call") if len(params) > 2]
    assert pinned
    assert all(isinstance(row, dict) and row["requireCanonical"] for row in pinned)
    town.whole()
    assert not trio.events("quorum_mismatch")
    verdict("F22", "every snapshot pinned by hash, every window folded once", 0)


def shifted(_request: Request, found: Any) -> Any:
    """The same reply with its last byte changed: one word of some pool."""
    return found[:-2] + f"{int(found[-2:], 16) ^ 1:02x}"


def is_snapshot(request: Request) -> bool:
    """A call of the dispatcher that reads more than the ask by which a way is tried."""
    params = request["params"]
    return len(params) > 2 and params[0].get("to") == DISPATCHER and len(params[0]["data"]) > 100


@pytest.mark.matrix
def test_f23_two_that_differ_at_one_hash_publish_nothing(
    town: World, three: list[FaultProxy], pair: Keeper, verdict: Say
) -> None:
    three[1].on("eth_call", lies.alter(shifted), when=is_snapshot)
    for _ in range(3):
        assert isinstance(pair.cycle(), QuorumMismatch)
    assert nothing_done(town, pair, three)
    (first, *_) = pair.events("quorum_mismatch")
    assert (first["odd"], first["decided"]) == ("node0, node1", False)
    assert pair.ports.pool is not None
    assert set(pair.ports.pool.states().values()) == {ProviderState.ALIVE}, "nobody knows who lies"
    three[1].heal()
    blocks = published(town, pair)
    verdict("F23", "two nodes differ: nothing published, both named", blocks)


def test_f23_a_third_says_who_is_odd_and_twice_odd_is_out(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    three[0].on("eth_call", lies.alter(shifted), when=is_snapshot)
    for _ in range(2):
        assert isinstance(trio.cycle(), QuorumMismatch)
        assert nothing_done(town, trio, three)
    rows = trio.events("quorum_mismatch")
    assert [(row["odd"], row["decided"]) for row in rows] == [("node0", True)] * 2
    assert trio.events("provider_state")[-1]["state"] == "unusable"
    blocks = published(town, trio)
    assert blocks <= 2
    assert three[0].calls["eth_sendRawTransaction"] == 0
    verdict("F23", "the third named the liar; twice odd, it was left out and the others published", blocks)


def test_f24_all_nodes_down_and_back(town: World, three: list[FaultProxy], trio: Keeper, verdict: Say) -> None:
    for node in three:
        node.refuse()
    for _ in range(4):
        assert isinstance(trio.cycle(), RetryLater)
        town.trade(3)
    assert trio.ports.pool is not None
    assert set(trio.ports.pool.states().values()) == {ProviderState.UNREACHABLE}
    assert nothing_done(town, trio, three)
    for node in three:
        node.heal()
    blocks = published(town, trio)
    assert blocks <= 2
    windows = [row["window"] for row in trio.events("sample_folded")]
    assert windows == sorted(windows), "the oldest first"
    verdict("F24", "unreachable, nothing done; back at once, oldest window first", blocks)


def fresh_header(town: World) -> Fault:
    """Old state behind a fresh head: the reply claims the block that was asked for."""

    def fault(request: Request, forward: Any) -> Any:
        asked = town.chain.rpc("eth_getBlockByHash", request["params"][1]["blockHash"], False)
        reply = lies.stale_state(int(asked["number"], 16) - 20)(request, forward)
        head = struct.pack(">32s32s", *(int(asked[name], 16).to_bytes(32, "big") for name in ("number", "timestamp")))
        return reply | {"result": "0x" + head.hex() + reply["result"][2 + 128 :]} if "result" in reply else reply

    return fault


@pytest.mark.parametrize(
    "disguised",
    [pytest.param(False, marks=pytest.mark.matrix), True],
    ids=["plainly", "with the right block number"],
)
def test_infura31_stale_call(town: World, three: list[FaultProxy], trio: Keeper, verdict: Say, disguised: bool) -> None:
    stale = fresh_header(town) if disguised else lies.stale_state(town.chain.block().number - 20)
    three[0].on("eth_call", stale, when=is_snapshot)
    town.mine(20)
    seen = [trio.cycle() for _ in range(2)]
    town.mine()
    blocks = published(town, trio)
    assert trio.ports.pool is not None
    assert trio.ports.pool.states()["node0"] is ProviderState.UNUSABLE
    town.whole()
    if disguised:
        assert all(isinstance(row, QuorumMismatch) for row in seen)
    verdict("R4", "old state behind a fresh head was seen, the node ejected", blocks)


@pytest.mark.matrix
def test_t17_a_header_that_does_not_hash_to_its_hash_is_a_lie(
    town: World, three: list[FaultProxy], trio: Keeper, verdict: Say
) -> None:
    def later(_request: Request, found: Any) -> Any:
        return found and found | {"timestamp": hex(int(found["timestamp"], 16) + 60)}

    asked = {"eth_getBlockByNumber"}
    three[0].on(asked, lies.alter(later), when=lambda request: str(request["params"][0]).startswith("0x"))
    blocks = published(town, trio)
    assert trio.ports.pool is not None
    member = trio.ports.pool.members[0]
    assert member.state is ProviderState.UNUSABLE
    assert "does not hash to its hash" in member.health.reason
    verdict("T17", "a header with another time does not hash to its hash; the node was ejected", blocks)


@pytest.mark.matrix
def test_pr2_one_alone_reads_while_the_others_are_silent_and_is_read_again(
    town: World, three: list[FaultProxy], trio: Keeper
) -> None:
    for node in three[1:]:
        node.refuse()
    for _ in range(4):
        result = trio.cycle()
    assert isinstance(result, CycleResult)
    assert trio.ports.pool is not None
    assert trio.ports.pool.degraded
    assert trio.events("degraded_quorum") == [{"provider": "node0"}]
    alone = [row["window"] for row in trio.events("sample_folded")]
    assert alone
    for node in three[1:]:
        node.heal()
    time.sleep(60 * SCALE)
    for _ in range(4):
        trio.cycle()
    assert not trio.ports.pool.degraded
    assert [row["window"] for row in trio.events("sample_folded")][len(alone) :] == alone


@pytest.mark.matrix
def test_pr2_two_that_disagree_are_never_taken_for_one_that_is_alone(
    town: World, three: list[FaultProxy], pair: Keeper
) -> None:
    three[1].on("eth_call", lies.alter(shifted), when=is_snapshot)
    results = [pair.cycle() for _ in range(5)]
    assert all(isinstance(row, KeeperError) for row in results)
    assert pair.ports.pool is not None
    assert not pair.ports.pool.degraded
    assert nothing_done(town, pair, three)


@pytest.mark.matrix
def test_b1_11_success_beside_a_terminal_error_is_a_conflict(
    town: World, three: list[FaultProxy], trio: Keeper
) -> None:
    three[2].on("eth_sendRawTransaction", lies.error(-32000, "insufficient funds for gas * price + value"))
    assert published(town, trio) == 0
    (row,) = trio.events("broadcast_conflict")
    assert row["accepted"] == ["node0", "node1"]
    assert "insufficient funds" in row["refused"]["node2"]


def test_signed_bytes_go_to_all_or_to_the_private_relay_alone(town: World, three: list[FaultProxy]) -> None:
    said: list[Any] = []
    raw = b"\x02 not even a transaction"
    for node in three:
        node.on("eth_sendRawTransaction", lies.result("0x" + "ab" * 32))
    members = [Rpc(f"node{at}", node.url) for at, node in enumerate(three[:2])]
    relay = Rpc("relay", three[2].url)
    with Pool(members, 31_337, lambda *row, **_: said.append(row), relay=relay) as pool:
        pool.poll()
        assert pool.broadcast(raw, private=True).takers == ("relay",)
        assert [len(node.seen("eth_sendRawTransaction")) for node in three] == [0, 0, 1]
        assert pool.broadcast(raw).takers == ("node0", "node1")
        assert [node.seen("eth_sendRawTransaction") for node in three] == [[["0x" + raw.hex()]]] * 3
    assert said == []


def test_a_broadcast_says_who_refused_and_why(three: list[FaultProxy]) -> None:
    texts = ("already known", "nonce too low", "exceeds block gas limit")
    for node, text in zip(three, texts, strict=True):
        node.on("eth_sendRawTransaction", lies.error(-32000, text))
    said: list[Any] = []
    with pool_of(*(node.url for node in three), said=said) as pool:
        done = pool.broadcast(b"\x02")
    assert done.accepted
    assert done.takers == ("node0",)
    assert sorted(name for name, _ in done.errors) == ["node1", "node2"]
    (conflict,) = [fields for event, fields in said if event == "broadcast_conflict"]
    assert list(conflict["refused"]) == ["node2"]


def test_small_facts_need_two_nodes(town: World, three: list[FaultProxy]) -> None:
    account = town.address
    with pool_of(*(node.url for node in three)) as pool:
        assert pool.agreed("eth_getTransactionCount", [account, "latest"]) == "0x0"
        asked = [params[1] for node in three for params in node.seen("eth_getTransactionCount")]
        assert asked == [hex(town.chain.block().number)] * 2, "at a block, not at whatever is the latest"
        three[0].on("eth_getTransactionCount", lies.result("0x7"))
        with pytest.raises(QuorumMismatch, match="node0 alone says otherwise"):
            pool.agreed("eth_getTransactionCount", [account, "latest"])
        assert states(pool)[0] == "alive", "once is once"
        with pytest.raises(QuorumMismatch):
            pool.agreed("eth_getTransactionCount", [account, "latest"])
        assert states(pool)[0] == "unusable"
        assert pool.agreed("eth_getTransactionCount", [account, "latest"]) == "0x0"
        three[1].refuse()
        with pytest.raises(RpcError, match="not reachable"):
            pool.agreed("eth_getTransactionCount", [account, "latest"])


@pytest.mark.matrix
def test_urls_of_nodes_are_never_said(town: World, three: list[FaultProxy], tmp_path: Path) -> None:
    urls = [f"{node.url}/v3/t0p-s3cret" for node in three]
    for node in three:
        node.on("eth_getLogs", lies.status(500, b"no"))
    with keeper(config_of(town.devnet, tmp_path, urls)) as one:
        error = one.cycle()
        assert isinstance(error, RetryLater)
        assert "t0p-s3cret" not in json.dumps(one.said, default=repr) + repr(error)
