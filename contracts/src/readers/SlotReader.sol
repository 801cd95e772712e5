// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title SlotReader
/// @notice Answers the raw storage words of the account at whose address its code stands.
/// @dev Never deployed: its runtime code is placed at the account by the state override of an `eth_call`.
///
/// Calldata: any number of 32-byte slots. Reply: their words in the same order.
contract SlotReader {
    fallback() external {
        assembly {
            for { let at := 0 } lt(at, calldatasize()) { at := add(at, 32) } { mstore(at, sload(calldataload(at))) }
            return(0, calldatasize())
        }
    }
}
