// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Limits, Refusal} from "../../src/interfaces/ICollateralParameters.sol";
import {GuardLib, Observation} from "../../src/libraries/GuardLib.sol";
import {Aux, AuxLib} from "../../src/types/AuxWord.sol";
import {Bits} from "../../src/types/Bits.sol";
import {LawWord} from "../../src/types/LawWord.sol";
import {LimitsWord, LimitsWordLib} from "../../src/types/LimitsWord.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Report} from "../../src/types/Report.sol";

/// @dev Everything a market's transitions read and write.
struct State {
    LiveWord live;
    Aux aux;
    LimitsWord limits;
    LawWord law;
}

/// @dev What a quorum can say about a market, as wide as the packed report holds it.
struct Asked {
    uint16 haircutBps;
    uint16 premiumBps;
    uint24 ceiling;
    uint16 crunchPermille;
    uint8 regime;
    uint16 decay;
    uint32 baseSequence;
    uint8 coreLength;
    uint32 observedBlock;
    uint32 observedTime;
    uint8 batchIndex;
    bool routine;
}

/// @dev The three ways in which a market's values move, on symbolic words: every word, report and time that the packed
/// forms can hold is tried at once. What reverts moves nothing and is passed over. The properties see only this file,
/// so it alone follows the code.
abstract contract Harness {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bytes32 internal constant MARKET = "market";

    /// @dev Any words a listed market can have: limits as setLimits takes them, haircut not below the liquidation haircut.
    function stateOf(uint256 live, uint256 aux, uint256 limits) internal pure returns (State memory s) {
        s = State(LiveWord.wrap(live), AuxLib.unpack(aux), LimitsWord.wrap(limits), LawWord.wrap(0));
        vm.assume(isSound(s.limits));
        vm.assume(s.live.haircutBps() <= 10_000 && s.live.liquidationTargetBps() <= s.live.haircutBps());
    }

    /// @dev What the properties assume of limits; that setLimits takes no others is a property itself.
    function isSound(LimitsWord limits) internal pure returns (bool) {
        return limits.floorBps() <= limits.capBps() && limits.capBps() <= 10_000 && limits.stepUpBps() != 0;
    }

    function packedLimits(Limits calldata values) internal pure returns (LimitsWord) {
        return LimitsWordLib.checkAndPack(0, values);
    }

    /// @dev The same, and haircut and liquidation haircut inside the limits, as listing leaves them.
    function insideStateOf(uint256 live, uint256 aux, uint256 limits) internal pure returns (State memory s) {
        s = stateOf(live, aux, limits);
        vm.assume(isInside(s));
    }

    function isInside(State memory s) internal pure returns (bool) {
        return s.live.haircutBps() >= s.limits.floorBps() && s.live.haircutBps() <= s.limits.capBps();
    }

    /// @dev Now is any time since the bucket was last touched. Said as a distance, since that is what the bucket counts:
    /// a difference of two free times is beyond the solver.
    function setTime(State memory s, uint32 sinceDrained) internal {
        vm.warp(s.aux.drainedTime + sinceDrained);
    }

    /// @dev A report that the contract takes; what it refuses moves nothing.
    function report(State memory s, Asked memory asked) internal view {
        Observation memory seen = Observation(asked.observedBlock, asked.observedTime, asked.batchIndex, asked.routine);
        Report memory told;
        told.market = MARKET;
        told.haircutBps = asked.haircutBps;
        told.premiumBps = asked.premiumBps;
        told.ceiling = asked.ceiling;
        told.crunchPermille = asked.crunchPermille;
        told.regime = asked.regime;
        told.decay = asked.decay;
        told.baseSequence = asked.baseSequence;
        told.coreLength = asked.coreLength;
        (Refusal refusal,,) = GuardLib.check(s.live, s.limits, s.law, told, seen);
        vm.assume(refusal == Refusal.None);
        s.live = GuardLib.applyReport(s.live, s.aux, s.limits, told, seen);
    }

    function advance(State memory s) internal view {
        s.live = GuardLib.advance(MARKET, s.live, s.aux, s.limits);
    }

    function activate(State memory s) internal view {
        s.live = GuardLib.activate(MARKET, s.live, s.aux, s.limits, s.law);
    }

    /// @dev What is still spent of the bucket, in bps x 86,400.
    function spent(State memory s) internal view returns (uint256) {
        return GuardLib.drainedNow(s.aux, s.limits);
    }

    /// @dev The same limits with a bucket and a refill that are numbers.
    function withBucket(uint256 limits, uint256 bucketBps, uint256 refillBpsPerDay) internal pure returns (uint256) {
        return Bits.set(Bits.set(limits, 74, 14, bucketBps), 88, 14, refillBpsPerDay);
    }

    function available(State memory s) internal view returns (uint256) {
        return GuardLib.availableBps(s.aux, s.limits);
    }

    /// @dev Liquidation haircut (target and where its ramp starts) and bonus: bits 14 to 55.
    function lawBits(State memory s) internal pure returns (uint256) {
        return (s.live.raw() >> 14) & ((1 << 42) - 1);
    }

    /// @dev What the haircut may never go below.
    function least(State memory s) internal pure returns (uint256) {
        return GuardLib.leastBps(s.live);
    }
}
