"""One contract's past at one node: its events and the transactions behind them."""

from collections.abc import Sequence
from typing import Any

from keeper.chain.logs import get_logs
from keeper.chain.rpc import Rpc
from keeper.errors import RetryLater
from keeper.records.log import Log, Transaction
from keeper.records.units import Address


class ContractNode:
    """Reads history back for ``published.read_history``.

    Parameters
    ----------
    rpc
        The node.
    contract
        Whose events are read.
    """

    def __init__(self, rpc: Rpc, contract: Address) -> None:
        self._rpc = rpc
        self._contract = contract

    def logs(self, from_block: int, to_block: int) -> list[Log]:
        """Events of the contract, in chain order."""
        return get_logs(self._rpc, self._contract, from_block, to_block)

    def transactions(self, tx_hashes: Sequence[bytes]) -> list[Transaction]:
        """These transactions, in order, many in one body.

        Raises
        ------
        RetryLater
            The node fails, or does not know one of them.
        """
        calls = [("eth_getTransactionByHash", ["0x" + tx_hash.hex()]) for tx_hash in tx_hashes]
        rows = self._rpc.batch(calls) if calls else []
        return [self._transaction(row, tx_hash) for row, tx_hash in zip(rows, tx_hashes, strict=True)]

    def _transaction(self, row: Any, tx_hash: bytes) -> Transaction:
        try:
            to = Address(row["to"].lower()) if row.get("to") else None
            return Transaction(Address(row["from"].lower()), int(row["nonce"], 16), to, bytes.fromhex(row["input"][2:]))
        except (AttributeError, KeyError, TypeError, ValueError):
            what = f"{self._rpc.label} does not know the transaction 0x{tx_hash.hex()}"
            raise RetryLater(what, "use an archive node") from None
