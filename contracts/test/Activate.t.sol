// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";

contract ActivateTest is Base {
    function test_AMaturedPendingLoosensByWhatTheBucketHolds() public {
        uint256 opened = _open(2500);
        vm.warp(opened + 6 hours);
        vm.prank(stranger);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
        assertEq(aux(MARKET).pendingBps, 2500, "the rest waits");
        assertEq(aux(MARKET).drained, 100 * 86_400);
        assertEq(parameters.parameters(MARKET).updateId, 2);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 2900, 2500, 0)
        );
        parameters.activate(MARKET);
    }

    function test_TheBucketRefillsBySecondsAndGivesWholeBps() public {
        uint256 opened = _open(2500);
        vm.warp(opened + 6 hours);
        parameters.activate(MARKET);
        // 50 bps a day is one bp every 1,728 s, and nothing moves before a quarter of the bucket is back.
        vm.warp(opened + 6 hours + 25 * 1728 - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 2900, 2500, 24)
        );
        parameters.activate(MARKET);
        vm.warp(opened + 6 hours + 25 * 1728);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2875);
        assertEq(aux(MARKET).drained, 100 * 86_400);
    }

    function test_ARestBelowAQuarterOfTheBucketNeedsOnlyWhatItIs() public {
        uint256 opened = _open(2895);
        vm.warp(opened + 6 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
        vm.warp(opened + 6 hours + 5 * 1728 - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 2900, 2895, 4)
        );
        parameters.activate(MARKET);
        vm.warp(opened + 6 hours + 5 * 1728);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2895);
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_APendingThatIsReachedIsCleared() public {
        uint256 opened = _open(2960);
        vm.warp(opened + 6 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2960);
        assertEq(aux(MARKET).pendingTime, 0);
        assertEq(parameters.parameters(MARKET).pendingAt, 0);
    }

    function test_RevertWhen_TheDisputeWindowIsOpen(uint256 early) public {
        uint256 mature = _open(2500) + 6 hours;
        assertEq(parameters.parameters(MARKET).pendingAt, mature);
        vm.warp(bound(early, mature - 6 hours, mature - 1));
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.PendingNotMature.selector, MARKET, mature, block.timestamp)
        );
        parameters.activate(MARKET);
    }

    function test_RevertWhen_ThePendingHasExpired() public {
        uint256 expiry = _open(2500) + 30 hours;
        // A later report keeps the market fresh and leaves the pending as old as it was.
        passTime(20 hours);
        report(MARKET, 2400);
        assertEq(aux(MARKET).pendingTime, expiry - 30 hours);
        vm.warp(expiry + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.PendingExpired.selector, MARKET, expiry, block.timestamp)
        );
        parameters.activate(MARKET);
        vm.warp(expiry);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
    }

    function test_APendingStandsUpToItsLastSecond() public {
        uint256 expiry = _open(2700) + 30 hours;
        vm.warp(expiry - 12 * CADENCE);
        report(MARKET, 2500);
        assertEq(block.timestamp, expiry);
        assertEq(aux(MARKET).pendingTime, expiry - 30 hours);
        assertEq(aux(MARKET).pendingBps, 2700, "the tightest of both wishes");
    }

    function test_AnExpiredPendingOpensAnewWithTheNextReport() public {
        uint256 expiry = _open(2700) + 30 hours;
        vm.warp(expiry + 1);
        report(MARKET, 2500);
        assertEq(aux(MARKET).pendingTime, block.timestamp);
        assertEq(aux(MARKET).pendingBps, 2500, "what was asked before has lapsed");
    }

    function test_RevertWhen_TheLastReportIsNotFresh() public {
        _open(2500);
        uint256 observed = live(MARKET).observedTime();
        vm.warp(observed + 25 hours + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.ReportNotFresh.selector, MARKET, observed, 25 hours)
        );
        parameters.activate(MARKET);
        vm.warp(observed + 25 hours);
        parameters.activate(MARKET);
    }

    function test_RevertWhen_TheRegimeIsNotNormal() public {
        uint256 opened = _open(2500);
        vm.warp(opened + 6 hours);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        parameters.activate(MARKET);
        vm.warp(parameters.parameters(MARKET).regimeExpiry - 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        parameters.activate(MARKET);
        passTime(1);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
    }

    function test_RevertWhen_TheGuardianHoldsLoosening() public {
        uint256 opened = _open(2500);
        vm.warp(opened + 6 hours);
        vm.prank(governance);
        parameters.holdLoosening(MARKET, 1 hours);
        uint256 until = block.timestamp + 1 hours;
        passTime(1 hours - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningHeld.selector, MARKET, until, block.timestamp)
        );
        parameters.activate(MARKET);
        passTime(1);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
    }

    function test_RevertWhen_NothingWaits() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activate(MARKET);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        parameters.activate(keccak256("x"));
    }

    function test_ATighteningClearsThePending() public {
        uint256 opened = _open(2500);
        reportEmergency(MARKET, 3001);
        vm.warp(opened + 6 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activate(MARKET);
    }

    function test_AnEmergencyReportThatDoesNotTightenLeavesThePendingAndTheSequence() public {
        _open(2500);
        reportEmergency(MARKET, 2999);
        assertEq(aux(MARKET).pendingBps, 2500);
        assertEq(live(MARKET).sequence(), 1);
    }

    function test_ARaisedFloorHolds() public {
        uint256 opened = _open(2500);
        Limits memory raised = defaultLimits();
        raised.floorBps = 2980;
        vm.prank(governance);
        parameters.setLimits(0, raised);
        vm.warp(opened + 6 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2980);
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_ALoweredBucketNeverUnderflows() public {
        uint256 opened = _open(2500);
        vm.warp(opened + 6 hours);
        parameters.activate(MARKET);
        Limits memory lower = defaultLimits();
        lower.bucketBps = 10;
        vm.prank(governance);
        parameters.setLimits(0, lower);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 2900, 2500, 0)
        );
        parameters.activate(MARKET);
    }

    /// @dev Open a pending; answers when.
    function _open(uint256 target) private returns (uint256) {
        report(MARKET, target);
        assertEq(haircut(MARKET), 3000);
        return aux(MARKET).pendingTime;
    }
}
