// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// @title AskLib
/// @notice Calls of readers that ask others: each with a fixed stipend, each outcome a row of the packed reply.
/// @dev A row: outcome uint8 (0 failed, 1 answered, 2 not made) | length uint24 | answer.
library AskLib {
    /// @dev What is left can't give a callee its stipend: nothing may be taken for its answer.
    error NotEnoughGas();

    /// @dev The reply so far, and the outcome of the last call.
    struct Reply {
        bytes rows;
        bool ok;
        bytes answer;
    }

    /// @dev Row of a call that is not made.
    bytes4 private constant NOT_MADE = 0x02000000;

    /// @dev Longest answer handed on, in bytes; a longer one is a failure.
    uint256 private constant MAX_ANSWER = 4096;

    /// @dev Gas kept beside a stipend.
    uint256 private constant OVERHEAD = 100_000;

    uint256 private constant WORD = 32;

    /// @notice A reply without rows.
    function empty() internal pure returns (Reply memory) {
        return Reply("", false, "");
    }

    /// @notice Static call with exactly `stipend` gas; its outcome becomes the reply's next row.
    function ask(Reply memory reply, address to, bytes memory data, uint256 stipend) internal view {
        // 63/64 of what is left can be passed on (EIP-150); asking for more silently gives less.
        if (gasleft() < stipend + stipend / 63 + OVERHEAD) revert NotEnoughGas();
        bool ok;
        uint256 size;
        assembly ("memory-safe") {
            ok := staticcall(stipend, to, add(data, 0x20), mload(data), 0, 0)
            size := returndatasize()
        }
        if (size > MAX_ANSWER) (ok, size) = (false, 0);
        bytes memory answer = new bytes(size);
        assembly ("memory-safe") {
            returndatacopy(add(answer, 0x20), 0, size)
        }
        (reply.ok, reply.answer) = (ok, answer);
        reply.rows = bytes.concat(reply.rows, bytes1(ok ? 1 : 0), bytes3(uint24(size)), answer);
    }

    /// @notice The next row is that of a call that is not made.
    function skip(Reply memory reply) internal pure {
        reply.rows = bytes.concat(reply.rows, NOT_MADE);
    }

    /// @notice Ends the call with the rows.
    function end(Reply memory reply) internal pure {
        bytes memory rows = reply.rows;
        assembly ("memory-safe") {
            return(add(rows, 0x20), mload(rows))
        }
    }

    /// @notice Word of the last answer, 0 beyond its end.
    function word(Reply memory reply, uint256 index) internal pure returns (uint256) {
        return wordAt(reply.answer, index);
    }

    /// @notice Word of an answer, 0 beyond its end.
    function wordAt(bytes memory data, uint256 index) internal pure returns (uint256 value) {
        if (index >= data.length / WORD) return 0;
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), shl(5, index)))
        }
    }
}
