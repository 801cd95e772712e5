// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";

contract AdvanceTest is Base {
    function test_StepsFollowEachOtherUntilTheTargetIsReached() public {
        report(MARKET, 6500);
        uint256[4] memory path = [uint256(4000), 5000, 6000, 6500];
        for (uint256 i = 1; i < 4; ++i) {
            passTime(300);
            vm.prank(stranger);
            parameters.advance(MARKET);
            assertEq(haircut(MARKET), path[i]);
            assertEq(live(MARKET).sequence(), 1, "only publish moves the sequence");
            assertEq(parameters.parameters(MARKET).updateId, 1 + i);
            assertEq(lens.historyWord(MARKET, 1 + i), entryOf(MARKET));
        }
        assertEq(aux(MARKET).stagedBps, 0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingStaged.selector, MARKET));
        parameters.advance(MARKET);
    }

    function test_AStepEmitsTheWordsItLeft() public {
        report(MARKET, 4500);
        passTime(300);
        uint256 before = parameters.liveWord(MARKET);
        vm.expectEmit(true, false, false, false, address(parameters));
        emit ICollateralParameters.StageAdvanced(MARKET, 0, 0);
        parameters.advance(MARKET);
        uint256 values = (1 << 239) - 1;
        assertEq(parameters.liveWord(MARKET) & values, (before & values) + 500, "only the haircut moved");
        assertFalse(live(MARKET).hasAux(), "nothing waits any more");
        assertEq(live(MARKET).dayHighestBps(), 4500, "and the day's highest with it");
    }

    function test_RevertWhen_TheNextStepIsNotDue(uint256 early) public {
        report(MARKET, 6500);
        uint256 due = block.timestamp + 300;
        passTime(bound(early, 0, 299));
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.StageNotDue.selector, MARKET, due, block.timestamp)
        );
        parameters.advance(MARKET);
    }

    function test_ALoweredCapEndsTheStage() public {
        report(MARKET, 6500);
        Limits memory lower = defaultLimits();
        lower.capBps = 4200;
        vm.prank(governance);
        parameters.setLimits(0, lower);
        passTime(300);
        parameters.advance(MARKET);
        assertEq(haircut(MARKET), 4200);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingStaged.selector, MARKET));
        parameters.advance(MARKET);
    }

    function test_RevertWhen_TheMarketIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        parameters.advance(keccak256("x"));
    }

    /// @dev Else a quorum in a hurry could put the next step off for ever.
    function test_AnEmergencyReportThatTightensSomethingElseLeavesTheStagesClock() public {
        report(MARKET, 6500);
        uint256 staged = block.timestamp;
        for (uint16 premium = 100; premium <= 200; premium += 100) {
            pass(2 * CADENCE);
            Wish memory w = wish(MARKET, premium == 100 ? 4000 : 3000);
            (w.core, w.premiumBps) = ("", premium);
            publish(newestOther(), pack(w));
            assertEq(live(MARKET).premiumBps(), premium);
            assertEq(haircut(MARKET), 4000);
            assertEq(aux(MARKET).stagedBps, 6500);
            assertEq(aux(MARKET).stagedTime, staged);
        }
    }

    function test_AnEmergencyReportWidensTheStageAndNeverNarrowsIt(uint16 target) public {
        report(MARKET, 6500);
        reportEmergency(MARKET, bound(target, 4001, 9000));
        uint256 asked = bound(target, 4001, 9000);
        assertEq(haircut(MARKET), asked < 5000 ? asked : 5000);
        assertEq(aux(MARKET).stagedBps, asked > 6500 ? asked : 6500);
    }
}
