// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @dev Arguments of the haircut (models.md 5.2), in the order of the Python twin; `OutsideDomain` names them so.
struct Inputs {
    /// @dev Annual volatility and tail multiplier, below 2^80.
    uint256 sigmaWad;
    uint256 kWad;
    /// @dev What must be sold and the stressed depth, in any one unit, below 2^112.
    uint256 size;
    uint256 qStar;
    /// @dev Time until a sale starts, and until the depth has refilled once; seconds, below 2^32.
    uint256 tau0Seconds;
    uint256 tRepSeconds;
    /// @dev Fractions; one of a whole WAD or more cannot be quoted.
    uint256 oracleDeviationWad;
    uint256 bonusWad;
    uint256 gasFractionWad;
    /// @dev From WAD to 2^80.
    uint256 modelMultWad;
    uint256 haircutMinBps;
    uint256 haircutMaxBps;
}

/// @dev A haircut and the bars that add up to it.
struct Waterfall {
    uint256 haircutBps;
    /// @dev oracle, price move, time to liquidate, model uncertainty, liquidation bonus, gas; then floor, cap (negative)
    /// and unquotable, which are 0 unless they bind.
    int256[9] barsBps;
    /// @dev Whether the cap bound it, or it could not be quoted.
    bool capped;
    bool unquotable;
}

/// @title The integer core of the haircut: what keepers compute off chain, with the same bits.
/// @dev Pure functions, rounded toward the safe side; the fixed point under them is solady's. Twins: keeper/maths/fixed.py,
/// keeper/maths/staleness.py and keeper/haircuts/liquidity_adjusted.py, held equal by tests/chain/test_haircut_twin.py.
library HaircutMath {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant BPS = 10_000;
    /// @dev Seconds of a year of 365 days (models.md 1.1).
    uint256 internal constant YEAR = 31_536_000;

    /// @dev Limits of the domain (models.md 1.3): inside it nothing but `horizon * WAD` exceeds 256 bits.
    uint256 internal constant MAX_AMOUNT = 1 << 112;
    uint256 internal constant MAX_SECONDS = 1 << 32;
    uint256 internal constant MAX_WAD = 1 << 80;

    uint256 private constant COMPONENTS = 6;
    uint256 private constant FLOOR = 6;
    uint256 private constant CAP = 7;
    uint256 private constant UNQUOTABLE = 8;

    /// @dev An argument of the haircut that is not in [lowest, limit).
    error OutsideDomain(string name, uint256 value, uint256 lowest, uint256 limit);

    // ----------------------------------------------------------------------------------------------------- staleness

    /// @dev The haircut that holds when nobody has written for `ageSeconds`: h + (1 - h) ks sqrt(age beyond grace),
    /// rounded up, at most `hMaxBps`; never below the exact law 1 - (1 - h) e^-x. One above the cap stays as it is.
    ///
    /// Never reverts and never overflows, for any argument: it is the formula for ksWad < 2^128 and an age beyond the
    /// grace < 2^64, and whatever is larger counts as endless silence and answers the cap.
    /// @param ksWad k times sigma, WAD per square root of a year.
    function widenedBps(uint256 haircutBps, uint256 ksWad, uint256 ageSeconds, uint256 graceSeconds, uint256 hMaxBps)
        internal
        pure
        returns (uint256)
    {
        if (ageSeconds <= graceSeconds || haircutBps >= hMaxBps || haircutBps >= BPS) return haircutBps;
        unchecked {
            uint256 late = ageSeconds - graceSeconds;
            if (late >> 64 != 0 || ksWad >> 128 != 0) return hMaxBps;
            // Written out because it runs in every read: cdiv and mulUp would check for overflow again, for 360 gas.
            // Largest steps: late * WAD^2 < 2^184, ksWad * root < 2^208, BPS * x < 2^162.
            uint256 root = isqrtUp((late * (WAD * WAD) + (YEAR - 1)) / YEAR);
            uint256 x = (ksWad * root + (WAD - 1)) / WAD;
            uint256 added = ((BPS - haircutBps) * x + (WAD - 1)) / WAD;
            return added < hMaxBps - haircutBps ? haircutBps + added : hMaxBps;
        }
    }

    // ------------------------------------------------------------------------------------------------------- haircut

    /// @dev The haircut of one market: 1 - exp(-(sum of the losses)), each loss rounded up, in a fixed order, because the
    /// attribution of a product depends on it.
    function haircut(Inputs memory inputs) internal pure returns (Waterfall memory result) {
        (uint256 t, bool quotable) = horizonWad(inputs.size, inputs.qStar, inputs.tau0Seconds, inputs.tRepSeconds);
        _check(inputs);
        if (!quotable || inputs.oracleDeviationWad >= WAD || inputs.gasFractionWad >= WAD) {
            result.haircutBps = inputs.haircutMaxBps;
            result.barsBps[UNQUOTABLE] = int256(inputs.haircutMaxBps);
            (result.capped, result.unquotable) = (true, true);
            return result;
        }
        uint256[6] memory losses = components(inputs, t);
        uint256 total;
        uint256 h;
        for (uint256 i; i < COMPONENTS; ++i) {
            total += losses[i];
            uint256 reached = mulUp(WAD - _keptDown(total), BPS);
            // Warning: expWad is not proven monotone to the last unit, so a bar is signed.
            result.barsBps[i] = int256(reached) - int256(h);
            h = reached;
        }
        (uint256 lowest, uint256 highest) = (inputs.haircutMinBps, inputs.haircutMaxBps);
        if (h < lowest) {
            result.barsBps[FLOOR] = int256(lowest - h);
            h = lowest;
        }
        if (h > highest) {
            result.barsBps[CAP] = int256(highest) - int256(h);
            h = highest;
            result.capped = true;
        }
        result.haircutBps = h;
    }

    /// @dev Time until everything is sold, WAD seconds, rounded up; `quotable` is false when there is nothing to sell
    /// into. What fits the depth needs none.
    function horizonWad(uint256 size, uint256 qStar, uint256 tau0Seconds, uint256 tRepSeconds)
        internal
        pure
        returns (uint256 t, bool quotable)
    {
        _require("size", size, 0, MAX_AMOUNT);
        _require("q_star", qStar, 0, MAX_AMOUNT);
        _require("tau0_seconds", tau0Seconds, 0, MAX_SECONDS);
        _require("t_rep_seconds", tRepSeconds, 0, MAX_SECONDS);
        t = tau0Seconds * WAD;
        if (size <= qStar) return (t, true);
        if (qStar == 0) return (0, false);
        return (t + cdiv((size - qStar) * tRepSeconds * WAD, qStar), true);
    }

    /// @dev Log losses in WAD in the order of `Waterfall.barsBps`, for fractions below WAD and inputs inside the domain.
    function components(Inputs memory inputs, uint256 t) internal pure returns (uint256[6] memory losses) {
        uint256 root0 = isqrtUp(cdiv(inputs.tau0Seconds * WAD * WAD, YEAR));
        // A horizon reaches 2^204, times WAD needs 264 bits.
        uint256 root = isqrtUp(FixedPointMathLib.fullMulDivUp(t, WAD, YEAR));
        uint256 ks = mulUp(inputs.kWad, inputs.sigmaWad);
        uint256 atOnce = mulUp(ks, root0);
        uint256 inTime = mulUp(ks, root);
        losses[0] = _lossOfFraction(inputs.oracleDeviationWad);
        losses[1] = atOnce;
        losses[2] = inTime - atOnce;
        losses[3] = mulUp(inTime, inputs.modelMultWad - WAD);
        losses[4] = inputs.bonusWad == 0 ? 0 : uint256(lnUp(WAD + inputs.bonusWad));
        losses[5] = _lossOfFraction(inputs.gasFractionWad);
    }

    /// @dev -ln(1 - fraction) in WAD, rounded up.
    function _lossOfFraction(uint256 fraction) private pure returns (uint256) {
        return fraction == 0 ? 0 : uint256(lnUp(cdiv(WAD * WAD, WAD - fraction)));
    }

    /// @dev e^-loss in WAD, a lower bound: expWad may be above the real value by less than one unit, never by more.
    function _keptDown(uint256 loss) private pure returns (uint256) {
        if (loss == 0) return WAD;
        // Inside the domain the losses add up to less than 2^182: the sign fits.
        return FixedPointMathLib.zeroFloorSub(uint256(FixedPointMathLib.expWad(-int256(loss))), 1);
    }

    function _check(Inputs memory inputs) private pure {
        _require("sigma_wad", inputs.sigmaWad, 0, MAX_WAD);
        _require("k_wad", inputs.kWad, 0, MAX_WAD);
        _require("bonus_wad", inputs.bonusWad, 0, MAX_WAD);
        _require("model_mult_wad", inputs.modelMultWad, WAD, MAX_WAD);
        _require("haircut_max_bps", inputs.haircutMaxBps, inputs.haircutMinBps, BPS + 1);
    }

    function _require(string memory name, uint256 value, uint256 lowest, uint256 limit) private pure {
        if (value < lowest || value >= limit) revert OutsideDomain(name, value, lowest, limit);
    }

    // --------------------------------------------------------------------------------------------------- fixed point

    /// @dev ceil(a / b); reverts for b = 0.
    function cdiv(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.divUp(a, b);
    }

    /// @dev ceil(a * b / WAD); reverts when the product exceeds 256 bits.
    function mulUp(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.mulWadUp(a, b);
    }

    /// @dev floor(a * b / WAD); reverts when the product exceeds 256 bits.
    function mulDown(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.mulWad(a, b);
    }

    /// @dev ceil(sqrt(n)).
    function isqrtUp(uint256 n) internal pure returns (uint256 root) {
        root = FixedPointMathLib.sqrt(n);
        unchecked {
            // A root is below 2^128: its square fits.
            if (root * root != n) ++root;
        }
    }

    /// @dev An upper bound of ln(x / WAD) in WAD, strict for x >= WAD (models.md 1.3); reverts for 0 and from 2^255.
    function lnUp(uint256 x) internal pure returns (int256) {
        return FixedPointMathLib.lnWad(int256(x)) + 2;
    }
}
