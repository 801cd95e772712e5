"""One event and one transaction, as the node gave them."""

from dataclasses import dataclass

from keeper.records.units import Address


@dataclass(frozen=True, slots=True)
class Log:
    """An EVM log with its place in the chain."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that is on chain, as far as history needs it."""

    sender: Address
    nonce: int
    to: Address | None
    """None: it made a contract."""
    data: bytes
