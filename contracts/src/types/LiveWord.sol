// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bits} from "./Bits.sol";

/// @dev What holds now for a market, in one slot. Twin: `LiveWord` in keeper/records/live.py.
///
///   bits     width  field
///   0        14     haircut, bps
///   14       14     liquidation haircut where its ramp ends, bps
///   28       14     liquidation haircut where its ramp starts, bps (equals the end at rest)
///   42       14     bonus, bps
///   56       14     premium, bps
///   70       20     debt ceiling, 7-bit binary exponent over a 13-bit mantissa; 0 = none
///   90       10     crunch probability, permille
///   100       2     regime
///   102      22     regime expiry, unix seconds / 1024, rounded up
///   124      32     observed time, unix seconds
///   156      32     observed block
///   188      24     sequence
///   212      14     decay, k times sigma per sqrt(year) in 1/256
///   226       7     batch index
///   233       6     limits profile
///   239      14     highest effective haircut so far in the day of the observed time, bps
///   253       3     flags: 1 = a stage or a pending is open, 2 = listed, 4 = liquidation word is not zero
///            256
///
/// The history ring keeps the same word; there, profile, day's highest and flags give way to
///   233      23     seconds from the observed time to the write
type LiveWord is uint256;

using LiveWordLib for LiveWord global;

library LiveWordLib {
    using Bits for uint256;

    uint256 internal constant FLAG_AUX = 1;
    uint256 internal constant FLAG_LISTED = 2;
    uint256 internal constant FLAG_LIQUIDATION = 4;
    /// @dev Largest decay the word holds.
    uint256 internal constant MAX_DECAY = (1 << 14) - 1;
    /// @dev Seconds in one unit of the regime's expiry; so it reaches as far as a time of 32 bits.
    uint256 internal constant EXPIRY_UNIT = 1024;
    /// @dev Observed time, observed block, sequence; batch index.
    uint256 private constant REPORT_MASK = (((1 << 88) - 1) << 124) | (((1 << 7) - 1) << 226);
    uint256 private constant HISTORY_SHIFT = 233;
    uint256 private constant MAX_DELAY = (1 << 23) - 1;

    function raw(LiveWord word) internal pure returns (uint256) {
        return LiveWord.unwrap(word);
    }

    function haircutBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(0, 14);
    }

    function liquidationTargetBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(14, 14);
    }

    function rampFromBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(28, 14);
    }

    function bonusBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(42, 14);
    }

    function premiumBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(56, 14);
    }

    function ceiling(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(70, 20);
    }

    function crunchPermille(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(90, 10);
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

    function batchIndex(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(226, 7);
    }

    function profile(LiveWord word) internal pure returns (uint8) {
        return uint8(word.raw().get(233, 6));
    }

    function dayHighestBps(LiveWord word) internal pure returns (uint256) {
        return word.raw().get(239, 14);
    }

    function hasAux(LiveWord word) internal pure returns (bool) {
        return word.raw().get(253, 3) & FLAG_AUX != 0;
    }

    function isListed(LiveWord word) internal pure returns (bool) {
        return word.raw().get(253, 3) & FLAG_LISTED != 0;
    }

    function hasLiquidation(LiveWord word) internal pure returns (bool) {
        return word.raw().get(253, 3) & FLAG_LIQUIDATION != 0;
    }

    // ------------------------------------------------------------------------------------------------------ regime

    /// @dev The level as written, whether or not it has expired; with its expiry, unix seconds.
    function storedRegime(LiveWord word) internal pure returns (uint256 level, uint256 expiry) {
        return (word.raw().get(100, 2), word.raw().get(102, 22) * EXPIRY_UNIT);
    }

    /// @dev The level that holds at a time: a raise ends by itself.
    function regimeAt(LiveWord word, uint256 time) internal pure returns (uint256) {
        (uint256 level, uint256 expiry) = word.storedRegime();
        return time < expiry ? level : 0;
    }

    /// @dev The same word without a regime that has expired, raised to `level` (0: not raised) until `until` at least.
    /// A raise never shortens what holds.
    function withRegime(LiveWord word, uint256 level, uint256 until, uint256 time) internal pure returns (LiveWord) {
        (uint256 held, uint256 expiry) = word.storedRegime();
        if (held == 0 && level == 0) return word;
        if (time >= expiry) (held, expiry) = (0, 0);
        if (level != 0 && level >= held) {
            held = level;
            if (until > expiry) expiry = until;
        }
        uint256 next = word.raw().set(100, 2, held);
        return LiveWord.wrap(next.set(102, 22, (expiry + EXPIRY_UNIT - 1) / EXPIRY_UNIT));
    }

    // ------------------------------------------------------------------------------------------------------ writing

    /// @dev The same word with another haircut.
    function withHaircut(LiveWord word, uint256 bps) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw().set(0, 14, bps));
    }

    /// @dev The same word with other values of the group that loosens together.
    function withLoosened(LiveWord word, uint256 haircut, uint256 premium, uint256 ceiling_)
        internal
        pure
        returns (LiveWord)
    {
        uint256 next = word.raw().set(0, 14, haircut);
        next = next.set(56, 14, premium);
        return LiveWord.wrap(next.set(70, 20, ceiling_));
    }

    /// @dev The same word with the liquidation haircut on its way from `from` to `to`, and this bonus.
    function withLiquidation(LiveWord word, uint256 from, uint256 to, uint256 bonus) internal pure returns (LiveWord) {
        uint256 next = word.raw().set(14, 14, to);
        next = next.set(28, 14, from);
        return LiveWord.wrap(next.set(42, 14, bonus));
    }

    /// @dev The same word under a new report, one more in sequence; the fields are checked together.
    function withReport(LiveWord word, uint256 time, uint256 blockNumber, uint256 batchIndex_)
        internal
        pure
        returns (LiveWord)
    {
        unchecked {
            uint256 next = word.sequence() + 1;
            uint256 spill = (time >> 32) | (blockNumber >> 32) | (next >> 24) | (batchIndex_ >> 7);
            if (spill != 0) revert Bits.FieldOverflow(spill, 0);
            next = (next << 188) | (time << 124) | (blockNumber << 156) | (batchIndex_ << 226);
            return LiveWord.wrap((word.raw() & ~REPORT_MASK) | next);
        }
    }

    /// @dev The same word with what reports say of the future.
    function withOutlook(LiveWord word, uint256 crunch, uint256 decay_) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw().set(90, 10, crunch).set(212, 14, decay_));
    }

    /// @dev The same word, listed under a limits profile.
    function withListing(LiveWord word, uint8 profile_) internal pure returns (LiveWord) {
        uint256 flags = word.raw().get(253, 3) | FLAG_LISTED;
        return LiveWord.wrap(word.raw().set(233, 6, profile_).set(253, 3, flags));
    }

    function withoutListing(LiveWord word) internal pure returns (LiveWord) {
        return LiveWord.wrap(word.raw() & ~(FLAG_LISTED << 253));
    }

    /// @dev The same word with the clocks and the decay of a market that was looked at just now.
    function withClock(LiveWord word, uint256 time, uint256 blockNumber, uint256 decay_)
        internal
        pure
        returns (LiveWord)
    {
        uint256 next = word.raw().set(124, 32, time);
        next = next.set(156, 32, blockNumber);
        return LiveWord.wrap(next.set(212, 14, decay_));
    }

    /// @dev The same word with the day's highest value and with flags that say whether the two other words count.
    function withSeal(LiveWord word, uint256 highestBps, bool aux, bool liquidation) internal pure returns (LiveWord) {
        unchecked {
            uint256 flags = word.raw().get(253, 3) & FLAG_LISTED;
            if (aux) flags |= FLAG_AUX;
            if (liquidation) flags |= FLAG_LIQUIDATION;
            uint256 kept = word.raw() & ((1 << 239) - 1);
            return LiveWord.wrap(kept | (highestBps << 239) | (flags << 253));
        }
    }

    // ------------------------------------------------------------------------------------------------------ history

    /// @dev The word as the ring keeps it, written at `time`. A delay of more than 97 days is kept as that.
    function toHistory(LiveWord word, uint256 time) internal pure returns (uint256) {
        unchecked {
            uint256 delay = time - word.observedTime();
            if (delay > MAX_DELAY) delay = MAX_DELAY;
            return (word.raw() & ((1 << HISTORY_SHIFT) - 1)) | (delay << HISTORY_SHIFT);
        }
    }

    /// @dev When a word of the ring was written, unix seconds.
    function writtenTime(uint256 historyWord) internal pure returns (uint256) {
        unchecked {
            return LiveWord.wrap(historyWord).observedTime() + (historyWord >> HISTORY_SHIFT);
        }
    }
}
