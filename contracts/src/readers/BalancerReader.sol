// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AskLib} from "../libraries/AskLib.sol";

/// @title BalancerReader
/// @notice Asks a Balancer v2 pool's tokens, rate caches and rate providers: calls whose addresses only the Vault knows.
/// @dev Never deployed: its runtime code is placed at an unused address by the state override of an `eth_call`.
///
/// Calldata, packed: vault 20 | pool 20 | pool id 32.
/// Reply, rows of AskLib: the Vault's `getPoolTokens` and the pool's `getRateProviders()`; then for each token, in the
/// Vault's order, `decimals()`, the pool's `getTokenRateCache(token)` and, of its rate provider, `getRate()`. A rate
/// provider is asked only when its cache has expired, as a swap asks it. More than `MAX_TOKENS` tokens are not followed.
contract BalancerReader {
    using AskLib for AskLib.Reply;
    using AskLib for bytes;

    /// @dev Gas of each call. A rate provider that needs more has failed.
    uint256 private constant STIPEND = 600_000;

    uint256 private constant MAX_TOKENS = 8;
    uint256 private constant WORD = 32;

    fallback() external {
        address vault = address(bytes20(msg.data[0:20]));
        address pool = address(bytes20(msg.data[20:40]));
        AskLib.Reply memory reply = AskLib.empty();
        reply.ask(vault, abi.encodeWithSignature("getPoolTokens(bytes32)", bytes32(msg.data[40:72])), STIPEND);
        bytes memory list = reply.answer;
        reply.ask(pool, abi.encodeWithSignature("getRateProviders()"), STIPEND);
        bytes memory providers = reply.answer;
        // getPoolTokens answers (address[], uint256[], uint256): the first array starts right after the head.
        uint256 count = list.wordAt(3);
        if (count <= MAX_TOKENS) {
            for (uint256 i = 0; i < count; i++) {
                _token(reply, pool, address(uint160(list.wordAt(4 + i))), address(uint160(providers.wordAt(2 + i))));
            }
        }
        reply.end();
    }

    function _token(AskLib.Reply memory reply, address pool, address token, address provider) private view {
        reply.ask(token, abi.encodeWithSignature("decimals()"), STIPEND);
        if (provider == address(0)) {
            reply.skip();
            reply.skip();
            return;
        }
        reply.ask(pool, abi.encodeWithSignature("getTokenRateCache(address)", token), STIPEND);
        // The last word is when it expires.
        uint256 words = reply.answer.length / WORD;
        if (words == 0 || block.timestamp <= reply.word(words - 1)) reply.skip();
        else reply.ask(provider, abi.encodeWithSignature("getRate()"), STIPEND);
    }
}
