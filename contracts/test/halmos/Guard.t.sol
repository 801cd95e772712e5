// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Limits} from "../../src/interfaces/ICollateralParameters.sol";
import {EffectiveLib} from "../../src/libraries/EffectiveLib.sol";
import {Bits} from "../../src/types/Bits.sol";
import {Ceiling} from "../../src/types/Ceiling.sol";
import {LimitsWord} from "../../src/types/LimitsWord.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Asked, Harness, State, Words} from "./Harness.t.sol";

/// @dev Floors, steps, liquidation haircut, coupling, order and decay, proved for every word, report and time. Run by
/// scripts/analyse halmos; ids as in the invariants.
contract GuardProperties is Harness {
    // ---------------------------------------------------------------------------------------------- INV-01, floors

    function check_GovernanceCanOnlySetLimitsThatTheOtherProofsAssume(Limits calldata values) external pure {
        assert(isSound(packedLimits(values)));
    }

    function check_GovernanceCanOnlySetALawThatTheOtherProofsAssume(Limits calldata values, uint256 k) external pure {
        assert(isSoundLaw(packedLaw(values, LimitsWord.wrap(k))));
    }

    function check_AReportKeepsTheHaircutInsideTheLimits(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        report(s, asked);
        assert(isInside(s, before));
    }

    function check_AStageKeepsTheHaircutInsideTheLimits(Words memory words, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        advance(s);
        assert(isInside(s, before));
    }

    function check_AnActivationKeepsTheHaircutInsideTheLimits(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        LiveWord before = s.live;
        activate(s);
        assert(isInside(s, before));
    }

    function check_AReportKeepsThePremiumInsideItsCap(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.premiumBps();
        report(s, asked);
        assert(s.live.premiumBps() <= s.law.premiumCapBps() || s.live.premiumBps() == before);
    }

    // ------------------------------------------------------------------------------------- INV-02, INV-14, direction

    function check_AReportNeverLowersTheHaircutAndRaisesItByOneStepAtMost(
        Words memory words,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        report(s, asked);
        assert(s.live.haircutBps() >= before);
        assert(s.live.haircutBps() <= before + s.limits.stepUpBps());
    }

    function check_AReportNeverLowersThePremium(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.premiumBps();
        report(s, asked);
        assert(s.live.premiumBps() >= before);
    }

    function check_AReportNeverRaisesTheCeiling(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.ceiling();
        reportCeiling(s, asked);
        assert(!Ceiling.isLower(before, s.live.ceiling()));
    }

    function check_AStageOnlyTightensAndByOneStepAtMost(Words memory words, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        advance(s);
        assert(s.live.haircutBps() > before);
        assert(s.live.haircutBps() <= before + s.limits.stepUpBps());
    }

    /// @dev So no liquidation haircut, no order, no freshness, no decay and no regime either, and never below what the
    /// liquidation haircut leaves, since it only rises.
    function check_AStageMovesNothingButTheHaircut(Words memory words, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        (uint256 drained, uint256 since) = (s.aux.drained, s.aux.drainedTime);
        advance(s);
        assert(sameBut(s.live, before, 0, 14));
        assert(s.aux.drained == drained && s.aux.drainedTime == since);
    }

    function check_ARegimeMovesNothingButTheRegime(uint256 live, uint256 level, uint256 until, uint256 time)
        external
        pure
    {
        LiveWord before = LiveWord.wrap(live);
        assert(sameBut(before.withRegime(level, until, time), before, 100, 24));
    }

    // -------------------------------------------------------------------------------- INV-18, liquidation haircut

    function check_AReportMovesNeitherLiquidationHaircutNorBonus(Words memory words, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        report(s, asked);
        assert(sameLaw(s.live, before));
    }

    function check_AnActivationMovesNeitherLiquidationHaircutNorBonus(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        LiveWord before = s.live;
        activate(s);
        assert(sameLaw(s.live, before));
    }

    // -------------------------------------------------------------------------------------------- INV-04, coupling

    function check_AReportNeverLeavesTheHaircutBelowTheLiquidationHaircut(
        Words memory words,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(words);
        setTime(s, t);
        report(s, asked);
        assert(s.live.haircutBps() >= least(s));
    }

    function check_AnActivationNeverLeavesTheHaircutBelowTheLiquidationHaircut(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        activate(s);
        assert(s.live.haircutBps() >= least(s));
    }

    // ------------------------------------------------------------------------------------- INV-06, INV-07, order

    function check_AReportRaisesTheObservedBlockAndTheSequenceByOne(Words memory words, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(words);
        setTime(s, t);
        LiveWord before = s.live;
        report(s, asked);
        assert(s.live.observedBlock() > before.observedBlock() && s.live.observedBlock() == asked.observedBlock);
        assert(s.live.observedTime() >= before.observedTime() && s.live.observedTime() == asked.observedTime);
        assert(s.live.sequence() == before.sequence() + 1);
    }

    /// @dev Nor crunch, regime, decay, batch index, profile and flags: it writes haircut, premium and ceiling.
    function check_AnActivationMovesNeitherOrderNorFreshness(Words memory words) external {
        State memory s = stateOf(words);
        setTime(s, 0);
        LiveWord before = s.live;
        activate(s);
        assert(sameBut(s.live, before, 0, 90));
    }

    // ----------------------------------------------------------------------------------------------- INV-11, decay

    function check_AReportNeverLeavesTheDecayBelowItsFloor(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        report(s, asked);
        assert(s.live.decay() >= s.limits.decayFloor());
    }

    function check_AnEmergencyReportNeverSlowsTheDecay(Words memory words, Asked memory asked, uint32 t) external {
        State memory s = stateOf(words);
        setTime(s, t);
        vm.assume(!asked.routine);
        uint256 before = s.live.decay();
        report(s, asked);
        assert(s.live.decay() >= before);
    }

    // What readers get is never below what is stored, and reading never fails. In two parts: silence widens into the range
    // that the first proves, and the regime adds to anything in that range. The root in the widening is taken as any
    // number: that a longer silence widens no less is for the fuzz tests.

    function check_SilenceNeverLowersWhatReadersGet(Words memory words, uint32 time, uint32 agedUntil) external pure {
        words.live = Bits.set(words.live, 100, 24, 0);
        State memory s = stateOf(words);
        uint256 read = EffectiveLib.haircutBps(s.live, s.limits, time, agedUntil);
        assert(read >= s.live.haircutBps());
        assert(read <= s.limits.capBps() || read == s.live.haircutBps());
    }

    function check_ARegimeNeverLowersWhatReadersGet(Words memory words, uint32 time) external pure {
        State memory s = stateOf(words);
        uint256 read = EffectiveLib.haircutBps(s.live, s.limits, time, 0);
        assert(read >= s.live.haircutBps());
        assert(read <= s.limits.capBps() || read == s.live.haircutBps() || s.live.regimeAt(time) == 3);
    }
}
