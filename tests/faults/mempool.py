"""What real nodes do with raw transactions and Anvil does not, and the count of what really reached the node.

geth wants 10 % more on both fee fields of a replacement, and keeps a transaction whose fee cap is below the base fee;
Anvil replaces at 1 wei and refuses the latter (reliability.md I).
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account

from keeper.maths.keccak import keccak

Request = dict[str, Any]
Reply = dict[str, Any]

SEND = "eth_sendRawTransaction"
UNDERPRICED = "replacement transaction underpriced"


@dataclass(frozen=True, slots=True)
class RawTx:
    """One signed transaction of type 2."""

    sender: str
    nonce: int
    hash: str
    max_fee_wei: int
    tip_wei: int
    raw: str


class Mempool:
    """Rules for raw transactions in front of a node; off until told.

    Attributes
    ----------
    replacement_percent
        What a replacement must bid of the fees before, on both fields; 0: whatever the node thinks.
    holds_underpriced
        Whether one whose fee cap is below the base fee is kept instead of refused.
    """

    def __init__(self) -> None:
        self.replacement_percent = 0
        self.holds_underpriced = False
        self.arrived: list[RawTx] = []
        """Every raw transaction that a keeper sent, repeats too."""
        self.reached: Counter[tuple[str, int, str]] = Counter()
        """(sender, nonce, hash) -> how often the node was given it."""
        self.accepted: dict[tuple[str, int], list[RawTx]] = {}
        """(sender, nonce) -> what the node took, in order; more than one: replacements."""
        self.held: dict[tuple[str, int], RawTx] = {}
        self._lock = threading.RLock()

    def hashes(self, sender: str, nonce: int) -> list[str]:
        """Different transactions that reached the node at this nonce, first to last."""
        key = (sender.lower(), nonce)
        return [tx_hash for (account, number, tx_hash) in self.reached if (account, number) == key]

    def nonces(self, sender: str) -> list[int]:
        """Nonces of a sender that reached the node, rising."""
        return sorted({nonce for account, nonce, _ in self.reached if account == sender.lower()})

    def concerns(self, request: Request) -> bool:
        """Whether a request must go through :meth:`take`."""
        return request.get("method") == SEND or bool(self.held)

    def take(self, request: Request, node: Callable[[Request], Reply]) -> Reply:
        """Reply to one request, after the rules."""
        with self._lock:
            if self.held:
                self.release(node)
            if request.get("method") == SEND:
                return self._send(request, node)
            if request.get("method") == "eth_getTransactionByHash":
                for row in self.held.values():
                    if row.hash == request["params"][0]:
                        return _reply(request, _pending(row))
        return node(request)

    def release(self, node: Callable[[Request], Reply]) -> None:
        """Give the node what it can afford by now."""
        base = _base_fee(node)
        for key, row in sorted(self.held.items()):
            if row.max_fee_wei >= base:
                del self.held[key]
                self._give(_request(SEND, row.raw), row, node)

    def _send(self, request: Request, node: Callable[[Request], Reply]) -> Reply:
        row = decode_raw(request["params"][0])
        self.arrived.append(row)
        key = (row.sender, row.nonce)
        before = self.held.get(key) or next(reversed(self.accepted.get(key, [])), None)
        if before and before.hash != row.hash and self.replacement_percent:
            needed = 100 + self.replacement_percent
            paid = ((row.max_fee_wei, before.max_fee_wei), (row.tip_wei, before.tip_wei))
            if any(new * 100 < old * needed for new, old in paid):
                return _error(request, -32000, UNDERPRICED)
        if self.holds_underpriced and row.max_fee_wei < _base_fee(node):
            self.held[key] = row
            return _reply(request, row.hash)
        self.held.pop(key, None)
        return self._give(request, row, node)

    def _give(self, request: Request, row: RawTx, node: Callable[[Request], Reply]) -> Reply:
        self.reached[row.sender, row.nonce, row.hash] += 1
        reply = node(request)
        if "result" in reply:
            self.accepted.setdefault((row.sender, row.nonce), []).append(row)
        return reply


def decode_raw(raw: str) -> RawTx:
    """Sender, nonce and fees of a type-2 transaction (EIP-1559)."""
    data = bytes.fromhex(raw[2:])
    if data[0] != 2:
        raise ValueError(f"type {data[0]} instead of 2")
    _, nonce, tip, max_fee, *_ = rlp.decode(data[1:])
    sender = str(Account.recover_transaction(raw)).lower()
    numbers = [int.from_bytes(field, "big") for field in (nonce, max_fee, tip)]
    return RawTx(sender, numbers[0], "0x" + keccak(data).hex(), numbers[1], numbers[2], raw)


def _base_fee(node: Callable[[Request], Reply]) -> int:
    """Of the block to come."""
    return int(node(_request("eth_getBlockByNumber", "pending", False))["result"]["baseFeePerGas"], 16)


def _pending(row: RawTx) -> dict[str, Any]:
    return {
        "hash": row.hash,
        "from": row.sender,
        "nonce": hex(row.nonce),
        "maxFeePerGas": hex(row.max_fee_wei),
        "maxPriorityFeePerGas": hex(row.tip_wei),
        "blockNumber": None,
        "blockHash": None,
    }


def _request(method: str, *params: object) -> Request:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


def _reply(request: Request, result: object) -> Reply:
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def _error(request: Request, code: int, message: str) -> Reply:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}}
