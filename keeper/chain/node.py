"""One contract's past at one node: its events and the calldata behind them."""

from keeper.chain.logs import get_logs
from keeper.chain.quantities import data
from keeper.chain.rpc import Endpoint
from keeper.errors import RetryLater
from keeper.records.log import Log
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

    def calldata(self, tx_hash: bytes) -> bytes:
        """Input of a transaction to the contract; empty when it went to another one, which called the contract."""
        found = self._rpc.call("eth_getTransactionByHash", ["0x" + tx_hash.hex()])
        if not isinstance(found, dict) or not isinstance(found.get("input"), str):
            raise RetryLater(
                f"{self._rpc.label} does not know the transaction 0x{tx_hash.hex()}", "use an archive node"
            )
        direct = str(found.get("to")).lower() == self._contract
        return data(found["input"]) if direct else b""
