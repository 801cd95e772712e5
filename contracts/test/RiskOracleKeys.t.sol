// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RiskOracleBase} from "./RiskOracleBase.t.sol";
import {Values} from "../src/interfaces/ICollateralParameters.sol";
import {IRiskOracle} from "../src/interfaces/IRiskOracle.sol";
import {Key, RiskOracleView} from "../src/views/RiskOracleView.sol";
import {Encoding} from "../src/views/UpdateEncoding.sol";

contract RiskOracleKeysTest is RiskOracleBase {
    // ----------------------------------------------------------------------------------------- ids, types, the rest

    function test_IdsRiseWithEveryChangeWhoeverMadeIt() public {
        uint256 last = oracle.latestUpdateIdByMarketAndType(ASSET, OURS);
        assertEq(last, _idOf(0, 3));
        report(MARKET, 5000);
        last = _risen(last);
        passTime(300);
        parameters.advance(MARKET);
        last = _risen(last);
        reportEmergency(MARKET, 5200);
        last = _risen(last);
        vm.startPrank(governance);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        last = _risen(last);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, 0));
        last = _risen(last);
        parameters.delistMarket(MARKET);
        parameters.listMarket(MARKET, 0, 3000, 2000, 500);
        vm.stopPrank();
        last = _risen(last);
    }

    function _risen(uint256 last) private view returns (uint256 id) {
        id = oracle.latestUpdateIdByMarketAndType(ASSET, OURS);
        assertEq(id, last + KEYS);
    }

    function test_TheCounterIsTheHighestIdOfAll() public {
        assertEq(oracle.updateCounter(), _idOf(0, 4));
        report(MARKET, 3500);
        assertEq(oracle.updateCounter(), _idOf(1, 3));
        report(OTHER, 4500);
        report(OTHER, 4600);
        assertEq(oracle.updateCounter(), _idOf(2, 4));
    }

    function test_ANewViewWhoseFirstIdLiesAboveTheOldCounterGoesOn() public {
        report(MARKET, 3500);
        uint256 counter = oracle.updateCounter();
        Key[] memory list = new Key[](1);
        list[0] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        RiskOracleView next = new RiskOracleView(lens, "", counter + 1, list);
        assertGt(next.latestUpdateIdByMarketAndType(ASSET, OURS), counter);
    }

    function test_TheViewNamesItselfItsTypesAndItsKeys() public view {
        assertEq(oracle.description(), "Bulkhead risk oracle");
        string[] memory types = oracle.getAllUpdateTypes();
        assertEq(types.length, 5);
        assertEq(types[0], E_MODE);
        assertEq(types[3], OURS);
        assertEq(abi.encode(oracle.keys()), abi.encode(_list()));
        assertEq(oracle.firstId(), FIRST);
        assertEq(address(oracle.source()), address(parameters));
        assertEq(address(oracle.lens()), address(lens));
    }

    function test_ATypeOfSeveralMarketsIsListedOnce() public {
        Key[] memory list = new Key[](2);
        list[0] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        list[1] = Key(VTOKEN, OTHER, OURS, Encoding.Haircut, 0);
        oracle = new RiskOracleView(lens, "", 1, list);
        assertEq(oracle.getAllUpdateTypes().length, 1);
    }

    function test_NobodyIsAuthorizedAndThePublishingHalfIsAbsent(address account) public {
        assertFalse(oracle.isAuthorized(account));
        bytes4[5] memory absent = [bytes4(0xb0be2505), 0x031ed79c, 0xfa7229ee, 0xcbd57967, 0x77abc9bd];
        for (uint256 i; i < absent.length; ++i) {
            (bool ok,) = address(oracle).call(abi.encodePacked(absent[i], new bytes(320)));
            assertFalse(ok);
        }
    }

    function test_SelectorsAndTopicAreTheOriginals() public pure {
        assertEq(IRiskOracle.getLatestUpdateByParameterAndMarket.selector, bytes4(0x5decfee4));
        assertEq(IRiskOracle.getUpdateById.selector, bytes4(0x37759b9a));
        assertEq(IRiskOracle.latestUpdateIdByMarketAndType.selector, bytes4(0x6a309fe9));
        assertEq(IRiskOracle.updateCounter.selector, bytes4(0x1687fe8e));
        assertEq(IRiskOracle.description.selector, bytes4(0x7284e416));
        assertEq(IRiskOracle.getAllUpdateTypes.selector, bytes4(0xc030ce7b));
        assertEq(IRiskOracle.isAuthorized.selector, bytes4(0xfe9fbb80));
        assertEq(
            IRiskOracle.ParameterUpdated.selector, 0xf4ffa2dade992ad974b9415d5dc108fa2a4a6de3822a3a0bb50d5e6991bdb8ae
        );
    }

    // -------------------------------------------------------------------------------------------------- constructor

    function test_RevertWhen_AKeyCouldNotBeServed() public {
        Key[] memory list = _list();
        list[2].market = address(0);
        _badKey(list, 2);
        list = _list();
        list[3].parameters = 0;
        _badKey(list, 3);
        list = _list();
        list[1].decimals = 37;
        _badKey(list, 1);
        list = _list();
        list[4].updateType = OURS;
        _badKey(list, 4);
        string[5] memory known = [E_MODE, "supplyCap", CAP, FACTORS, OURS];
        Encoding[5] memory wrong = [Encoding.Cap, Encoding.EMode, Encoding.Haircut, Encoding.EMode, Encoding.Cap];
        for (uint256 i; i < 5; ++i) {
            list = _list();
            list[0].updateType = known[i];
            list[0].encoding = wrong[i];
            _badKey(list, 0);
        }
    }

    function _badKey(Key[] memory list, uint256 index) private {
        vm.expectRevert(
            abi.encodeWithSelector(RiskOracleView.BadKey.selector, index, list[index].market, list[index].updateType)
        );
        new RiskOracleView(lens, "", 1, list);
    }

    function test_RevertWhen_ATypeIsEmptyOrLongerThan64Bytes() public {
        Key[] memory list = _list();
        list[0].updateType = "";
        vm.expectRevert("Invalid update type string");
        new RiskOracleView(lens, "", 1, list);
        list[0].updateType = string(abi.encodePacked(bytes32("a"), bytes32("b"), "c"));
        vm.expectRevert("Invalid update type string");
        new RiskOracleView(lens, "", 1, list);
        list[0].updateType = string(abi.encodePacked(bytes32("a"), bytes32("b")));
        assertEq(bytes(new RiskOracleView(lens, "", 1, list).getAllUpdateTypes()[0]).length, 64);
    }

    function test_RevertWhen_TheFirstIdIsZeroOrTheListIsEmpty() public {
        vm.expectRevert(abi.encodeWithSelector(RiskOracleView.BadFirstId.selector, 0));
        new RiskOracleView(lens, "", 0, _list());
        vm.expectRevert(RiskOracleView.NoKeys.selector);
        new RiskOracleView(lens, "", 1, new Key[](0));
    }
}
