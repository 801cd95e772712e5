"""One event, as the node gave it."""

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
