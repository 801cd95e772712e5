// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {HaircutMath} from "../src/libraries/HaircutMath.sol";

contract HaircutMathTest is Test {
    uint256 private constant WAD = 1e18;

    // ----------------------------------------------------------------------------------------------------- staleness

    /// @dev ../shared/vectors/staleness.json and the example of models.md 6.1 (k 3, sigma 80 %).
    function test_known_answers_of_widening() public pure {
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 3600, 3600, 9000), 2500);
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 3601, 3600, 9000), 2504);
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 86_400, 3600, 9000), 3423);
        assertEq(HaircutMath.widenedBps(9500, 2.4e18, 1_000_000, 3600, 9000), 9500);
    }

    function testFuzz_widening_never_reverts_and_stays_between_the_haircut_and_the_cap(
        uint256 haircut,
        uint256 ks,
        uint256 age,
        uint256 grace,
        uint256 cap
    ) public pure {
        uint256 got = HaircutMath.widenedBps(haircut, ks, age, grace, cap);
        assertGe(got, haircut);
        assertLe(got, FixedPointMathLib.max(haircut, cap));
        if (age <= grace) assertEq(got, haircut);
    }

    function testFuzz_widening_grows_with_age_and_with_speed(
        uint256 haircut,
        uint80 ks,
        uint80 faster,
        uint40 age,
        uint40 later
    ) public pure {
        haircut = bound(haircut, 0, 10_000);
        (ks, faster) = ks < faster ? (ks, faster) : (faster, ks);
        (age, later) = age < later ? (age, later) : (later, age);
        uint256 got = HaircutMath.widenedBps(haircut, ks, age, 3600, 9000);
        assertLe(got, HaircutMath.widenedBps(haircut, ks, later, 3600, 9000));
        assertLe(got, HaircutMath.widenedBps(haircut, faster, age, 3600, 9000));
    }

    /// @dev P7 of the widening: the exact law 1 - (1 - h) e^-x lies at or below it (expWad is low by under one unit).
    function testFuzz_widening_is_never_below_the_exact_law(uint256 haircut, uint80 ks, uint32 age) public pure {
        haircut = bound(haircut, 0, 9999);
        uint256 root = FixedPointMathLib.sqrt(uint256(age) * 1e36 / 31_536_000);
        uint256 x = FixedPointMathLib.min(uint256(ks) * root / WAD, 40e18);
        uint256 kept = (10_000 - haircut) * (uint256(FixedPointMathLib.expWad(-int256(x))) + 1);
        uint256 exact = 10_000 * WAD - FixedPointMathLib.min(kept, 10_000 * WAD);
        assertGe(HaircutMath.widenedBps(haircut, ks, age, 0, 10_000) * WAD, exact);
    }
}
