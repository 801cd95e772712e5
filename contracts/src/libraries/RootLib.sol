// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Commitments roots of the batches of the last 1,024 windows.
/// @dev One word a batch: the first 28 bytes of its root over the 4 bytes of the observed block. Slots are used again,
/// which costs a batch 17,100 gas less than a slot of its own; the block tells a present root from a past one. 224 bits
/// of a Merkle root cannot be met by search.
library RootLib {
    /// @dev 25,600 blocks at a cadence of 25: three times what EIP-2935 can prove.
    uint256 private constant WINDOWS = 1024;
    /// @dev Batch indices have 7 bits in the live word.
    uint256 internal constant INDICES = 128;
    uint256 private constant BLOCK_MASK = type(uint32).max;

    function keyOf(uint256 window, uint256 index) internal pure returns (uint256) {
        unchecked {
            return (window % WINDOWS) * INDICES + index;
        }
    }

    function pack(bytes32 root, uint256 observedBlock) internal pure returns (bytes32) {
        return bytes32((uint256(root) & ~BLOCK_MASK) | observedBlock);
    }

    /// @return index First one of the window under which this root is or may be stored; `INDICES` when none is left.
    function freeIndex(mapping(uint256 key => bytes32) storage roots, bytes32 word, uint256 window, uint256 cadence)
        internal
        view
        returns (uint256 index)
    {
        uint256 key = keyOf(window, 0);
        for (; index < INDICES; ++index) {
            bytes32 held = roots[key + index];
            if (held == word || _windowOf(held, cadence) != window) return index;
        }
    }

    /// @return First 28 bytes of the root; 0 when there is none.
    function get(mapping(uint256 key => bytes32) storage roots, uint256 observedBlock, uint256 window, uint256 index)
        internal
        view
        returns (bytes28)
    {
        uint256 held = uint256(roots[keyOf(window, index)]);
        return held & BLOCK_MASK == observedBlock ? bytes28(bytes32(held)) : bytes28(0);
    }

    /// @return Window of the block that a word names; one that no block has for an empty word.
    function _windowOf(bytes32 held, uint256 cadence) private pure returns (uint256) {
        if (held == 0) return type(uint256).max;
        return ((uint256(held) & BLOCK_MASK) + cadence - 1) / cadence;
    }
}
