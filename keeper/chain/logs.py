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
