// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {LawBase} from "./LawBase.t.sol";
import {ICollateralParameters} from "../src/interfaces/ICollateralParameters.sol";

/// @dev Keepers follow a market by its events alone, so each carries the words as they were stored.
contract EventsTest is LawBase {
    function test_AQuietReportLogsTheLiveWordAlone() public {
        vm.recordLogs();
        report(OTHER, 4500);
        assertEq(
            _logged(ICollateralParameters.ReportApplied.selector, OTHER), abi.encode(parameters.liveWord(OTHER), 0)
        );
    }

    function test_AnyOtherReportLogsBothWords() public {
        vm.recordLogs();
        report(OTHER, 5500);
        assertNotEq(parameters.auxWord(OTHER), 0, "the rest is staged");
        _logsBoth(ICollateralParameters.ReportApplied.selector, OTHER);
    }

    function test_AnActivationLogsBothWords() public {
        report(OTHER, 3500);
        passTime(6 hours);
        vm.recordLogs();
        parameters.activate(OTHER);
        assertEq(haircut(OTHER), 3900);
        _logsBoth(ICollateralParameters.PendingActivated.selector, OTHER);
    }

    function test_AStagedStepLogsBothWords() public {
        report(OTHER, 6500);
        passTime(300);
        vm.recordLogs();
        parameters.advance(OTHER);
        assertNotEq(aux(OTHER).stagedBps, 0, "more waits");
        _logsBoth(ICollateralParameters.StageAdvanced.selector, OTHER);
    }

    function test_RaisesAndStopsLogBothWords() public {
        report(OTHER, 6500);
        vm.recordLogs();
        vm.startPrank(governance);
        parameters.raiseRegime(OTHER, 2, 1 hours);
        _logsBoth(ICollateralParameters.RegimeRaised.selector, OTHER);
        parameters.stop(OTHER);
        _logsBoth(ICollateralParameters.MarketStopped.selector, OTHER);
        parameters.trip(MARKET);
        _logsBoth(ICollateralParameters.RegimeRaised.selector, MARKET);
        assertNotEq(parameters.auxWord(MARKET), 0);
    }

    function test_AProposalLogsTheLiquidationWordWhenItChanges() public {
        bytes32 proposed = ICollateralParameters.LiquidationProposed.selector;
        vm.recordLogs();
        propose(2100, 500);
        assertEq(law().pendingBps, 2100);
        assertEq(_logged(proposed, MARKET), abi.encode(lens.liquidationWord(MARKET)));
        propose(2100, 500);
        assertEq(_count(proposed), 0, "as it was");
        agree();
        assertEq(_logged(proposed, MARKET), abi.encode(0), "withdrawn");
        agree();
        assertEq(_count(proposed), 0, "nothing was there");
    }

    function test_AMoveLogsBothOfItsWords() public {
        propose(2100, 500);
        ripen();
        vm.recordLogs();
        parameters.activateLiquidation(MARKET);
        bytes memory words = abi.encode(parameters.liveWord(MARKET), lens.liquidationWord(MARKET));
        assertEq(_logged(ICollateralParameters.LiquidationMoved.selector, MARKET), words);
    }

    function test_GovernancesValuesAreLogged() public {
        bytes32 market = keccak256("third market");
        vm.recordLogs();
        vm.prank(governance);
        parameters.listMarket(market, 0, 3000, 2000, 500);
        assertEq(_logged(ICollateralParameters.MarketListed.selector, market), abi.encode(parameters.liveWord(market)));
        setMarket(market, 0, 3500, 2000, 500);
        assertNotEq(parameters.auxWord(market), 0, "one change");
        _logsBoth(ICollateralParameters.MarketSet.selector, market);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _logsBoth(bytes32 topic, bytes32 market) private {
        bytes memory words = abi.encode(parameters.liveWord(market), parameters.auxWord(market));
        assertEq(_logged(topic, market), words);
    }

    /// @dev Data of the only event of its kind since the last look, which must be about the market.
    function _logged(bytes32 topic, bytes32 market) private returns (bytes memory data) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 found;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(parameters) || logs[i].topics[0] != topic) continue;
            assertEq(logs[i].topics[1], market);
            data = logs[i].data;
            ++found;
        }
        assertEq(found, 1);
    }

    function _count(bytes32 topic) private returns (uint256 found) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++found;
        }
    }
}
