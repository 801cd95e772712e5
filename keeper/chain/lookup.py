"""What the chain says about our transactions: the head, the key's count, receipts. Nothing is remembered here."""

from dataclasses import dataclass
from typing import Any

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
        number = _number(block, "number")
        return Head(number, _number(block, "timestamp"), self.count("latest"), self._final(number))

    def count(self, at: int | str) -> int:
        """Transactions of the key mined up to a block; never the node's ``pending`` count."""
        return _quantity(self._node.call("eth_getTransactionCount", [self._address, _tag(at)]))

    def agreed_count(self) -> int:
        """Likewise at the head, agreed on by enough nodes."""
        return _quantity(self._node.agreed("eth_getTransactionCount", [self._address, "latest"]))

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
        number, gas = _number(receipt, "blockNumber"), _number(receipt, "gasUsed")
        # Chains without a market of fees leave the price out.
        price = _quantity(receipt.get("effectiveGasPrice") or "0x0")
        ok = _number(receipt, "status") == 1
        time = _number(self._block(number), "timestamp")
        return Landing(tx_hash, number, _hash(receipt, "blockHash"), time, gas, gas * price, ok)

    def _block(self, at: int | str) -> dict[str, Any]:
        found = self._node.call("eth_getBlockByNumber", [_tag(at), False])
        if not isinstance(found, dict):
            raise RetryLater(f"no node has block {at}")
        return found

    def _final(self, head: int) -> int:
        try:
            return _number(self._block("finalized"), "number")
        except RetryLater:
            return max(0, head - FINAL_WITHOUT_TAG)


def _number(row: dict[str, Any], name: str) -> int:
    return _quantity(row.get(name))


def _quantity(value: Any) -> int:
    try:
        number = int(value, 16)
    except (TypeError, ValueError):
        raise RetryLater(f"a node answered {value!r:.40} for a number", "another node is asked next time") from None
    if number < 0:
        raise RetryLater(f"a node answered {value!r:.40} for a number", "another node is asked next time")
    return number


def _hash(row: dict[str, Any], name: str) -> bytes:
    value = row.get(name)
    if not isinstance(value, str) or len(value) != 66:
        raise RetryLater(f"a node answered {value!r:.40} for a hash", "another node is asked next time")
    return bytes.fromhex(value[2:])


def _tag(at: int | str) -> str:
    return hex(at) if isinstance(at, int) else at


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
