// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters, Limits} from "../interfaces/ICollateralParameters.sol";
import {Ceiling} from "./Ceiling.sol";
import {Bits} from "./Bits.sol";

/// @dev Second word of a limits profile: liquidation law, premium, ceiling, model floors, trips; read only by what
/// needs it. Twin: `Law` in keeper/records/live.py. Fields are described at `Limits`.
///
///   bits     width  field
///   0        14     liquidation haircut's floor, bps
///   14       14     liquidation haircut's cap, bps
///   28       14     bonus cap, bps
///   42       14     day's budget of the liquidation haircut, bps
///   56       14     fortnight's budget of the liquidation haircut, bps
///   70       22     ramp seconds
///   92       14     premium cap, bps
///   106      20     ceiling's floor, as in the live word
///   126      20     ceiling's cap, as in the live word
///   146      10     ceiling stretch, bps of growth for 1 bps of the bucket
///   156      16     sigma floor, bps of annual volatility
///   172      10     k floor, 1/100
///   182      22     seconds of one trip
///   204      22     trip budget, seconds in any 7 days
///   226      22     trip cool-down seconds
///            248
type LawWord is uint256;

using LawWordLib for LawWord global;

library LawWordLib {
    using Bits for uint256;

    function raw(LawWord word) internal pure returns (uint256) {
        return LawWord.unwrap(word);
    }

    function liquidationFloorBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(0, 14);
    }

    function liquidationCapBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(14, 14);
    }

    function bonusCapBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(28, 14);
    }

    function dayBudgetBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(42, 14);
    }

    function fortnightBudgetBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(56, 14);
    }

    function rampSeconds(LawWord word) internal pure returns (uint256) {
        return word.raw().get(70, 22);
    }

    function premiumCapBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(92, 14);
    }

    function ceilingFloor(LawWord word) internal pure returns (uint256) {
        return word.raw().get(106, 20);
    }

    function ceilingCap(LawWord word) internal pure returns (uint256) {
        return word.raw().get(126, 20);
    }

    function ceilingStretch(LawWord word) internal pure returns (uint256) {
        return word.raw().get(146, 10);
    }

    function tripSeconds(LawWord word) internal pure returns (uint256) {
        return word.raw().get(182, 22);
    }

    function tripBudgetSeconds(LawWord word) internal pure returns (uint256) {
        return word.raw().get(204, 22);
    }

    function tripCooldownSeconds(LawWord word) internal pure returns (uint256) {
        return word.raw().get(226, 22);
    }

    /// @dev Refuses values that contradict each other: among them a decay floor below the floors of k times sigma.
    function checkAndPack(uint8 profile, Limits calldata values) internal pure returns (LawWord) {
        bool sound = values.liquidationFloorBps <= values.liquidationCapBps && values.liquidationCapBps < 10_000
            && values.bonusCapBps <= 10_000 && values.premiumCapBps <= 10_000
            && values.dayBudgetBps <= values.fortnightBudgetBps;
        // k in 1/100, sigma in bps, decay in 1/256.
        sound = sound && uint256(values.decayFloor) * 1e6 >= uint256(values.kFloor) * values.sigmaFloorBps * 256
            && (values.tripSeconds == 0 || 2 * (uint256(values.tripSeconds) + 600) <= values.tripBudgetSeconds);
        sound = sound && values.ceilingFloor < 1 << 20 && values.ceilingCap < 1 << 20
            && (values.ceilingCap == 0 || Ceiling.decode(values.ceilingFloor) <= Ceiling.decode(values.ceilingCap));
        // A quorum that may move the liquidation haircut moves it gently.
        sound = sound && (!values.bounded || (values.rampSeconds != 0 && values.dayBudgetBps != 0));
        if (!sound) revert ICollateralParameters.BadLimits(profile);
        uint256 word = uint256(0).set(0, 14, values.liquidationFloorBps).set(14, 14, values.liquidationCapBps);
        word = word.set(28, 14, values.bonusCapBps).set(42, 14, values.dayBudgetBps);
        word = word.set(56, 14, values.fortnightBudgetBps).set(70, 22, values.rampSeconds);
        word = word.set(92, 14, values.premiumCapBps).set(106, 20, values.ceilingFloor);
        word = word.set(126, 20, values.ceilingCap).set(146, 10, values.ceilingStretch);
        word = word.set(156, 16, values.sigmaFloorBps).set(172, 10, values.kFloor);
        word = word.set(182, 22, values.tripSeconds).set(204, 22, values.tripBudgetSeconds);
        return LawWord.wrap(word.set(226, 22, values.tripCooldownSeconds));
    }

    function unpackInto(LawWord word, Limits memory values) internal pure {
        values.liquidationFloorBps = uint16(word.liquidationFloorBps());
        values.liquidationCapBps = uint16(word.liquidationCapBps());
        values.bonusCapBps = uint16(word.bonusCapBps());
        values.dayBudgetBps = uint16(word.dayBudgetBps());
        values.fortnightBudgetBps = uint16(word.fortnightBudgetBps());
        values.rampSeconds = uint32(word.rampSeconds());
        values.premiumCapBps = uint16(word.premiumCapBps());
        values.ceilingFloor = uint24(word.ceilingFloor());
        values.ceilingCap = uint24(word.ceilingCap());
        values.ceilingStretch = uint16(word.ceilingStretch());
        values.sigmaFloorBps = uint16(word.raw().get(156, 16));
        values.kFloor = uint16(word.raw().get(172, 10));
        values.tripSeconds = uint32(word.tripSeconds());
        values.tripBudgetSeconds = uint32(word.tripBudgetSeconds());
        values.tripCooldownSeconds = uint32(word.tripCooldownSeconds());
    }
}
