// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title Risk DAO's SmartLTV, for comparison: `exp(-c sigma / sqrt(l/d)) - beta` with the original's own integers.
/// @dev Twin of keeper/haircuts/smart_ltv.py, held equal by tests/chain/test_haircut_twin.py. Domain: c and sigma below
/// 2^80, l below 2^140, d above 0.
library SmartLtvMath {
    uint256 private constant WAD = 1e18;
    /// @dev 1 in the original's binary fixed point is 2^59.
    uint256 private constant SHIFT = 59;
    uint256 private constant TERMS = 33;
    /// @dev 33!
    uint256 private constant WHOLE = 8_683_317_618_811_886_495_518_194_401_280_000_000;
    /// @dev exp(-16), a ten-millionth: nothing may be lent. Below it no product exceeds 256 bits.
    uint256 private constant LARGEST = 16 << SHIFT;

    /// @notice Loan-to-value before the bonus is taken off, WAD; 0 without liquidity, where the original reverts.
    function beforeBonusWad(uint256 cWad, uint256 sigmaWad, uint256 liquidity, uint256 debtCap)
        internal
        pure
        returns (uint256)
    {
        uint256 root = FixedPointMathLib.sqrt(WAD * liquidity / debtCap) * 1e9;
        if (root == 0) return 0;
        uint256 exponent = ((cWad * sigmaWad / WAD) << SHIFT) / root;
        if (exponent >= LARGEST) return 0;
        uint256 power = exponent;
        uint256 weight = WHOLE;
        uint256 series;
        for (uint256 j = 2; j <= TERMS; ++j) {
            power = (power * exponent) >> SHIFT;
            // Exact: 33!/j! of the term before.
            weight /= j;
            series += power * weight;
        }
        return (WAD << SHIFT) / (series / WHOLE + exponent + (1 << SHIFT));
    }

    /// @notice Loan-to-value, WAD; 0 where the bonus eats more than is left, where the original reverts.
    function ltvWad(uint256 beforeBonus, uint256 bonusWad) internal pure returns (uint256) {
        return FixedPointMathLib.zeroFloorSub(beforeBonus, bonusWad);
    }
}
