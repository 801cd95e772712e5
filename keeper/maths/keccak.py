"""keccak256 and the Merkle tree whose root commits to inputs and to reports.

Source: Ethereum yellow paper (keccak256); tree shape as OpenZeppelin ``MerkleProof`` verifies it (pairs are sorted,
so a proof needs no positions); leaves are hashed twice, so that no inner node can pass as a leaf.
"""

import sha3

EMPTY_ROOT = bytes(32)
"""Root of a tree without leaves."""


def keccak(data: bytes) -> bytes:
    """keccak256 of ``data``, 32 bytes."""
    return sha3.keccak_256(data).digest()  # type: ignore[no-any-return]


def leaf_hash(encoded: bytes) -> bytes:
    """Double hash of an ABI-encoded leaf."""
    return keccak(keccak(encoded))


def merkle_root(leaves: list[bytes]) -> bytes:
    """Root over leaf hashes in the given order; an odd node rises unpaired.

    Parameters
    ----------
    leaves
        32-byte hashes, already double-hashed.
    """
    if not leaves:
        return EMPTY_ROOT
    level = leaves
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_proof(leaves: list[bytes], index: int) -> list[bytes]:
    """Siblings from leaf ``index`` to the root, as ``MerkleProof.verify`` takes them."""
    proof, level = [], leaves
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level, index = _next_level(level), index // 2
    return proof


def _next_level(level: list[bytes]) -> list[bytes]:
    pairs = [_pair(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[-1:] if len(level) % 2 else pairs


def _pair(left: bytes, right: bytes) -> bytes:
    return keccak(left + right) if left < right else keccak(right + left)


def checksummed(address: str) -> str:
    """An address in mixed case, whose case is a checksum (EIP-55)."""
    digits = address.lower().removeprefix("0x")
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(
        char.upper() if int(nibble, 16) > 7 else char for char, nibble in zip(digits, nibbles, strict=False)
    )


def source_id(venue: str, pool: str) -> bytes:
    """Id of a price source inside the packed core: 7 bytes over the venue's name and the pool's address."""
    return keccak(venue.encode() + bytes.fromhex(pool[2:]))[:7]
