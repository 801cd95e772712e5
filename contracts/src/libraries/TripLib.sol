// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters} from "../interfaces/ICollateralParameters.sol";
import {Guard} from "../types/GuardWord.sol";
import {LawWord} from "../types/LawWord.sol";
import {LiveWord, LiveWordLib} from "../types/LiveWord.sol";

/// @title What anybody with a proof may do: GUARDED for a while, within a week's budget (design.md 5.9).
/// @dev Quorum and guardian do not come here, so no budget and no cool-down binds them.
library TripLib {
    uint256 internal constant GUARDED = 1;
    uint256 private constant WEEK = 604_800;

    /// @dev Spend one trip. Reverts when a regime holds already, the last trip was too short ago, or the week's hours
    /// are used up: the bucket holds half of them and gets the other half back in 7 days.
    /// @return until When the raise ends.
    function spend(bytes32 market, LiveWord live, Guard memory guard, LawWord law)
        internal
        view
        returns (uint256 until)
    {
        uint256 level = live.regimeAt(block.timestamp);
        if (level != 0) revert ICollateralParameters.RegimeNotNormal(market, level);
        uint256 ready = guard.tripEnd == 0 ? 0 : guard.tripEnd + law.tripCooldownSeconds();
        if (block.timestamp < ready) revert ICollateralParameters.TripCoolingDown(market, ready, block.timestamp);
        uint256 half = law.tripBudgetSeconds() / 2;
        // The stored expiry is rounded up, so a trip is charged what it may last.
        uint256 length = law.tripSeconds() + LiveWordLib.EXPIRY_UNIT;
        uint256 drained = Math.saturatingSub(guard.drained, half * (block.timestamp - guard.drainedTime));
        if (law.tripSeconds() == 0 || drained + length * WEEK > half * WEEK) {
            revert ICollateralParameters.TripBudgetSpent(
                market, length, (half * WEEK - Math.min(half * WEEK, drained)) / WEEK
            );
        }
        guard.drained = drained + length * WEEK;
        guard.drainedTime = block.timestamp;
        until = block.timestamp + law.tripSeconds();
        guard.tripEnd = until;
    }
}
