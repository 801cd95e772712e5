// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev Debt ceilings in 20 bits: a 7-bit binary exponent over a 13-bit mantissa, in base units of the debt asset.
/// 0 = no ceiling. Twin: keeper/maths/ceiling.py.
library Ceiling {
    uint256 private constant MANTISSA_BITS = 13;
    uint256 private constant MANTISSA = (1 << MANTISSA_BITS) - 1;

    /// @return Base units, below 2^140.
    function decode(uint256 ceiling) internal pure returns (uint256) {
        unchecked {
            return (ceiling & MANTISSA) << (ceiling >> MANTISSA_BITS);
        }
    }

    /// @dev Base units, below 2^140, rounded down to 13 bits.
    function encodeDown(uint256 value) internal pure returns (uint256) {
        unchecked {
            uint256 bits = Math.log2(value) + 1;
            uint256 exponent = bits > MANTISSA_BITS ? bits - MANTISSA_BITS : 0;
            return (exponent << MANTISSA_BITS) | (value >> exponent);
        }
    }

    /// @return Whether `a` is the lower ceiling; none is the highest.
    function isLower(uint256 a, uint256 b) internal pure returns (bool) {
        if (a == b || a == 0) return false;
        return b == 0 || decode(a) < decode(b);
    }
}
