// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bits} from "./Bits.sol";

/// @dev What holds now for a market, in one slot. Twin: `LiveWord` in keeper/records/live.py.
///
///   bits     width  field
///   0        14     haircut, bps
///   14       14     liquidation haircut, bps
///   28       14     liquidation haircut where its ramp starts, bps (equals it at rest)
///   42       14     bonus, bps
///   56       14     premium, bps
///   70       20     debt ceiling, 7-bit binary exponent over a 13-bit mantissa; 0 = none
///   90       10     crunch probability, permille
///   100       2     regime
///   102      22     regime expiry, unix seconds / 600, rounded up
///   124      32     observed time, unix seconds
///   156      32     observed block
///   188      24     sequence
///   212      14     decay, k times sigma per sqrt(year) in 1/256
///   226       8     limits profile
///   234       8     batch index
///   242      14     flags: 1 = aux word is not zero, 2 = listed
///            256
type LiveWord is uint256;

using LiveWordLib for LiveWord global;

library LiveWordLib {
    using Bits for uint256;

    uint256 internal constant FLAG_AUX = 1;
    uint256 internal constant FLAG_LISTED = 2;
    /// @dev Observed time and block, sequence and decay are neighbours; the batch index lies above the profile.
    uint256 private constant REPORT_MASK = (((1 << 102) - 1) << 124) | (((1 << 8) - 1) << 234);
    /// @dev Largest decay the word holds.
    uint256 internal constant MAX_DECAY = (1 << 14) - 1;

    function raw(LiveWord word) internal pure returns (uint256) {
        return LiveWord.unwrap(word);
    }

    function haircutBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(0, 14);
    }

    function liquidationHaircutBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(14, 14);
    }

    function bonusBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(42, 14);
    }

    function regime(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(100, 2);
    }

    function observedTime(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(124, 32);
    }

    function observedBlock(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(156, 32);
    }

    function sequence(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(188, 24);
    }

    function decay(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(212, 14);
    }

    function profile(LiveWord word) internal pure returns (uint8) {
        return uint8(word.raw() >> 226);
    }

    function hasAux(LiveWord word) internal pure returns (bool) {
        return word.raw().get(242, 14) & FLAG_AUX != 0;
    }

    function isListed(LiveWord word) internal pure returns (bool) {
        return word.raw().get(242, 14) & FLAG_LISTED != 0;
    }

    /// @dev The same word with another haircut.
    function withHaircut(LiveWord word, uint256 bps) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw().set(0, 14, bps));
    }

    /// @dev The same word with the aux flag saying whether `auxRaw` is zero.
    function withAuxFlag(LiveWord word, uint256 auxRaw) internal pure returns (LiveWord) {
        uint256 flags = word.raw().get(242, 14) & ~FLAG_AUX;
        return LiveWord.wrap(word.raw().set(242, 14, auxRaw == 0 ? flags : flags | FLAG_AUX));
    }

    /// @dev The same word under a new report: order and freshness fields, one more in sequence. Runs with every report,
    /// so the fields are checked together and joined at once.
    function withReport(LiveWord word, uint256 time, uint256 blockNumber, uint256 decay_, uint256 batchIndex)
        internal
        pure
        returns (LiveWord)
    {
        unchecked {
            uint256 next = word.sequence() + 1;
            uint256 spill = (time >> 32) | (blockNumber >> 32) | (next >> 24) | (decay_ >> 14) | (batchIndex >> 8);
            if (spill != 0) revert Bits.FieldOverflow(spill, 0);
            uint256 kept = word.raw() & ~REPORT_MASK;
            next = (next << 188) | (time << 124) | (blockNumber << 156) | (decay_ << 212) | (batchIndex << 234);
            return LiveWord.wrap(kept | next);
        }
    }

    /// @dev The same word with first values; liquidation haircut at rest.
    function withValues(LiveWord word, uint256 haircut, uint256 liquidationHaircut, uint256 bonus)
        internal
        pure
        returns (LiveWord)
    {
        uint256 next = word.raw().set(0, 14, haircut);
        next = next.set(14, 14, liquidationHaircut);
        next = next.set(28, 14, liquidationHaircut);
        return LiveWord.wrap(next.set(42, 14, bonus));
    }

    /// @dev The same word, listed under a limits profile.
    function withListing(LiveWord word, uint8 profile_) internal pure returns (LiveWord) {
        uint256 flags = word.raw().get(242, 14) | FLAG_LISTED;
        return LiveWord.wrap(word.raw().set(226, 8, profile_).set(242, 14, flags));
    }

    /// @dev The same word with the clocks of a market that was looked at just now.
    function withClock(LiveWord word, uint256 time, uint256 blockNumber) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw().set(124, 32, time).set(156, 32, blockNumber));
    }

    function withoutListing(LiveWord word) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw().set(242, 14, word.raw().get(242, 14) & ~FLAG_LISTED));
    }
}
