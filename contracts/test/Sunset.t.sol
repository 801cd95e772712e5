// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Batch, ICollateralParameters, Parameters, Values} from "../src/interfaces/ICollateralParameters.sol";

/// @dev The end of a contract: values hold, nothing is written any more.
contract SunsetTest is Base {
    address private next = makeAddr("next");

    function test_TheSuccessorIsNamedOnceAndForAll() public {
        (address named, uint256 since) = parameters.successor();
        assertEq(named, address(0));
        assertEq(since, 0);
        vm.expectEmit(address(parameters));
        emit ICollateralParameters.Sunset(next, block.timestamp);
        _sunset();
        (named, since) = parameters.successor();
        assertEq(named, next);
        assertEq(since, block.timestamp);
        passTime(1 days);
        _ended(abi.encodeCall(parameters.sunset, (stranger)), since);
    }

    function test_RevertWhen_TheSuccessorIsNobodyOrItself() public {
        vm.startPrank(governance);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSuccessor.selector, address(0)));
        parameters.sunset(address(0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.BadSuccessor.selector, address(parameters)));
        parameters.sunset(address(parameters));
    }

    function test_NothingOfAMarketIsWrittenAnyMore() public {
        report(MARKET, 6000);
        uint256 word = parameters.liveWord(MARKET);
        (Batch memory batch, bytes memory reports) = _fresh();
        bytes memory publication = abi.encodeCall(parameters.publish, (batch, reports, signedBy(2, batch)));
        _sunset();
        uint256 since = block.timestamp;
        _ended(publication, since);
        passTime(1 hours);
        _ended(abi.encodeCall(parameters.advance, (MARKET)), since);
        _ended(abi.encodeCall(parameters.activate, (MARKET)), since);
        _ended(abi.encodeCall(parameters.activateLiquidation, (MARKET)), since);
        _ended(abi.encodeCall(parameters.raiseRegime, (MARKET, 1, 1 hours)), since);
        _ended(abi.encodeCall(parameters.holdLoosening, (MARKET, 1 hours)), since);
        _ended(abi.encodeCall(parameters.trip, (MARKET)), since);
        _ended(abi.encodeCall(parameters.stop, (MARKET)), since);
        _ended(abi.encodeCall(parameters.listMarket, (keccak256("new"), 0, 3000, 2000, 500)), since);
        _ended(abi.encodeCall(parameters.setMarket, (MARKET, 0, Values(5000, 2000, 500, 0, 0))), since);
        _ended(abi.encodeCall(parameters.delistMarket, (MARKET)), since);
        assertEq(parameters.liveWord(MARKET), word);
    }

    /// @dev Other limits would change what readers get.
    function test_NothingThatGovernsIsWrittenAnyMore() public {
        _sunset();
        _ended(abi.encodeCall(parameters.setLimits, (0, defaultLimits())), block.timestamp);
        _ended(abi.encodeCall(parameters.setSigners, (signers, 1)), block.timestamp);
        _ended(abi.encodeCall(parameters.setSettings, ("more", uint64(block.number))), block.timestamp);
    }

    function test_AValueThatWasFreshNeverWidensAgain() public {
        report(MARKET, 3500);
        vm.warp(live(MARKET).observedTime() + 19 hours);
        _sunset();
        passTime(365 days);
        Parameters memory values = parameters.parameters(MARKET);
        assertEq(values.haircutBps, 3500);
        assertFalse(values.stale);
        assertEq(values.ageSeconds, 19 hours + 365 days, "and it says how old it is");
        assertEq(lens.dayHighest(MARKET, block.timestamp / 1 days), 3500);
    }

    function testFuzz_WideningStopsWhereItWas(uint256 age, uint256 later) public {
        report(MARKET, 3500);
        passTime(bound(age, 0, 400 days));
        uint256 before = parameters.parameters(MARKET).haircutBps;
        _sunset();
        uint256 since = block.timestamp;
        vm.warp(since + bound(later, 0, 400 days));
        assertEq(parameters.parameters(MARKET).haircutBps, before);
        assertEq(lens.parametersAt(MARKET, block.timestamp).haircutBps, before);
        assertEq(lens.parametersAt(MARKET, since).haircutBps, before);
        assertEq(lens.dayHighest(MARKET, block.timestamp / 1 days), before);
    }

    function test_ARegimeStillEndsByItself() public {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        _sunset();
        assertEq(parameters.parameters(MARKET).haircutBps, 4000);
        passTime(2 hours);
        assertEq(parameters.parameters(MARKET).haircutBps, 3000);
    }

    function test_ARampStillReachesItsEnd() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2060, 500, 0, 0));
        passTime(1 days);
        _sunset();
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2020);
        passTime(2 days);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2060);
    }

    function _sunset() private {
        vm.prank(governance);
        parameters.sunset(next);
    }

    function _ended(bytes memory call_, uint256 since) private {
        vm.prank(governance);
        (bool ok, bytes memory answer) = address(parameters).call(call_);
        assertFalse(ok, "it was written");
        assertEq(answer, abi.encodeWithSelector(ICollateralParameters.Ended.selector, next, since));
    }
}
