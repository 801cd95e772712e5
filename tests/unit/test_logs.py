"""Scanning events from providers that refuse: every event once, in order, in few requests."""

import random
from typing import Any

import pytest

from keeper.chain.logs import LogQuery, get_logs, logs_of_blocks, scan_logs
from keeper.chain.rpc import RpcError, TooSlow
from keeper.errors import RetryLater
from keeper.records.log import Log
from keeper.records.units import Address

POOL = Address("0x" + "ab" * 20)
HEAD = 24_000_000

REFUSALS = {
    "Alchemy": (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
    "Alchemy free": (-32600, "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range"),
    "Ankr": (-32062, "block range is too large"),
    "Infura": (-32005, "query returned more than 10000 results. Try with this block range [0x10d4f, 0x10d50]."),
    "QuickNode": (-32614, "eth_getLogs is limited to a 10,000 range"),
    "BNB chain": (-32005, "exceed maximum block range: 5000"),
    "Cloudflare": (-32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800"),
    "drpc": (35, "ranges over 10000 blocks are not supported on freetier"),
    "Erigon, reth": (-32602, "query exceeds max results 20000, retry with the range 17000000-17000100"),
    "pruned": (4444, "pruned history unavailable"),
}
"""How providers say that it was too much: (code, text)."""

BUSY = {
    "Alchemy": (429, "Your app has exceeded its compute units per second capacity."),
    "Ankr": (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
    "Infura": (-32005, "daily request count exceeded, request rate limited"),
    "QuickNode": (-32007, "50/second request limit reached - reduce calls per second"),
}


class Provider:
    """A node that refuses what is too much for it."""

    label = "node test"

    def __init__(self, blocks: list[int], *, span: int = 1 << 60, results: int = 1 << 60) -> None:
        self.blocks, self.span, self.results = blocks, span, results
        self.refusal: RpcError = RpcError("refused", code=-32005)
        self.faults: list[RpcError] = []
        self.requests = 0

    def call(self, method: str, params: list[dict[str, Any]]) -> Any:
        assert method == "eth_getLogs"
        assert params[0]["address"] == POOL
        self.requests += 1
        if self.faults:
            raise self.faults.pop()
        if "blockHash" in params[0]:
            number = int(params[0]["blockHash"], 16)
            return [_row(number)] if number in self.blocks else []
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        found = [block for block in self.blocks if first <= block <= last]
        if last - first >= self.span or len(found) > self.results:
            raise self.refusal
        return [_row(block) for block in reversed(found)]

    def batch(self, calls: list[tuple[str, list[dict[str, Any]]]]) -> list[Any]:
        return [self.call(*call) for call in calls]


def _row(block: int) -> dict[str, Any]:
    word = "0x" + f"{block:064x}"
    return {
        "address": POOL.upper().replace("0X", "0x"),
        "topics": [word],
        "data": "0x",
        "blockNumber": hex(block),
        "blockHash": word,
        "transactionHash": word,
        "logIndex": "0x0",
    }


def blocks_of(logs: list[Log]) -> list[int]:
    return [log.block_number for log in logs]


@pytest.fixture
def spread() -> list[int]:
    return sorted(random.Random(1).sample(range(HEAD), 3_000))


def test_a_node_that_allows_everything_is_asked_once(spread: list[int]) -> None:
    node = Provider(spread)
    assert blocks_of(get_logs(node, POOL, 0, HEAD)) == spread  # type: ignore[arg-type]
    assert node.requests == 1
    assert get_logs(node, POOL, 5, 4) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("name", REFUSALS)
def test_every_provider_is_read_whole_however_it_refuses(name: str, spread: list[int]) -> None:
    code, text = REFUSALS[name]
    node = Provider(spread, span=10_000)
    node.refusal = RpcError(text, code=code)
    assert blocks_of(get_logs(node, POOL, 0, HEAD)) == spread  # type: ignore[arg-type]
    # Halving finds a span of more than half of the cap, and a refusal in seventeen is the price of looking again.
    assert node.requests < 12 + 1.1 * HEAD / 5_000


def test_a_cap_on_results_is_met_where_events_are_dense() -> None:
    dense = [*range(0, HEAD, 100_000), *range(9_000_000, 9_003_000)]
    node = Provider(sorted(set(dense)), results=500)
    pieces = list(scan_logs(node, LogQuery(POOL), 0, HEAD))  # type: ignore[arg-type]
    assert [block for _, logs in pieces for block in blocks_of(logs)] == sorted(set(dense))
    assert max(len(logs) for _, logs in pieces) <= 500
    assert pieces[-1][0] == HEAD
    assert node.requests < 120


def test_pieces_end_where_the_next_begins(spread: list[int]) -> None:
    node = Provider(spread, span=1_000_000)
    done = -1
    for end, logs in scan_logs(node, LogQuery(POOL), 0, HEAD):  # type: ignore[arg-type]
        assert all(done < block <= end for block in blocks_of(logs))
        done = end
    assert done == HEAD


def test_one_block_that_is_refused_is_an_error() -> None:
    node = Provider([7], span=0)
    with pytest.raises(RetryLater, match="refused"):
        get_logs(node, POOL, 0, 100)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BUSY)
def test_a_node_asked_too_often_is_waited_for(name: str, spread: list[int]) -> None:
    code, text = BUSY[name]
    node = Provider(spread)
    node.faults = [RpcError(text, code=code)] * 3
    waited: list[float] = []
    pieces = scan_logs(node, LogQuery(POOL), 0, HEAD, waited.append)  # type: ignore[arg-type]
    assert [block for _, logs in pieces for block in blocks_of(logs)] == spread
    assert waited == [1, 2, 4]
    node.faults = [RpcError(text, code=code)] * 9
    with pytest.raises(RetryLater):
        list(scan_logs(node, LogQuery(POOL), 0, HEAD, waited.append))  # type: ignore[arg-type]
    assert node.requests < 12


def test_a_slow_node_gets_less_to_do_and_a_dead_one_is_given_up(spread: list[int]) -> None:
    node = Provider(spread)
    node.faults = [TooSlow("did not answer within 5 s")] * 3
    assert blocks_of(get_logs(node, POOL, 0, HEAD)) == spread  # type: ignore[arg-type]
    node.faults, node.requests = [TooSlow("did not answer within 5 s")] * 30, 0
    with pytest.raises(TooSlow):
        get_logs(node, POOL, 0, HEAD)  # type: ignore[arg-type]
    assert node.requests == 7
    node.faults, node.requests = [RpcError("is not reachable")] * 30, 0
    with pytest.raises(RpcError):
        get_logs(node, POOL, 0, HEAD)  # type: ignore[arg-type]
    assert node.requests == 1


def test_single_blocks_are_asked_for_by_hash_many_in_one_body() -> None:
    node = Provider([3, 5, 9])
    wanted = [(number.to_bytes(32, "big"), LogQuery(POOL)) for number in (9, 4, 3)]
    assert blocks_of(logs_of_blocks(node, wanted)) == [3, 9]  # type: ignore[arg-type]


def test_topics_leave_out_places_that_any_may_take() -> None:
    query = LogQuery(POOL, ((), (b"\x01" * 32, b"\x02" * 32)))
    assert query.fields() == {"address": POOL, "topics": [None, ["0x" + "01" * 32, "0x" + "02" * 32]]}
