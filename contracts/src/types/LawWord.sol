// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters, Limits} from "../interfaces/ICollateralParameters.sol";
import {Ceiling} from "./Ceiling.sol";
import {Bits} from "./Bits.sol";
import {LimitsWord} from "./LimitsWord.sol";
import {LiveWordLib} from "./LiveWord.sol";

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

    /// @dev As drawn above; `Limits` has its fields in the same order, from byte 480 on.
    bytes private constant WIDTHS = hex"0e0e0e0e0e160e14140a100a161616";
    uint256 private constant FIRST_FIELD = 480;

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

    function sigmaFloorBps(LawWord word) internal pure returns (uint256) {
        return word.raw().get(156, 16);
    }

    function kFloor(LawWord word) internal pure returns (uint256) {
        return word.raw().get(172, 10);
    }

    /// @dev Refuses values that contradict each other: among them a decay floor below the floors of k times sigma.
    function checkAndPack(uint8 profile, Limits calldata values, LimitsWord limits)
        internal
        pure
        returns (LawWord word)
    {
        uint256 offset;
        assembly ("memory-safe") {
            offset := add(values, FIRST_FIELD)
        }
        word = LawWord.wrap(Bits.packFrom(offset, WIDTHS));
        bool sound = word.liquidationFloorBps() <= word.liquidationCapBps() && word.liquidationCapBps() < 10_000
            && word.bonusCapBps() <= 10_000 && word.premiumCapBps() <= 10_000
            && word.dayBudgetBps() <= word.fortnightBudgetBps();
        // k in 1/100, sigma in bps, decay in 1/256.
        sound = sound && limits.decayFloor() * 1e6 >= word.kFloor() * word.sigmaFloorBps() * 256
            && (word.tripSeconds() == 0
                || 2 * (word.tripSeconds() + LiveWordLib.EXPIRY_UNIT) <= word.tripBudgetSeconds());
        sound = sound
            && (word.ceilingCap() == 0 || Ceiling.decode(word.ceilingFloor()) <= Ceiling.decode(word.ceilingCap()));
        // A quorum that may move the liquidation haircut moves it gently.
        sound = sound && (!limits.isBounded() || (word.rampSeconds() != 0 && word.dayBudgetBps() != 0));
        if (!sound) revert ICollateralParameters.BadLimits(profile);
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
        values.sigmaFloorBps = uint16(word.sigmaFloorBps());
        values.kFloor = uint16(word.kFloor());
        values.tripSeconds = uint32(word.tripSeconds());
        values.tripBudgetSeconds = uint32(word.tripBudgetSeconds());
        values.tripCooldownSeconds = uint32(word.tripCooldownSeconds());
    }
}
