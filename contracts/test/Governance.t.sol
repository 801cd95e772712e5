// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";
import {Bits} from "../src/types/Bits.sol";

contract GovernanceTest is Base {
    function test_RevertWhen_AStrangerGoverns() public {
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(parameters.setSettings, ("x", uint64(block.number)));
        calls[1] = abi.encodeCall(parameters.setSigners, (signers, 1));
        calls[2] = abi.encodeCall(parameters.setLimits, (0, defaultLimits()));
        calls[3] = abi.encodeCall(parameters.listMarket, (keccak256("new"), 0, 3000, 2000, 500));
        calls[4] = abi.encodeCall(parameters.delistMarket, (MARKET));
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool ok, bytes memory answer) = address(parameters).call(calls[i]);
            assertFalse(ok);
            assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        }
    }

    function test_PublishCannotBeClosedByARole() public {
        vm.prank(governance);
        manager.setTargetClosed(address(parameters), true);
        report(MARKET, 3500);
        assertEq(haircut(MARKET), 3500);
    }

    function test_RevertWhen_TheCadenceIsZeroOrLongerThanABatchMayBeOld() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadCadence.selector, 0));
        deployParameters(address(manager), 0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadCadence.selector, 257));
        deployParameters(address(manager), 257);
        assertEq(deployParameters(address(manager), 256).cadence(), 256);
    }

    // --------------------------------------------------------------------------------------------------- settings

    function test_SettingsHoldFromTheirBlockAndAreEmittedWhole() public {
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.SettingsSet(keccak256("second"), uint64(block.number + 10), "second");
        vm.prank(governance);
        parameters.setSettings("second", uint64(block.number + 10));
        assertEq(parameters.settingsHash(), keccak256(DOCUMENT));
        assertEq(parameters.settingsHashAt(uint64(block.number + 9)), keccak256(DOCUMENT));
        assertEq(parameters.settingsHashAt(uint64(block.number + 10)), keccak256("second"));
        vm.roll(block.number + 10);
        assertEq(parameters.settingsHash(), keccak256("second"));
        assertEq(parameters.settingsHashAt(uint64(block.number - 1)), keccak256(DOCUMENT));
    }

    function test_ADocumentNotYetInForceIsReplaced() public {
        vm.startPrank(governance);
        parameters.setSettings("second", uint64(block.number + 10));
        parameters.setSettings("third", uint64(block.number + 5));
        vm.stopPrank();
        assertEq(parameters.settingsHash(), keccak256(DOCUMENT));
        vm.roll(block.number + 10);
        assertEq(parameters.settingsHash(), keccak256("third"));
    }

    function test_BlocksOlderThanTheTwoKeptDocumentsHaveNone() public {
        uint64 first = uint64(block.number);
        vm.startPrank(governance);
        parameters.setSettings("second", first);
        vm.roll(first + 10);
        parameters.setSettings("third", first + 10);
        vm.stopPrank();
        assertEq(parameters.settingsHashAt(first + 10), keccak256("third"));
        assertEq(parameters.settingsHashAt(first), keccak256("second"));
        assertEq(parameters.settingsHashAt(first - 1), 0);
        assertEq(deployParameters(address(manager), 25).settingsHash(), 0);
    }

    function test_RevertWhen_SettingsStartInThePastOrAreEmpty() public {
        vm.startPrank(governance);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.BadSettings.selector, block.number - 1, block.number)
        );
        parameters.setSettings("second", uint64(block.number - 1));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSettings.selector, block.number, block.number));
        parameters.setSettings("", uint64(block.number));
    }

    // ---------------------------------------------------------------------------------------------------- signers

    function test_SignersAndThresholdAreReplacedAtOnce() public {
        address[] memory next = new address[](1);
        next[0] = stranger;
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.SignersSet(next, 1);
        vm.prank(governance);
        parameters.setSigners(next, 1);
        assertEq(parameters.signers(), next);
        assertEq(parameters.threshold(), 1);
        assertTrue(parameters.isSigner(stranger));
        for (uint256 i; i < signers.length; ++i) {
            assertFalse(parameters.isSigner(signers[i]));
        }
    }

    function test_RevertWhen_SignersDoNotAscend() public {
        address[] memory wrong = new address[](2);
        (wrong[0], wrong[1]) = (signers[1], signers[1]);
        vm.startPrank(governance);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.SignersNotAscending.selector, signers[1], signers[1])
        );
        parameters.setSigners(wrong, 1);
        wrong[0] = address(0);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.SignersNotAscending.selector, address(0), address(0))
        );
        parameters.setSigners(wrong, 1);
    }

    function test_RevertWhen_TheThresholdCannotBeMet() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSigners.selector, 3, 0));
        parameters.setSigners(signers, 0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSigners.selector, 3, 4));
        parameters.setSigners(signers, 4);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSigners.selector, 33, 1));
        parameters.setSigners(new address[](33), 1);
    }

    // ----------------------------------------------------------------------------------------------------- limits

    function test_LimitsComeBackAsTheyWereSet(Limits memory values) public {
        _makeSound(values);
        vm.prank(governance);
        parameters.setLimits(7, values);
        assertEq(abi.encode(lens.limits(7)), abi.encode(values));
    }

    function _makeSound(Limits memory v) private pure {
        v.capBps = uint16(bound(v.capBps, 0, 10_000));
        v.floorBps = uint16(bound(v.floorBps, 0, v.capBps));
        v.stepUpBps = uint16(bound(v.stepUpBps, 1, 16_383));
        v.bucketBps = uint16(bound(v.bucketBps, 0, 16_383));
        v.refillBpsPerDay = uint16(bound(v.refillBpsPerDay, 0, 16_383));
        v.stageSeconds = _seconds(v.stageSeconds);
        v.disputeSeconds = _seconds(v.disputeSeconds);
        v.pendingExpirySeconds = _seconds(v.pendingExpirySeconds);
        v.freshSeconds = _seconds(v.freshSeconds);
        v.graceSeconds = _seconds(v.graceSeconds);
        v.regimeSeconds = _seconds(v.regimeSeconds);
        v.rampSeconds = _seconds(v.rampSeconds);
        v.tripCooldownSeconds = _seconds(v.tripCooldownSeconds);
        v.stressedAddBps = uint16(bound(v.stressedAddBps, 0, 10_000));
        v.guardedAddBps = uint16(bound(v.guardedAddBps, 0, v.stressedAddBps));
        v.liquidationCapBps = uint16(bound(v.liquidationCapBps, 0, 9999));
        v.liquidationFloorBps = uint16(bound(v.liquidationFloorBps, 0, v.liquidationCapBps));
        v.bonusCapBps = uint16(bound(v.bonusCapBps, 0, 10_000));
        v.premiumCapBps = uint16(bound(v.premiumCapBps, 0, 10_000));
        v.fortnightBudgetBps = uint16(bound(v.fortnightBudgetBps, 1, 16_383));
        v.dayBudgetBps = uint16(bound(v.dayBudgetBps, 1, v.fortnightBudgetBps));
        v.ceilingCap = uint24(bound(v.ceilingCap, 0, (1 << 20) - 1));
        v.ceilingFloor = v.ceilingCap == 0 ? uint24(bound(v.ceilingFloor, 0, (1 << 20) - 1)) : v.ceilingCap;
        v.ceilingStretch = uint16(bound(v.ceilingStretch, 0, 1023));
        v.kFloor = uint16(bound(v.kFloor, 0, 1000));
        v.sigmaFloorBps = uint16(bound(v.sigmaFloorBps, 0, 60_000));
        v.decayFloor = uint16(bound(v.decayFloor, 1, 16_383));
        if (uint256(v.kFloor) * v.sigmaFloorBps * 256 > uint256(v.decayFloor) * 1e6) v.kFloor = 0;
        v.tripBudgetSeconds = _seconds(v.tripBudgetSeconds);
        v.tripSeconds = uint32(bound(v.tripSeconds, 0, v.tripBudgetSeconds / 2));
        if (2 * (uint256(v.tripSeconds) + 1024) > v.tripBudgetSeconds) v.tripSeconds = 0;
    }

    function _seconds(uint32 value) private pure returns (uint32) {
        return uint32(bound(value, 1, (1 << 22) - 1));
    }

    function test_RevertWhen_LimitsContradictThemselvesOrForgetAField() public {
        for (uint256 i; i < 7; ++i) {
            Limits memory values = defaultLimits();
            if (i == 0) values.floorBps = 9001;
            if (i == 1) values.capBps = 10_001;
            if (i == 2) values.stepUpBps = 0;
            if (i == 3) values.stageSeconds = 0;
            if (i == 4) values.disputeSeconds = 0;
            if (i == 5) values.pendingExpirySeconds = 0;
            if (i == 6) values.freshSeconds = 0;
            vm.prank(governance);
            vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadLimits.selector, 3));
            parameters.setLimits(3, values);
        }
    }

    function test_RevertWhen_ALimitIsWiderThanItsField() public {
        Limits memory values = defaultLimits();
        values.bucketBps = 16_384;
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 16_384, 14));
        parameters.setLimits(3, values);
    }

    // ----------------------------------------------------------------------------------------------------- markets

    function test_ListingSetsFirstValues() public {
        bytes32 market = keccak256("new");
        vm.prank(governance);
        parameters.listMarket(market, 0, 3300, 2200, 800);
        assertEq(haircut(market), 3300);
        assertEq(live(market).liquidationTargetBps(), 2200);
        assertEq(live(market).bonusBps(), 800);
        assertEq(live(market).sequence(), 0);
        assertEq(live(market).observedBlock(), block.number - 1);
        assertEq(lens.historyWord(market, 0), entryOf(market));
        assertEq(parameters.parameters(market).ageSeconds, 0);
    }

    function test_RevertWhen_FirstValuesContradictEachOtherOrTheLimits(uint256 which) public {
        uint16[3][6] memory wrong = [
            [uint16(499), 400, 0], // below the floor
            [9001, 2000, 500], // above the cap
            [3000, 3001, 500], // liquidation haircut above the haircut
            [3000, 1000, 1112], // 0.9 x 1.1112 > 1
            [9000, 0, 1], // 1 x 1.0001 > 1
            [3000, 2000, 16_384] // wider than its field, caught by the coupling first
        ];
        uint16[3] memory values = wrong[bound(which, 0, 5)];
        vm.prank(governance);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.BadValues.selector, values[0], values[1], values[2])
        );
        parameters.listMarket(keccak256("new"), 0, values[0], values[1], values[2]);
    }

    function test_RevertWhen_TheLiquidationHaircutIsTheWholeValue() public {
        Limits memory values = defaultLimits();
        values.capBps = 10_000;
        vm.startPrank(governance);
        parameters.setLimits(0, values);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadValues.selector, 10_000, 10_000, 0));
        parameters.listMarket(keccak256("new"), 0, 10_000, 10_000, 0);
    }

    function test_RevertWhen_AMarketIsListedTwiceOrUnderAnUnknownProfile() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.AlreadyListed.selector, MARKET));
        parameters.listMarket(MARKET, 0, 3000, 2000, 500);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownLimits.selector, 9));
        parameters.listMarket(keccak256("new"), 9, 3000, 2000, 500);
    }

    function test_ADelistedMarketTakesNothingAndKeepsItsHistory() public {
        report(MARKET, 3500);
        uint256 word = lens.historyWord(MARKET, 1);
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.MarketDelisted(MARKET);
        vm.startPrank(governance);
        parameters.delistMarket(MARKET);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, MARKET));
        parameters.delistMarket(MARKET);
        vm.stopPrank();
        report(MARKET, 3600);
        assertEq(live(MARKET).sequence(), 1);
        assertEq(lens.historyWord(MARKET, 1), word);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, MARKET));
        parameters.parameters(MARKET);
    }

    function test_AMarketListedAgainContinuesSequenceUpdateIdsAndSpentBucket() public {
        report(MARKET, 2950);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        report(MARKET, 2800);
        uint256 drained = aux(MARKET).drained;
        vm.startPrank(governance);
        parameters.delistMarket(MARKET);
        parameters.listMarket(MARKET, 0, 5000, 2500, 100);
        vm.stopPrank();
        assertEq(live(MARKET).sequence(), 2);
        assertEq(parameters.parameters(MARKET).updateId, 4);
        assertEq(lens.historyWord(MARKET, 4), entryOf(MARKET));
        assertEq(aux(MARKET).drained, drained);
        assertEq(aux(MARKET).pendingTime, 0);
        assertEq(haircut(MARKET), 5000);
    }
}
