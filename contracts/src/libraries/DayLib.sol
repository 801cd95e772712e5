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

    /// @dev Take down a write: `old`, written at `since`, held until now, `next` holds from now on.
    /// @param since Counts only where the day of the observed time is not today.
    /// @return highest What `next` has to carry.
    function note(Days storage days_, LiveWord old, uint256 since, LiveWord next, LimitsWord limits)
        internal
        returns (uint256 highest)
    {
        uint256 today = block.timestamp / DAY;
        uint256 after_ = EffectiveLib.haircutBps(next, limits, block.timestamp, block.timestamp);
        // A market listed anew stood for nothing until now; what it stood for before is in the words already.
        if (!old.isListed()) return after_;
        if (old.observedTime() / DAY == today) {
            return Math.max(during(old, limits, since, today, block.timestamp), after_);
        }
        days_.close(old, since, limits);
        days_.put(today, after_);
        if (next.observedTime() / DAY == today) highest = get(days_.words[indexOf(today)], today);
    }

    /// @dev Take down what `live`, written at `since`, stood for until now.
    function close(Days storage days_, LiveWord live, uint256 since, LimitsWord limits) internal {
        uint256 today = block.timestamp / DAY;
        uint256 written = since / DAY;
        uint256 first = written + DAYS <= today ? today + 1 - DAYS : written;
        for (uint256 day = first; day <= today; ++day) {
            // What a lane holds of a later day than that of the write is of 256 days ago.
            if (day != written) days_.clear(day);
            days_.put(day, during(live, limits, since, day, block.timestamp));
        }
    }

    /// @dev Highest effective haircut that `live`, written at `since`, stood for in a day from that on up to today, bps.
    function during(LiveWord live, LimitsWord limits, uint256 since, uint256 day, uint256 agedUntil)
        internal
        view
        returns (uint256 value)
    {
        uint256 from = Math.max(day * DAY, since);
        uint256 to = Math.min((day + 1) * DAY - 1, block.timestamp);
        value = EffectiveLib.highestBps(live, limits, from, to, agedUntil);
        if (day == live.observedTime() / DAY) value = Math.max(value, live.dayHighestBps());
    }

    function clear(Days storage days_, uint256 day) internal {
        days_.words[indexOf(day)] &= ~(LANE << ((day % 16) * 16));
    }

    function put(Days storage days_, uint256 day, uint256 value) internal {
        unchecked {
            uint256 shift = (day % 16) * 16;
            uint256 word = days_.words[indexOf(day)];
            uint256 lane = (word >> shift) & LANE;
            uint256 tag = (day / DAYS) & 3;
            if (lane >> 14 == tag && (lane & VALUE) > value) return;
            days_.words[indexOf(day)] = (word & ~(LANE << shift)) | (((tag << 14) | value) << shift);
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
