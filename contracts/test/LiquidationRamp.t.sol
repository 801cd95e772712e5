// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LawBase} from "./LawBase.t.sol";
import {ICollateralParameters, Limits, Values} from "../src/interfaces/ICollateralParameters.sol";

/// @dev The way of a move to the loans, in both directions.
contract LiquidationRampTest is LawBase {
    function test_ARampUpGoesInALineRoundedTowardsItsStart() public {
        move(2300, 500);
        uint256 start = block.timestamp;
        assertEq(liquidationNow(), 2000, "start");
        uint256[2][6] memory points = [
            [uint256(1 hours), 2000], // 0.69
            [uint256(2 hours), 2001], // 1.39
            [uint256(1 days), 2016], // 16.67
            [uint256(36 hours), 2025], // middle
            [uint256(3 days - 1), 2049], // 49.9998
            [uint256(3 days), 2050]
        ];
        for (uint256 i; i < points.length; ++i) {
            vm.warp(start + points[i][0]);
            assertEq(liquidationNow(), points[i][1]);
            assertEq(parameters.parameters(MARKET).liquidationTargetBps, 2050);
        }
        vm.warp(start + 300 days);
        assertEq(liquidationNow(), 2050);
    }

    function test_ARampDownGoesInALineRoundedTowardsItsStart() public {
        move(1700, 500);
        uint256 start = block.timestamp;
        assertEq(liquidationNow(), 2000);
        vm.warp(start + 1 days);
        assertEq(liquidationNow(), 1984, "16.67 down, not 17");
        vm.warp(start + 36 hours);
        assertEq(liquidationNow(), 1975);
        vm.warp(start + 3 days - 1);
        assertEq(liquidationNow(), 1951);
        vm.warp(start + 3 days);
        assertEq(liquidationNow(), 1950);
    }

    function test_ASecondMoveStartsWhereTheFirstOneIs() public {
        move(2300, 500);
        passTime(12 hours);
        uint256 reached = liquidationNow();
        assertEq(reached, 2008);
        parameters.activateLiquidation(MARKET);
        assertEq(liquidationNow(), reached, "no jump");
        assertEq(live(MARKET).rampFromBps(), reached);
        assertEq(live(MARKET).liquidationTargetBps(), 2075);
        passTime(36 hours);
        assertEq(liquidationNow(), 2041, "2,008 + 67 / 2");
        passTime(36 hours);
        assertEq(liquidationNow(), 2075);
    }

    function test_AMoveBackTurnsTheRampAround() public {
        move(2300, 500);
        agree();
        propose(1000, 500);
        vm.warp(block.timestamp + 12 hours);
        uint256 reached = liquidationNow();
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).rampFromBps(), reached);
        assertEq(live(MARKET).liquidationTargetBps(), 2025, "both directions spend the budget");
        passTime(3 days);
        assertEq(liquidationNow(), 2025);
    }

    /// @dev From any point of a ramp the position never jumps, never leaves the stretch between its ends, never turns.
    function test_ARampIsMonotoneAndInsideItsEnds(uint16 goal, uint32 a, uint32 b) public {
        goal = uint16(bound(goal, 1900, 2100));
        if (goal == 2000) goal = 2001;
        move(goal, 500);
        uint256 start = block.timestamp;
        (uint256 first, uint256 second) = (bound(a, 0, 4 days), bound(b, 0, 4 days));
        if (first > second) (first, second) = (second, first);
        vm.warp(start + first);
        uint256 one = liquidationNow();
        vm.warp(start + second);
        uint256 two = liquidationNow();
        uint256 target = live(MARKET).liquidationTargetBps();
        if (goal > 2000) {
            assertTrue(2000 <= one && one <= two && two <= target);
        } else {
            assertTrue(2000 >= one && one >= two && two >= target);
        }
    }

    function test_GovernancesValueRampsToo() public {
        setMarket(MARKET, BOUNDED, 4000, 3000, 500);
        assertEq(liquidationNow(), 2000);
        assertEq(parameters.parameters(MARKET).liquidationTargetBps, 3000);
        passTime(36 hours);
        assertEq(liquidationNow(), 2500);
        // Again in the middle, downward: from where it is.
        setMarket(MARKET, BOUNDED, 4000, 1500, 500);
        assertEq(liquidationNow(), 2500);
        passTime(36 hours);
        assertEq(liquidationNow(), 2000);
        passTime(36 hours);
        assertEq(liquidationNow(), 1500);
        assertEq(law().drainedDay, 0, "governance has no budget");
    }

    function test_AnAdvisoryMarketsValueRampsUnderGovernance() public {
        setMarket(OTHER, 0, 4000, 3000, 500);
        passTime(36 hours);
        assertEq(parameters.parameters(OTHER).liquidationHaircutBps, 2500);
    }

    function test_WithoutARampGovernancesValueHoldsAtOnce() public {
        Limits memory values = defaultLimits();
        values.rampSeconds = 0;
        setLimits(2, values);
        setMarket(OTHER, 2, 4000, 3000, 500);
        assertEq(parameters.parameters(OTHER).liquidationHaircutBps, 3000);
        report(OTHER, 4100);
        assertEq(haircut(OTHER), 4100);
        assertEq(live(OTHER).rampFromBps(), 3000, "settled");
    }

    function test_RevertWhen_GovernancesValuesDisagreeWithTheStartOfTheRamp() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadValues.selector, 1900, 2000, 500));
        parameters.setMarket(MARKET, BOUNDED, Values(1900, 1500, 500, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadValues.selector, 4000, 2000, 2501));
        parameters.setMarket(MARKET, BOUNDED, Values(4000, 3000, 2501, 0, 0));
    }

    function test_WhileARampIsUnderWayTheHaircutStaysAboveBothEnds() public {
        setMarket(MARKET, BOUNDED, 2500, 2500, 500);
        passTime(3 days);
        setMarket(MARKET, BOUNDED, 2500, 1000, 500);
        report(MARKET, 0);
        assertEq(aux(MARKET).pendingTime, 0, "nothing to loosen: the ramp starts at 2,500");
        assertEq(haircut(MARKET), 2500);
    }

    function test_WhenARampHasEndedItsStartBindsTheHaircutNoLonger() public {
        setMarket(MARKET, BOUNDED, 2500, 2500, 500);
        passTime(3 days);
        setMarket(MARKET, BOUNDED, 2500, 1000, 500);
        passTime(3 days);
        agree();
        report(MARKET, 2400);
        assertEq(aux(MARKET).pendingBps, 2400);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2400);
        assertEq(liquidationNow(), 1000);
    }

    function test_ALongerRampDoesNotCallBackAMoveThatHasArrived() public {
        move(2300, 500);
        passTime(4 days);
        agree();
        assertEq(liquidationNow(), 2050);
        Limits memory values = boundedLimits();
        values.rampSeconds = 30 days;
        setLimits(BOUNDED, values);
        assertEq(liquidationNow(), 2050);
    }
}
