// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Hashes of the two newest settings documents and the blocks from which they hold.
///
///   slot 0   current
///   slot 1   next
///   slot 2   currentFrom 64 | nextFrom 64
struct SettingsClock {
    bytes32 current;
    /// @dev Replaces `current` from its block on; becomes `current` when a further document is adopted after that.
    bytes32 next;
    uint64 currentFrom;
    uint64 nextFrom;
}

using SettingsClockLib for SettingsClock global;

library SettingsClockLib {
    /// @dev Adopt a document; one that is not yet in force is replaced.
    function adopt(SettingsClock storage clock, bytes32 hash, uint64 fromBlock) internal {
        if (clock.next != 0 && clock.nextFrom <= block.number) {
            clock.current = clock.next;
            clock.currentFrom = clock.nextFrom;
        }
        clock.next = hash;
        clock.nextFrom = fromBlock;
    }

    /// @return Hash in force at a block; zero before the first and for blocks older than the two that are kept.
    function hashAt(SettingsClock storage clock, uint256 blockNumber) internal view returns (bytes32) {
        if (clock.next != 0 && blockNumber >= clock.nextFrom) return clock.next;
        return blockNumber >= clock.currentFrom ? clock.current : bytes32(0);
    }
}
