// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RiskOracleBase} from "./RiskOracleBase.t.sol";
import {Values} from "../src/interfaces/ICollateralParameters.sol";
import {IRiskOracle} from "../src/interfaces/IRiskOracle.sol";
import {Key, RiskOracleView} from "../src/views/RiskOracleView.sol";
import {Encoding} from "../src/views/UpdateEncoding.sol";

contract RiskOracleViewTest is RiskOracleBase {
    // ------------------------------------------------------------------------- getLatestUpdateByParameterAndMarket

    function test_TheLatestUpdateIsWhatTheLastReportWrote() public {
        report(MARKET, 3500);
        IRiskOracle.RiskParameterUpdate memory update = _latest(E_MODE, CATEGORY);
        assertEq(update.timestamp, block.timestamp);
        assertEq(update.newValue, abi.encode(6500, 8000, 500));
        assertEq(update.previousValue, abi.encode(7000, 8000, 500));
        assertEq(update.updateType, E_MODE);
        assertEq(update.market, CATEGORY);
        assertEq(update.updateId, _idOf(1, 0));
        assertEq(
            update.referenceId,
            string.concat("bulkhead:eip155:31337:", vm.toString(MARKET), ":1"),
            "chain, market and sequence"
        );
        uint256 observed = live(MARKET).observedBlock();
        assertEq(update.additionalData.length, 128);
        (bytes32 root, bytes32 settings, uint64 block_, uint64 sequence) =
            abi.decode(update.additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(root, bytes32(parameters.commitmentsRoot(uint64(observed), 0)));
        assertNotEq(root, 0);
        assertEq(settings, keccak256(DOCUMENT));
        assertEq(block_, observed);
        assertEq(sequence, 1);
    }

    function test_EveryTypeSaysTheSameInItsOwnWords() public {
        _setCeiling(2_000_000e6);
        report(MARKET, 3500);
        uint256 ceiling = parameters.parameters(MARKET).ceiling;
        assertGt(ceiling, 1_990_000e6);
        assertEq(_latest(CAP, DEBT_TOKEN).newValue, abi.encode(ceiling));
        assertEq(_latest(FACTORS, VTOKEN).newValue, abi.encode(0.65e18, 0.8e18));
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(3500));
        assertEq(_latest("haircut of the other", ASSET).newValue, abi.encode(4000));
    }

    function test_RevertWhen_TheKeyIsNotInTheListOrHasNoUpdate() public {
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, ASSET);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket("x", CATEGORY);
        // There is no ceiling yet.
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(CAP, DEBT_TOKEN);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
    }

    function test_AMarketThatWasNeverListedHasNoUpdate() public {
        Key[] memory list = new Key[](1);
        list[0] = Key(ASSET, keccak256("not yet"), OURS, Encoding.Haircut, 0);
        oracle = new RiskOracleView(lens, "", 1, list);
        assertEq(oracle.updateCounter(), 0);
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), 0);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(OURS, ASSET);
        vm.expectRevert(bytes(BAD_ID));
        oracle.getUpdateById(1);
        vm.prank(governance);
        parameters.listMarket(keccak256("not yet"), 0, 3000, 2000, 500);
        assertEq(oracle.updateCounter(), 1);
        assertEq(oracle.getUpdateById(1).newValue, abi.encode(3000));
    }

    function test_TheListingIsTheFirstUpdateAndHasNoPreviousValueNoRootAndSequenceZero() public {
        // Another market's batch about the same block.
        bytes memory call = abi.encodeCall(parameters.commitmentsRoot, (uint64(START_BLOCK - 1), 0));
        vm.mockCall(address(parameters), call, abi.encode(ROOT));
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.updateId, _idOf(0, 3));
        assertEq(update.timestamp, START_TIME);
        assertEq(update.newValue, abi.encode(3000));
        assertEq(update.previousValue, "");
        (bytes32 root,, uint64 observed, uint64 sequence) =
            abi.decode(update.additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(root, 0);
        assertEq(observed, START_BLOCK - 1);
        assertEq(sequence, 0);
    }

    function test_SilentDecayShowsInTheValueAndNotInIdOrTimestamp() public {
        report(MARKET, 3500);
        uint256 written = block.timestamp;
        passTime(40 hours);
        uint256 effective = parameters.parameters(MARKET).haircutBps;
        assertGt(effective, 3500);
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.newValue, abi.encode(effective));
        assertEq(update.updateId, _idOf(1, 3));
        assertEq(update.timestamp, written);
        assertEq(abi.encode(oracle.getUpdateById(update.updateId)), abi.encode(update), "the same by its id");
        // Once it is history it is what it was at its write.
        report(MARKET, 3600);
        assertEq(oracle.getUpdateById(_idOf(1, 3)).newValue, abi.encode(3500));
        assertEq(_latest(OURS, ASSET).previousValue, abi.encode(3500));
    }

    function test_ARaiseOfTheRegimeIsANewUpdateAndItsEndIsSilent() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.updateId, _idOf(2, 3));
        assertEq(update.newValue, abi.encode(3800));
        passTime(2 hours);
        assertEq(_latest(OURS, ASSET).updateId, _idOf(2, 3));
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(3500));
        report(MARKET, 3400);
        assertEq(oracle.getUpdateById(_idOf(2, 3)).newValue, abi.encode(3800), "at its write it was raised");
        assertEq(_latest(OURS, ASSET).previousValue, abi.encode(3800));
    }

    function test_AHaltIsSaidInWordsThatEveryTargetTakes() public {
        _setCeiling(2_000_000e6);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(parameters.parameters(MARKET).ceiling, 0);
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(10_000));
        assertEq(_latest(E_MODE, CATEGORY).newValue, abi.encode(1, 8000, 500), "Aave takes no loan-to-value of 0 here");
        assertEq(_latest(CAP, DEBT_TOKEN).newValue, abi.encode(1e6), "a cap of 0 would mean none");
        assertEq(_latest(FACTORS, VTOKEN).newValue, abi.encode(0, 0.8e18));
    }

    function test_AHaltWithoutACeilingGivesNoCapBecauseNothingCouldLiftItAgain() public {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(oracle.latestUpdateIdByMarketAndType(DEBT_TOKEN, CAP), 0);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(CAP, DEBT_TOKEN);
    }

    function test_ACapThatFollowsNoneHasNoPreviousValue() public {
        _setCeiling(2_000_000e6);
        IRiskOracle.RiskParameterUpdate memory update = _latest(CAP, DEBT_TOKEN);
        assertEq(update.updateId, _idOf(1, 1));
        assertEq(update.previousValue, "");
        report(MARKET, 3100);
        assertEq(_latest(CAP, DEBT_TOKEN).previousValue, update.newValue);
    }

    function test_TheLiquidationThresholdFollowsItsRamp() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4000, 3000, 500, 0, 0));
        assertEq(_latest(E_MODE, CATEGORY).newValue, abi.encode(6000, 8000, 500));
        passTime(36 hours);
        (, uint256 threshold,) = abi.decode(_latest(E_MODE, CATEGORY).newValue, (uint256, uint256, uint256));
        assertEq(threshold, 7500);
        report(MARKET, 4100);
        uint256 id = oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE);
        passTime(36 hours);
        report(MARKET, 4200);
        (, threshold,) = abi.decode(oracle.getUpdateById(id).newValue, (uint256, uint256, uint256));
        // 36 hours and the 300 s of the report's window into 72.
        assertEq(threshold, 10_000 - (2000 + uint256(1000) * (36 hours + 300) / 72 hours));
    }

    function test_ARampLongerThanTheHistoryIsStillPlacedRight() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4000, 3000, 500, 0, 0));
        uint256 start = block.timestamp;
        for (uint256 i; i < 300; ++i) {
            report(MARKET, 4000 + i % 2);
        }
        uint256 id = oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE);
        uint256 expected = 10_000 - (2000 + uint256(1000) * (block.timestamp - start) / 72 hours);
        report(MARKET, 4000);
        (, uint256 threshold,) = abi.decode(oracle.getUpdateById(id).newValue, (uint256, uint256, uint256));
        assertEq(threshold, expected);
    }

    /// @dev The hub reads twice for every market it writes.
    function test_SettingsThatChangedInsideTheWindowAreNotClaimed() public {
        report(MARKET, 3500);
        uint256 observed = live(MARKET).observedBlock();
        uint256 end = (observed + CADENCE - 1) / CADENCE * CADENCE;
        assertNotEq(end, observed);
        vm.mockCall(
            address(parameters), abi.encodeCall(parameters.settingsHashAt, (uint64(end))), abi.encode(bytes32("other"))
        );
        (, bytes32 settings,,) = abi.decode(_latest(OURS, ASSET).additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(settings, 0);
    }

    // ------------------------------------------------------------------------------------------------ getUpdateById

    function test_EveryUpdateIsFoundByItsIdAndLinksToTheOneBefore() public {
        uint256[4] memory targets = [uint256(3300), 3700, 4100, 4600];
        for (uint256 i; i < 4; ++i) {
            report(MARKET, targets[i]);
        }
        bytes memory previous = "";
        uint256 time;
        for (uint256 number; number <= 4; ++number) {
            IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(number, 3));
            assertEq(update.updateId, _idOf(number, 3));
            assertEq(update.newValue, abi.encode(number == 0 ? 3000 : targets[number - 1]));
            assertEq(update.previousValue, previous);
            assertEq(update.market, ASSET);
            assertEq(update.updateType, OURS);
            assertGt(update.timestamp, time);
            (previous, time) = (update.newValue, update.timestamp);
        }
    }

    function test_RevertWhen_TheIdIsNoneOrTooNew(uint256 id) public {
        report(MARKET, 3500);
        _invalid(0);
        _invalid(FIRST - 1);
        _invalid(_idOf(2, 3));
        // No ceiling was written, and the other market has no update of that number.
        _invalid(_idOf(0, 1));
        _invalid(_idOf(1, 4));
        _invalid(bound(id, _idOf(2, 0), type(uint256).max));
    }

    function test_RevertWhen_TheHistoryHoldsTheUpdateNoMore() public {
        for (uint256 i; i < 260; ++i) {
            report(MARKET, 3000 + i);
        }
        (uint256 oldest,) = lens.historyRange(MARKET);
        assertEq(oldest, 5);
        _invalid(_idOf(oldest - 1, 3));
        IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(oldest, 3));
        assertEq(update.newValue, abi.encode(3004));
        assertEq(update.previousValue, "", "not known any more");
        assertEq(oracle.getUpdateById(_idOf(oldest + 1, 3)).previousValue, abi.encode(3004));
    }

    function test_ADelistedMarketKeepsItsUpdatesAsTheyWereWritten() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        passTime(40 hours);
        IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(1, 3));
        assertEq(update.newValue, abi.encode(3500));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), 0);
        assertEq(oracle.updateCounter(), _idOf(1, 3), "the counter never falls");
    }

    function test_IdsAreUniqueOverMarketsAndTypes() public {
        report(MARKET, 3100);
        report(MARKET, 3200);
        report(OTHER, 4100);
        assertEq(oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE), _idOf(2, 0));
        assertEq(oracle.latestUpdateIdByMarketAndType(VTOKEN, FACTORS), _idOf(2, 2));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), _idOf(2, 3));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, "haircut of the other"), _idOf(1, 4));
        assertEq(oracle.getUpdateById(_idOf(1, 4)).updateType, "haircut of the other");
        assertEq(oracle.getUpdateById(_idOf(1, 4)).newValue, abi.encode(4100));
        assertEq(oracle.getUpdateById(_idOf(1, 2)).market, VTOKEN);
    }
}

/// @dev By its name left out where code is not optimised: coverage and mutants.
contract GasRiskOracleViewTest is RiskOracleBase {
    function test_ReadingTheLatestUpdateStaysCheapAlsoUnderARamp() public {
        report(MARKET, 4500);
        report(MARKET, 4600);
        uint256 before = gasleft();
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
        uint256 atRest = before - gasleft();
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4600, 3000, 500, 0, 0));
        for (uint256 i; i < 40; ++i) {
            report(MARKET, 4600);
        }
        before = gasleft();
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
        uint256 ramping = before - gasleft();
        emit log_named_uint("at rest", atRest);
        emit log_named_uint("ramping", ramping);
        assertLt(atRest, 150_000);
        assertLt(ramping, 150_000);
    }
}
