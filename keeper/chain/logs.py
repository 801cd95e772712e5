"""Events of one contract over a range of blocks, whatever range the provider allows."""

from typing import Any

from keeper.chain.rpc import Rpc, RpcError
from keeper.errors import RetryLater
from keeper.records.log import Log
from keeper.records.units import Address


def get_logs(rpc: Rpc, address: Address, from_block: int, to_block: int) -> list[Log]:
    """Every event of ``address`` in the range, in chain order.

    A refused range is halved until single blocks; only then is the refusal raised (providers cap ranges and results,
    each with another text, so the text is not asked).

    Raises
    ------
    RetryLater
        The node refuses even one block, or does not answer.
    """
    if from_block > to_block:
        return []
    try:
        rows = rpc.call("eth_getLogs", [{"address": address, "fromBlock": hex(from_block), "toBlock": hex(to_block)}])
    except RpcError as error:
        if error.code == 0 or from_block == to_block:
            raise
        middle = (from_block + to_block) // 2
        return [*get_logs(rpc, address, from_block, middle), *get_logs(rpc, address, middle + 1, to_block)]
    if not isinstance(rows, list):
        raise RetryLater(f"{rpc.label} answered eth_getLogs without a list")
    return sorted((_log(row) for row in rows), key=lambda log: (log.block_number, log.log_index))


def _log(row: dict[str, Any]) -> Log:
    return Log(
        address=Address(row["address"].lower()),
        topics=tuple(bytes.fromhex(topic[2:]) for topic in row["topics"]),
        data=bytes.fromhex(row["data"][2:]),
        block_number=int(row["blockNumber"], 16),
        block_hash=bytes.fromhex(row["blockHash"][2:]),
        tx_hash=bytes.fromhex(row["transactionHash"][2:]),
        log_index=int(row["logIndex"], 16),
    )


class ContractNode:
    """One contract's events and transactions on one node (``keeper.published.Node``)."""

    def __init__(self, rpc: Rpc, contract: Address) -> None:
        self._rpc = rpc
        self._contract = contract

    def logs(self, from_block: int, to_block: int) -> list[Log]:
        """Events of the contract, in chain order."""
        return get_logs(self._rpc, self._contract, from_block, to_block)

    def calldata(self, tx_hash: bytes) -> bytes:
        """Input of a transaction.

        Raises
        ------
        RetryLater
            The node does not know it.
        """
        found = self._rpc.call("eth_getTransactionByHash", ["0x" + tx_hash.hex()])
        if not isinstance(found, dict) or not isinstance(found.get("input"), str):
            raise RetryLater(f"{self._rpc.label} does not know transaction 0x{tx_hash.hex()}")
        return bytes.fromhex(found["input"][2:])
