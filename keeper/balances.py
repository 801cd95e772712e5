"""Does our balance fall by more than our own transactions cost? Then somebody else signs with our key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keeper.chain.endpoint import Endpoint
from keeper.records.units import Address, BlockRef


@dataclass(frozen=True, slots=True)
class Fall:
    """Wei that went without a row of ours."""

    wei: int
    explained_wei: int
    """What our own transactions of the same stretch cost."""
    block: int


class Ledger:
    """Compares the balance at one block with that at an earlier one and with our own receipts between them."""

    def __init__(self) -> None:
        self._at: BlockRef | None = None
        self._balance = 0
        self._counted: set[bytes] = set()
        """Hashes that were paid for up to that block."""

    def look(
        self, rpc: Endpoint, account: Address, head: BlockRef, balance: int, hashes: Iterable[bytes]
    ) -> Fall | None:
        """What is missing since the last look; None when nothing is, or when there is nothing to compare with.

        Parameters
        ----------
        balance
            Of the account at ``head``, wei.
        hashes
            Every transaction of ours that may have been mined since.
        """
        known = set(hashes)
        receipts = self._receipts(rpc, account, known, head.number)
        before, self._balance = self._balance, balance
        last, self._at = self._at, head
        fresh = {tx_hash: cost for tx_hash, cost in receipts.items() if tx_hash not in self._counted}
        if last is None or not _stands(rpc, last):
            # A reorg gives fees back and takes them again: the comparison starts anew.
            self._counted = set(receipts)
            return None
        self._counted = set(receipts) | (self._counted & known)
        explained = sum(fresh.values())
        missing = before - explained - balance
        return Fall(missing, explained, head.number) if missing > 0 else None

    def _receipts(self, rpc: Endpoint, account: Address, hashes: Iterable[bytes], up_to: int) -> Mapping[bytes, int]:
        costs = {}
        for tx_hash in hashes:
            receipt = rpc.call("eth_getTransactionReceipt", ["0x" + tx_hash.hex()])
            if _counts(receipt, account, up_to):
                costs[tx_hash] = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return costs


def _counts(receipt: Any, account: Address, up_to: int) -> bool:
    if not isinstance(receipt, dict) or not receipt.get("blockNumber"):
        return False
    return str(receipt.get("from", "")).lower() == account and int(receipt["blockNumber"], 16) <= up_to


def _stands(rpc: Endpoint, block: BlockRef) -> bool:
    header = rpc.call("eth_getBlockByNumber", [hex(block.number), False])
    return isinstance(header, dict) and str(header.get("hash")) == "0x" + block.hash.hex()
