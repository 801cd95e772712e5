// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Refusal} from "../src/interfaces/ICollateralParameters.sol";
import {Days} from "../src/libraries/DayLib.sol";
import {GuardLib, Observation} from "../src/libraries/GuardLib.sol";
import {QuietLib} from "../src/libraries/QuietLib.sol";
import {Aux, AuxLib} from "../src/types/AuxWord.sol";
import {LawWord} from "../src/types/LawWord.sol";
import {LimitsWord} from "../src/types/LimitsWord.sol";
import {LiveWord} from "../src/types/LiveWord.sol";
import {Report, ReportLib} from "../src/types/Report.sol";

/// @dev The short way and the long way over the same words.
contract QuietLibTest is Test {
    Days internal _days;
    uint256 internal quiet;
    uint256 internal loud;

    struct Case {
        uint16 haircut;
        uint16 liquidation;
        uint16 bonus;
        uint32 ceiling;
        uint16 crunch;
        uint32 age;
        uint32 blockNumber;
        uint24 sequence;
        uint16 decay;
        uint8 profile;
        uint16 highest;
        uint16 floor;
        uint16 cap;
        uint16 step;
        uint32 grace;
        uint16 decayFloor;
        uint16 wish;
        uint16 wishCrunch;
        uint16 wishDecay;
        uint32 observedAge;
        uint8 blocks;
        uint8 coreLength;
        uint8 batchIndex;
        uint8 twist;
    }

    function testFuzz_TheShortWayIsTheLongWay(Case memory c) public {
        vm.warp(1_800_000_000 + uint256(c.age) * 7 % 86_400);
        vm.roll(20_000_000);
        LiveWord live = LiveWord.wrap(_live(c));
        LimitsWord limits = LimitsWord.wrap(_limits(c));
        uint256 fields = _fields(c);
        Observation memory seen = Observation({
            observedBlock: live.observedBlock() + c.blocks % 40,
            observedTime: block.timestamp - c.observedAge % 4000,
            batchIndex: c.batchIndex % 128,
            routine: c.twist != 7
        });
        uint256 got = QuietLib.apply_(live, limits, fields, c.coreLength, seen);
        if (got == 0) {
            ++loud;
            return;
        }
        ++quiet;
        assertEq(got, _long(live, limits, ReportLib.unpack(0, fields, c.coreLength), seen));
    }

    /// @dev Values with which every report is quiet.
    function testFuzz_QuietReportsAreTheSameTheLongWay(Case memory c) public {
        c.floor = c.floor % 2500;
        c.cap = 9000 + c.cap % 1001;
        c.haircut = 2500 + c.haircut % 6000;
        c.liquidation = c.liquidation % (c.haircut + 1);
        c.step = 500 + c.step % 2000;
        c.wish = c.haircut + c.wish % 500;
        c.age = c.age % 3000;
        c.observedAge = c.age == 0 ? 0 : c.observedAge % c.age;
        c.grace = 3000 + c.grace % 90_000;
        c.blockNumber = c.blockNumber % 19_000_000;
        c.blocks = 1 + c.blocks % 30;
        c.sequence = c.sequence % 16_000_000;
        c.wishCrunch = c.wishCrunch % 1001;
        c.wishDecay = c.wishDecay % 16_384;
        c.coreLength = c.coreLength % 193;
        c.twist = c.twist % 2;
        testFuzz_TheShortWayIsTheLongWay(c);
        // But for the change of the day.
        assertEq(quiet, block.timestamp / 86_400 == (block.timestamp - c.age) / 86_400 ? 1 : 0);
    }

    /// @dev One beyond what the fields of the live word, or the limits, take: the long way clamps or refuses it.
    function test_WhatIsAtABoundIsQuietAndOneBeyondIsNot() public {
        for (uint8 i; i < 6; ++i) {
            for (uint256 beyond; beyond < 2; ++beyond) {
                assertEq(_bounded(i, beyond) == 0, beyond == 1, vm.toString(i));
            }
        }
    }

    function _bounded(uint8 which, uint256 beyond) private returns (uint256) {
        vm.warp(1_800_000_000);
        vm.roll(20_000_000);
        uint256 sequence = which == 0 ? (1 << 24) - 2 + beyond : 7;
        uint256 age = which == 1 ? 7200 + beyond : 300;
        uint256 word = 3000 | (uint256(2000) << 14) | (uint256(2000) << 28) | ((block.timestamp - age) << 124);
        word |= (uint256(19_999_000) << 156) | (sequence << 188) | (uint256(2) << 253);
        uint256 limits = (uint256(9000) << 14) | (uint256(1000) << 28) | (uint256(7200) << 158);
        uint256 fields = (which == 2 ? 4000 + beyond : 3100) << 240;
        fields |= (which == 3 ? 1000 + beyond : 5) << 152;
        fields |= (which == 4 ? (1 << 14) - 1 + beyond : 40) << 128;
        Observation memory seen = Observation(19_999_025, block.timestamp, 127, true);
        uint256 core = which == 5 ? 192 + beyond : 0;
        uint256 got = QuietLib.apply_(LiveWord.wrap(word), LimitsWord.wrap(limits), fields, core, seen);
        if (got != 0) {
            Report memory report = ReportLib.unpack(0, fields, core);
            assertEq(got, _long(LiveWord.wrap(word), LimitsWord.wrap(limits), report, seen));
        }
        return got;
    }

    /// @dev A ramp downward: where it starts binds the haircut until it has ended.
    function test_AHaircutStaysAboveBothEndsOfTheRamp() public {
        vm.warp(1_800_000_000);
        vm.roll(20_000_000);
        LimitsWord limits = LimitsWord.wrap((uint256(9000) << 14) | (uint256(1000) << 28) | (uint256(7200) << 158));
        Observation memory seen = Observation(19_999_990, block.timestamp, 0, true);
        uint256 fields = uint256(3100) << 240;
        for (uint256 i; i < 2; ++i) {
            (uint256 from, uint256 to) = i == 0 ? (uint256(3400), uint256(3200)) : (uint256(3200), uint256(3400));
            uint256 word = 3000 | (to << 14) | (from << 28) | (block.timestamp << 124) | (uint256(2) << 253);
            uint256 got = QuietLib.apply_(LiveWord.wrap(word), limits, fields, 0, seen);
            assertEq(LiveWord.wrap(got).haircutBps(), 3400);
            assertEq(got, _long(LiveWord.wrap(word), limits, ReportLib.unpack(0, fields, 0), seen));
        }
    }

    /// @dev A fuzz test that never takes the short way would prove nothing.
    function test_MostOrdinaryReportsAreQuiet() public {
        Case memory c;
        c.haircut = 3000;
        c.liquidation = 2000;
        c.cap = 9000;
        c.step = 1000;
        c.grace = 7200;
        c.wish = 3500;
        c.blocks = 25;
        c.age = 300;
        c.blockNumber = 19_999_000;
        testFuzz_TheShortWayIsTheLongWay(c);
        assertEq(quiet, 1);
        // Each of these alone is not.
        for (uint8 twist = 2; twist < 8; ++twist) {
            c.twist = twist;
            testFuzz_TheShortWayIsTheLongWay(c);
        }
        c.twist = 0;
        c.wish = 4001;
        testFuzz_TheShortWayIsTheLongWay(c);
        c.wish = 2999;
        testFuzz_TheShortWayIsTheLongWay(c);
        assertEq(quiet, 1);
        assertEq(loud, 8);
    }

    function _long(LiveWord live, LimitsWord limits, Report memory report, Observation memory seen)
        private
        returns (uint256)
    {
        (Refusal refusal,,) = GuardLib.check(live, limits, LawWord.wrap(0), report, seen);
        assertEq(uint8(refusal), uint8(Refusal.None));
        // What a closed aux word may still hold.
        Aux memory aux = AuxLib.unpack((uint256(77) << 92) | (uint256(5) << 124) | (uint256(3) << 196));
        uint256 before = aux.pack();
        LiveWord next = GuardLib.applyReport(live, aux, limits, report, seen);
        assertEq(aux.pack(), before);
        assertFalse(aux.isOpen());
        uint256 highest = _days.note(live, live.observedTime(), next, limits);
        return next.withSeal(highest, false, false).raw();
    }

    function _live(Case memory c) private view returns (uint256 word) {
        word = uint256(c.haircut % 10_001) | (uint256(c.liquidation % 10_000) << 14);
        word |= (uint256(c.twist == 1 ? 0 : c.liquidation % 10_000) << 28) | (uint256(c.bonus % 1501) << 42);
        word |= (uint256(c.twist == 2 ? 5 : 0) << 56) | (uint256(c.ceiling % (1 << 20)) << 70);
        word |= (uint256(c.crunch % 1001) << 90) | (uint256(c.twist == 3 ? 1 : 0) << 100);
        word |= ((block.timestamp - c.age % 100_000) << 124) | (uint256(c.blockNumber % 20_000_000) << 156);
        word |= (uint256(c.sequence) << 188) | (uint256(c.decay % 16_384) << 212) | (uint256(c.batchIndex % 3) << 226);
        word |= (uint256(c.profile % 64) << 233) | (uint256(c.highest % 10_001) << 239);
        word |= uint256(c.twist == 4 ? 3 : c.twist == 5 ? 6 : 2) << 253;
    }

    function _limits(Case memory c) private pure returns (uint256 word) {
        word = uint256(c.floor % 10_001) | (uint256(c.cap % 10_001) << 14) | (uint256(c.step % 16_384) << 28);
        word |= (uint256(c.grace % 200_000) << 158) | (uint256(c.decayFloor % 16_384) << 180);
        word |= uint256(c.twist == 6 ? 1 : 0) << 244;
    }

    function _fields(Case memory c) private pure returns (uint256 word) {
        word = (uint256(c.wish) << 240) | (uint256(c.wishCrunch % 1100) << 152) | (uint256(c.wishDecay % 17_000) << 128);
        word |= uint256(c.sequence) << 96;
    }
}
