// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {HaircutMath} from "./HaircutMath.sol";

/// @title Prices of a pool and of a feed as ticks, so that they can be compared in integers.
/// @dev A tick is a factor of 1.0001 of the price of one raw unit of collateral in raw units of the debt asset. The
/// pool's price is rounded up, the feed's down and the threshold up: rounding never makes a price lie too low. Together
/// with the strict comparison this costs at most 5 ticks (0.05 %) of sensitivity.
library DeviationLib {
    /// @dev ln(1.0001) in WAD is 99,995,000,333,308.335...; rounded down and up.
    int256 private constant LN_TICK_DOWN = 99_995_000_333_308;
    int256 private constant LN_TICK_UP = 99_995_000_333_309;
    /// @dev ln(10) in WAD is 2,302,585,092,994,045,684.018...; rounded down and up.
    int256 private constant LN_10_DOWN = 2_302_585_092_994_045_684;
    int256 private constant LN_10_UP = 2_302_585_092_994_045_685;
    uint256 private constant BPS = 10_000;

    /// @dev Tick of the mean price of the collateral over `span` seconds, at least; `growth` is that of the pool's tick
    /// cumulative. The mean of ticks is the geometric mean of prices.
    function meanTickUp(int256 growth, uint256 span, bool isToken0) internal pure returns (int256) {
        // token1's price is the inverse of the pool's; of token0, the pool's own tick is rounded down already.
        return isToken0 ? 1 - _floorDiv(-growth, int256(span)) : -_floorDiv(growth, int256(span));
    }

    /// @dev Tick of the price that a feed answers, at most. `exponent` is what `exponentOf` said.
    function feedTickDown(int256 answer, int256 exponent) internal pure returns (int256) {
        // lnWad exceeds the real value by less than a unit (models.md 1.3).
        int256 log = FixedPointMathLib.lnWad(answer) - 1;
        log += exponent * (exponent < 0 ? LN_10_UP : LN_10_DOWN);
        return _floorDiv(log, log < 0 ? LN_TICK_DOWN : LN_TICK_UP);
    }

    /// @dev Power of ten by which a feed's answer, read as WAD, becomes raw debt units for a raw unit of collateral.
    function exponentOf(uint8 collateralDecimals, uint8 debtDecimals, uint8 feedDecimals)
        internal
        pure
        returns (int16)
    {
        return 18 + int16(uint16(debtDecimals)) - int16(uint16(collateralDecimals)) - int16(uint16(feedDecimals));
    }

    /// @dev Ticks of a fall by `bps` below 10,000, at least.
    function fallTicksUp(uint256 bps) internal pure returns (uint256) {
        uint256 ratio = HaircutMath.cdiv(BPS * HaircutMath.WAD, BPS - bps);
        return HaircutMath.cdiv(uint256(HaircutMath.lnUp(ratio)), uint256(LN_TICK_DOWN));
    }

    /// @dev Harmonic mean of the liquidity over `span` seconds; `growth` is that of the pool's seconds per liquidity.
    /// A second without liquidity counts as one unit of it, so that one such block sinks the mean.
    function meanLiquidity(uint160 growth, uint256 span) internal pure returns (uint256) {
        return (span << 128) / growth;
    }

    /// @dev Rounds towards minus infinity; `b` is above 0.
    function _floorDiv(int256 a, int256 b) private pure returns (int256 quotient) {
        quotient = a / b;
        if (a % b < 0) --quotient;
    }
}
