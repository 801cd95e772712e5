// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Values} from "../src/interfaces/ICollateralParameters.sol";
import {IRiskOracle} from "../src/interfaces/IRiskOracle.sol";
import {Ceiling} from "../src/types/Ceiling.sol";
import {Key, RiskOracleView} from "../src/views/RiskOracleView.sol";
import {Encoding} from "../src/views/UpdateEncoding.sol";

/// @dev A view over two markets with one key of each type.
abstract contract RiskOracleBase is Base {
    address internal constant CATEGORY = address(uint160(1));
    address internal constant DEBT_TOKEN = address(0xDEB7);
    address internal constant VTOKEN = address(0x7070);
    address internal constant ASSET = address(0xA55E7);
    string internal constant E_MODE = "EModeCategoryUpdate";
    string internal constant CAP = "borrowCap";
    string internal constant FACTORS = "collateralFactors";
    string internal constant OURS = "haircut";
    uint256 internal constant FIRST = 7;
    uint256 internal constant KEYS = 5;
    string internal constant NONE = "No update found for the specified parameter and market.";
    string internal constant BAD_ID = "Invalid update ID.";

    RiskOracleView internal oracle;

    function setUp() public override {
        super.setUp();
        oracle = new RiskOracleView(lens, "Bulkhead risk oracle", FIRST, _list());
    }

    function _list() internal pure returns (Key[] memory list) {
        list = new Key[](KEYS);
        list[0] = Key(CATEGORY, MARKET, E_MODE, Encoding.EMode, 0);
        list[1] = Key(DEBT_TOKEN, MARKET, CAP, Encoding.Cap, 6);
        list[2] = Key(VTOKEN, MARKET, FACTORS, Encoding.Factors, 0);
        list[3] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        list[4] = Key(ASSET, OTHER, "haircut of the other", Encoding.Haircut, 0);
    }

    function _latest(string memory kind, address market)
        internal
        view
        returns (IRiskOracle.RiskParameterUpdate memory)
    {
        return oracle.getLatestUpdateByParameterAndMarket(kind, market);
    }

    function _idOf(uint256 number, uint256 index) internal pure returns (uint256) {
        return FIRST + number * KEYS + index;
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _setCeiling(uint256 baseUnits) internal {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, uint24(Ceiling.encodeDown(baseUnits))));
    }

    function _invalid(uint256 id) internal {
        vm.expectRevert(bytes(BAD_ID));
        oracle.getUpdateById(id);
    }
}
