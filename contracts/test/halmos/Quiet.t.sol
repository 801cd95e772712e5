// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Refusal} from "../../src/interfaces/ICollateralParameters.sol";
import {GuardLib} from "../../src/libraries/GuardLib.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Report, ReportLib} from "../../src/types/Report.sol";
import {Asked, Harness, State, Words} from "./Harness.t.sol";

/// @dev The short way of a report keeps what the long way keeps, and answers what it answers.
contract QuietProperties is Harness {
    function check_AQuietReportKeepsTheHaircutInsideTheLimits(Words memory words, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        reportQuietly(s, asked);
        assert(isInside(s, before));
    }

    function check_AQuietReportNeverLowersTheHaircutAndRaisesItByOneStepAtMost(
        Words memory words,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        reportQuietly(s, asked);
        assert(s.live.haircutBps() >= before);
        assert(s.live.haircutBps() <= before + s.limits.stepUpBps());
    }

    /// @dev INV-18; and premium, ceiling, regime, profile and flags stay too.
    function check_AQuietReportMovesOnlyWhatItShould(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        reportQuietly(s, asked);
        assert(sameLaw(s.live, before));
        uint256 kept = (((1 << 76) - 1) << 14) | (((1 << 24) - 1) << 100) | (63 << 233) | (7 << 253);
        assert((s.live.raw() ^ before.raw()) & kept == 0);
    }

    function check_AQuietReportNeverLeavesTheHaircutBelowTheLiquidationHaircut(
        Words memory words,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(words);
        setTime(s, t);
        reportQuietly(s, asked);
        assert(s.live.haircutBps() >= least(s));
    }

    function check_AQuietReportRaisesTheObservedBlockAndTheSequenceByOne(
        Words memory words,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        reportQuietly(s, asked);
        assert(s.live.observedBlock() > before.observedBlock() && s.live.observedBlock() == asked.observedBlock);
        assert(s.live.observedTime() >= before.observedTime() && s.live.observedTime() == asked.observedTime);
        assert(s.live.sequence() == before.sequence() + 1);
    }

    function check_AQuietReportNeverLeavesTheDecayBelowItsFloor(Words memory words, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(words);
        setTime(s, t);
        reportQuietly(s, asked);
        assert(s.live.decay() >= s.limits.decayFloor());
    }

    /// @dev Whatever the short way answers, the long way takes too and writes the same word up to the profile, with
    /// nothing left waiting.
    function check_TheShortWayIsTheLongWay(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        // A live word without the flag says that neither a stage nor a pending is open.
        (s.aux.stagedBps, s.aux.stagedTime, s.aux.pendingBps, s.aux.pendingTime) = (0, 0, 0, 0);
        (s.aux.pendingPremiumBps, s.aux.pendingCeiling) = (0, 0);
        LiveWord before = s.live;
        reportQuietly(s, asked);

        Report memory told = ReportLib.unpack(MARKET, asked.fields, asked.coreLength);
        (Refusal refusal,,) = GuardLib.check(before, s.limits, s.law, told, seenOf(asked));
        assert(refusal == Refusal.None);
        LiveWord long = GuardLib.applyReport(before, s.aux, s.limits, told, seenOf(asked));
        assert((long.raw() ^ s.live.raw()) & ((1 << 239) - 1) == 0);
        assert(!s.aux.isOpen());
    }

    /// @dev The rest of the word: the flags stay, and the day's highest is what it was or the new haircut.
    function check_AQuietReportKeepsTheHighestOfTheDay(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.dayHighestBps();
        reportQuietly(s, asked);
        uint256 haircut = s.live.haircutBps();
        assert(s.live.dayHighestBps() == (haircut > before ? haircut : before));
        assert(s.live.isListed() && !s.live.hasAux() && !s.live.hasLiquidation());
    }
}
