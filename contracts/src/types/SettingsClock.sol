// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What every batch is checked against: hashes of the two newest settings documents with the blocks from which they
/// hold; beside them, in a slot that is read anyway, how many signers must agree and when the contract ended.
///
///   slot 0   current
///   slot 1   next
///   slot 2   currentFrom 64 | nextFrom 64 | threshold 8 | endedAt 40
struct SettingsClock {
    bytes32 current;
    /// @dev Replaces `current` from its block on; becomes `current` when a further document is adopted after that.
    bytes32 next;
    uint64 currentFrom;
    uint64 nextFrom;
    /// @dev 0 before the first signers are set.
    uint8 threshold;
    /// @dev Unix seconds; 0 while the contract is in use.
    uint40 endedAt;
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
        if (blockNumber >= clock.nextFrom && clock.next != 0) return clock.next;
        return blockNumber >= clock.currentFrom ? clock.current : bytes32(0);
    }
}
