"""Storage words proved against a block's hash: header, account and storage, each by the hash above it.

A node that answers wrong words can't prove them: the chain of hashes ends at the block hash, which the contract knew.
Merkle Patricia tries are ``trie`` and ``rlp``, the Ethereum Foundation's own.
Reference: EIP-1186 (``eth_getProof``).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import rlp
from rlp.exceptions import RLPException
from trie.exceptions import BadTrieProof
from trie.hexary import HexaryTrie

from keeper.chain.endpoint import Endpoint
from keeper.chain.headers import header_hash
from keeper.chain.quantities import Malformed
from keeper.errors import KeeperError
from keeper.maths.keccak import keccak
from keeper.records.snapshot import WordInput
from keeper.records.units import BlockRef

MAX_SLOTS = 256
"""Slots of one request; nodes limit them to about 1,000."""


class Unproved(KeeperError):
    """The node could not prove a word; the message says which."""

    exit_code = 3


def prove_words(rpc: Endpoint, block: BlockRef, words: Sequence[WordInput]) -> int:
    """Check every word against the block's hash.

    Returns
    -------
    int
        How many were proved: all.

    Raises
    ------
    Unproved
        A header, account or word does not hash to what is above it.
    RetryLater
        The node failed.
    """
    root = state_root(rpc, block)
    ordered = sorted(set(words), key=lambda row: (row.account, row.slot))
    for account, rows in groupby(ordered, key=lambda row: row.account):
        mine = list(rows)
        for start in range(0, len(mine), MAX_SLOTS):
            part = mine[start : start + MAX_SLOTS]
            slots = ["0x" + row.slot.hex() for row in part]
            reply = rpc.call("eth_getProof", [account, slots, hex(block.number)])
            _check(account, root, part, reply)
    return len(ordered)


def state_root(rpc: Endpoint, block: BlockRef) -> bytes:
    """State root of a block, from a header that hashes to the block's hash."""
    header = rpc.call("eth_getBlockByHash", ["0x" + block.hash.hex(), False])
    if not isinstance(header, dict):
        raise Unproved(f"{rpc.label} has no header of block {block.number}")
    try:
        hashed = header_hash(header)
    except Malformed:
        raise Unproved(f"the header of block {block.number} is malformed") from None
    if hashed != block.hash:
        raise Unproved(f"the header of block {block.number} does not hash to the block's hash")
    return bytes.fromhex(header["stateRoot"][2:])


def _check(account: str, root: bytes, words: Sequence[WordInput], reply: Any) -> None:
    try:
        proved = _looked_up(root, bytes.fromhex(account[2:]), reply["accountProof"])
        storage = {int(row["key"], 16): row["proof"] for row in reply["storageProof"]}
        fields = rlp.decode(proved) if proved else []
        for word in words:
            slot = int.from_bytes(word.slot, "big")
            found = _looked_up(fields[2], word.slot, storage[slot]) if fields else b""
            value = rlp.decode(found) if found else b""
            if value != word.value.lstrip(b"\0"):
                raise Unproved(f"slot 0x{slot:x} of {account} holds 0x{value.hex() or '0'}, not 0x{word.value.hex()}")
    except (BadTrieProof, RLPException, KeyError, TypeError, ValueError, AssertionError) as error:
        raise Unproved(f"no proof for {account}: {type(error).__name__}") from None


def _looked_up(root: bytes, key: bytes, proof: Sequence[str]) -> bytes:
    """Value below a root; empty when the proof shows that there is none."""
    nodes = [rlp.decode(bytes.fromhex(node[2:])) for node in proof]
    value = HexaryTrie.get_from_proof(root, keccak(key), nodes)  # type: ignore[no-untyped-call]
    return bytes(value)
