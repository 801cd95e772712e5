// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {EffectiveLib} from "./EffectiveLib.sol";

/// @dev Highest effective haircuts of the last 64 days (UTC), 16 lanes of 16 bits a word: 14 bits bps, 2 bits which
/// round of 64 days the lane belongs to.
///
/// The live word carries the highest value of the day of its observed time, so that a report costs no further slot;
/// the first write of another day moves it here, together with what the word then stood for until now.
struct Days {
    uint256[4] words;
}

using DayLib for Days global;

library DayLib {
    uint256 internal constant DAY = 86_400;
    uint256 internal constant DAYS = 64;
    uint256 private constant LANE = (1 << 16) - 1;
    uint256 private constant VALUE = (1 << 14) - 1;

    /// @dev Take down a write: `old` held until now, `next` holds from now on.
    /// @return highest What `next` has to carry.
    function note(Days storage days_, LiveWord old, LiveWord next, LimitsWord limits)
        internal
        returns (uint256 highest)
    {
        uint256 today = block.timestamp / DAY;
        uint256 first = old.observedTime() / DAY;
        uint256 after_ = EffectiveLib.haircutBps(next, limits, block.timestamp, block.timestamp);
        // A market listed anew stood for nothing until now; what it stood for before is in the words already.
        if (!old.isListed()) return after_;
        if (first == today) return Math.max(during(old, limits, today, block.timestamp), after_);
        for (uint256 day = Math.max(first, Math.saturatingSub(today, DAYS - 1)); day <= today; ++day) {
            uint256 value = during(old, limits, day, block.timestamp);
            if (day == today) value = Math.max(value, after_);
            days_.put(day, value);
            if (day == next.observedTime() / DAY) highest = value;
        }
    }

    /// @dev Take down all that `live` stood for, today's too: it ends.
    function close(Days storage days_, LiveWord live, LimitsWord limits) internal {
        days_.put(block.timestamp / DAY, days_.note(live, live, limits));
    }

    /// @dev Highest effective haircut that `live` stood for in a day from its observed one up to today, bps.
    function during(LiveWord live, LimitsWord limits, uint256 day, uint256 agedUntil)
        internal
        view
        returns (uint256 value)
    {
        uint256 from = Math.max(day * DAY, live.observedTime());
        uint256 to = Math.min((day + 1) * DAY - 1, block.timestamp);
        value = EffectiveLib.highestBps(live, limits, from, to, agedUntil);
        if (day == live.observedTime() / DAY) value = Math.max(value, live.dayHighestBps());
    }

    function put(Days storage days_, uint256 day, uint256 value) internal {
        unchecked {
            uint256 shift = (day % 16) * 16;
            uint256 word = days_.words[(day / 16) % 4];
            uint256 lane = (word >> shift) & LANE;
            uint256 tag = (day / DAYS) & 3;
            if (lane >> 14 == tag && (lane & VALUE) > value) return;
            days_.words[(day / 16) % 4] = (word & ~(LANE << shift)) | (((tag << 14) | value) << shift);
        }
    }

    /// @return What was taken down for it; 0 when nothing was.
    function get(uint256 word, uint256 day) internal pure returns (uint256) {
        uint256 lane = (word >> ((day % 16) * 16)) & LANE;
        return lane >> 14 == (day / DAYS) & 3 ? lane & VALUE : 0;
    }

    /// @return Which of the four words keeps a day.
    function indexOf(uint256 day) internal pure returns (uint256) {
        return (day / 16) % 4;
    }
}
