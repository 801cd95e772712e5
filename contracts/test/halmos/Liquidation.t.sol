// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LiquidationLib} from "../../src/libraries/LiquidationLib.sol";
import {Liquidation, LiquidationWordLib} from "../../src/types/LiquidationWord.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";
import {Report, ReportLib} from "../../src/types/Report.sol";
import {Bits} from "../../src/types/Bits.sol";
import {Asked, Harness, State, Words} from "./Harness.t.sol";

/// @dev INV-18, INV-04 and INV-05 where the quorum may move the liquidation haircut: how far, where to, along what.
///
/// Numbers. Time and budgets are numbers, since they multiply: budgets are the starting values; now is the last second
/// that 32 bits hold, so that the other times lie any distance behind it. Floors, caps and every word stay free.
contract LiquidationProperties is Harness {
    uint256 private constant NOW = type(uint32).max;
    uint256 private constant DAY = 86_400;
    uint256 private constant FORTNIGHT = 1_209_600;
    uint256 private constant DAY_BUDGET = 100;
    uint256 private constant FORTNIGHT_BUDGET = 300;

    /// @dev Three things reach a move only through a number that is free anyway. Time since the last one: through what is
    /// spent now, so that was written now. Where the ramp is: through LiquidationLib.nowBps, so it starts now, at any
    /// value. Of the two buckets the fuller: through how far the move goes, where the wish stands for it; so one is full
    /// and the other holds anything (two divisions are beyond the solver).
    function _movable(Words memory words, uint256 liquidation, bool ofDay)
        private
        returns (State memory s, Liquidation memory state)
    {
        vm.warp(NOW);
        words.law = Bits.set(Bits.set(words.law, 42, 14, DAY_BUDGET), 56, 14, FORTNIGHT_BUDGET);
        s = stateOf(words);
        state = LiquidationWordLib.unpack(liquidation);
        (state.drainedTime, state.rampTime) = (NOW, NOW);
        if (ofDay) state.drainedFortnight = 0;
        else state.drainedDay = 0;
        vm.assume(state.rampSeconds != 0);
    }

    function _move(State memory s, Liquidation memory state) private view {
        s.live = LiquidationLib.activate(MARKET, s.live, state, s.limits, s.law);
    }

    // --------------------------------------------------------------------------------------- how far: both buckets

    // As for the bucket of loosening (Bucket.t.sol): booked, not overdrawn, refilled; summed up, no day sees more than
    // half of its budget plus the half that comes back in it, and no fortnight either.

    function check_AMoveIsNoLongerThanTheDayHasAndBooked(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        uint256 left = state.drainedDay;
        uint256 spent = _checkLength(s, state);
        // Fields of 32 and 14 bits: nothing overflows, and a checked product would cost the solver a division.
        unchecked {
            assert(state.drainedDay == left + spent * DAY);
        }
    }

    function check_AMoveIsNoLongerThanTheFortnightHasAndBooked(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, false);
        uint256 left = state.drainedFortnight;
        uint256 spent = _checkLength(s, state);
        unchecked {
            assert(state.drainedFortnight == left + spent * FORTNIGHT);
        }
    }

    /// @return spent As far as the wish goes inside the law, and no further than what is available: the move is no longer.
    function _checkLength(State memory s, Liquidation memory state) private view returns (uint256 spent) {
        uint256 target = s.live.liquidationTargetBps();
        uint256 bonus = s.live.bonusBps();
        uint256 goal = Math.max(Math.min(state.pendingBps, s.law.liquidationCapBps()), s.law.liquidationFloorBps());
        uint256 goalBonus = Math.min(state.pendingBonusBps, s.law.bonusCapBps());
        spent = Math.max(_distance(target, goal), _distance(bonus, goalBonus));
        spent = Math.min(spent, LiquidationLib.availableBps(state, s.law));
        _move(s, state);
        assert(_distance(target, s.live.liquidationTargetBps()) <= spent);
        // Downwards the bonus may go further: to repair the group.
        assert(s.live.bonusBps() <= bonus + spent);
        assert(state.drainedTime == NOW);
    }

    /// @dev What is available t seconds later is in what the bucket holds and what t brings back.
    function check_TheDayRefillsAtMostHalfItsBudget(Words memory words, uint256 liquidation, uint32 t) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        state.drainedTime = NOW - t;
        uint256 most = LiquidationLib.availableBps(state, s.law);
        unchecked {
            assert(most == 0 || state.drainedDay + most * DAY <= DAY_BUDGET / 2 * (DAY + t));
        }
    }

    function check_TheFortnightRefillsAtMostHalfItsBudget(Words memory words, uint256 liquidation, uint32 t) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, false);
        state.drainedTime = NOW - t;
        uint256 most = LiquidationLib.availableBps(state, s.law);
        unchecked {
            assert(most == 0 || state.drainedFortnight + most * FORTNIGHT <= FORTNIGHT_BUDGET / 2 * (FORTNIGHT + t));
        }
    }

    // ---------------------------------------------------------------------------------------------- where: the law

    function check_AMoveKeepsTheLiquidationHaircutInsideItsLimits(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        uint256 before = s.live.liquidationTargetBps();
        _move(s, state);
        uint256 after_ = s.live.liquidationTargetBps();
        assert(after_ >= s.law.liquidationFloorBps() || after_ >= before);
        assert(after_ <= s.law.liquidationCapBps() || after_ <= before);
    }

    function check_AMoveKeepsTheBonusUnderItsCap(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        uint256 before = s.live.bonusBps();
        _move(s, state);
        assert(s.live.bonusBps() <= s.law.bonusCapBps() || s.live.bonusBps() <= before);
    }

    function check_AMoveNeedsABoundedProfileAndAMatureProposal(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        uint256 since = state.pendingTime;
        _move(s, state);
        assert(s.limits.isBounded() && since != 0);
        assert(NOW >= since + s.limits.disputeSeconds());
        assert(NOW <= since + s.limits.disputeSeconds() + s.limits.pendingExpirySeconds());
    }

    // ----------------------------------------------------------------------------------- INV-04, INV-05, coupling

    function check_AMoveLeavesTheHaircutAboveBothEndsOfTheRamp(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        uint256 before = s.live.haircutBps();
        _move(s, state);
        uint256 haircut = s.live.haircutBps();
        assert(haircut >= s.live.liquidationTargetBps() && haircut >= s.live.rampFromBps());
        assert(haircut == before || haircut == least(s));
        assert(haircut >= before);
    }

    /// @dev threshold x (1 + bonus) <= 1 at both ends, so everywhere on the ramp.
    function check_AMoveKeepsThresholdTimesBonusBelowOne(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        _move(s, state);
        unchecked {
            uint256 grown = 10_000 + s.live.bonusBps();
            assert((10_000 - s.live.rampFromBps()) * grown <= 1e8);
            assert((10_000 - s.live.liquidationTargetBps()) * grown <= 1e8);
        }
    }

    function check_AMoveStartsWhereTheRampIsAndWritesNothingElse(Words memory words, uint256 liquidation) external {
        (State memory s, Liquidation memory state) = _movable(words, liquidation, true);
        LiveWord before = s.live;
        uint256 from = LiquidationLib.nowBps(s.live, state);
        _move(s, state);
        assert(sameBut(s.live, before, 0, 56));
        assert(s.live.rampFromBps() == from);
        assert(LiquidationLib.nowBps(s.live, state) == from);
    }

    // ---------------------------------------------------------------------------------------- the ramp, and its end

    /// @dev Over the starting value of 3 days: a length that is a number, since it divides.
    function check_ARampStaysBetweenItsEnds(uint256 live, uint32 sinceStart) external {
        vm.warp(NOW);
        Liquidation memory state;
        (state.rampSeconds, state.rampTime) = (3 * DAY, NOW - sinceStart);
        LiveWord word = LiveWord.wrap(live);
        (uint256 from, uint256 to) = (word.rampFromBps(), word.liquidationTargetBps());
        uint256 now_ = LiquidationLib.nowBps(word, state);
        assert(from <= to ? now_ >= from && now_ <= to : now_ <= from && now_ >= to);
    }

    function check_SettlingMovesNothing(uint256 live, uint256 liquidation, uint32 time) external {
        vm.warp(time);
        LiveWord before = LiveWord.wrap(live);
        Liquidation memory state = LiquidationWordLib.unpack(liquidation);
        uint256 now_ = LiquidationLib.nowBps(before, state);
        LiveWord settled = LiquidationLib.settle(before, state);
        assert(LiquidationLib.nowBps(settled, state) == now_);
        assert(settled.liquidationTargetBps() == before.liquidationTargetBps());
        assert(sameBut(settled, before, 28, 14));
    }

    function check_AStopHoldsTheLiquidationHaircutWhereItIs(uint256 live, uint256 liquidation, uint32 time) external {
        vm.warp(time);
        LiveWord before = LiveWord.wrap(live);
        Liquidation memory state = LiquidationWordLib.unpack(liquidation);
        (uint256 day, uint256 fortnight) = (state.drainedDay, state.drainedFortnight);
        uint256 now_ = LiquidationLib.nowBps(before, state);
        LiveWord stopped = LiquidationLib.stop(before, state);
        assert(stopped.liquidationTargetBps() == now_ && stopped.rampFromBps() == now_);
        assert(sameBut(stopped, before, 14, 28));
        assert(state.pendingTime == 0 && state.drainedDay == day && state.drainedFortnight == fortnight);
    }

    // ------------------------------------------------------------------------------------------------ the proposal

    /// @dev While one waits, a further report can only bring it nearer to what holds, and never starts its wait again.
    function check_AProposalThatWaitsOnlyComesNearer(Words memory words, Asked memory asked, uint256 liquidation)
        external
    {
        vm.warp(NOW);
        State memory s = stateOf(words);
        Liquidation memory state = LiquidationWordLib.unpack(liquidation);
        (uint256 since, uint256 was, uint256 wasBonus) = (state.pendingTime, state.pendingBps, state.pendingBonusBps);
        vm.assume(since != 0 && NOW <= LiquidationLib.expiryTime(state, s.limits));
        Report memory told = ReportLib.unpack(MARKET, asked.fields, asked.coreLength);
        LiquidationLib.propose(s.live, state, s.limits, s.law, told);
        if (state.pendingTime == 0) return;
        assert(state.pendingTime == since);
        assert(_isBetween(s.live.liquidationTargetBps(), state.pendingBps, was));
        assert(_isBetween(s.live.bonusBps(), state.pendingBonusBps, wasBonus));
    }

    function check_AProposalTouchesNeitherBucketsNorRamp(Words memory words, Asked memory asked, uint256 liquidation)
        external
    {
        vm.warp(NOW);
        State memory s = stateOf(words);
        Liquidation memory state = LiquidationWordLib.unpack(liquidation);
        Liquidation memory before = LiquidationWordLib.unpack(liquidation);
        Report memory told = ReportLib.unpack(MARKET, asked.fields, asked.coreLength);
        LiquidationLib.propose(s.live, state, s.limits, s.law, told);
        assert(state.drainedDay == before.drainedDay && state.drainedFortnight == before.drainedFortnight);
        assert(state.drainedTime == before.drainedTime);
        assert(state.rampTime == before.rampTime && state.rampSeconds == before.rampSeconds);
    }

    function _isBetween(uint256 a, uint256 x, uint256 b) private pure returns (bool) {
        return a <= b ? a <= x && x <= b : b <= x && x <= a;
    }

    function _distance(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }
}
