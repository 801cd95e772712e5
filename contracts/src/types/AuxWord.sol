// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bits} from "./Bits.sol";

/// @dev What waits for a market: stage, pending, drift bucket. In memory; packed into one slot. The live word's flag says
/// whether a stage or a pending is open; while none is, a quiet report need not look. Twin: `AuxWord` in keeper/records/live.py.
///
///   bits     width  field
///   0        14     staged target, bps; 0 = none
///   14       32     time of the stage's last step
///   46       14     pending haircut, bps
///   60       32     time the pending opened; 0 = none
///   92       32     time of the last tightening by the emergency lane
///   124      40     loosening spent from the bucket, bps x 86,400
///   164      32     time at which that held
///   196      24     changes of the live word that were not publishes
///   220      14     pending premium, bps
///   234      20     pending ceiling, as in the live word
///            254
struct Aux {
    uint256 stagedBps;
    uint256 stagedTime;
    uint256 pendingBps;
    uint256 pendingTime;
    /// @dev A routine tightening leaves its trace in the fold's own core; an emergency report carries none.
    uint256 tightenedTime;
    uint256 drained;
    uint256 drainedTime;
    uint256 extraUpdates;
    uint256 pendingPremiumBps;
    uint256 pendingCeiling;
}

using AuxLib for Aux global;

library AuxLib {
    using Bits for uint256;

    function unpack(uint256 word) internal pure returns (Aux memory aux) {
        if (word == 0) return aux;
        aux.stagedBps = word.get(0, 14);
        aux.stagedTime = word.get(14, 32);
        aux.pendingBps = word.get(46, 14);
        aux.pendingTime = word.get(60, 32);
        aux.tightenedTime = word.get(92, 32);
        aux.drained = word.get(124, 40);
        aux.drainedTime = word.get(164, 32);
        aux.extraUpdates = word.get(196, 24);
        aux.pendingPremiumBps = word.get(220, 14);
        aux.pendingCeiling = word.get(234, 20);
    }

    /// @dev Runs with every report, so the fields are checked together and joined without masks.
    function pack(Aux memory aux) internal pure returns (uint256 word) {
        uint256 spill = (aux.stagedBps >> 14) | (aux.stagedTime >> 32) | (aux.pendingBps >> 14)
            | (aux.pendingTime >> 32) | (aux.tightenedTime >> 32) | (aux.drained >> 40) | (aux.drainedTime >> 32)
            | (aux.extraUpdates >> 24) | (aux.pendingPremiumBps >> 14) | (aux.pendingCeiling >> 20);
        if (spill != 0) revert Bits.FieldOverflow(spill, 0);
        word = aux.stagedBps | (aux.stagedTime << 14) | (aux.pendingBps << 46) | (aux.pendingTime << 60)
            | (aux.tightenedTime << 92) | (aux.drained << 124) | (aux.drainedTime << 164);
        word |= (aux.extraUpdates << 196) | (aux.pendingPremiumBps << 220) | (aux.pendingCeiling << 234);
    }

    /// @return Whether a stage or a pending is open.
    function isOpen(Aux memory aux) internal pure returns (bool) {
        return aux.stagedBps | aux.pendingTime != 0;
    }

    function extraUpdatesOf(uint256 word) internal pure returns (uint256) {
        return word.get(196, 24);
    }

    /// @return stagedBps Staged target.
    /// @return pendingBps Pending haircut.
    /// @return pendingTime When the pending opened.
    function waitingOf(uint256 word) internal pure returns (uint16 stagedBps, uint16 pendingBps, uint256 pendingTime) {
        return (uint16(word.get(0, 14)), uint16(word.get(46, 14)), word.get(60, 32));
    }
}
