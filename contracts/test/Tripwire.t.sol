// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TripwireBase} from "./TripwireBase.t.sol";
import {Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {ITripwire} from "../src/interfaces/ITripwire.sol";

contract TripwireTest is TripwireBase {
    // -------------------------------------------------------------------------------------------------- flash swaps

    function _attempts() private pure returns (bytes[] memory calls) {
        calls = new bytes[](2);
        calls[0] = abi.encodeCall(ITripwire.witness, (MARKET));
        calls[1] = abi.encodeCall(ITripwire.trip, (MARKET));
    }

    function _assertNothingWorked() private view {
        (, int24 tickNow,,,,,) = pool.slot0();
        int256 fall = collateralIsToken0() ? tickNow - trader.tickSeen() : trader.tickSeen() - tickNow;
        assertGt(fall, 6900, "the price in slot0 was halved while they tried");
        assertFalse(trader.succeeded(0));
        assertFalse(trader.succeeded(1));
        assertEq(bytes4(trader.answers(0)), ITripwire.NotBelow.selector);
        assertEq(tripwire.witnessBlock(MARKET), 0);
        assertEq(regime(), 0);
    }

    function test_FlashSwapTripsNothing() public {
        _flashSwap();
        setWire(wireOf(0));
        _flashSwap();
    }

    function _flashSwap() private {
        pass(1);
        (uint160 before,,,,,,) = pool.slot0();

        // Inside the pool's callback: slot0 is moved, nothing is paid yet.
        trader.callDuring(address(tripwire), _attempts());
        trader.swapTo(pool, cheaper(), sqrtOf(990e6));
        trader.callDuring(address(tripwire), new bytes[](0));
        trader.swapTo(pool, !cheaper(), before);
        _assertNothingWorked();

        // Outside any callback, with borrowed money: there, try, and back.
        pass(1);
        trader.callDuring(address(tripwire), _attempts());
        trader.swapThereAndBack(pool, cheaper(), sqrtOf(990e6), before);
        _assertNothingWorked();
    }

    function test_TwoFlashSwapsThreeBlocksApartTripNothing() public {
        _open(2);
        setWire(wireOf(0));
        (uint160 before,,,,,,) = pool.slot0();
        for (uint256 i; i < 3; ++i) {
            pass(3);
            trader.callDuring(address(tripwire), _attempts());
            trader.swapThereAndBack(pool, cheaper(), sqrtOf(990e6), before);
            _assertNothingWorked();
        }
        // The same two attempts succeed when the price is left there over the ends of blocks.
        trade(990);
        pass(1);
        witness();
        pass(3);
        trip();
        assertEq(regime(), 1);
    }

    // --------------------------------------------------------------------------------------------------------- means

    function test_TwoMeanWindowsBelowTheFeedTrip() public {
        trade(1880); // -6 %, threshold 5 %
        passTime(2 * WINDOW);
        Parameters memory before = parameters.parameters(MARKET);
        // ln(1880e-12) and ln(2000e-12) in ticks are -200,929.99 and -200,311.20; 5 % are 512.96.
        vm.expectEmit(address(tripwire));
        emit ITripwire.Tripped(MARKET, stranger, true, -200_929, -200_312 - 513);
        trip();
        Parameters memory after_ = parameters.parameters(MARKET);
        assertEq(after_.regime, 1);
        assertEq(after_.haircutBps, before.haircutBps + 300);
        assertEq(after_.storedHaircutBps, before.storedHaircutBps);
        assertGe(after_.regimeExpiry, block.timestamp + 2 hours);
        assertLe(after_.regimeExpiry, block.timestamp + 2 hours + 1024);
    }

    function test_RevertWhen_ThePoolLiesLowByLessThanTheThreshold() public {
        trade(1902); // -4.9 %
        passTime(2 * WINDOW);
        expectNotBelow(2 * WINDOW, WINDOW);
        assertEq(regime(), 0);
    }

    function test_RevertWhen_OnlyTheNewerWindowLiesBelow() public {
        trade(1800);
        // A fall by 10 % is 1,054 ticks, the threshold 513: the older window must have seen it for about half its length.
        passTime(WINDOW + 850);
        expectNotBelow(2 * WINDOW, WINDOW);
        passTime(100);
        trip();
        assertEq(regime(), 1);
    }

    function test_RevertWhen_OnlyTheOlderWindowLiesBelow() public {
        trade(1500);
        passTime(WINDOW);
        trade(1990);
        passTime(WINDOW);
        expectNotBelow(WINDOW, 0);
        assertEq(regime(), 0);
    }

    function test_RevertWhen_TheMeansLagBehindARise() public {
        trade(2200);
        push(2200);
        pass(1);
        // Both windows still say 2,000, which is 9 % below a feed that is right.
        expectNotBelow(1, 0);
        assertEq(regime(), 0);
    }

    function test_RevertWhen_ThePriceHasComeBack() public {
        trade(1500);
        passTime(2 * WINDOW);
        trade(1990);
        // In the block of the return the end of the last block counts still; one later the proof is gone.
        uint256 state = vm.snapshotState();
        trip();
        assertEq(regime(), 1);
        vm.revertToState(state);
        pass(1);
        expectNotBelow(1, 0);
        assertEq(regime(), 0);
    }

    function test_RevertWhen_TheCollateralIsDearerThanTheFeed() public {
        trade(3000);
        passTime(2 * WINDOW);
        expectNotBelow(2 * WINDOW, WINDOW);
        vm.expectPartialRevert(ITripwire.NotBelow.selector);
        tripwire.witness(MARKET);
    }

    function test_AFeedThatStaysBehindACrashTrips() public {
        trade(1000);
        passTime(2 * WINDOW - 60);
        push(1999);
        passTime(60);
        trip();
        assertEq(regime(), 1);
    }

    function test_T10_AFewManipulatedBlocksTripNothing() public {
        uint8[3] memory lengths = [2, 5, 10];
        for (uint256 i; i < 3; ++i) {
            uint256 state = vm.snapshotState();
            (uint160 before,,,,,,) = pool.slot0();
            trade(1700); // -15 %
            pass(lengths[i]);
            expectNotBelow(2 * WINDOW, WINDOW);
            trader.swapTo(pool, !cheaper(), before);
            // A window later they lie in the older one, and bend it by less than the threshold.
            passTime(WINDOW);
            expectNotBelow(2 * WINDOW, WINDOW);
            assertEq(regime(), 0);
            vm.revertToState(state);
        }
    }

    function test_T11_APushIntoAnEmptyRangeProvesNothing() public {
        // All liquidity within 30 % of the price: beyond it, the price falls as far as one likes for nothing.
        (, int24 tick,,,,,) = pool.slot0();
        (int24 lower, int24 upper) = ((tick / 60 - 60) * 60, (tick / 60 + 60) * 60);
        trader.provide(pool, lower, upper, LIQUIDITY);
        trader.withdraw(pool, LOWEST, -LOWEST, LIQUIDITY);
        passTime(2 * WINDOW);
        // The protocol's lowest or highest price.
        uint160 end = cheaper() ? 4_295_128_740 : 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341;
        (uint160 before,,,,,,) = pool.slot0();
        for (uint256 i; i < 2; ++i) {
            // Two blocks in each window are enough to bend its mean by more than the threshold.
            trader.swapTo(pool, cheaper(), end);
            pass(2);
            trader.swapTo(pool, !cheaper(), before);
            passTime(WINDOW - 24);
        }
        passTime(WINDOW / 4);
        trade(1800);
        pass(1);
        vm.expectPartialRevert(ITripwire.TooThin.selector);
        tripwire.trip(MARKET);
        assertEq(regime(), 0);
    }

    // ------------------------------------------------------------------------------------------------------ witness

    function _witnessOnly() private {
        _open(2);
        setWire(wireOf(0));
        trade(1800);
        pass(1);
    }

    function test_AWitnessAndATripThreeBlocksLaterTrip() public {
        _witnessOnly();
        // ln(1800e-12) in ticks is -201,364.86.
        vm.expectEmit(address(tripwire));
        emit ITripwire.Witnessed(MARKET, stranger, -201_364, -200_825);
        witness();
        assertEq(tripwire.witnessBlock(MARKET), block.number);
        pass(3);
        vm.expectEmit(address(tripwire));
        emit ITripwire.Tripped(MARKET, stranger, false, -201_364, -200_825);
        trip();
        assertEq(regime(), 1);
        assertEq(tripwire.witnessBlock(MARKET), 0);
    }

    function test_RevertWhen_TheWitnessIsTwoBlocksOld() public {
        _witnessOnly();
        witness();
        uint256 witnessed = block.number;
        for (uint256 i; i < 3; ++i) {
            bytes4 tooYoung = ITripwire.WitnessTooYoung.selector;
            vm.expectRevert(abi.encodeWithSelector(tooYoung, MARKET, witnessed, witnessed + 3));
            tripwire.trip(MARKET);
            pass(1);
        }
        trip();
        assertEq(regime(), 1);
    }

    function test_RevertWhen_TheWitnessIsOld() public {
        _witnessOnly();
        witness();
        uint256 witnessed = block.number;
        pass(256);
        uint256 state = vm.snapshotState();
        vm.expectRevert(abi.encodeWithSelector(ITripwire.WitnessStands.selector, MARKET, witnessed));
        tripwire.witness(MARKET);
        trip();
        vm.revertToState(state);
        pass(1);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.WitnessTooOld.selector, MARKET, witnessed, witnessed + 256));
        tripwire.trip(MARKET);
        // A new one may replace it.
        witness();
        assertEq(tripwire.witnessBlock(MARKET), block.number);
    }

    function test_RevertWhen_ThereIsNoWitnessOrThePriceIsBackAtTheTrip() public {
        _witnessOnly();
        vm.expectRevert(abi.encodeWithSelector(ITripwire.NoWitness.selector, MARKET));
        tripwire.trip(MARKET);
        witness();
        pass(3);
        trade(1999);
        pass(1);
        expectNotBelow(1, 0);
        assertEq(regime(), 0);
    }

    function test_ASwapEarlierInTheBlockHidesNothing() public {
        _witnessOnly();
        // Somebody swaps the price up in front of the witness: what counts is where the last block ended.
        trade(2000);
        witness();
        trade(1800);
        pass(3);
        trade(2100);
        trip();
        assertEq(regime(), 1);
    }

    function test_AShortRingLeavesTheWitnessWay() public {
        _open(10);
        setWire(wireOf(WINDOW));
        passTime(2 * WINDOW);
        trade(1800);
        // Ten observations, one in each block: the ring reaches back two minutes.
        for (uint256 i; i < 12; ++i) {
            pass(1);
            trade(1800 - i - 1);
        }
        pass(1);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.NoWitness.selector, MARKET));
        tripwire.trip(MARKET);
        witness();
        pass(3);
        trip();
        assertEq(regime(), 1);
    }

    function test_AWitnessCountsForNothingWhereTheWindowsAnswer() public {
        trade(1800);
        pass(1);
        witness();
        pass(3);
        expectNotBelow(2 * WINDOW, WINDOW);
    }

    function test_RevertWhen_APoolYoungerThanTwoWindowsHasNoWitness() public {
        _open(200);
        // Its first observation is 12 s old.
        setWire(wireOf(WINDOW));
        trade(1800);
        passTime(2 * WINDOW - 13);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.NoWitness.selector, MARKET));
        tripwire.trip(MARKET);
        // From here on the windows answer, and count.
        passTime(1);
        trip();
        assertEq(regime(), 1);
    }

    // --------------------------------------------------------------------------------------------------------- feed

    function test_RevertWhen_TheFeedIsStaleOrFromTheFutureOrNotPositive() public {
        trade(1500);
        push(2000);
        uint256 updated = block.timestamp;
        passTime(1 days);
        uint256 state = vm.snapshotState();
        trip();
        vm.revertToState(state);
        passTime(1);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.FeedStale.selector, MARKET, updated, block.timestamp, 1 days));
        tripwire.trip(MARKET);
        vm.warp(updated - 1);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.FeedStale.selector, MARKET, updated, block.timestamp, 1 days));
        tripwire.witness(MARKET);
        vm.warp(updated + 1);
        feed.push(0);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.FeedNotPositive.selector, MARKET, 0));
        tripwire.trip(MARKET);
        feed.push(-1);
        vm.expectRevert(abi.encodeWithSelector(ITripwire.FeedNotPositive.selector, MARKET, -1));
        tripwire.witness(MARKET);
    }
}

/// @dev All of it with the collateral as the pool's second token.
contract TripwireSecondTokenTest is TripwireTest {
    function collateralIsToken0() internal pure override returns (bool) {
        return false;
    }
}
