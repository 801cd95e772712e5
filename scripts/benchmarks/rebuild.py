"""How long a keeper whose database is lost needs to know again what it sent: ``keeper rebuild`` over a made-up past."""

import tempfile
import time
from dataclasses import astuple
from typing import Any, cast

from eth_abi.abi import encode

from benchmarks.measure import BenchError, Effort, Figure, say
from keeper.chain.node import ContractNode
from keeper.chain.rpc import Rpc
from keeper.maths.keccak import keccak
from keeper.protocols import PROTOCOLS
from keeper.protocols.bulkhead import BATCH_ABI
from keeper.protocols.bulkhead_events import TOPICS, BatchPublished, ReportApplied
from keeper.published import read_history
from keeper.rebuild import Contract, rebuild
from keeper.records.core import Core, encode_core
from keeper.records.decision import Targets
from keeper.records.live import LIVE_BITS, LiveWord, pack
from keeper.records.report import Batch, Report, Signature
from keeper.records.units import Address
from keeper.risk.packing import pack_report
from keeper.store.store import KeeperStore

UPDATES, FEW = 10_000, 200
AIM_SECONDS = 60
OURS, CONTRACT = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
MARKET = keccak(b"market")
CADENCE = 25


class Node:
    """Answers as a node would, from memory: what is left is our own work."""

    def __init__(self, updates: int) -> None:
        self.label = "made-up"
        self.logs: list[dict[str, Any]] = []
        self.transactions: dict[str, dict[str, Any]] = {}
        for number in range(1, updates + 1):
            self._publish(number)

    def call(self, method: str, params: list[Any]) -> Any:
        """``eth_getLogs`` over any range."""
        if method != "eth_getLogs":
            raise BenchError(f"nobody answers {method} here")
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        return [row for row in self.logs if first <= int(row["blockNumber"], 16) <= last]

    def batch(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """Transactions, receipts and blocks."""
        return [self._answer(method, params) for method, params in calls]

    def _answer(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getTransactionByHash":
            return self.transactions[params[0]]
        if method == "eth_getTransactionReceipt":
            return {"gasUsed": "0x30d40", "effectiveGasPrice": "0x3b9aca00", "status": "0x1"}
        return {"timestamp": "0x65000000"}

    def _publish(self, number: int) -> None:
        observed = number * CADENCE
        core = encode_core(Core(number, observed * 12, 0, ()))
        packed = pack_report(Report(MARKET, Targets(2_000, 1_000, 500), number - 1, 0, core))
        batch = Batch(observed, keccak(b"block"), observed * 12, 0, bytes(32), bytes(32), keccak(packed))
        calldata = PROTOCOLS["bulkhead"].encode_publish(batch, packed, [Signature(OURS, bytes(65))])
        tx_hash = "0x" + keccak(number.to_bytes(8, "big")).hex()
        self.transactions[tx_hash] = {
            "from": OURS, "nonce": hex(number - 1), "to": CONTRACT, "input": "0x" + calldata.hex(),
        }  # fmt: skip
        live = pack(LiveWord(sequence=number), LIVE_BITS).to_bytes(32, "big")
        event = encode(["uint8", "bool", BATCH_ABI, "bytes"], [0, True, astuple(batch), packed])
        rows = [
            ((TOPICS[ReportApplied], MARKET), live + bytes(32)),
            ((TOPICS[BatchPublished], observed.to_bytes(32, "big")), event),
        ]
        for index, (topics, data) in enumerate(rows):
            self.logs.append(
                {
                    "address": CONTRACT,
                    "topics": ["0x" + topic.hex() for topic in topics],
                    "data": "0x" + data.hex(),
                    "blockNumber": hex(observed + 3),
                    "blockHash": "0x" + keccak(b"mined").hex(),
                    "transactionHash": tx_hash,
                    "logIndex": hex(index),
                }
            )


def run(effort: Effort, *, peers: bool) -> list[Figure]:  # noqa: ARG001 - nobody else does this
    """Seconds for the rows of ours, and for the history that every start reads."""
    updates = FEW if effort.quick else UPDATES
    say(f"rebuild: {updates} updates")
    node = ContractNode(cast("Rpc", Node(updates)), CONTRACT)
    newest = (updates + 1) * CADENCE
    began = time.perf_counter()
    history = read_history(node, CONTRACT, 1, 0, newest)
    read = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, KeeperStore(f"sqlite:///{folder}/keeper.sqlite") as store:
        contract = Contract(node, CONTRACT, 1, OURS)
        found = rebuild(contract, store, (0, newest), lambda _done, _total: None)
        done = time.perf_counter()
        known = store.intents.highest_nonce()
    if (len(history.reports), found.intents, found.reports, known) != (updates, updates, updates, updates - 1):
        raise BenchError(f"of {updates} updates {found.intents} were found")
    note = "without the node's own time"
    aim = f"<= {AIM_SECONDS} with the other"
    return [
        Figure(f"history of {updates} updates", read - began, None, "s", aim, note),
        Figure(f"rebuilding {updates} updates of ours", done - read, None, "s", aim, note),
    ]
