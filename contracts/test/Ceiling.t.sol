// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Refusal, Values} from "../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../src/types/Ceiling.sol";

/// @dev The debt ceiling: down at once and whole, up through the shared bucket, so much growth for each bps of it.
contract CeilingTest is Base {
    /// @dev 5,000 x 2^10 base units.
    uint256 private constant START = (10 << 13) | 5000;

    // ----------------------------------------------------------------------------------------------------- encoding

    function test_EncodingRoundsDownByLessThanOneIn4096(uint256 value) public pure {
        value = bound(value, 0, (1 << 140) - 1);
        uint256 back = Ceiling.decode(Ceiling.encodeDown(value));
        assertLe(back, value);
        assertLt((value - back) << 12, value + 1);
        assertEq(Ceiling.decode(Ceiling.encodeDown(back)), back);
        assertLt(Ceiling.encodeDown(value), 1 << 20);
    }

    function test_SmallAmountsAreExactAndTheLargestFits() public pure {
        for (uint256 value; value < 8192; value += 13) {
            assertEq(Ceiling.encodeDown(value), value);
        }
        assertEq(Ceiling.encodeDown(8193), (1 << 13) | 4096);
        assertEq(Ceiling.encodeDown(5_120_000), START);
        assertEq(Ceiling.decode((1 << 20) - 1), uint256(8191) << 127);
        assertEq(Ceiling.encodeDown(type(uint256).max >> 116), (1 << 20) - 1);
    }

    function test_NoneIsTheHighestAndEqualAmountsAreNotLower() public pure {
        assertTrue(Ceiling.isLower(START, 0));
        assertFalse(Ceiling.isLower(0, START));
        assertFalse(Ceiling.isLower(0, 0));
        assertTrue(Ceiling.isLower(START - 1, START));
        // Two encodings of 2: 2 x 2^0 and 1 x 2^1.
        assertFalse(Ceiling.isLower(2, (1 << 13) | 1));
        assertFalse(Ceiling.isLower((1 << 13) | 1, 2));
    }

    // -------------------------------------------------------------------------------------------------- tightening

    function test_ACeilingFallsWholeAndAtOnce(uint24 asked) public {
        asked = uint24(bound(asked, 1, (1 << 20) - 1));
        _report(3000, asked);
        assertEq(live(MARKET).ceiling(), asked);
        assertEq(parameters.parameters(MARKET).ceiling, Ceiling.decode(asked));
        assertEq(haircut(MARKET), 3000);
    }

    function test_NoOpinionLeavesTheCeilingAndOpensNothing() public {
        assertEq(parameters.parameters(MARKET).ceiling, type(uint256).max);
        _report(3000, 0);
        assertEq(live(MARKET).ceiling(), 0);
        _report(3000, START);
        _report(3000, 0);
        assertEq(live(MARKET).ceiling(), START);
        assertEq(parameters.auxWord(MARKET), 0);
    }

    function test_ALowerCeilingVoidsAPendingOfTheHaircut() public {
        _report(2500, START);
        assertEq(aux(MARKET).pendingTime, 0, "a report that tightens loosens nothing");
        _report(2500, START);
        assertEq(aux(MARKET).pendingBps, 2500);
        _report(2500, START - 1);
        assertEq(live(MARKET).ceiling(), START - 1);
        assertEq(haircut(MARKET), 3000);
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_TheEmergencyLaneLowersACeilingAndNeverRaisesIt() public {
        _report(3000, START);
        _reportEmergency(0, START - 100);
        assertEq(live(MARKET).ceiling(), START - 100);
        assertEq(haircut(MARKET), 3000);
        _reportEmergency(3100, START);
        assertEq(live(MARKET).ceiling(), START - 100);
        assertEq(haircut(MARKET), 3100);
        pass(CADENCE);
        expectRefusal(MARKET, newestOther(), Refusal.NotTighter, 3100, 3100);
        Wish memory w = _wish(3100, START);
        w.core = "";
        publish(newestOther(), pack(w));
        assertEq(aux(MARKET).pendingTime, 0);
    }

    // --------------------------------------------------------------------------------------------------- loosening

    function test_ACeilingRisesByTheStretchForEachBpsOfTheBucket() public {
        _report(3000, START);
        _report(3000, (11 << 13) | 5000);
        assertEq(live(MARKET).ceiling(), START, "nothing loosens at once");
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        // 100 bps of the bucket x 10 = 10 %.
        assertEq(live(MARKET).ceiling(), (10 << 13) | 5500);
        assertEq(aux(MARKET).drained, 100 * 86_400);
        assertEq(aux(MARKET).pendingCeiling, (11 << 13) | 5000, "the rest waits");
        passTime(12 hours);
        parameters.activate(MARKET);
        // 25 bps x 10 = 2.5 % of 5,500 = 137.5, rounded down.
        assertEq(live(MARKET).ceiling(), (10 << 13) | 5637);
    }

    function test_ARiseThatTheBucketCoversIsReachedAndChargedRoundedUp() public {
        _report(3000, START);
        // 201 / 5,000 = 402 bps of growth: 40.2 bps of the bucket, charged as 41.
        _report(3000, START + 201);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).ceiling(), START + 201);
        assertEq(aux(MARKET).drained, 41 * 86_400);
        assertEq(aux(MARKET).pendingTime, 0);
        assertEq(aux(MARKET).pendingCeiling, 0);
    }

    function test_OneBucketPaysForCeilingAndHaircutByTheLargerNeed() public {
        _report(3000, START);
        _report(2950, START + 100);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).ceiling(), START + 100);
        assertEq(haircut(MARKET), 2950);
        assertEq(aux(MARKET).drained, 50 * 86_400);
    }

    function test_APendingKeepsTheLowestCeilingAskedAndNoOpinionAsksForWhatHolds() public {
        _report(3000, START);
        _report(2900, START + 100);
        _report(2900, START + 50);
        _report(2900, START + 200);
        assertEq(aux(MARKET).pendingCeiling, START + 50);
        _report(2900, 0);
        assertEq(aux(MARKET).pendingCeiling, START);
        assertEq(aux(MARKET).pendingBps, 2900);
        _report(3000, 0);
        assertEq(aux(MARKET).pendingTime, 0, "a report that asks for no loosening ends it");
    }

    function test_WithoutAStretchReportsNeverRaiseACeiling() public {
        _setLimits(0, 0, 0);
        _report(3000, START);
        _report(3000, START + 100);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 3000, 3000, 100)
        );
        parameters.activate(MARKET);
    }

    /// @dev A mantissa of 0 is a ceiling of no new debt, under which growth has nothing to grow from.
    function test_ACeilingOfNothingIsRaisedByGovernanceAlone() public {
        _report(3000, 1 << 13);
        assertEq(parameters.parameters(MARKET).ceiling, 0);
        _report(3000, START);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 3000, 3000, 100)
        );
        parameters.activate(MARKET);
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, uint24(START)));
        assertEq(parameters.parameters(MARKET).ceiling, 5_120_000);
    }

    // ------------------------------------------------------------------------------------------------------ bounds

    function test_AReportEndsBetweenFloorAndCap(uint24 asked) public {
        _setLimits(START, START + 1000, 10);
        asked = uint24(bound(asked, 1, (1 << 20) - 1));
        _report(3000, asked);
        uint256 amount = Ceiling.decode(asked);
        uint256 expected = amount;
        if (amount < Ceiling.decode(START)) expected = Ceiling.decode(START);
        if (amount > Ceiling.decode(START + 1000)) expected = Ceiling.decode(START + 1000);
        assertEq(parameters.parameters(MARKET).ceiling, expected);
    }

    function test_ALiveCeilingOutsideNewBoundsStaysUntilAReportSpeaks() public {
        _report(3000, START);
        _setLimits(START + 100, START + 1000, 10);
        _report(3000, 0);
        assertEq(live(MARKET).ceiling(), START);
        _report(3000, START - 100);
        assertEq(live(MARKET).ceiling(), START, "clamped to the floor, it asks for more: that waits");
        assertEq(aux(MARKET).pendingCeiling, START + 100);
    }

    function test_AHaltedMarketHasNoRoomForNewDebt() public {
        _report(3000, START);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(parameters.parameters(MARKET).ceiling, 0);
        assertEq(parameters.parameters(MARKET).haircutBps, 10_000);
        vm.warp(parameters.parameters(MARKET).regimeExpiry);
        assertEq(parameters.parameters(MARKET).ceiling, 5_120_000);
        assertEq(parameters.parameters(MARKET).haircutBps, 3000);
    }

    /// @dev Whatever amounts and times: a rise is inside what the bucket paid for, and the rounding never adds.
    function test_ARiseIsNeverMoreThanTheBucketPaidFor(uint24 from, uint24 to, uint256[4] memory waits) public {
        from = uint24(bound(from, 1, (1 << 20) - 1));
        to = uint24(bound(to, 1, (1 << 20) - 1));
        _report(3000, from);
        _report(3000, to);
        if (aux(MARKET).pendingTime == 0) return;
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        for (uint256 i; i < waits.length; ++i) {
            uint256 before = parameters.parameters(MARKET).ceiling;
            uint256 spent = aux(MARKET).drained;
            spent -= _min(spent, 50 * (block.timestamp - aux(MARKET).drainedTime));
            try parameters.activate(MARKET) {} catch {}
            uint256 paid =
                aux(MARKET).drained == 0 ? 0 : (aux(MARKET).drained - _min(aux(MARKET).drained, spent)) / 86_400;
            uint256 after_ = parameters.parameters(MARKET).ceiling;
            assertLe(after_, before + before * paid * 10 / 10_000);
            assertLe(after_, Ceiling.decode(to));
            assertGe(after_, before);
            passTime(waits[i] % 4 hours);
        }
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _setLimits(uint256 floor, uint256 cap, uint16 stretch) private {
        Limits memory values = defaultLimits();
        (values.ceilingFloor, values.ceilingCap, values.ceilingStretch) = (uint24(floor), uint24(cap), stretch);
        vm.prank(governance);
        parameters.setLimits(0, values);
    }

    function _wish(uint256 target, uint256 ceiling) private view returns (Wish memory w) {
        w = wish(MARKET, target);
        w.ceiling = uint24(ceiling);
    }

    function _report(uint256 target, uint256 ceiling) private {
        pass(CADENCE);
        publish(newestSample(), pack(_wish(target, ceiling)));
    }

    function _reportEmergency(uint256 target, uint256 ceiling) private {
        pass(CADENCE);
        Wish memory w = _wish(target, ceiling);
        w.core = "";
        publish(newestOther(), pack(w));
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
