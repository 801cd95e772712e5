"""One contract's past at one node: its events and the transactions behind them."""

from collections.abc import Sequence
from typing import Any

from keeper.chain.endpoint import Endpoint
from keeper.chain.logs import get_logs
from keeper.chain.quantities import data, quantity
from keeper.errors import RetryLater
from keeper.records.log import Log, Transaction
from keeper.records.outcome import Landing
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

    def __init__(self, rpc: Endpoint, contract: Address) -> None:
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

    def landings(self, logs: Sequence[Log]) -> list[Landing]:
        """Receipts of the transactions that made these logs, in order; errors as :meth:`transactions`."""
        receipts = self._rpc.batch([("eth_getTransactionReceipt", ["0x" + log.tx_hash.hex()]) for log in logs])
        blocks = self._rpc.batch([("eth_getBlockByHash", ["0x" + log.block_hash.hex(), False]) for log in logs])
        return [self._landing(*row) for row in zip(logs, receipts, blocks, strict=True)]

    def _landing(self, log: Log, receipt: Any, block: Any) -> Landing:
        try:
            gas, price = quantity(receipt["gasUsed"]), quantity(receipt["effectiveGasPrice"], 256)
            ok, block_time = quantity(receipt["status"]) == 1, quantity(block["timestamp"])
        except (KeyError, TypeError, ValueError):
            raise self._unknown(log.tx_hash) from None
        return Landing(log.tx_hash, log.block_number, log.block_hash, block_time, gas, gas * price, ok)

    def _transaction(self, row: Any, tx_hash: bytes) -> Transaction:
        try:
            to = Address(row["to"].lower()) if row.get("to") else None
            return Transaction(Address(row["from"].lower()), quantity(row["nonce"]), to, data(row["input"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._unknown(tx_hash) from None

    def _unknown(self, tx_hash: bytes) -> RetryLater:
        return RetryLater(f"{self._rpc.label} does not know the transaction 0x{tx_hash.hex()}", "use an archive node")
