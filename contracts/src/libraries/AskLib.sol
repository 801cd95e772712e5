// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title AskLib
/// @notice Calls of readers that ask others: each with a fixed stipend, each outcome a row of the packed reply.
/// @dev A row: outcome uint8 (0 failed, 1 answered, 2 not made) | length uint24 | answer.
library AskLib {
    /// @dev What is left can't give a callee its stipend: nothing may be taken for its answer.
    error NotEnoughGas();

    /// @dev Row of a call that is not made.
    bytes4 internal constant NOT_MADE = 0x02000000;

    /// @dev Longest answer handed on, in bytes; a longer one is a failure.
    uint256 internal constant MAX_ANSWER = 4096;

    /// @dev Gas kept beside a stipend.
    uint256 private constant OVERHEAD = 100_000;

    uint256 private constant WORD = 32;

    /// @notice Static call with exactly `stipend` gas: the reply with its row appended, whether it answered, and what.
    function asked(bytes memory reply, address to, bytes memory data, uint256 stipend)
        internal
        view
        returns (bytes memory longer, bool ok, bytes memory answer)
    {
        // 63/64 of what is left can be passed on (EIP-150); asking for more silently gives less.
        if (gasleft() < stipend + stipend / 63 + OVERHEAD) revert NotEnoughGas();
        uint256 size;
        assembly ("memory-safe") {
            ok := staticcall(stipend, to, add(data, 0x20), mload(data), 0, 0)
            size := returndatasize()
        }
        if (size > MAX_ANSWER) (ok, size) = (false, 0);
        answer = new bytes(size);
        assembly ("memory-safe") {
            returndatacopy(add(answer, 0x20), 0, size)
        }
        longer = bytes.concat(reply, bytes1(ok ? 1 : 0), bytes3(uint24(size)), answer);
    }

    /// @notice Word of an answer, 0 beyond its end.
    function wordAt(bytes memory data, uint256 index) internal pure returns (uint256 word) {
        if (index >= data.length / WORD) return 0;
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), shl(5, index)))
        }
    }

    /// @notice Ends the call with `reply` as it stands.
    function end(bytes memory reply) internal pure {
        assembly ("memory-safe") {
            return(add(reply, 0x20), mload(reply))
        }
    }
}
