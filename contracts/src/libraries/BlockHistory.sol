// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Hashes of past blocks from the EIP-2935 history contract (8,191 blocks back).
/// @dev Not the BLOCKHASH opcode: it ends at 256 blocks, and some layer-2 chains answer it with something else.
library BlockHistory {
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @return Hash of the block; zero when the chain does not keep it (future, too old, no such contract).
    function hashOf(uint256 blockNumber) internal view returns (bytes32) {
        (bool ok, bytes memory answer) = HISTORY.staticcall(abi.encode(blockNumber));
        return ok && answer.length == 32 ? bytes32(answer) : bytes32(0);
    }
}
