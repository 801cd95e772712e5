// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A value and the one that waits behind it, in Maker's form. The word is a uint, the bool says "has value".
interface IDelayedValue {
    /// @notice What holds now.
    function peek() external view returns (bytes32, bool);

    /// @notice What waits.
    function peep() external view returns (bytes32, bool);

    /// @notice What holds now. Reverts without a value.
    function read() external view returns (bytes32);
}
