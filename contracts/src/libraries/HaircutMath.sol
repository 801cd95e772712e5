// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title The integer core of the haircut: what keepers compute off chain, with the same bits.
/// @dev Pure functions. Twins: keeper/maths/fixed.py and keeper/maths/staleness.py.
library HaircutMath {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant BPS = 10_000;
    /// @dev Seconds of a year of 365 days (models.md 1.1).
    uint256 internal constant YEAR = 31_536_000;

    // ----------------------------------------------------------------------------------------------------- staleness

    /// @dev The haircut that holds when nobody has written for `ageSeconds`: h + (1 - h) ks sqrt(beyond grace), rounded
    /// up, at most `hMaxBps`; never below the exact law 1 - (1 - h) e^-x. A haircut above the cap stays as it is.
    ///
    /// Never reverts and never overflows, for any argument. Equal to the formula for ksWad < 2^128 and an age beyond
    /// the grace < 2^64; an argument past them counts as endless silence and answers the cap.
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
            // Largest steps: late * WAD^2 < 2^184, ks * root < 2^208, BPS * x < 2^162.
            uint256 root = isqrtUp((late * (WAD * WAD) + (YEAR - 1)) / YEAR);
            uint256 x = (ksWad * root + (WAD - 1)) / WAD;
            uint256 added = ((BPS - haircutBps) * x + (WAD - 1)) / WAD;
            return added < hMaxBps - haircutBps ? haircutBps + added : hMaxBps;
        }
    }

    // --------------------------------------------------------------------------------------------------- fixed point

    /// @dev ceil(sqrt(n)).
    function isqrtUp(uint256 n) internal pure returns (uint256 root) {
        root = FixedPointMathLib.sqrt(n);
        unchecked {
            // A root is below 2^128: its square fits.
            if (root * root != n) ++root;
        }
    }
}
