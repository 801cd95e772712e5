// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Wish} from "./Base.t.sol";
import {LawBase} from "./LawBase.t.sol";
import {
    Batch,
    ICollateralParameters,
    Limits,
    Refusal,
    Signature,
    Values
} from "../src/interfaces/ICollateralParameters.sol";
import {ParametersLens} from "../src/views/ParametersLens.sol";
import {Bits} from "../src/types/Bits.sol";

/// @dev Malformed and extreme input that no other file sends: with these, every error and every refusal of the interface
/// is met by a test.
contract ErrorsTest is LawBase {
    // ------------------------------------------------------------------------------------------------------ batches

    function test_ANewerBlockWithAnOlderTimeIsRefused() public {
        report(MARKET, 3000);
        uint256 time = live(MARKET).observedTime();
        pass(CADENCE);
        bytes memory reports = pack(wish(MARKET, 3500));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.observedTime = uint64(time - 1);
        Signature[] memory signatures = signedBy(2, batch);
        expectRefusal(MARKET, batch.observedBlock, Refusal.TimeBehind, time - 1, time);
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3000);
        batch.observedTime = uint64(time);
        _publish(batch, reports, signedBy(2, batch));
        assertEq(haircut(MARKET), 3500, "the same time is allowed");
    }

    function test_RevertWhen_EveryFieldOfABatchIsAtItsMaximum() public {
        bytes memory reports = pack(wish(MARKET, 3500));
        uint64 max = type(uint64).max;
        Batch memory batch = Batch(max, bytes32(type(uint256).max), max, max, 0, 0, 0);
        Signature[] memory none = new Signature[](0);
        _rejects(
            batch,
            reports,
            none,
            abi.encodeWithSelector(ICollateralParameters.BatchFromFuture.selector, max, block.timestamp)
        );
        batch.observedTime = uint64(block.timestamp);
        _rejects(batch, reports, none, abi.encodeWithSelector(Bits.FieldOverflow.selector, max, 32));
        batch.observedBlock = type(uint32).max;
        _rejects(
            batch,
            reports,
            none,
            abi.encodeWithSelector(ICollateralParameters.BatchTooShallow.selector, type(uint32).max, block.number)
        );
        batch.observedBlock = 0;
        _rejects(
            batch,
            reports,
            none,
            abi.encodeWithSelector(ICollateralParameters.BatchTooOld.selector, 0, block.number, 64)
        );
        batch.observedTime = 0;
        _rejects(
            batch,
            reports,
            none,
            abi.encodeWithSelector(ICollateralParameters.ObservedTimeTooOld.selector, 0, block.timestamp, 7200)
        );
        batch.validUntil = 0;
        _rejects(
            batch,
            reports,
            none,
            abi.encodeWithSelector(ICollateralParameters.BatchExpired.selector, 0, block.timestamp)
        );
    }

    /// @dev Block numbers have 32 bits in the live word; nothing may spill into the sequence beside them.
    function test_RevertWhen_ABlockNumberDoesNotFit() public {
        vm.roll((1 << 32) - 60);
        report(OTHER, 4100);
        assertEq(live(OTHER).sequence(), 1);
        vm.roll((1 << 32) + 60);
        bytes memory reports = pack(wish(OTHER, 4200));
        Batch memory batch = batchOf(newestSample(), reports);
        batch.observedTime = uint64(block.timestamp);
        assertGe(batch.observedBlock, 1 << 32);
        bytes memory expected = abi.encodeWithSelector(Bits.FieldOverflow.selector, batch.observedBlock, 32);
        _rejects(batch, reports, signedBy(2, batch), expected);
        assertEq(live(OTHER).sequence(), 1);
    }

    /// @dev Only a quorum can use them up, and the next window has its own.
    function test_RevertWhen_AWindowHas128BatchesAlready() public {
        vm.startPrank(governance);
        for (uint256 i; i < 129; ++i) {
            parameters.listMarket(bytes32(i + 1), 0, 3000, 2000, 500);
        }
        vm.stopPrank();
        pass(2 * CADENCE);
        uint256 observed = newestSample();
        for (uint256 i; i < 128; ++i) {
            _publishRooted(observed, bytes32(i + 1), bytes32((i + 1) << 32));
        }
        assertEq(live(bytes32(uint256(128))).batchIndex(), 127);
        bytes memory reports = pack(wish(bytes32(uint256(129)), 3500));
        Batch memory batch = batchOf(observed, reports);
        batch.commitmentsRoot = bytes32(uint256(129) << 32);
        _rejects(
            batch,
            reports,
            signedBy(2, batch),
            abi.encodeWithSelector(ICollateralParameters.BatchIndexExhausted.selector, observed)
        );
        pass(CADENCE);
        _publishRooted(newestSample(), bytes32(uint256(129)), bytes32(uint256(129) << 32));
        assertEq(haircut(bytes32(uint256(129))), 3500);
    }

    function _publishRooted(uint256 observed, bytes32 market, bytes32 root) private {
        bytes memory reports = pack(wish(market, 3500));
        Batch memory batch = batchOf(observed, reports);
        batch.commitmentsRoot = root;
        _publish(batch, reports, signedBy(2, batch));
    }

    // ------------------------------------------------------------------------------------------- guardian, disputes

    function test_RevertWhen_ARaiseIsNoneTooLongOrNoRegime() public {
        vm.startPrank(governance);
        _badRaise(0, 1 hours);
        _badRaise(4, 1 hours);
        _badRaise(255, 1 hours);
        _badRaise(1, 0);
        _badRaise(1, 7 days + 1);
        _badRaise(1, type(uint32).max);
        parameters.raiseRegime(MARKET, 1, 7 days);
        assertEq(parameters.parameters(MARKET).regime, 1);
    }

    function _badRaise(uint8 level, uint32 duration) private {
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.BadRaise.selector, MARKET, level, duration, 7 days)
        );
        parameters.raiseRegime(MARKET, level, duration);
    }

    function test_RevertWhen_AHoldIsNoneOrTooLong() public {
        vm.startPrank(governance);
        uint32[3] memory wrong = [uint32(0), 30 days + 1, type(uint32).max];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadHold.selector, MARKET, wrong[i], 30 days));
            parameters.holdLoosening(MARKET, wrong[i]);
        }
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.LooseningHeldUntil(MARKET, block.timestamp + 30 days);
        parameters.holdLoosening(MARKET, 30 days);
    }

    function test_RevertWhen_TripsAreNotAllowed() public {
        Limits memory values = defaultLimits();
        values.tripSeconds = 0;
        setLimits(0, values);
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.TripBudgetSpent.selector, OTHER, 1024, 6 hours));
        parameters.trip(OTHER);
    }

    // ------------------------------------------------------------------------------------------------------- sunset

    function test_RevertWhen_TheSuccessorIsNobodyOrTheContractItself() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSuccessor.selector, address(0)));
        parameters.sunset(address(0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSuccessor.selector, parameters));
        parameters.sunset(address(parameters));
    }

    function test_RevertWhen_AnythingIsWrittenAfterSunset() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        bytes[] memory calls = new bytes[](12);
        calls[0] = abi.encodeCall(parameters.publish, (batch, reports, signedBy(2, batch)));
        calls[1] = abi.encodeCall(parameters.advance, (MARKET));
        calls[2] = abi.encodeCall(parameters.activate, (MARKET));
        calls[3] = abi.encodeCall(parameters.activateLiquidation, (MARKET));
        calls[4] = abi.encodeCall(parameters.raiseRegime, (MARKET, 1, 1 hours));
        calls[5] = abi.encodeCall(parameters.holdLoosening, (MARKET, 1 hours));
        calls[6] = abi.encodeCall(parameters.trip, (MARKET));
        calls[7] = abi.encodeCall(parameters.stop, (MARKET));
        calls[8] = abi.encodeCall(parameters.listMarket, (keccak256("new"), 0, 3000, 2000, 500));
        calls[9] = abi.encodeCall(parameters.setMarket, (MARKET, 0, Values(3000, 2000, 500, 0, 0)));
        calls[10] = abi.encodeCall(parameters.delistMarket, (MARKET));
        calls[11] = abi.encodeCall(parameters.sunset, (stranger));
        vm.startPrank(governance);
        parameters.sunset(stranger);
        uint256 since = block.timestamp;
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = address(parameters).call(calls[i]);
            assertFalse(ok);
            assertEq(answer, abi.encodeWithSelector(ICollateralParameters.Ended.selector, stranger, since));
        }
        (address successor, uint256 time) = parameters.successor();
        assertEq(successor, stranger);
        assertEq(time, since);
    }

    function test_SunsetFreezesAgeing() public {
        report(OTHER, 4500);
        passTime(3 days);
        uint256 widened = parameters.parameters(OTHER).haircutBps;
        assertGt(widened, 4500);
        vm.prank(governance);
        parameters.sunset(stranger);
        passTime(365 days);
        assertEq(parameters.parameters(OTHER).haircutBps, widened);
        assertTrue(parameters.parameters(OTHER).stale);
        assertGt(parameters.parameters(OTHER).ageSeconds, 368 days, "the age is told as it is");
    }

    // ------------------------------------------------------------------------------------------------- lens, listing

    function test_RevertWhen_AskedForATimeOrADayThatIsNotKept() public {
        uint256 listed = START_TIME;
        vm.expectRevert(
            abi.encodeWithSelector(ParametersLens.TimeOutOfRange.selector, OTHER, listed - 1, listed, block.timestamp)
        );
        lens.parametersAt(OTHER, listed - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ParametersLens.TimeOutOfRange.selector, OTHER, block.timestamp + 1, listed, block.timestamp
            )
        );
        lens.parametersAt(OTHER, block.timestamp + 1);
        assertEq(lens.parametersAt(OTHER, listed).haircutBps, 4000);
        uint256 today = block.timestamp / 1 days;
        uint256[2] memory wrong = [today - 64, today + 1];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ParametersLens.DayOutOfRange.selector, OTHER, wrong[i], today - 63, today)
            );
            lens.dayHighest(OTHER, wrong[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        lens.dayHighest(keccak256("x"), today);
    }

    function test_RevertWhen_GovernancesValuesDoNotFitTheirFields() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 16_384, 14));
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 16_384, 0));
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 1 << 20, 20));
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, 1 << 20));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownLimits.selector, 9));
        parameters.setMarket(MARKET, 9, Values(3000, 2000, 500, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadLimits.selector, 64));
        parameters.setLimits(64, defaultLimits());
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadLimits.selector, 255));
        parameters.setLimits(255, defaultLimits());
        parameters.setLimits(63, defaultLimits());
        parameters.setMarket(MARKET, 63, Values(3000, 2000, 500, 0, 0));
        vm.stopPrank();
        assertEq(live(MARKET).profile(), 63, "the last one");
    }

    /// @dev The first and last field of either word; among them a bool that is neither 0 nor 1, which no compiler sends.
    function test_RevertWhen_ALimitDoesNotFitItsField() public {
        uint256[4] memory field = [uint256(0), 14, 15, 29];
        uint256[4] memory width = [uint256(14), 1, 14, 22];
        for (uint256 i; i < field.length; ++i) {
            bytes memory data = abi.encodeCall(parameters.setLimits, (3, boundedLimits()));
            uint256 offset = 4 + 32 + 32 * (field[i] + 1);
            uint256 value = 1 << width[i];
            assembly ("memory-safe") {
                mstore(add(data, offset), value)
            }
            vm.prank(governance);
            (bool ok, bytes memory answer) = address(parameters).call(data);
            assertFalse(ok);
            assertEq(answer, abi.encodeWithSelector(Bits.FieldOverflow.selector, value, width[i]));
        }
    }

    /// @dev Each field alone makes a profile unsound; those of the first word are in Governance.t.sol.
    function test_RevertWhen_ALawContradictsItself() public {
        for (uint256 i; i < 15; ++i) {
            Limits memory v = boundedLimits();
            if (i == 0) v.graceSeconds = 0;
            if (i == 1) v.regimeSeconds = 0;
            if (i == 2) v.decayFloor = 0;
            if (i == 3) v.guardedAddBps = v.stressedAddBps + 1;
            if (i == 4) v.stressedAddBps = 10_001;
            if (i == 5) v.liquidationFloorBps = v.liquidationCapBps + 1;
            if (i == 6) v.liquidationCapBps = 10_000;
            if (i == 7) v.bonusCapBps = 10_001;
            if (i == 8) v.premiumCapBps = 10_001;
            if (i == 9) v.dayBudgetBps = v.fortnightBudgetBps + 1;
            // k 2.00 x sigma 10 % = 0.2 = 51.2 / 256.
            if (i == 10) (v.sigmaFloorBps, v.decayFloor) = (1000, 51);
            if (i == 11) v.tripSeconds = 6 hours - 1024 + 1;
            if (i == 12) (v.ceilingFloor, v.ceilingCap) = (101, 100);
            if (i == 13) v.rampSeconds = 0;
            if (i == 14) v.dayBudgetBps = 0;
            vm.prank(governance);
            vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadLimits.selector, 3));
            parameters.setLimits(3, v);
        }
        Limits memory sound = boundedLimits();
        (sound.sigmaFloorBps, sound.decayFloor, sound.tripSeconds) = (1000, 52, 6 hours - 1024);
        (sound.ceilingFloor, sound.ceilingCap) = (100, 100);
        setLimits(3, sound);
        assertEq(abi.encode(lens.limits(3)), abi.encode(sound));
    }

    function test_LimitsMayStandAtTheirBounds() public {
        Limits memory v = boundedLimits();
        (v.floorBps, v.capBps, v.guardedAddBps, v.stressedAddBps) = (10_000, 10_000, 10_000, 10_000);
        (v.liquidationFloorBps, v.liquidationCapBps, v.bonusCapBps, v.premiumCapBps) = (9999, 9999, 10_000, 10_000);
        (v.dayBudgetBps, v.fortnightBudgetBps, v.rampSeconds) = (1, 1, 1);
        (v.stepUpBps, v.stageSeconds, v.disputeSeconds, v.pendingExpirySeconds) = (1, 1, 1, 1);
        (v.freshSeconds, v.graceSeconds, v.regimeSeconds) = (1, 1, 1);
        // k 2.00 x sigma 1.5625 % = 0.03125 = 8 / 256.
        (v.kFloor, v.sigmaFloorBps, v.decayFloor) = (200, 156, 8);
        setLimits(3, v);
        assertEq(abi.encode(lens.limits(3)), abi.encode(v));
        // An advisory profile needs neither ramp nor budget, and a market without a cap may have any floor of the ceiling.
        (v.bounded, v.dayBudgetBps, v.rampSeconds, v.tripSeconds, v.tripBudgetSeconds) = (false, 0, 0, 0, 0);
        (v.ceilingFloor, v.ceilingCap, v.kFloor, v.sigmaFloorBps, v.decayFloor) = (100, 0, 0, 0, 1);
        setLimits(3, v);
        assertEq(abi.encode(lens.limits(3)), abi.encode(v));
    }
}
