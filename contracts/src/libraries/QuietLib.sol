// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LimitsWord} from "../types/LimitsWord.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {Observation} from "./GuardLib.sol";

/// @title The quiet report: nothing waits, nothing is raised, and the haircut stays or takes one whole step up.
/// @dev The same result as GuardLib.check, applyReport and the sealing of the word, in a tenth of the work; most
/// reports are quiet. A test holds it equal to the long way word for word; whatever is not quiet goes there.
library QuietLib {
    uint256 private constant DAY = 86_400;
    uint256 private constant BPS_MASK = (1 << 14) - 1;
    uint256 private constant TIME_MASK = (1 << 32) - 1;
    /// @dev Listed, without an open aux word and without liquidation state.
    uint256 private constant FLAGS_SHIFT = 253;
    uint256 private constant LISTED = 2;
    /// @dev Premium (56..69) and regime (100..101) of the live word.
    uint256 private constant RAISED = (BPS_MASK << 56) | (3 << 100);
    /// @dev What a quiet report writes: haircut; crunch, time, block, sequence, decay, batch index; day's highest.
    uint256 private constant WRITTEN =
        BPS_MASK | (((1 << 10) - 1) << 90) | (((1 << 109) - 1) << 124) | (BPS_MASK << 239);

    /// @dev Premium, ceiling and regime of a report's fields (types/Report.sol).
    uint256 private constant ASKED = (((1 << 40) - 1) << 168) | (0xff << 144);

    /// @param fields Of the report, as in ReportLib.head.
    /// @return next The live word after the report; 0 when the report is not quiet.
    function apply_(LiveWord live_, LimitsWord limits_, uint256 fields, uint256 coreLength, Observation memory seen)
        internal
        view
        returns (uint256 next)
    {
        unchecked {
            uint256 live = live_.raw();
            uint256 limits = limits_.raw();
            if (live >> FLAGS_SHIFT != LISTED || live & RAISED != 0 || limits >> 244 != 0) return 0;
            uint256 crunch = (fields >> 152) & 0xffff;
            uint256 decay = (fields >> 128) & 0xffff;
            if (fields & ASKED != 0 || crunch > 1000 || decay >> 14 != 0 || coreLength > 192) return 0;
            if (!seen.routine) return 0;

            uint256 heldTime = (live >> 124) & TIME_MASK;
            uint256 sequence = (live >> 188) & ((1 << 24) - 1);
            if (seen.observedBlock <= (live >> 156) & TIME_MASK || seen.observedTime < heldTime) return 0;
            if (sequence == (1 << 24) - 1 || block.timestamp / DAY != heldTime / DAY) return 0;
            // Not older than the grace, so what held until now was the stored value.
            if (block.timestamp - heldTime > (limits >> 158) & ((1 << 22) - 1)) return 0;

            uint256 target = _clamp(live, limits, fields >> 240);
            uint256 haircut = live & BPS_MASK;
            if (target < haircut || target - haircut > (limits >> 28) & BPS_MASK) return 0;

            uint256 highest = (live >> 239) & BPS_MASK;
            if (target > highest) highest = target;
            uint256 least = (limits >> 180) & BPS_MASK;
            if (decay < least) decay = least;
            next = target | (crunch << 90) | (seen.observedTime << 124) | (seen.observedBlock << 156);
            next |= ((sequence + 1) << 188) | (decay << 212) | (seen.batchIndex << 226) | (highest << 239);
            next |= live & ~WRITTEN;
        }
    }

    function _clamp(uint256 live, uint256 limits, uint256 wish) private pure returns (uint256 target) {
        unchecked {
            target = limits & BPS_MASK;
            if (wish > target) target = wish;
            uint256 bound = (limits >> 14) & BPS_MASK;
            if (target > bound) target = bound;
            bound = (live >> 14) & BPS_MASK;
            if (target < bound) target = bound;
            bound = (live >> 28) & BPS_MASK;
            if (target < bound) target = bound;
        }
    }
}
