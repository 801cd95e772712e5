// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Batch, ICollateralParameters} from "../interfaces/ICollateralParameters.sol";
import {Bits} from "../types/Bits.sol";
import {BlockHistory} from "./BlockHistory.sol";

/// @title Which block a batch may rest on, and in which lane (design.md 5.1).
/// @dev Window w ends at block e = w * cadence; its sample is e - uint(hash(e)) % N, N = min(cadence, 64): unknown until
/// after it was made. A batch about its window's sample is routine; any other is emergency and can only tighten.
library ObservationLib {
    /// @dev Blocks.
    uint256 internal constant ROUTINE_MAX_AGE = 256;
    uint256 internal constant EMERGENCY_MAX_AGE = 64;
    /// @dev Seconds. A header time cannot be read on chain; this only bounds what a quorum can pretend.
    uint256 internal constant MAX_TIME_AGE = 7200;
    /// @dev What a batch rests on lies at least this many blocks deep.
    uint256 internal constant MIN_DEPTH = 2;
    /// @dev Widest stretch before a window's end in which its sample may lie.
    uint256 internal constant MAX_SAMPLE_SPAN = 64;

    /// @dev Reverts unless time, age, depth and hash of the observed block are right.
    /// @return routine Whether it is its window's sample.
    /// @return settledBlock The block whose settings count: the window's end, or the observed block itself.
    function check(Batch calldata batch, uint256 cadence) internal view returns (bool routine, uint256 settledBlock) {
        if (block.timestamp > batch.validUntil) {
            revert ICollateralParameters.BatchExpired(batch.validUntil, block.timestamp);
        }
        if (batch.observedTime > block.timestamp) {
            revert ICollateralParameters.BatchFromFuture(batch.observedTime, block.timestamp);
        }
        if (batch.observedTime + MAX_TIME_AGE < block.timestamp) {
            revert ICollateralParameters.ObservedTimeTooOld(batch.observedTime, block.timestamp, MAX_TIME_AGE);
        }
        uint256 observed = batch.observedBlock;
        // Words hold it in 32 bits; checked here once for all reports. Its time is not above this block's.
        if (observed >> 32 != 0) revert Bits.FieldOverflow(observed, 32);
        uint256 end = Math.ceilDiv(observed, cadence) * cadence;
        bytes32 endHash = BlockHistory.hashOf(end);
        routine = endHash != 0 && observed == sampleOf(end, endHash, cadence);
        settledBlock = routine ? end : observed;

        if (settledBlock + MIN_DEPTH > block.number) {
            revert ICollateralParameters.BatchTooShallow(settledBlock, block.number);
        }
        uint256 maxAge = routine ? ROUTINE_MAX_AGE : EMERGENCY_MAX_AGE;
        if (observed + maxAge < block.number) {
            revert ICollateralParameters.BatchTooOld(observed, block.number, maxAge);
        }
        bytes32 expected = observed == end ? endHash : BlockHistory.hashOf(observed);
        if (batch.observedHash != expected || expected == 0) {
            revert ICollateralParameters.WrongBlockHash(observed, batch.observedHash, expected);
        }
    }

    /// @return The sampled block of the window that ends at `end`.
    function sampleOf(uint256 end, bytes32 endHash, uint256 cadence) internal pure returns (uint256) {
        return end - uint256(endHash) % Math.min(cadence, MAX_SAMPLE_SPAN);
    }
}
