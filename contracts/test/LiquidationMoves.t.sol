// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Wish} from "./Base.t.sol";
import {LawBase} from "./LawBase.t.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";

/// @dev What moves the liquidation haircut: a matured, agreed proposal inside both budgets, along a ramp, unless a dispute
/// stops it; and governance, along the same ramp.
contract LiquidationMovesTest is LawBase {
    // ------------------------------------------------------------------------------------------------------ proposals

    function test_ARoutineReportProposesAndReadersSeeItWait() public {
        propose(2300, 400);
        assertEq(law().pendingBps, 2300);
        assertEq(law().pendingBonusBps, 400);
        assertEq(law().pendingTime, block.timestamp);
        assertTrue(live(MARKET).hasLiquidation());
        assertEq(parameters.parameters(MARKET).pendingLiquidationBps, 2300);
        assertEq(parameters.parameters(MARKET).pendingLiquidationAt, block.timestamp + 6 hours);
        assertEq(liquidationNow(), 2000);
    }

    function test_AProposalIsCutToTheLawsBounds() public {
        propose(9000, 9000);
        assertEq(law().pendingBps, 6000);
        assertEq(law().pendingBonusBps, 1500);
        agree();
        propose(0, 500);
        assertEq(law().pendingBps, 500);
        assertEq(law().pendingBonusBps, 500);
    }

    function test_AProposalKeepsTheNearestOfAllWishesOnOneSide() public {
        propose(2300, 300);
        uint256 opened = block.timestamp;
        propose(2100, 200);
        assertEq(law().pendingBps, 2100);
        assertEq(law().pendingBonusBps, 300);
        propose(2900, 450);
        assertEq(law().pendingBps, 2100);
        assertEq(law().pendingBonusBps, 450);
        assertEq(law().pendingTime, opened, "and its age");
    }

    function test_AProposalDownwardKeepsTheHighestWish() public {
        propose(1500, 600);
        propose(1800, 550);
        propose(1600, 590);
        assertEq(law().pendingBps, 1800);
        assertEq(law().pendingBonusBps, 550);
    }

    /// @dev Whatever is wished in whatever order, the proposal is the wish nearest to what holds, or nothing when wishes
    /// lie on both sides.
    function test_TheNearestWishStands(uint16[6] memory wishes) public {
        uint256 least = type(uint256).max;
        bool above;
        bool below;
        for (uint256 i; i < wishes.length; ++i) {
            uint256 w = bound(wishes[i], 1000, 3000);
            propose(w, 500);
            if (w > 2000) above = true;
            if (w < 2000) below = true;
            uint256 distance = w > 2000 ? w - 2000 : 2000 - w;
            if (distance < least) least = distance;
            if (least == 0 || (above && below)) {
                assertEq(law().pendingTime, 0, "none stands");
                // From here it opens anew.
                (least, above, below) = (type(uint256).max, false, false);
            } else {
                assertEq(law().pendingBps, above ? 2000 + least : 2000 - least);
            }
        }
    }

    function test_AReportThatDisagreesEndsAProposal() public {
        propose(2300, 500);
        propose(1900, 500);
        assertEq(law().pendingTime, 0, "the other side");
        propose(2300, 500);
        propose(2000, 500);
        assertEq(law().pendingTime, 0, "what holds");
        propose(2300, 500);
        propose(2300, 500, uint32(live(MARKET).sequence()) - 1);
        assertEq(law().pendingTime, 0, "another base");
        assertEq(lens.liquidationWord(MARKET), law().rampTime << 60, "only the old ramp is left of it");
        propose(2300, 400);
        propose(1900, 450);
        assertEq(law().pendingBps, 2000, "one of the two can go on alone");
        assertEq(law().pendingBonusBps, 450);
    }

    function test_AReportOnAnotherBaseProposesNothing() public {
        propose(2300, 400, 7);
        assertEq(law().pendingTime, 0);
        assertEq(live(MARKET).sequence(), 1, "though it was applied");
    }

    function test_AnEmergencyReportNeitherProposesNorWithdraws() public {
        propose(2300, 400);
        uint256 word = lens.liquidationWord(MARKET);
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.core = "";
        w.liquidationHaircutBps = 2000;
        publish(newestOther(), pack(w));
        assertEq(haircut(MARKET), 3500);
        assertEq(lens.liquidationWord(MARKET), word);
    }

    function test_AProposalThatExpiredOpensAnewWithTheNextReport() public {
        propose(2300, 500);
        passTime(30 hours);
        propose(2200, 500);
        assertEq(law().pendingTime, block.timestamp);
        assertEq(law().pendingBps, 2200);
        move(2200, 500);
        assertEq(live(MARKET).liquidationTargetBps(), 2050);
    }

    function test_AProposalStandsUpToItsLastSecond() public {
        propose(2300, 500);
        uint256 opened = law().pendingTime;
        vm.warp(opened + 30 hours - 12 * CADENCE);
        propose(2400, 500);
        assertEq(block.timestamp, opened + 30 hours);
        assertEq(law().pendingTime, opened);
        assertEq(law().pendingBps, 2300, "the nearest of both wishes");
    }

    // ---------------------------------------------------------------------------------------------------- activation

    function test_AMaturedProposalMovesByHalfTheDaysBudgetAtOnce() public {
        propose(2300, 400);
        ripen();
        vm.expectEmit(true, false, false, false, address(parameters));
        emit ICollateralParameters.LiquidationMoved(MARKET, 0, 0);
        vm.prank(stranger);
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2050);
        assertEq(live(MARKET).rampFromBps(), 2000);
        assertEq(live(MARKET).bonusBps(), 450, "the bonus by the same step, at once");
        assertEq(law().rampTime, block.timestamp);
        assertEq(law().drainedDay, 50 * 86_400);
        assertEq(law().drainedFortnight, 50 * 1_209_600);
        assertEq(law().pendingBps, 2300, "the rest waits");
        assertEq(live(MARKET).sequence(), 1, "only publish moves the sequence");
    }

    function test_AProposalThatIsReachedIsCleared() public {
        move(2040, 470);
        assertEq(live(MARKET).liquidationTargetBps(), 2040);
        assertEq(live(MARKET).bonusBps(), 470);
        assertEq(law().pendingTime, 0);
        assertEq(law().drainedDay, 40 * 86_400);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activateLiquidation(MARKET);
    }

    function test_TheDaysBudgetComesBackBySecondsAndMovesByQuarters() public {
        move(2300, 500);
        uint256 start = block.timestamp;
        // 50 bps a day: 25 after 12 h.
        vm.warp(start + 12 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.MoveExhausted.selector, MARKET, 2050, 2300, 24));
        parameters.activateLiquidation(MARKET);
        vm.warp(start + 12 hours);
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2075);
    }

    function test_RevertWhen_TheDisputeWindowIsOpen(uint256 early) public {
        propose(2300, 500);
        uint256 mature = law().pendingTime + 6 hours;
        vm.warp(bound(early, block.timestamp, mature - 1));
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.PendingNotMature.selector, MARKET, mature, block.timestamp)
        );
        parameters.activateLiquidation(MARKET);
    }

    function test_RevertWhen_TheProposalHasExpired() public {
        propose(2300, 500);
        uint256 expiry = law().pendingTime + 30 hours;
        passTime(20 hours);
        propose(2300, 500);
        vm.warp(expiry + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.PendingExpired.selector, MARKET, expiry, block.timestamp)
        );
        parameters.activateLiquidation(MARKET);
        vm.warp(expiry);
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2050);
    }

    function test_RevertWhen_TheMarketIsStaleAlarmedOrHeld() public {
        propose(2300, 500);
        ripen();
        uint256 state = vm.snapshotState();
        uint256 observed = live(MARKET).observedTime();
        vm.warp(observed + 25 hours + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.ReportNotFresh.selector, MARKET, observed, 25 hours)
        );
        parameters.activateLiquidation(MARKET);
        vm.revertToState(state);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 2));
        parameters.activateLiquidation(MARKET);
        vm.revertToState(state);
        vm.prank(governance);
        parameters.holdLoosening(MARKET, 1 hours);
        uint256 until = block.timestamp + 1 hours;
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningHeld.selector, MARKET, until, block.timestamp)
        );
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2000);
    }

    function test_RevertWhen_NothingWaitsOrTheMarketIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activateLiquidation(MARKET);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        parameters.activateLiquidation(keccak256("x"));
    }

    function test_ANarrowedLawHoldsForAProposalThatWaits() public {
        propose(2300, 600);
        Limits memory values = boundedLimits();
        values.liquidationCapBps = 2010;
        values.bonusCapBps = 505;
        setLimits(BOUNDED, values);
        ripen();
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2010);
        assertEq(live(MARKET).bonusBps(), 505);
    }

    // ---------------------------------------------------------------------------------------------------------- group

    function test_AHaircutThatWouldLieBelowIsRaised() public {
        setMarket(MARKET, BOUNDED, 2020, 2000, 500);
        move(2050, 500);
        assertEq(haircut(MARKET), 2050);
        setMarket(MARKET, BOUNDED, 2100, 2000, 500);
        passTime(4 days);
        agree();
        move(2050, 500);
        assertEq(haircut(MARKET), 2100, "one above is left alone");
    }

    /// @dev Threshold 80 %, bonus 25 %: exactly 1. Any lower liquidation haircut or higher bonus breaks it.
    function test_RevertWhen_ALooseningBreaksTheGroup() public {
        setMarket(MARKET, BOUNDED, 3000, 2000, 2500);
        Limits memory values = boundedLimits();
        values.bonusCapBps = 10_000;
        setLimits(BOUNDED, values);
        uint256 word = parameters.liveWord(MARKET);
        propose(1990, 2500);
        ripen();
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.GroupBroken.selector, MARKET, 1990, 2500));
        parameters.activateLiquidation(MARKET);
        agree();
        propose(2000, 2501);
        ripen();
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.GroupBroken.selector, MARKET, 2000, 2501));
        parameters.activateLiquidation(MARKET);
        assertEq(parameters.liveWord(MARKET) & ((1 << 56) - 1), word & ((1 << 56) - 1), "nothing moved");
    }

    // ------------------------------------------------------------------------------------------------------- disputes

    function test_ADisputeVoidsAProposal() public {
        propose(2300, 400);
        vm.prank(governance);
        parameters.stop(MARKET);
        assertEq(law().pendingTime, 0);
        assertEq(parameters.parameters(MARKET).pendingLiquidationAt, 0);
        assertEq(liquidationNow(), 2000);
    }

    function test_ADisputeStopsARampWhereItIs(uint32 wait) public {
        move(2300, 500);
        wait = uint32(bound(wait, 0, 4 days));
        passTime(wait);
        uint256 there = wait >= 3 days ? 2050 : 2000 + 50 * uint256(wait) / 3 days;
        vm.prank(governance);
        parameters.stop(MARKET);
        assertEq(liquidationNow(), there);
        assertEq(live(MARKET).liquidationTargetBps(), there);
        assertEq(live(MARKET).rampFromBps(), there);
        assertEq(law().drainedDay, 50 * 86_400, "what was spent stays spent");
        passTime(30 days);
        assertEq(liquidationNow(), there);
    }
}
