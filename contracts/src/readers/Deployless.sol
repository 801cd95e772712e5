// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title Deployless
/// @notice The Dispatcher for nodes that refuse state overrides: the loop runs in a constructor, inside an `eth_call` that
/// would create a contract.
/// @dev Argument and reply are packed as the Dispatcher's calldata and reply; a test compares the two. The reply is what it
/// reverts with: returned, it would count as code, which may not be longer than 24,576 bytes and costs 200 gas a byte.
contract Deployless {
    /// @dev Marker of a read that is too big for the gas of this `eth_call`.
    error NotEnoughGas();

    uint256 private constant MAX_ANSWER = 131_072;
    uint256 private constant OVERHEAD = 60_000;

    constructor(bytes memory asks) {
        bytes4 notEnoughGas = NotEnoughGas.selector;
        assembly {
            let started := gas()
            let output := mload(0x40)
            let cursor := add(output, 96)
            let end := add(add(asks, 32), mload(asks))
            for { let at := add(asks, 32) } lt(at, end) {} {
                let head := mload(at)
                let stipend := shr(224, head)
                let target := shr(96, shl(32, head))
                let length := and(shr(40, head), 0xffffff)
                at := add(at, 27)
                // 63/64 of what is left can be passed on (EIP-150); asking for more silently gives less.
                if lt(gas(), add(add(stipend, div(stipend, 63)), OVERHEAD)) {
                    mstore(0, notEnoughGas)
                    revert(0, 4)
                }
                let ok := staticcall(stipend, target, at, length, 0, 0)
                at := add(at, length)
                let size := returndatasize()
                if gt(size, MAX_ANSWER) {
                    ok := 0
                    size := 0
                }
                mstore(cursor, or(shl(248, ok), shl(224, size)))
                returndatacopy(add(cursor, 4), 0, size)
                cursor := add(add(cursor, 4), size)
            }
            mstore(output, number())
            mstore(add(output, 32), timestamp())
            mstore(add(output, 64), sub(started, gas()))
            revert(output, sub(cursor, output))
        }
    }
}
