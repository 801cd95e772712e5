// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bits} from "./Bits.sol";

/// @dev What permissionless trips have spent, and how long loosening is held. One slot; only trips, the guardian and
/// loosening touch it. Twin: `GuardWord` in keeper/records/live.py.
///
///   bits     width  field
///   0        48     trips spent from the week's bucket, seconds x 604,800
///   48       32     time at which that held
///   80       32     end of the last trip, unix seconds; the cool-down counts from here
///   112      32     loosening is held until this time
///            144
struct Guard {
    uint256 drained;
    uint256 drainedTime;
    uint256 tripEnd;
    uint256 heldUntil;
}

using GuardWordLib for Guard global;

library GuardWordLib {
    using Bits for uint256;

    function unpack(uint256 word) internal pure returns (Guard memory guard) {
        if (word == 0) return guard;
        guard.drained = word.get(0, 48);
        guard.drainedTime = word.get(48, 32);
        guard.tripEnd = word.get(80, 32);
        guard.heldUntil = word.get(112, 32);
    }

    function pack(Guard memory guard) internal pure returns (uint256 word) {
        word = word.set(0, 48, guard.drained).set(48, 32, guard.drainedTime);
        word = word.set(80, 32, guard.tripEnd).set(112, 32, guard.heldUntil);
    }
}
