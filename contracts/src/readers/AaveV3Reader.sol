// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AskLib} from "../libraries/AskLib.sol";

/// @title AaveV3Reader
/// @notice Asks an Aave v3 market what some accounts hold of a collateral, what they owe, and what all supply together.
/// @dev Never deployed: its runtime code is placed at an unused address by the state override of an `eth_call`.
///
/// Calldata, packed: PoolAddressesProvider 20 | collateral 20 | debt asset 20 | per account 20.
/// Reply, rows of AskLib: the provider's `getPool()` and `getPriceOracle()`, the pool's `getReserveData(collateral)`, the
/// oracle's `getAssetPrice` of collateral and debt asset, the aToken's `totalSupply()`; then for each account the aToken's
/// `balanceOf`, the pool's `getUserAccountData` and `getUserConfiguration`.
/// Every call is made whatever the ones before answered: what no contract stands behind answers nothing.
contract AaveV3Reader {
    using AskLib for AskLib.Reply;

    uint256 private constant STIPEND = 300_000;

    /// @dev Of `getUserAccountData`, which walks over every reserve that the account uses and asks a price for each.
    uint256 private constant ACCOUNT_STIPEND = 2_000_000;

    /// @dev Word of `aTokenAddress` in what `getReserveData` answers.
    uint256 private constant A_TOKEN_WORD = 8;

    fallback() external {
        AskLib.Reply memory reply = AskLib.empty();
        address provider = _addressAt(0);
        reply.ask(provider, abi.encodeWithSignature("getPool()"), STIPEND);
        address pool = address(uint160(reply.word(0)));
        reply.ask(provider, abi.encodeWithSignature("getPriceOracle()"), STIPEND);
        address oracle = address(uint160(reply.word(0)));
        reply.ask(pool, abi.encodeWithSignature("getReserveData(address)", _addressAt(20)), STIPEND);
        address aToken = address(uint160(reply.word(A_TOKEN_WORD)));
        reply.ask(oracle, abi.encodeWithSignature("getAssetPrice(address)", _addressAt(20)), STIPEND);
        reply.ask(oracle, abi.encodeWithSignature("getAssetPrice(address)", _addressAt(40)), STIPEND);
        reply.ask(aToken, abi.encodeWithSignature("totalSupply()"), STIPEND);
        for (uint256 at = 60; at < msg.data.length; at += 20) {
            address account = _addressAt(at);
            reply.ask(aToken, abi.encodeWithSignature("balanceOf(address)", account), STIPEND);
            reply.ask(pool, abi.encodeWithSignature("getUserAccountData(address)", account), ACCOUNT_STIPEND);
            reply.ask(pool, abi.encodeWithSignature("getUserConfiguration(address)", account), STIPEND);
        }
        reply.end();
    }

    function _addressAt(uint256 at) private pure returns (address) {
        return address(bytes20(msg.data[at:at + 20]));
    }
}
