// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "../Base.t.sol";
import {Limits, Parameters} from "../../src/interfaces/ICollateralParameters.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";

/// @dev What a market was at a moment, and what was loosened, moved and tripped of it since its limits changed last.
abstract contract Recorder is Base {
    struct Seen {
        LiveWord live;
        uint256 aux;
        uint256 liquidation;
        uint256 guard;
        bytes32 highest;
        uint256 time;
        uint256 entry;
        Parameters values;
    }

    struct Step {
        uint256 time;
        uint256 bps;
    }

    /// @dev Profile 0 is advisory, profile 1 is bounded; as governance set them last.
    Limits[2] internal held;
    /// @dev What was loosened and how far the liquidation group was moved, since the limits changed last. A change of
    /// limits starts both anew, because another budget is printed from then on; the contract's own buckets go on.
    mapping(bytes32 market => Step[]) internal loosened;
    mapping(bytes32 market => Step[]) internal moved;
    mapping(bytes32 market => Step[]) internal tripped;
    mapping(bytes32 market => uint256) internal reports;
    /// @dev How often each transition was reached.
    mapping(string transition => uint256) public counts;

    function _see(bytes32 market) internal view returns (Seen memory seen) {
        seen.live = live(market);
        seen.aux = parameters.auxWord(market);
        seen.liquidation = lens.liquidationWord(market);
        seen.guard = lens.guardWord(market);
        uint256 base = uint256(keccak256(abi.encode(market, uint256(0)))) + 4;
        bytes32[4] memory words;
        for (uint256 i; i < 4; ++i) {
            words[i] = parameters.extsload(bytes32(base + i));
        }
        seen.highest = keccak256(abi.encode(words));
        seen.time = block.timestamp;
        seen.entry = seen.live.toHistory(block.timestamp);
        if (seen.live.isListed()) seen.values = parameters.parameters(market);
    }

    function _limitsOf(LiveWord word) internal view returns (Limits memory) {
        return held[word.profile()];
    }

    function _forgetWindows(bytes32 market) internal {
        delete loosened[market];
        delete moved[market];
        delete tripped[market];
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    /// @dev Total of the steps in the stretch that ends now. The worst stretch of any length ends with a step.
    function _within(Step[] storage steps, uint256 stretch) internal view returns (uint256 total) {
        for (uint256 i = steps.length; i > 0 && steps[i - 1].time + stretch >= block.timestamp; --i) {
            total += steps[i - 1].bps;
        }
    }

    /// @dev All but the start of a ramp, the day's highest and the flags.
    function _withoutRamp(LiveWord word) internal pure returns (uint256) {
        return word.raw() & ((1 << 239) - 1) & ~(uint256((1 << 14) - 1) << 28);
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }
}
