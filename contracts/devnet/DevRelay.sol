// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Relay of a local chain: forwards calls that its own input does not show. Never deployed anywhere else.
contract DevRelay {
    /// @notice Make every call after flipping all of its bits, one after the other in one transaction.
    function relay(address to, bytes[] memory flipped) external {
        for (uint256 call; call < flipped.length; ++call) {
            bytes memory data = flipped[call];
            for (uint256 i; i < data.length; ++i) {
                data[i] = ~data[i];
            }
            (bool ok, bytes memory answer) = to.call(data);
            if (!ok) {
                assembly ("memory-safe") {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }
}
