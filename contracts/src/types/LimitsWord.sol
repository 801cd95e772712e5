// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters, Limits} from "../interfaces/ICollateralParameters.sol";
import {Bits} from "./Bits.sol";

/// @dev A limits profile in one slot. Twin: `Limits` in keeper/records/live.py. Fields are described at `Limits`.
///
///   bits     width  field
///   0        14     floor, bps
///   14       14     cap, bps
///   28       14     step up, bps
///   42       32     stage seconds
///   74       14     bucket, bps
///   88       14     refill, bps a day
///   102      32     dispute seconds
///   134      32     pending expiry seconds
///   166      32     fresh seconds
///            198
type LimitsWord is uint256;

using LimitsWordLib for LimitsWord global;

library LimitsWordLib {
    using Bits for uint256;

    function raw(LimitsWord word) internal pure returns (uint256) {
        return LimitsWord.unwrap(word);
    }

    function floorBps(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(0, 14);
    }

    function capBps(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(14, 14);
    }

    function stepUpBps(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(28, 14);
    }

    function stageSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(42, 32);
    }

    function bucketBps(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(74, 14);
    }

    function refillBpsPerDay(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(88, 14);
    }

    function disputeSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(102, 32);
    }

    function pendingExpirySeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(134, 32);
    }

    function freshSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(166, 32);
    }

    function isSet(LimitsWord word) internal pure returns (bool) {
        return word.raw() != 0;
    }

    /// @dev Refuses values that contradict each other or were forgotten. A bucket of 0 is a choice: nothing loosens.
    function checkAndPack(uint8 profile, Limits calldata values) internal pure returns (LimitsWord) {
        bool sound = values.floorBps <= values.capBps && values.capBps <= 10_000 && values.stepUpBps != 0
            && values.stageSeconds != 0 && values.disputeSeconds != 0 && values.pendingExpirySeconds != 0
            && values.freshSeconds != 0;
        if (!sound) revert ICollateralParameters.BadLimits(profile);
        uint256 word = uint256(0).set(0, 14, values.floorBps).set(14, 14, values.capBps).set(28, 14, values.stepUpBps);
        word = word.set(42, 32, values.stageSeconds).set(74, 14, values.bucketBps).set(88, 14, values.refillBpsPerDay);
        word = word.set(102, 32, values.disputeSeconds).set(134, 32, values.pendingExpirySeconds);
        return LimitsWord.wrap(word.set(166, 32, values.freshSeconds));
    }

    function unpack(LimitsWord word) internal pure returns (Limits memory values) {
        values.floorBps = uint16(word.floorBps());
        values.capBps = uint16(word.capBps());
        values.stepUpBps = uint16(word.stepUpBps());
        values.stageSeconds = uint32(word.stageSeconds());
        values.bucketBps = uint16(word.bucketBps());
        values.refillBpsPerDay = uint16(word.refillBpsPerDay());
        values.disputeSeconds = uint32(word.disputeSeconds());
        values.pendingExpirySeconds = uint32(word.pendingExpirySeconds());
        values.freshSeconds = uint32(word.freshSeconds());
    }
}
