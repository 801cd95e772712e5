// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title Dispatcher
/// @notice Runs many static calls inside one `eth_call`, each with exactly the gas that was asked for it.
/// @dev Never deployed: its runtime code is placed at an unused address by the state override of an `eth_call`.
///
/// Calldata, packed: per call gas uint32 | to 20 bytes | length uint24 | data.
/// Reply, packed: block number 32 | timestamp 32 | gas used 32 | per call ok uint8 | length uint24 | data.
///
/// Only static calls are made, so that no callee can change what the next one sees. A callee never gets less than its
/// stipend: when less is left, the whole read reverts with `NotEnoughGas()` and the reader splits it. A callee that
/// runs out of its full stipend has answered: that failure is the callee's own. An answer above `MAX_ANSWER` bytes is
/// returned as a failure without data, so that one callee can't use up the memory of all.
contract Dispatcher {
    /// @dev Marker of a read that is too big for the gas of this `eth_call`.
    error NotEnoughGas();

    /// @dev Longest answer that is handed on, in bytes: 4,096 words.
    uint256 private constant MAX_ANSWER = 131_072;

    /// @dev Gas kept beside a stipend for the call itself, the cold account and the copy of the longest answer.
    uint256 private constant OVERHEAD = 60_000;

    fallback() external {
        bytes4 notEnoughGas = NotEnoughGas.selector;
        assembly {
            let started := gas()
            let output := 0x80
            let cursor := add(output, 96)
            for { let at := 0 } lt(at, calldatasize()) {} {
                let head := calldataload(at)
                let stipend := shr(224, head)
                let target := shr(96, shl(32, head))
                let length := and(shr(40, head), 0xffffff)
                at := add(at, 27)

                // Copied before the check: memory that grows afterwards would eat into the stipend.
                calldatacopy(cursor, at, length)
                at := add(at, length)
                // 63/64 of what is left can be passed on (EIP-150); asking for more silently gives less.
                if lt(gas(), add(add(stipend, div(stipend, 63)), OVERHEAD)) {
                    mstore(0, notEnoughGas)
                    revert(0, 4)
                }
                let ok := staticcall(stipend, target, cursor, length, 0, 0)
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
            return(output, sub(cursor, output))
        }
    }
}
