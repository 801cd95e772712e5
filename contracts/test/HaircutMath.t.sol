// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {HaircutMath, Inputs, Waterfall} from "../src/libraries/HaircutMath.sol";

/// @dev The library behind calls: a revert of an internal function would end the test that expects it.
contract HaircutCalls {
    function haircut(Inputs memory inputs) external pure returns (Waterfall memory) {
        return HaircutMath.haircut(inputs);
    }

    function cdiv(uint256 a, uint256 b) external pure returns (uint256) {
        return HaircutMath.cdiv(a, b);
    }

    function mulUp(uint256 a, uint256 b) external pure returns (uint256) {
        return HaircutMath.mulUp(a, b);
    }

    function mulDown(uint256 a, uint256 b) external pure returns (uint256) {
        return HaircutMath.mulDown(a, b);
    }

    function lnUp(uint256 x) external pure returns (int256) {
        return HaircutMath.lnUp(x);
    }
}

/// @dev Properties P1..P20 of models.md on the Solidity side; equality with Python is tests/chain/test_haircut_twin.py.
contract HaircutMathTest is Test {
    uint256 private constant WAD = 1e18;
    uint256 private constant FIELDS = 12;
    HaircutCalls private immutable calls = new HaircutCalls();

    // ----------------------------------------------------------------------------------------------------- staleness

    /// @dev ../shared/vectors/staleness.json and the example of models.md 6.1 (k 3, sigma 80 %).
    function test_known_answers_of_widening() public pure {
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 3600, 3600, 9000), 2500);
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 3601, 3600, 9000), 2504);
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 86_400, 3600, 9000), 3423);
        assertEq(HaircutMath.widenedBps(9500, 2.4e18, 1_000_000, 3600, 9000), 9500);
        // One unit of speed for one second is rounded up at each step.
        assertEq(HaircutMath.widenedBps(2500, 1, 3601, 3600, 9000), 2501);
    }

    function test_widening_past_its_domain_answers_the_cap_and_not_a_wrapped_number() public pure {
        assertEq(HaircutMath.widenedBps(2500, 1 << 128, 3601, 3600, 9000), 9000);
        assertEq(HaircutMath.widenedBps(2500, 0, (1 << 64) + 3600, 3600, 9000), 9000);
        assertEq(HaircutMath.widenedBps(2500, 0, (1 << 64) + 3599, 3600, 9000), 2500);
        assertEq(HaircutMath.widenedBps(2500, type(uint128).max, type(uint64).max, 0, 9000), 9000);
        // Inside the domain by one unit, and a speed past it before the grace ends or where nothing is left to widen.
        uint256 endless = type(uint256).max;
        assertLt(HaircutMath.widenedBps(2500, type(uint128).max, 3601, 3600, endless), endless);
        assertEq(HaircutMath.widenedBps(2500, endless, 3600, 3600, 9000), 2500);
        assertEq(HaircutMath.widenedBps(10_000, endless, 3601, 3600, endless), 10_000);
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
        assertLe(got, FixedPointMathLib.max(haircut, cap), "P18");
        if (age <= grace) assertEq(got, haircut, "P15");
        if (haircut > cap) assertEq(got, haircut, "P20");
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
        assertLe(got, HaircutMath.widenedBps(haircut, ks, later, 3600, 9000), "P16");
        assertLe(got, HaircutMath.widenedBps(haircut, faster, age, 3600, 9000));
    }

    /// @dev The exact law is 1 - (1 - h) e^-x; expWad is low by less than one unit, and x is rounded down here.
    function testFuzz_widening_is_never_below_the_exact_law(uint256 haircut, uint256 ks, uint256 age) public pure {
        haircut = bound(haircut, 0, 9999);
        ks = bound(ks, 0, 20e18);
        age = bound(age, 0, 365 days);
        uint256 root = FixedPointMathLib.sqrt(age * 1e36 / 365 days);
        uint256 kept = (10_000 - haircut) * (uint256(FixedPointMathLib.expWad(-int256(ks * root / WAD))) + 1);
        uint256 exact = FixedPointMathLib.zeroFloorSub(10_000 * WAD, kept);
        assertGe(HaircutMath.widenedBps(haircut, ks, age, 0, 10_000) * WAD, exact);
    }

    // ------------------------------------------------------------------------------------------------------- haircut

    /// @dev ../shared/vectors/haircut.json, "size=5x depth"; all of them go through the harness in tests/chain.
    function test_known_answer_of_the_haircut() public pure {
        Waterfall memory got = HaircutMath.haircut(example());
        assertEq(got.haircutBps, 1001);
        int256[9] memory bars = [int256(51), 251, 181, 63, 450, 5, 0, 0, 0];
        for (uint256 i; i < bars.length; ++i) {
            assertEq(got.barsBps[i], bars[i]);
        }
        assertFalse(got.capped || got.unquotable);
        (uint256 t,) = HaircutMath.horizonWad(1e8, 2e7, 3600, 1800);
        assertEq(t, 10_800e18);
        uint256[6] memory losses = HaircutMath.components(example(), t);
        uint256[6] memory want = [
            uint256(5012541823544284),
            25642430590241295,
            18771562021615022,
            6662098891778448,
            48790164169432005,
            500125041682300
        ];
        for (uint256 i; i < want.length; ++i) {
            assertEq(losses[i], want[i]);
        }
    }

    /// @dev The first horizon is one for which horizon * WAD / year is a square and a remainder; the price move of the
    /// second keeps 99.99 % to the unit, which expWad does not promise to be below the real value.
    function test_the_last_unit_is_rounded_to_the_safe_side() public pure {
        Inputs memory inputs = Inputs(WAD, WAD, WAD + 5902628108375424, WAD, 0, 1, 0, 0, 0, WAD, 0, 10_000);
        (uint256 t,) = HaircutMath.horizonWad(inputs.size, inputs.qStar, 0, 1);
        assertEq(HaircutMath.components(inputs, t)[2], 13681049282644);
        inputs = Inputs(100005000333358, WAD, 1, 1, 365 days, 0, 0, 0, 0, WAD, 0, 10_000);
        assertEq(FixedPointMathLib.expWad(-100005000333358), 0.9999e18);
        assertEq(HaircutMath.haircut(inputs).haircutBps, 2);
    }

    function testFuzz_P1_P8_haircut_lies_between_its_limits_and_the_bars_add_up_to_it(uint256[12] memory seeds)
        public
        pure
    {
        Inputs memory inputs = anyInputs(seeds);
        Waterfall memory got = HaircutMath.haircut(inputs);
        assertGe(got.haircutBps, inputs.haircutMinBps, "P1");
        assertLe(got.haircutBps, inputs.haircutMaxBps, "P1");
        int256 sum;
        for (uint256 i; i < got.barsBps.length; ++i) {
            sum += got.barsBps[i];
        }
        assertEq(sum, int256(got.haircutBps), "P8");
        assertEq(got.capped, got.unquotable || got.barsBps[7] < 0);
        if (inputs.qStar == 0 && inputs.size > 0) assertTrue(got.unquotable, "P9");
    }

    /// @dev From the library's own losses, which Python's equality covers: one exponential whose error is below a unit.
    function testFuzz_P7_haircut_is_never_below_the_formula_and_less_than_one_bp_above(uint256[12] memory seeds)
        public
        pure
    {
        Inputs memory inputs = plausible(seeds);
        (uint256 t,) = HaircutMath.horizonWad(inputs.size, inputs.qStar, inputs.tau0Seconds, inputs.tRepSeconds);
        uint256[6] memory losses = HaircutMath.components(inputs, t);
        uint256 total;
        for (uint256 i; i < 6; ++i) {
            total += losses[i];
        }
        uint256 kept = uint256(FixedPointMathLib.expWad(-int256(total)));
        uint256 h = HaircutMath.haircut(inputs).haircutBps * WAD;
        assertGe(h, 10_000 * (WAD - kept), "P7 below");
        assertLt(h, 10_000 * (WAD - kept) + WAD + 20_000, "P7 above");
    }

    /// @dev P2 and P3: each input in turn moves the haircut one way only.
    function testFuzz_P2_P3_haircut_moves_one_way_with_each_input(uint256[12] memory seeds, uint256 field, uint256 by)
        public
        pure
    {
        uint256[12] memory row = toRow(plausible(seeds));
        field = bound(field, 0, 9);
        uint256 before = HaircutMath.haircut(fromRow(row)).haircutBps;
        row[field] += bound(by, 0, FixedPointMathLib.max(row[field], 1) / 2 + 1);
        uint256 moved = HaircutMath.haircut(fromRow(row)).haircutBps;
        if (field == 3) assertLe(moved, before, "P3");
        else assertGe(moved, before, "P2");
    }

    function testFuzz_P4_the_unit_of_size_and_depth_does_not_matter(uint256[12] memory seeds, uint32 scale)
        public
        pure
    {
        Inputs memory inputs = plausible(seeds);
        uint256 before = HaircutMath.haircut(inputs).haircutBps;
        (inputs.size, inputs.qStar) = (inputs.size * (uint256(scale) + 1), inputs.qStar * (uint256(scale) + 1));
        assertEq(HaircutMath.haircut(inputs).haircutBps, before, "P4");
    }

    function test_P10_no_risk_at_all_is_the_floor() public pure {
        Inputs memory inputs;
        (inputs.modelMultWad, inputs.haircutMinBps, inputs.haircutMaxBps) = (WAD, 250, 10_000);
        Waterfall memory got = HaircutMath.haircut(inputs);
        assertEq(got.haircutBps, 250);
        assertEq(got.barsBps[6], 250);
    }

    function test_the_largest_inputs_of_the_domain_do_not_overflow() public pure {
        uint256 wad = HaircutMath.MAX_WAD - 1;
        uint256 time = HaircutMath.MAX_SECONDS - 1;
        uint256 size = HaircutMath.MAX_AMOUNT - 1;
        Inputs memory inputs = Inputs(wad, wad, size, 1, time, time, WAD - 1, wad, WAD - 1, wad, 0, 10_000);
        assertEq(HaircutMath.haircut(inputs).haircutBps, 10_000);
        (uint256 t, bool quotable) = HaircutMath.horizonWad(size, 1, time, time);
        assertEq(t, time * WAD + (size - 1) * time * WAD);
        assertTrue(quotable);
    }

    // --------------------------------------------------------------------------------------------------- refused input

    function test_each_input_outside_the_domain_is_refused_by_name() public {
        string[10] memory names = [
            "sigma_wad",
            "k_wad",
            "size",
            "q_star",
            "tau0_seconds",
            "t_rep_seconds",
            "",
            "bonus_wad",
            "",
            "model_mult_wad"
        ];
        for (uint256 field; field < names.length; ++field) {
            if (bytes(names[field]).length == 0) continue;
            uint256 limit = field == 2 || field == 3 ? 1 << 112 : field == 4 || field == 5 ? 1 << 32 : 1 << 80;
            uint256 lowest = field == 9 ? WAD : 0;
            expectRefusal(field, limit, names[field], lowest, limit);
            expectRefusal(field, type(uint256).max, names[field], lowest, limit);
        }
        expectRefusal(9, WAD - 1, "model_mult_wad", WAD, 1 << 80);
        expectRefusal(11, 10_001, "haircut_max_bps", 0, 10_001);
        expectRefusal(10, 10_001, "haircut_max_bps", 10_001, 10_001);
    }

    function test_a_whole_fraction_is_unquotable_and_not_refused() public pure {
        for (uint256 field = 6; field < 9; field += 2) {
            uint256[12] memory row = toRow(example());
            row[11] = 9000;
            row[field] = WAD - 1;
            assertFalse(HaircutMath.haircut(fromRow(row)).unquotable);
            row[field] = WAD;
            Waterfall memory got = HaircutMath.haircut(fromRow(row));
            assertTrue(got.unquotable && got.capped);
            assertEq(got.haircutBps, 9000);
            assertEq(got.barsBps[8], 9000);
        }
    }

    function test_fixed_point_refuses_what_it_cannot_represent() public {
        vm.expectRevert(FixedPointMathLib.DivFailed.selector);
        calls.cdiv(1, 0);
        vm.expectRevert(FixedPointMathLib.MulWadFailed.selector);
        calls.mulUp(1 << 128, 1 << 128);
        vm.expectRevert(FixedPointMathLib.MulWadFailed.selector);
        calls.mulDown(1 << 128, 1 << 128);
        vm.expectRevert(FixedPointMathLib.LnWadUndefined.selector);
        calls.lnUp(0);
        vm.expectRevert(FixedPointMathLib.LnWadUndefined.selector);
        calls.lnUp(1 << 255);
    }

    function testFuzz_roots_and_products_enclose_the_real_ones(uint256 n, uint128 a, uint128 b) public pure {
        uint256 root = HaircutMath.isqrtUp(n);
        if (root < 1 << 128) assertGe(root * root, n);
        if (n != 0) assertLt((root - 1) * (root - 1), n);
        (uint256 up, uint256 down) = (HaircutMath.mulUp(a, b), HaircutMath.mulDown(a, b));
        assertLe(down * WAD, uint256(a) * b);
        assertGe(up * WAD, uint256(a) * b);
        assertLe(up - down, 1);
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    function expectRefusal(uint256 field, uint256 value, string memory name, uint256 lowest, uint256 limit) private {
        uint256[12] memory row = toRow(example());
        row[field] = value;
        // A floor above the cap is said of the cap.
        uint256 named = field == 10 ? row[11] : value;
        vm.expectRevert(abi.encodeWithSelector(HaircutMath.OutsideDomain.selector, name, named, lowest, limit));
        calls.haircut(fromRow(row));
    }

    function example() private pure returns (Inputs memory) {
        return Inputs(8e17, 3e18, 1e8, 2e7, 3600, 1800, 5e15, 5e16, 5e14, 1.15e18, 0, 10_000);
    }

    /// @dev The whole domain, small and large numbers alike; fractions on both sides of WAD.
    function anyInputs(uint256[12] memory seeds) private pure returns (Inputs memory inputs) {
        uint8[12] memory bits = [80, 80, 112, 112, 32, 32, 62, 80, 62, 80, 13, 13];
        uint256[12] memory row;
        for (uint256 i; i < FIELDS; ++i) {
            row[i] = (seeds[i] >> 8) >> (248 - uint256(uint8(seeds[i])) % (bits[i] + 1));
        }
        row[9] = FixedPointMathLib.max(row[9], WAD);
        (row[10], row[11]) = row[10] < row[11] ? (row[10], row[11]) : (row[11], row[10]);
        return fromRow(row);
    }

    /// @dev Inputs as markets have them, without floor and cap.
    function plausible(uint256[12] memory seeds) private pure returns (Inputs memory) {
        uint64[10] memory largest = [5e18, 10e18, 1e9, 1e9, 86_400, 7200, 2e17, 25e16, 5e16, 2e18];
        uint256[12] memory row;
        for (uint256 i; i < 10; ++i) {
            row[i] = bound(seeds[i], i == 9 ? WAD : i == 3 ? 1e6 : 0, largest[i]);
        }
        row[11] = 10_000;
        return fromRow(row);
    }

    function fromRow(uint256[12] memory row) private pure returns (Inputs memory) {
        return abi.decode(abi.encode(row), (Inputs));
    }

    function toRow(Inputs memory inputs) private pure returns (uint256[12] memory) {
        return abi.decode(abi.encode(inputs), (uint256[12]));
    }
}
