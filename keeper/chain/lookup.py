"""What the chain says about our transactions: the head, the key's count, receipts. Nothing is remembered here."""

from dataclasses import dataclass
from typing import Any

from keeper.chain.quantities import hash32, quantity
from keeper.errors import RetryLater
from keeper.records.outcome import Landing, Outcome
from keeper.records.ports import SendingNode
from keeper.records.units import Address

FINAL_WITHOUT_TAG = 64
"""Blocks after which a transaction counts as final on a chain whose nodes know no ``finalized`` block."""


@dataclass(frozen=True, slots=True)
class Head:
    """The chain as one drive of the sender sees it."""

    number: int
    time: int
    count: int
    """Transactions of the key that are mined: the next nonce that the chain takes."""
    final: int
    """Newest final block."""


class Lookup:
    """Questions about one key's transactions.

    Parameters
    ----------
    node
        Whom to ask.
    address
        The key's.
    """

    def __init__(self, node: SendingNode, address: Address) -> None:
        self._node = node
        self._address = address

    def head(self) -> Head:
        """The chain now."""
        block = self._block("latest")
        number = quantity(block.get("number"))
        return Head(number, quantity(block.get("timestamp")), self.count("latest"), self._final(number))

    def count(self, at: int | str) -> int:
        """Transactions of the key mined up to a block; never the node's ``pending`` count."""
        return quantity(self._node.call("eth_getTransactionCount", [self._address, _tag(at)]))

    def agreed_count(self) -> int:
        """Likewise at the head, agreed on by enough nodes."""
        return quantity(self._node.agreed("eth_getTransactionCount", [self._address, "latest"]))

    def landing(self, row: Outcome) -> Landing | None:
        """The receipt of whichever of the row's transactions was mined."""
        for attempt in reversed(row.attempts):
            receipt = self._node.call("eth_getTransactionReceipt", [_hex(attempt.tx_hash)]) if attempt.tx_hash else None
            if isinstance(receipt, dict) and receipt.get("blockNumber"):
                return self._landing(attempt.tx_hash or b"", receipt)
        return None

    def is_known(self, row: Outcome) -> bool:
        """Whether a node has any of the row's transactions, mined or waiting."""
        hashes = [attempt.tx_hash for attempt in reversed(row.attempts) if attempt.tx_hash]
        return any(self._node.call("eth_getTransactionByHash", [_hex(value)]) for value in hashes)

    def _landing(self, tx_hash: bytes, receipt: dict[str, Any]) -> Landing:
        number, gas, status = (quantity(receipt.get(name)) for name in ("blockNumber", "gasUsed", "status"))
        # Chains without a market of fees leave the price out.
        price = quantity(receipt.get("effectiveGasPrice") or "0x0", 256)
        time = quantity(self._block(number).get("timestamp"))
        return Landing(tx_hash, number, hash32(receipt.get("blockHash")), time, gas, gas * price, status == 1)

    def _block(self, at: int | str) -> dict[str, Any]:
        found = self._node.call("eth_getBlockByNumber", [_tag(at), False])
        if not isinstance(found, dict):
            raise RetryLater(f"no node has block {at}")
        return found

    def _final(self, head: int) -> int:
        try:
            return quantity(self._block("finalized").get("number"))
        except RetryLater:
            return max(0, head - FINAL_WITHOUT_TAG)


def _tag(at: int | str) -> str:
    return hex(at) if isinstance(at, int) else at


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
