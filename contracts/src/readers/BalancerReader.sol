// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title BalancerReader
/// @notice Asks a Balancer v2 pool's tokens, rate caches and rate providers: calls whose addresses only the Vault knows.
/// @dev Never deployed: its runtime code is placed at an unused address by the state override of an `eth_call`.
///
/// Calldata, packed: vault 20 | pool 20 | pool id 32.
/// Reply, packed: per call outcome uint8 | length uint24 | answer; outcome 0 = failed, 1 = answered, 2 = not made. First the Vault's `getPoolTokens` and the pool's
/// `getRateProviders`; then for each token, in the Vault's order, `decimals()`, the pool's `getTokenRateCache(token)`
/// and, of its rate provider, `getRate()`. A rate provider is asked only when its cache has expired, as a swap asks it.
/// More than `MAX_TOKENS` tokens are not followed.
contract BalancerReader {
    /// @dev What is left can't give a callee its stipend: nothing may be taken for its answer.
    error NotEnoughGas();

    /// @dev Gas of each call. A rate provider that needs more has failed.
    uint256 private constant STIPEND = 600_000;

    /// @dev Gas kept beside a stipend.
    uint256 private constant OVERHEAD = 100_000;

    /// @dev Longest answer handed on, in bytes.
    uint256 private constant MAX_ANSWER = 4096;

    uint256 private constant MAX_TOKENS = 8;
    uint256 private constant WORD = 32;

    /// @dev Reply of a call that is not made.
    bytes4 private constant NOT_MADE = 0x02000000;

    fallback() external {
        address vault = address(bytes20(msg.data[0:20]));
        address pool = address(bytes20(msg.data[20:40]));
        (bytes memory reply, bytes memory list) =
            _asked("", vault, abi.encodeWithSignature("getPoolTokens(bytes32)", bytes32(msg.data[40:72])));
        bytes memory providers;
        (reply, providers) = _asked(reply, pool, abi.encodeWithSignature("getRateProviders()"));
        // getPoolTokens answers (address[], uint256[], uint256): the first array starts right after the head.
        uint256 count = _word(list, 3);
        if (count <= MAX_TOKENS) {
            for (uint256 i = 0; i < count; i++) {
                reply = _token(
                    reply, pool, address(uint160(_word(list, 4 + i))), address(uint160(_word(providers, 2 + i)))
                );
            }
        }
        assembly ("memory-safe") {
            return(add(reply, 0x20), mload(reply))
        }
    }

    function _token(bytes memory reply, address pool, address token, address provider)
        private
        view
        returns (bytes memory)
    {
        bytes memory cache;
        (reply,) = _asked(reply, token, abi.encodeWithSignature("decimals()"));
        if (provider == address(0)) return bytes.concat(reply, NOT_MADE, NOT_MADE);
        (reply, cache) = _asked(reply, pool, abi.encodeWithSignature("getTokenRateCache(address)", token));
        // The last word is when it expires.
        if (cache.length < WORD || block.timestamp <= _word(cache, cache.length / WORD - 1)) {
            return bytes.concat(reply, NOT_MADE);
        }
        (reply,) = _asked(reply, provider, abi.encodeWithSignature("getRate()"));
        return reply;
    }

    /// @dev Static call with exactly `STIPEND` gas; its answer, and the reply with the answer appended.
    function _asked(bytes memory reply, address to, bytes memory data)
        private
        view
        returns (bytes memory, bytes memory answer)
    {
        if (gasleft() < STIPEND + STIPEND / 63 + OVERHEAD) revert NotEnoughGas();
        bool ok;
        (ok, answer) = to.staticcall{gas: STIPEND}(data);
        if (answer.length > MAX_ANSWER) (ok, answer) = (false, bytes(""));
        return (bytes.concat(reply, bytes1(ok ? 1 : 0), bytes3(uint24(answer.length)), answer), answer);
    }

    /// @dev Word of an answer, 0 beyond its end.
    function _word(bytes memory data, uint256 index) private pure returns (uint256 word) {
        if (index >= data.length / WORD) return 0;
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), shl(5, index)))
        }
    }
}
