// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Parameters, Values} from "../src/interfaces/ICollateralParameters.sol";
import {Bits} from "../src/types/Bits.sol";
import {Ceiling} from "../src/types/Ceiling.sol";
import {Liquidation, LiquidationWordLib} from "../src/types/LiquidationWord.sol";

/// @dev setMarket: governance's own hand on a listed market.
contract MarketTest is Base {
    function setUp() public override {
        super.setUp();
        Limits memory bounded = defaultLimits();
        bounded.bounded = true;
        vm.prank(governance);
        parameters.setLimits(1, bounded);
    }

    function test_ItSetsEveryValueAndTheProfile() public {
        uint24 ceiling = uint24(Ceiling.encodeDown(5e24));
        uint256 before = parameters.parameters(MARKET).updateId;
        _set(1, Values(4500, 2000, 700, 123, ceiling));
        Parameters memory values = parameters.parameters(MARKET);
        assertEq(values.haircutBps, 4500);
        assertEq(values.liquidationHaircutBps, 2000);
        assertEq(values.bonusBps, 700);
        assertEq(values.premiumBps, 123);
        assertEq(values.ceiling, Ceiling.decode(ceiling));
        assertEq(live(MARKET).profile(), 1);
        assertEq(values.updateId, before + 1);
        assertEq(values.sequence, 0, "only publish moves the sequence");
        assertEq(lens.historyWord(MARKET, before + 1), entryOf(MARKET));
    }

    function test_TheLiquidationHaircutGoesAlongTheRamp() public {
        _set(0, Values(3000, 2600, 500, 0, 0));
        uint256 start = block.timestamp;
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000);
        assertEq(parameters.parameters(MARKET).liquidationTargetBps, 2600);
        vm.warp(start + 1 days);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2200);
        // From where it is, anew.
        _set(0, Values(3000, 2000, 500, 0, 0));
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2200);
        vm.warp(start + 1 days + 36 hours);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2100);
        vm.warp(start + 4 days);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000);
    }

    function test_AMoveToWhereItIsNeedsNoRamp() public {
        _set(0, Values(3000, 2600, 500, 0, 0));
        passTime(1 days);
        _set(0, Values(3000, 2200, 500, 0, 0));
        passTime(1 days);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2200);
        assertEq(live(MARKET).rampFromBps(), 2200);
    }

    function test_WhatWaitedIsVoidAndWhatWasSpentIsNot() public {
        _set(1, Values(3000, 2000, 500, 0, 0));
        _reportAll(2500, 2300);
        passTime(6 hours);
        parameters.activate(MARKET);
        parameters.activateLiquidation(MARKET);
        uint256 drained = aux(MARKET).drained;
        Liquidation memory before = LiquidationWordLib.unpack(lens.liquidationWord(MARKET));
        assertEq(drained, 100 * 86_400);
        assertEq(before.drainedDay, 50 * 86_400);
        assertGt(before.pendingTime, 0);

        _set(1, Values(3000, 2000, 500, 0, 0));
        Parameters memory values = parameters.parameters(MARKET);
        assertEq(values.pendingAt, 0);
        assertEq(values.pendingLiquidationAt, 0);
        assertEq(aux(MARKET).drained, drained);
        Liquidation memory state = LiquidationWordLib.unpack(lens.liquidationWord(MARKET));
        assertEq(state.drainedDay, before.drainedDay);
        assertEq(state.drainedFortnight, before.drainedFortnight);

        report(MARKET, 9000);
        assertEq(aux(MARKET).stagedBps, 9000);
        _set(1, Values(3000, 2000, 500, 0, 0));
        assertEq(aux(MARKET).stagedBps, 0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingStaged.selector, MARKET));
        parameters.advance(MARKET);
    }

    function test_ItDoesNotLowerARegimeNorMakeAReportOutOfItself() public {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 2, 5 hours);
        uint256 expiry = parameters.parameters(MARKET).regimeExpiry;
        uint256 observed = live(MARKET).observedTime();
        _set(0, Values(3000, 2000, 500, 0, 0));
        assertEq(parameters.parameters(MARKET).regime, 2);
        assertEq(parameters.parameters(MARKET).regimeExpiry, expiry);
        assertEq(live(MARKET).observedTime(), observed, "its age goes on");
    }

    // -------------------------------------------------------------------------------------------------------- refused

    function test_RevertWhen_AValueIsOutsideTheLimitsOrTheGroup() public {
        _refused(Values(499, 400, 0, 0, 0), 400);
        _refused(Values(9001, 2000, 500, 0, 0), 2000);
        _refused(Values(3000, 3001, 500, 0, 0), 3001);
        // 0.8 x 1.2501 > 1.
        _refused(Values(3000, 2000, 2501, 0, 0), 2000);
        _set(0, Values(3000, 2000, 2500, 0, 0));
        assertEq(live(MARKET).bonusBps(), 2500);
    }

    function test_RevertWhen_AValueDisagreesWithWhereTheRampStarts() public {
        _refused(Values(1999, 1500, 500, 0, 0), 2000);
        // The bonus would fit the end of the ramp (0.7 x 1.4), not its start.
        _refused(Values(3000, 3000, 4000, 0, 0), 2000);
        _set(0, Values(2000, 1500, 500, 0, 0));
        assertEq(haircut(MARKET), 2000);
    }

    function test_RevertWhen_AValueDoesNotFitItsField() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 1 << 14, 14));
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 1 << 14, 0));
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 1 << 20, 20));
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, 1 << 20));
    }

    function test_RevertWhen_MarketOrProfileAreUnknown() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownLimits.selector, 7));
        parameters.setMarket(MARKET, 7, Values(3000, 2000, 500, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        parameters.setMarket(keccak256("x"), 0, Values(3000, 2000, 500, 0, 0));
    }

    // ---------------------------------------------------------------------------------------------------------- fuzz

    function testFuzz_WhatItAcceptsIsInsideAllLimitsAllTheWay(Values memory values, uint256 when, Values memory again)
        public
    {
        _try(_sane(values));
        passTime(bound(when, 0, 4 days));
        uint256 before = parameters.parameters(MARKET).liquidationHaircutBps;
        _try(_sane(again));
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, before, "it ramps");
        for (uint256 i; i < 4; ++i) {
            Parameters memory now_ = parameters.parameters(MARKET);
            assertGe(now_.storedHaircutBps, now_.liquidationHaircutBps, "INV-04");
            assertLe((10_000 - uint256(now_.liquidationHaircutBps)) * (10_000 + uint256(now_.bonusBps)), 1e8, "INV-05");
            passTime(1 days);
        }
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, live(MARKET).liquidationTargetBps());
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _sane(Values memory values) private pure returns (Values memory) {
        values.haircutBps %= 10_000;
        values.liquidationHaircutBps %= 10_001;
        values.bonusBps %= 3000;
        values.premiumBps %= 2000;
        values.ceiling %= 1 << 20;
        return values;
    }

    function _try(Values memory values) private {
        vm.prank(governance);
        try parameters.setMarket(MARKET, 0, values) {} catch {}
    }

    function _set(uint8 profile, Values memory values) private {
        vm.prank(governance);
        parameters.setMarket(MARKET, profile, values);
    }

    function _refused(Values memory values, uint256 liquidation) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralParameters.BadValues.selector, values.haircutBps, liquidation, values.bonusBps
            )
        );
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, values);
    }

    function _reportAll(uint256 haircutBps, uint16 liquidation) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, haircutBps);
        (w.liquidationHaircutBps, w.bonusBps) = (liquidation, 500);
        publish(newestSample(), pack(w));
    }
}
