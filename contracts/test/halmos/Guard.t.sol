// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Limits} from "../../src/interfaces/ICollateralParameters.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Asked, Harness, State} from "./Harness.t.sol";

/// @dev Floors, steps, liquidation haircut, coupling, order and decay, proved for every word, report and time. Run by
/// scripts/analyse halmos; ids as in the invariants.
contract GuardProperties is Harness {
    // ---------------------------------------------------------------------------------------------- INV-01, floors

    function check_GovernanceCanOnlySetLimitsThatTheOtherProofsAssume(Limits calldata values) external pure {
        assert(isSound(packedLimits(values)));
    }

    function check_AReportKeepsTheHaircutInsideTheLimits(uint256 l, uint256 a, uint256 k, Asked memory asked, uint32 t)
        external
    {
        State memory s = insideStateOf(l, a, k);
        setTime(s, t);
        report(s, asked);
        assert(isInside(s));
    }

    function check_AnAdvanceKeepsTheHaircutInsideTheLimits(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = insideStateOf(l, a, k);
        setTime(s, t);
        advance(s);
        assert(isInside(s));
    }

    function check_AnActivationKeepsTheHaircutInsideTheLimits(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = insideStateOf(l, a, k);
        setTime(s, t);
        activate(s);
        assert(isInside(s));
    }

    // ------------------------------------------------------------------------------------- INV-02, INV-14, direction

    function check_AReportNeverLowersTheHaircutAndRaisesItByOneStepAtMost(
        uint256 l,
        uint256 a,
        uint256 k,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        report(s, asked);
        assert(s.live.haircutBps() >= before);
        assert(s.live.haircutBps() <= before + s.limits.stepUpBps());
    }

    function check_AStageOnlyTightensAndByOneStepAtMost(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = s.live.haircutBps();
        advance(s);
        assert(s.live.haircutBps() > before);
        assert(s.live.haircutBps() <= before + s.limits.stepUpBps());
    }

    function check_AReportNeverRefillsTheBucket(uint256 l, uint256 a, uint256 k, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        (uint256 drained, uint256 since) = (s.aux.drained, s.aux.drainedTime);
        report(s, asked);
        assert(s.aux.drained == drained && s.aux.drainedTime == since);
    }

    // -------------------------------------------------------------------------------- INV-18, liquidation haircut

    function check_AReportMovesNeitherLiquidationHaircutNorBonus(
        uint256 l,
        uint256 a,
        uint256 k,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = lawBits(s);
        report(s, asked);
        assert(lawBits(s) == before);
    }

    function check_AStageMovesNeitherLiquidationHaircutNorBonus(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = lawBits(s);
        advance(s);
        assert(lawBits(s) == before);
    }

    function check_AnActivationMovesNeitherLiquidationHaircutNorBonus(uint256 l, uint256 a, uint256 k, uint32 t)
        external
    {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        uint256 before = lawBits(s);
        activate(s);
        assert(lawBits(s) == before);
    }

    // -------------------------------------------------------------------------------------------- INV-04, coupling

    function check_AReportNeverLeavesTheHaircutBelowTheLiquidationHaircut(
        uint256 l,
        uint256 a,
        uint256 k,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        report(s, asked);
        assert(s.live.haircutBps() >= least(s));
    }

    function check_AnActivationNeverLeavesTheHaircutBelowTheLiquidationHaircut(
        uint256 l,
        uint256 a,
        uint256 k,
        uint32 t
    ) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        activate(s);
        assert(s.live.haircutBps() >= least(s));
    }

    // ------------------------------------------------------------------------------------- INV-06, INV-07, order

    function check_AReportRaisesTheObservedBlockAndTheSequenceByOne(
        uint256 l,
        uint256 a,
        uint256 k,
        Asked memory asked,
        uint32 t
    ) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        LiveWord before = s.live;
        report(s, asked);
        assert(s.live.observedBlock() > before.observedBlock());
        assert(s.live.observedBlock() == asked.observedBlock);
        assert(s.live.sequence() == before.sequence() + 1);
    }

    function check_AStageMovesNeitherOrderNorFreshness(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        LiveWord before = s.live;
        advance(s);
        _sameOrder(before, s.live);
    }

    function check_AnActivationMovesNeitherOrderNorFreshness(uint256 l, uint256 a, uint256 k, uint32 t) external {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        LiveWord before = s.live;
        activate(s);
        _sameOrder(before, s.live);
    }

    function _sameOrder(LiveWord a, LiveWord b) private pure {
        assert(a.observedBlock() == b.observedBlock() && a.observedTime() == b.observedTime());
        assert(a.sequence() == b.sequence() && a.decay() == b.decay());
    }

    // ----------------------------------------------------------------------------------------------- INV-11, decay

    function check_AnEmergencyReportNeverSlowsTheDecay(uint256 l, uint256 a, uint256 k, Asked memory asked, uint32 t)
        external
    {
        State memory s = stateOf(l, a, k);
        setTime(s, t);
        vm.assume(!asked.routine);
        uint256 before = s.live.decay();
        report(s, asked);
        assert(s.live.decay() >= before);
    }
}
