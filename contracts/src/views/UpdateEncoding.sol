// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Parameters} from "../interfaces/ICollateralParameters.sol";

/// @dev How a consumer wants the values of a market written down.
enum Encoding {
    /// uint256, bps: the effective haircut. Our own.
    Haircut,
    /// (ltv, liquidation threshold, liquidation bonus), three uint256, bps; the bonus is what lies above par. Aave.
    EMode,
    /// uint256, base units of the debt asset. Aave's supply and borrow caps.
    Cap,
    /// (collateral factor, liquidation threshold), two uint256, 1e18 = 1. Venus.
    Factors
}

/// @title Values of a market in the consumers' words (interfaces.md 2).
/// @dev Empty bytes mean: no update, because the target would refuse the values. Where the target has no word for zero,
/// it gets the least value that it takes, so that a tightening lands instead of bouncing off.
library UpdateEncoding {
    uint256 private constant BPS = 10_000;
    /// @dev One bps as a mantissa of 1e18.
    uint256 private constant BPS_MANTISSA = 1e14;

    /// @dev `hasCeiling`: whether one is stored; while HALTED the values themselves do not tell. `decimals`: the debt
    /// asset's.
    function encode(Encoding encoding, Parameters memory values, bool hasCeiling, uint256 decimals)
        internal
        pure
        returns (bytes memory)
    {
        if (encoding == Encoding.EMode) return eMode(values);
        if (encoding == Encoding.Cap) return hasCeiling ? cap(values.ceiling, decimals) : bytes("");
        if (encoding == Encoding.Factors) return factors(values);
        return abi.encode(uint256(values.haircutBps));
    }

    /// @dev Aave takes no category without loan-to-value, threshold or bonus, none whose loan-to-value lies above its
    /// threshold, and none whose liquidation costs more than the collateral.
    function eMode(Parameters memory values) internal pure returns (bytes memory) {
        uint256 ltv = Math.max(BPS - values.haircutBps, 1);
        uint256 threshold = BPS - values.liquidationHaircutBps;
        uint256 bonus = values.bonusBps;
        if (ltv > threshold || bonus == 0 || threshold * (BPS + bonus) > BPS * BPS) return "";
        return abi.encode(ltv, threshold, bonus);
    }

    /// @dev Aave counts whole tokens and reads 0 as "no cap", so the least cap is one token.
    function cap(uint256 ceiling, uint256 decimals) internal pure returns (bytes memory) {
        return abi.encode(Math.max(ceiling, 10 ** decimals));
    }

    /// @dev Venus takes no collateral factor above the threshold.
    function factors(Parameters memory values) internal pure returns (bytes memory) {
        uint256 factor = (BPS - values.haircutBps) * BPS_MANTISSA;
        uint256 threshold = (BPS - values.liquidationHaircutBps) * BPS_MANTISSA;
        if (factor > threshold) return "";
        return abi.encode(factor, threshold);
    }
}
