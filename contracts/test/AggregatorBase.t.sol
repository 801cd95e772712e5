// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {Limits} from "../src/interfaces/ICollateralParameters.sol";
import {AggregatorV3View, Quantity} from "../src/views/AggregatorV3View.sol";

/// @dev A feed of a market's collateral factor.
abstract contract AggregatorBase is Base {
    string internal constant NO_DATA = "No data present";

    AggregatorV3View internal factor;

    function setUp() public override {
        super.setUp();
        factor = _view(MARKET, Quantity.CollateralFactor);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _view(bytes32 market, Quantity quantity) internal returns (AggregatorV3View) {
        return new AggregatorV3View(lens, market, quantity, "WETH/USDC");
    }

    function _round(uint80 id, uint256 answer, uint256 startedAt, uint256 updatedAt) internal view {
        bytes memory expected = abi.encode(id, answer, startedAt, updatedAt, id);
        assertEq(_bytesOf(abi.encodeCall(factor.latestRoundData, ())), expected);
    }

    function _bytesOf(bytes memory call) internal view returns (bytes memory answer) {
        bool ok;
        (ok, answer) = address(factor).staticcall(call);
        assertTrue(ok);
    }

    function _noRound(uint80 id) internal {
        vm.expectRevert(bytes(NO_DATA));
        factor.getRoundData(id);
    }

    function _silent(AggregatorV3View feed) internal {
        vm.expectRevert(bytes(NO_DATA));
        feed.latestRoundData();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestAnswer();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestTimestamp();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestRound();
        vm.expectRevert(bytes(NO_DATA));
        feed.read();
        (bytes32 word, bool any) = feed.peek();
        assertFalse(any);
        assertEq(word, 0);
        _waitsNot(feed);
    }

    function _serves(Quantity quantity, int256 answer, string memory name) internal {
        AggregatorV3View feed = _view(MARKET, quantity);
        assertEq(feed.latestAnswer(), answer);
        assertEq(feed.description(), name);
        assertEq(feed.decimals(), 4);
        assertEq(feed.version(), 1);
    }

    function _waits(AggregatorV3View feed, uint256 value) internal view {
        (bytes32 word, bool any) = feed.peep();
        assertTrue(any);
        assertEq(uint256(word), value);
    }

    function _waitsNot(AggregatorV3View feed) internal view {
        (bytes32 word, bool any) = feed.peep();
        assertFalse(any);
        assertEq(word, 0);
    }

    function _setLimits(Limits memory limits) internal {
        vm.prank(governance);
        parameters.setLimits(0, limits);
    }

    function _bound() internal {
        Limits memory bounded = defaultLimits();
        bounded.bounded = true;
        _setLimits(bounded);
    }

    function _propose(uint16 liquidation, uint16 bonus) internal {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3000);
        w.liquidationHaircutBps = liquidation;
        w.bonusBps = bonus;
        publish(newestSample(), pack(w));
    }
}
