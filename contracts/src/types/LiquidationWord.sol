// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bits} from "./Bits.sol";

/// @dev What the law of the liquidation haircut remembers of a market. In memory; packed into one slot, touched only
/// when the live word's flag says that it is not zero. Twin: `LiquidationWord` in keeper/records/live.py.
///
///   bits     width  field
///   0        14     pending liquidation haircut, bps
///   14       14     pending bonus, bps
///   28       32     time the pending opened; 0 = none
///   60       32     time the ramp started; 0 = never
///   92       32     moves spent from the day's bucket, bps x 86,400
///   124      36     moves spent from the fortnight's bucket, bps x 1,209,600
///   160      32     time at which both held
///   192      22     length of the ramp, seconds, as the limits had it when it started
///            214
struct Liquidation {
    uint256 pendingBps;
    uint256 pendingBonusBps;
    uint256 pendingTime;
    uint256 rampTime;
    uint256 drainedDay;
    uint256 drainedFortnight;
    uint256 drainedTime;
    uint256 rampSeconds;
}

using LiquidationWordLib for Liquidation global;

library LiquidationWordLib {
    using Bits for uint256;

    function unpack(uint256 word) internal pure returns (Liquidation memory state) {
        if (word == 0) return state;
        state.pendingBps = word.get(0, 14);
        state.pendingBonusBps = word.get(14, 14);
        state.pendingTime = word.get(28, 32);
        state.rampTime = word.get(60, 32);
        state.drainedDay = word.get(92, 32);
        state.drainedFortnight = word.get(124, 36);
        state.drainedTime = word.get(160, 32);
        state.rampSeconds = word.get(192, 22);
    }

    function pack(Liquidation memory state) internal pure returns (uint256 word) {
        word = word.set(0, 14, state.pendingBps).set(14, 14, state.pendingBonusBps).set(28, 32, state.pendingTime);
        word = word.set(60, 32, state.rampTime).set(92, 32, state.drainedDay);
        word = word.set(124, 36, state.drainedFortnight).set(160, 32, state.drainedTime);
        word = word.set(192, 22, state.rampSeconds);
    }

    /// @return time When the ramp started.
    /// @return length Its length, seconds.
    function rampOf(uint256 word) internal pure returns (uint256 time, uint256 length) {
        return (word.get(60, 32), word.get(192, 22));
    }

    /// @return pendingBps Pending liquidation haircut.
    /// @return pendingTime When it opened.
    function pendingOf(uint256 word) internal pure returns (uint16 pendingBps, uint256 pendingTime) {
        return (uint16(word.get(0, 14)), word.get(28, 32));
    }
}
