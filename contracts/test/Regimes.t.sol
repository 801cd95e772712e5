// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";
import {Guard, GuardWordLib} from "../src/types/GuardWord.sol";

/// @dev Who raises, how long it lasts, and what a raise never does.
contract RegimesTest is Base {
    // ------------------------------------------------------------------------------------------------------ guardian

    function test_AShorterRaiseNeverShortensWhatHolds() public {
        uint256 expiry = _raise(1, 5 hours);
        assertEq(_raise(1, 1 hours), expiry);
        assertEq(_raise(1, 6 hours), (block.timestamp + 6 hours + 1023) / 1024 * 1024, "a longer one lengthens it");
    }

    function test_AHigherLevelDoesNotShortenEither() public {
        uint256 expiry = _raise(1, 5 hours);
        assertEq(_raise(2, 1 hours), expiry);
        assertEq(parameters.parameters(MARKET).regime, 2);
    }

    function testFuzz_NoTwoRaisesShortenOrLower(uint8 first, uint32 long, uint256 gap, uint8 second, uint32 short)
        public
    {
        first = uint8(bound(first, 1, 3));
        second = uint8(bound(second, 1, 3));
        uint256 expiry = _raise(first, uint32(bound(long, 1, 7 days)));
        vm.warp(bound(gap, block.timestamp, expiry - 1));
        uint32 duration = uint32(bound(short, 1, 7 days));
        if (second < first) {
            vm.expectRevert(
                abi.encodeWithSelector(ICollateralParameters.BadRaise.selector, MARKET, second, duration, 7 days)
            );
            vm.prank(governance);
            parameters.raiseRegime(MARKET, second, duration);
            return;
        }
        uint256 until = _raise(second, duration);
        assertEq(parameters.parameters(MARKET).regime, second);
        uint256 asked = (block.timestamp + duration + 1023) / 1024 * 1024;
        assertEq(until, asked > expiry ? asked : expiry);
    }

    function test_RevertWhen_ARaiseIsNoneOrTooLong() public {
        vm.startPrank(governance);
        _badRaise(0, 1 hours);
        _badRaise(4, 1 hours);
        _badRaise(1, 0);
        _badRaise(1, 7 days + 1);
        parameters.raiseRegime(MARKET, 1, 7 days);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        parameters.raiseRegime(keccak256("x"), 1, 1 hours);
    }

    function test_ARaiseIsAnEntryAndNamesItsAuthor() public {
        uint256 before = parameters.parameters(MARKET).updateId;
        vm.expectEmit(true, true, false, false, address(parameters));
        emit ICollateralParameters.RegimeRaised(MARKET, governance, 0, 0);
        _raise(2, 1 hours);
        assertEq(parameters.parameters(MARKET).updateId, before + 1);
        assertEq(lens.historyWord(MARKET, before + 1), entryOf(MARKET));
        assertEq(live(MARKET).sequence(), 0, "only publish moves the sequence");
    }

    function test_AnExpiredRegimeIsGoneWithoutATransactionAndDoesNotCountInTheNextRaise() public {
        uint256 expiry = _raise(3, 1 hours);
        vm.warp(expiry);
        assertEq(parameters.parameters(MARKET).regime, 0);
        uint256 until = (block.timestamp + 600 + 1023) / 1024 * 1024;
        assertEq(_raise(1, 600), until);
        assertEq(parameters.parameters(MARKET).regime, 1, "lower than the one that expired");
    }

    // -------------------------------------------------------------------------------------------------------- quorum

    function test_ARoutineReportWithoutAnOpinionLowersNothing() public {
        uint256 expiry = _raise(2, 5 hours);
        report(MARKET, 3500);
        assertEq(haircut(MARKET), 3500);
        assertEq(parameters.parameters(MARKET).regime, 2);
        assertEq(parameters.parameters(MARKET).regimeExpiry, expiry);
    }

    function test_AReportWithALowerLevelLowersNothing() public {
        uint256 expiry = _raise(2, 5 hours);
        _reportRegime(1, 3500);
        assertEq(parameters.parameters(MARKET).regime, 2);
        assertEq(parameters.parameters(MARKET).regimeExpiry, expiry);
        assertEq(haircut(MARKET), 3500);
    }

    function test_AReportRaisesForTheTimeThatTheLimitsSay() public {
        _reportRegime(2, 3000);
        assertEq(parameters.parameters(MARKET).regime, 2);
        assertEq(parameters.parameters(MARKET).regimeExpiry, (block.timestamp + 24 hours + 1023) / 1024 * 1024);
    }

    function test_AnEmergencyReportMayRaiseAndNothingElse() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 2500);
        (w.core, w.regime) = ("", 3);
        publish(newestOther(), pack(w));
        assertEq(parameters.parameters(MARKET).regime, 3);
        assertEq(haircut(MARKET), 3000);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000);
    }

    // --------------------------------------------------------------------------------------------------------- trips

    function test_ATripRaisesToGuardedForItsTime() public {
        _trip();
        assertEq(parameters.parameters(MARKET).regime, 1);
        assertEq(parameters.parameters(MARKET).regimeExpiry, (block.timestamp + 2 hours + 1023) / 1024 * 1024);
        assertEq(parameters.parameters(MARKET).haircutBps, 3300);
        assertEq(haircut(MARKET), 3000, "the last good value stays");
    }

    function test_RevertWhen_ATripComesWhileAnyRegimeHolds() public {
        _raise(1, 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        _trip();
    }

    function test_ACoolDownBindsTripsAndNeitherGuardianNorQuorum() public {
        _trip();
        uint256 ready = block.timestamp + 3 hours;
        vm.warp(ready - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.TripCoolingDown.selector, MARKET, ready, block.timestamp)
        );
        _trip();
        _raise(1, 600);
        _reportRegime(2, 3000);
        assertEq(parameters.parameters(MARKET).regime, 2);
        // Another market has a cool-down of its own.
        vm.prank(governance);
        parameters.trip(OTHER);
        assertEq(parameters.parameters(OTHER).regime, 1);
    }

    function test_RevertWhen_TheWeeksHoursOfTripsAreSpent() public {
        _trip();
        passTime(3 hours);
        _trip();
        passTime(3 hours);
        // Half of the 12 h at once, and half back in a week: 2 x 130 minutes are spent, 6 h x 6 h / 7 d are back.
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.TripBudgetSpent.selector, MARKET, 8224, 21_600 - 16_448 + 771)
        );
        _trip();
    }

    /// @dev Trips as often as they go for 60 days: never more than the budget in any 7 days.
    /// forge-config: default.fuzz.runs = 100
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_TripsHoldAMarketForNoMoreThanTheBudgetInAnyWeek(uint256 seed) public {
        uint256[] memory starts = new uint256[](64);
        uint256 count;
        for (uint256 i; i < 64; ++i) {
            passTime(uint256(keccak256(abi.encode(seed, i))) % 2 days);
            vm.prank(governance);
            try parameters.trip(MARKET) {
                starts[count++] = block.timestamp;
            } catch {}
            uint256 total;
            for (uint256 j; j < count; ++j) {
                if (starts[j] + 7 days >= block.timestamp) total += 2 hours + 1024;
            }
            assertLe(total, 12 hours, "INV-15");
        }
        assertGt(count, 3);
    }

    function test_RevertWhen_TheLimitsAllowNoTrip() public {
        Limits memory none = defaultLimits();
        none.tripSeconds = 0;
        vm.startPrank(governance);
        parameters.setLimits(0, none);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.TripBudgetSpent.selector, MARKET, 1024, 21_600));
        parameters.trip(MARKET);
    }

    // ---------------------------------------------------------------------------------------------------------- hold

    function test_AHoldIsNeverShortened() public {
        uint256 start = block.timestamp;
        _hold(2 hours);
        _hold(1 hours);
        assertEq(_heldUntil(), start + 2 hours);
        _hold(30 days);
        assertEq(_heldUntil(), start + 30 days);
    }

    function test_WhileHeldNothingLoosensAndTighteningGoesOn() public {
        report(MARKET, 2500);
        passTime(6 hours);
        _hold(1 hours);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralParameters.LooseningHeld.selector, MARKET, block.timestamp + 1 hours, block.timestamp
            )
        );
        parameters.activate(MARKET);
        passTime(1 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900, "the hold is over at its last second");
        _hold(1 hours);
        report(MARKET, 3200);
        assertEq(haircut(MARKET), 3200);
    }

    function test_RevertWhen_AHoldIsNoneOrTooLong() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadHold.selector, MARKET, 0, 30 days));
        parameters.holdLoosening(MARKET, 0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadHold.selector, MARKET, 30 days + 1, 30 days));
        parameters.holdLoosening(MARKET, 30 days + 1);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _raise(uint8 level, uint32 duration) private returns (uint256) {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, level, duration);
        return parameters.parameters(MARKET).regimeExpiry;
    }

    function _badRaise(uint8 level, uint32 duration) private {
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.BadRaise.selector, MARKET, level, duration, 7 days)
        );
        parameters.raiseRegime(MARKET, level, duration);
    }

    function _reportRegime(uint8 level, uint256 haircutBps) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, haircutBps);
        w.regime = level;
        publish(newestSample(), pack(w));
    }

    function _trip() private {
        vm.prank(governance);
        parameters.trip(MARKET);
    }

    function _hold(uint32 duration) private {
        vm.prank(governance);
        parameters.holdLoosening(MARKET, duration);
    }

    function _heldUntil() private view returns (uint256) {
        return GuardWordLib.unpack(lens.guardWord(MARKET)).heldUntil;
    }
}
