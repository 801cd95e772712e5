// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TripwireBase} from "./TripwireBase.t.sol";
import {Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Parameters} from "../src/interfaces/ICollateralParameters.sol";

/// @dev What trips can do to a market, with a pool that would trip at any time.
contract TripwireLawTest is TripwireBase {
    uint64 private constant GUARDIAN_ROLE = 2;
    uint256 private constant WEEK = 7 days;
    address private guardian = makeAddr("guardian");
    uint256[] private starts;
    uint256[] private ends;

    function setUp() public override {
        super.setUp();
        trade(1000);
        _later(2 * WINDOW);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = parameters.raiseRegime.selector;
        vm.startPrank(governance);
        manager.setTargetFunctionRole(address(parameters), selectors, GUARDIAN_ROLE);
        manager.grantRole(GUARDIAN_ROLE, guardian, 0);
        vm.stopPrank();
    }

    /// @dev Time passes and the feed keeps saying what the pool does not.
    function _later(uint256 duration) private {
        vm.roll(block.number + duration / 12 + 1);
        passTime(duration);
        push(2000);
    }

    function _expiry() private view returns (uint256) {
        return parameters.parameters(MARKET).regimeExpiry;
    }

    function _quorumRaises(uint8 level) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, haircut(MARKET));
        (w.core, w.regime) = ("", level);
        publish(newestOther(), pack(w));
    }

    // ---------------------------------------------------------------------------------------------------- one trip

    function test_ATripEndsByItself() public {
        uint256 haircutBefore = parameters.parameters(MARKET).haircutBps;
        uint256 time = block.timestamp;
        trip();
        assertGe(_expiry(), time + 2 hours);
        assertLe(_expiry(), time + 2 hours + 1024);
        vm.warp(_expiry() - 1);
        assertEq(regime(), 1);
        assertEq(parameters.parameters(MARKET).haircutBps, haircutBefore + 300);
        passTime(1);
        assertEq(regime(), 0);
        assertEq(parameters.parameters(MARKET).haircutBps, haircutBefore);
    }

    function test_RevertWhen_ARegimeHoldsAlready() public {
        trip();
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        tripwire.trip(MARKET);
    }

    function test_AWitnessOutlivesATripThatIsRefused() public {
        setWire0();
        witness();
        vm.prank(guardian);
        parameters.raiseRegime(MARKET, 1, 60);
        pass(3);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.RegimeNotNormal.selector, MARKET, 1));
        tripwire.trip(MARKET);
        assertEq(tripwire.witnessBlock(MARKET), block.number - 3);
        vm.warp(_expiry());
        trip();
        assertEq(regime(), 1);
        assertEq(tripwire.witnessBlock(MARKET), 0);
    }

    /// @dev The wire that proves by witness only; set while the prices agree for a block.
    function setWire0() private {
        trade(2000);
        pass(1);
        setWire(wireOf(0));
        trade(1000);
        pass(1);
    }

    function test_T27_TripsNeverMoveTheLiquidationHaircut(uint256 seed) public {
        Parameters memory before = parameters.parameters(MARKET);
        for (uint256 i; i < 5; ++i) {
            _later(uint256(keccak256(abi.encode(seed, i))) % 3 days);
            try tripwire.trip(MARKET) {} catch {}
            Parameters memory now_ = parameters.parameters(MARKET);
            assertEq(now_.liquidationHaircutBps, before.liquidationHaircutBps);
            assertEq(now_.liquidationTargetBps, before.liquidationTargetBps);
            assertEq(now_.bonusBps, before.bonusBps);
            assertEq(now_.storedHaircutBps, before.storedHaircutBps);
        }
    }

    // ------------------------------------------------------------------------------------------- cool-down and budget

    function test_ACoolDownBindsTheTripperOnly() public {
        uint256 time = block.timestamp;
        trip();
        _later(_expiry() - time);
        // The cool-down counts from the trip's own end.
        uint256 ready = time + 2 hours + 1 hours;
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.TripCoolingDown.selector, MARKET, ready, block.timestamp)
        );
        tripwire.trip(MARKET);

        uint256 state = vm.snapshotState();
        vm.prank(guardian);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(regime(), 3);
        vm.revertToState(state);
        _quorumRaises(2);
        assertEq(regime(), 2);
        vm.revertToState(state);

        _later(ready - block.timestamp - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.TripCoolingDown.selector, MARKET, ready, block.timestamp)
        );
        tripwire.trip(MARKET);
        _later(1);
        trip();
        assertEq(regime(), 1);
    }

    function test_ASpentBudgetBindsTheTripperOnly() public {
        // Half of 12 h at once, 2 h and the expiry's rounding a trip.
        for (uint256 i; i < 2; ++i) {
            trip();
            _later(4 hours);
        }
        vm.expectPartialRevert(ICollateralParameters.TripBudgetSpent.selector);
        tripwire.trip(MARKET);
        uint256 state = vm.snapshotState();
        vm.prank(guardian);
        parameters.raiseRegime(MARKET, 2, 7 days);
        assertEq(regime(), 2);
        vm.revertToState(state);
        _quorumRaises(3);
        assertEq(regime(), 3);
    }

    function test_RevertWhen_TheProfileAllowsNoTrips() public {
        Limits memory values = defaultLimits();
        values.tripSeconds = 0;
        vm.prank(governance);
        parameters.setLimits(0, values);
        vm.expectPartialRevert(ICollateralParameters.TripBudgetSpent.selector);
        tripwire.trip(MARKET);
    }

    function test_T23_TheBudgetOfHoursHoldsOverAny7DaysInAnyOrder(uint256 seed, uint256 longest) public {
        longest = bound(longest, 10 minutes, 2 days);
        trip();
        starts.push(block.timestamp);
        ends.push(_expiry());
        for (uint256 i; i < 20; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            passTime(draw % longest);
            // Sometimes the guardian or the quorum raises in between.
            if (draw >> 250 == 0) {
                vm.prank(guardian);
                try parameters.raiseRegime(MARKET, 1, uint32(draw >> 128) % 7 days + 1) {} catch {}
            } else if (draw >> 250 == 1) {
                _quorumRaises(1);
            }
            // What the tripwire does once it has its proof, at every chance.
            vm.prank(address(tripwire));
            try parameters.trip(MARKET) {
                starts.push(block.timestamp);
                ends.push(_expiry());
            } catch {}
        }
        // A window that holds most of them starts where one starts, or ends where one ends.
        for (uint256 i; i < starts.length; ++i) {
            assertLe(_tripped(starts[i], starts[i] + WEEK), 12 hours);
            assertLe(_tripped(ends[i] - WEEK, ends[i]), 12 hours);
        }
    }

    function test_TheBudgetComesBack() public {
        uint256 count;
        for (uint256 i; i < 14; ++i) {
            _later(12 hours);
            try tripwire.trip(MARKET) {
                ++count;
            } catch {}
        }
        // Two at once, and 6 h in 7 days for what has been spent: 2 h 10 min each.
        assertEq(count, 5);
    }

    function _tripped(uint256 from, uint256 to) private view returns (uint256 total) {
        for (uint256 i; i < starts.length; ++i) {
            uint256 start = starts[i] > from ? starts[i] : from;
            uint256 end = ends[i] < to ? ends[i] : to;
            if (start < end) total += end - start;
        }
    }
}
