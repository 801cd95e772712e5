// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters, Limits} from "../interfaces/ICollateralParameters.sol";
import {Bits} from "./Bits.sol";

/// @dev First word of a limits profile: what every report needs. Twin: `Limits` in keeper/records/live.py. Fields are
/// described at `Limits`; the second word is LawWord.
///
///   bits     width  field
///   0        14     floor, bps
///   14       14     cap, bps
///   28       14     step up, bps
///   42       22     stage seconds
///   64       14     bucket, bps
///   78       14     refill, bps a day
///   92       22     dispute seconds
///   114      22     pending expiry seconds
///   136      22     fresh seconds
///   158      22     grace seconds
///   180      14     decay floor
///   194      14     guarded add, bps
///   208      14     stressed add, bps
///   222      22     regime seconds
///   244       1     bounded: the quorum may move the liquidation haircut
///            245
type LimitsWord is uint256;

using LimitsWordLib for LimitsWord global;

library LimitsWordLib {
    using Bits for uint256;

    /// @dev As drawn above; `Limits` has its fields in the same order.
    bytes private constant WIDTHS = hex"0e0e0e160e0e161616160e0e0e1601";

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
        return word.raw().get(42, 22);
    }

    function bucketBps(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(64, 14);
    }

    function refillBpsPerDay(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(78, 14);
    }

    function disputeSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(92, 22);
    }

    function pendingExpirySeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(114, 22);
    }

    function freshSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(136, 22);
    }

    function graceSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(158, 22);
    }

    function decayFloor(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(180, 14);
    }

    /// @dev What GUARDED (1) or STRESSED (2) adds to the haircut, bps.
    function regimeAddBps(LimitsWord word, uint256 level) internal pure returns (uint256) {
        return level == 1 ? word.raw().get(194, 14) : word.raw().get(208, 14);
    }

    function regimeSeconds(LimitsWord word) internal pure returns (uint256) {
        return word.raw().get(222, 22);
    }

    function isBounded(LimitsWord word) internal pure returns (bool) {
        return word.raw().get(244, 1) != 0;
    }

    function isSet(LimitsWord word) internal pure returns (bool) {
        return word.raw() != 0;
    }

    /// @dev Refuses values that contradict each other or were forgotten. A bucket of 0 is a choice: nothing loosens.
    function checkAndPack(uint8 profile, Limits calldata values) internal pure returns (LimitsWord word) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := values
        }
        word = LimitsWord.wrap(Bits.packFrom(offset, WIDTHS));
        bool sound = word.floorBps() <= word.capBps() && word.capBps() <= 10_000 && word.stepUpBps() != 0
            && word.stageSeconds() != 0 && word.disputeSeconds() != 0 && word.pendingExpirySeconds() != 0
            && word.freshSeconds() != 0 && word.graceSeconds() != 0 && word.regimeSeconds() != 0;
        sound = sound && word.decayFloor() != 0 && word.regimeAddBps(1) <= word.regimeAddBps(2)
            && word.regimeAddBps(2) <= 10_000;
        if (!sound) revert ICollateralParameters.BadLimits(profile);
    }

    function unpackInto(LimitsWord word, Limits memory values) internal pure {
        values.floorBps = uint16(word.floorBps());
        values.capBps = uint16(word.capBps());
        values.stepUpBps = uint16(word.stepUpBps());
        values.stageSeconds = uint32(word.stageSeconds());
        values.bucketBps = uint16(word.bucketBps());
        values.refillBpsPerDay = uint16(word.refillBpsPerDay());
        values.disputeSeconds = uint32(word.disputeSeconds());
        values.pendingExpirySeconds = uint32(word.pendingExpirySeconds());
        values.freshSeconds = uint32(word.freshSeconds());
        values.graceSeconds = uint32(word.graceSeconds());
        values.decayFloor = uint16(word.decayFloor());
        values.guardedAddBps = uint16(word.regimeAddBps(1));
        values.stressedAddBps = uint16(word.regimeAddBps(2));
        values.regimeSeconds = uint32(word.regimeSeconds());
        values.bounded = word.isBounded();
    }
}
