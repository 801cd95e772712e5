// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Limits, Refusal} from "../../src/interfaces/ICollateralParameters.sol";
import {GuardLib, Observation} from "../../src/libraries/GuardLib.sol";
import {QuietLib} from "../../src/libraries/QuietLib.sol";
import {RootLib} from "../../src/libraries/RootLib.sol";
import {Aux, AuxLib} from "../../src/types/AuxWord.sol";
import {Bits} from "../../src/types/Bits.sol";
import {LawWord, LawWordLib} from "../../src/types/LawWord.sol";
import {LimitsWord, LimitsWordLib} from "../../src/types/LimitsWord.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Report, ReportLib} from "../../src/types/Report.sol";

/// @dev Any words: what Halmos is to try.
struct Words {
    uint256 live;
    uint256 aux;
    uint256 limits;
    uint256 law;
}

/// @dev Everything a market's transitions read and write.
struct State {
    LiveWord live;
    Aux aux;
    LimitsWord limits;
    LawWord law;
}

/// @dev What a quorum can say about a market and its batch, as wide as the packed report holds it.
struct Asked {
    /// @dev The 32 bytes behind the key: every field but the core.
    uint256 fields;
    uint8 coreLength;
    uint32 observedBlock;
    uint32 observedTime;
    uint8 batchIndex;
    bool routine;
}

/// @dev The ways in which a market's values move, on symbolic words: every word, report and time that the packed
/// forms can hold is tried at once. What reverts moves nothing and is passed over. The properties see only this file,
/// so it alone follows the code.
abstract contract Harness {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bytes32 internal constant MARKET = "market";

    /// @dev Any words a listed market can have: limits as setLimits takes them, haircut not below the liquidation haircut.
    function stateOf(Words memory words) internal pure returns (State memory s) {
        s.live = LiveWord.wrap(words.live);
        s.aux = AuxLib.unpack(words.aux);
        s.limits = LimitsWord.wrap(words.limits);
        s.law = LawWord.wrap(words.law);
        vm.assume(isSound(s.limits) && isSoundLaw(s.law));
        vm.assume(s.live.haircutBps() <= 10_000 && least(s) <= s.live.haircutBps());
    }

    /// @dev What the properties assume of limits; that setLimits takes no others is a property itself.
    function isSound(LimitsWord limits) internal pure returns (bool) {
        return limits.floorBps() <= limits.capBps() && limits.capBps() <= 10_000 && limits.stepUpBps() != 0
            && limits.decayFloor() != 0;
    }

    function isSoundLaw(LawWord law) internal pure returns (bool) {
        return law.liquidationFloorBps() <= law.liquidationCapBps() && law.liquidationCapBps() < 10_000
            && law.bonusCapBps() <= 10_000 && law.premiumCapBps() <= 10_000
            && law.dayBudgetBps() <= law.fortnightBudgetBps();
    }

    function packedLimits(Limits calldata values) internal pure returns (LimitsWord) {
        return LimitsWordLib.checkAndPack(0, values);
    }

    function packedLaw(Limits calldata values, LimitsWord limits) internal pure returns (LawWord) {
        return LawWordLib.checkAndPack(0, values, limits);
    }

    /// @dev Whether the haircut is inside the limits or no further outside than it was: governance may have moved them
    /// since, and a liquidation haircut above the cap wins over the cap.
    function isInside(State memory s, LiveWord before) internal pure returns (bool) {
        uint256 haircut = s.live.haircutBps();
        bool above = haircut >= s.limits.floorBps() || haircut >= before.haircutBps();
        return above && (haircut <= s.limits.capBps() || haircut <= least(s) || haircut <= before.haircutBps());
    }

    /// @dev Now is any time since the bucket was last touched. Said as a distance, since that is what the bucket counts:
    /// a difference of two free times is beyond the solver.
    function setTime(State memory s, uint32 sinceDrained) internal {
        vm.warp(s.aux.drainedTime + sinceDrained);
    }

    /// @dev A report that the contract takes; what it refuses moves nothing. Neither it nor the market has a ceiling or a
    /// regime, which would multiply the paths by a hundred: they reach the other values only through whether the report
    /// tightens or loosens anything, and there the premium stands for them.
    function report(State memory s, Asked memory asked) internal view {
        Report memory told = ReportLib.unpack(MARKET, asked.fields, asked.coreLength);
        (told.ceiling, told.regime) = (0, 0);
        s.live = LiveWord.wrap(Bits.set(Bits.set(s.live.raw(), 70, 20, 0), 100, 24, 0));
        _report(s, told, asked);
    }

    /// @dev The same for the properties of the ceiling: there nothing else can tighten, so that only the ceiling does.
    function reportCeiling(State memory s, Asked memory asked) internal view {
        Report memory told = ReportLib.unpack(MARKET, asked.fields, asked.coreLength);
        (told.premiumBps, told.regime) = (0, 0);
        uint256 live = Bits.set(s.live.raw(), 0, 14, 10_000);
        s.live = LiveWord.wrap(Bits.set(Bits.set(live, 56, 14, 0), 100, 24, 0));
        _report(s, told, asked);
    }

    function _report(State memory s, Report memory told, Asked memory asked) private view {
        (Refusal refusal,,) = GuardLib.check(s.live, s.limits, s.law, told, seenOf(asked));
        vm.assume(refusal == Refusal.None);
        s.live = GuardLib.applyReport(s.live, s.aux, s.limits, told, seenOf(asked));
    }

    /// @dev A report that the contract takes the short way. `publish` gives no batch an index above 7 bits.
    function reportQuietly(State memory s, Asked memory asked) internal view {
        vm.assume(asked.batchIndex < RootLib.INDICES);
        uint256 next = QuietLib.apply_(s.live, s.limits, asked.fields, asked.coreLength, seenOf(asked));
        vm.assume(next != 0);
        s.live = LiveWord.wrap(next);
    }

    function seenOf(Asked memory asked) internal pure returns (Observation memory) {
        return Observation(asked.observedBlock, asked.observedTime, asked.batchIndex, asked.routine);
    }

    function advance(State memory s) internal view {
        s.live = GuardLib.advance(MARKET, s.live, s.aux, s.limits);
    }

    /// @dev Without the ceiling, for the reason given at `report`: it takes part of one bucket, as the premium does.
    function activate(State memory s) internal view {
        s.aux.pendingCeiling = 0;
        activateCeiling(s);
    }

    function activateCeiling(State memory s) internal view {
        s.live = GuardLib.activate(MARKET, s.live, s.aux, s.limits, s.law);
    }

    /// @dev What is still spent of the bucket, in bps x 86,400.
    function spent(State memory s) internal view returns (uint256) {
        return GuardLib.drainedNow(s.aux, s.limits);
    }

    /// @dev The same limits with a bucket and a refill that are numbers.
    function withBucket(uint256 limits, uint256 bucketBps, uint256 refillBpsPerDay) internal pure returns (uint256) {
        return Bits.set(Bits.set(limits, 64, 14, bucketBps), 78, 14, refillBpsPerDay);
    }

    function available(State memory s) internal view returns (uint256) {
        return GuardLib.availableBps(s.aux, s.limits);
    }

    /// @dev Whether the two words agree but for `width` bits from `shift` on.
    function sameBut(LiveWord a, LiveWord b, uint256 shift, uint256 width) internal pure returns (bool) {
        return (a.raw() ^ b.raw()) & ~(((1 << width) - 1) << shift) == 0;
    }

    /// @dev Whether liquidation haircut (target and where its ramp starts) and bonus are the same: bits 14 to 55.
    function sameLaw(LiveWord a, LiveWord b) internal pure returns (bool) {
        return (a.raw() ^ b.raw()) & (((1 << 42) - 1) << 14) == 0;
    }

    /// @dev What the haircut may never go below.
    function least(State memory s) internal pure returns (uint256) {
        return GuardLib.leastBps(s.live);
    }
}
