// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title solady's fixed point of a local chain: what Python's `maths/fixed.py` must equal bit for bit.
contract DevMaths {
    /// @notice `expWad` of each argument.
    function expWad(int256[] calldata xs) external pure returns (int256[] memory results) {
        results = new int256[](xs.length);
        for (uint256 i; i < xs.length; ++i) {
            results[i] = FixedPointMathLib.expWad(xs[i]);
        }
    }

    /// @notice `lnWad` of each argument.
    function lnWad(int256[] calldata xs) external pure returns (int256[] memory results) {
        results = new int256[](xs.length);
        for (uint256 i; i < xs.length; ++i) {
            results[i] = FixedPointMathLib.lnWad(xs[i]);
        }
    }

    /// @notice `sqrt` of each argument.
    function sqrt(uint256[] calldata xs) external pure returns (uint256[] memory results) {
        results = new uint256[](xs.length);
        for (uint256 i; i < xs.length; ++i) {
            results[i] = FixedPointMathLib.sqrt(xs[i]);
        }
    }
}
