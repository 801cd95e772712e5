// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LawBase} from "./LawBase.t.sol";
import {Limits} from "../src/interfaces/ICollateralParameters.sol";
import {LiveWord} from "../src/types/LiveWord.sol";

/// @dev How far the liquidation haircut can go in a time, and that its group holds on the way.
contract LiquidationBudgetTest is LawBase {
    struct Move {
        uint256 time;
        uint256 bps;
    }

    Move[] private targets;
    Move[] private positions;

    function test_ThirtyDaysOfMovesInOneDirectionMeetBothBudgets() public {
        uint256 start = block.timestamp;
        for (uint256 i; i < 60; ++i) {
            propose(6000, 500);
            passTime(12 hours);
            try parameters.activateLiquidation(MARKET) {} catch {}
            agree();
        }
        uint256 total = live(MARKET).liquidationTargetBps() - 2000;
        // 150 at once, then 150 in 14 days.
        assertLe(total, 150 + 150 * (block.timestamp - start) / 14 days);
        assertGe(total, 150 + 150 * (block.timestamp - start) / 14 days - 50, "the budget was used");
    }

    /// @dev Any 24 h <= 100 bps and any 14 days <= 300 bps, of the targets and of what loans feel, both directions added up;
    /// and the group holds after every move.
    /// forge-config: default.fuzz.runs = 200
    function test_AnyDayAndAnyFortnightStayInsideTheBudgets(uint256 seed, uint32 ramp) public {
        _start(uint32(bound(ramp, 1, 14 days)), 2000, 500);
        uint256 before = 2000;
        uint256 felt = 2000;
        for (uint256 i; i < 120; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            passTime(1 + seed % (i % 3 == 0 ? 3 days : 8 hours));
            uint256 position = liquidationNow();
            if (position != felt) positions.push(Move(block.timestamp, _gap(position, felt)));
            felt = position;
            // A long pull one way, then the other, then noise.
            uint256 goal = i < 50 ? 5000 : i < 90 ? 600 : 600 + (seed >> 64) % 4000;
            _pull(goal, (seed >> 128) % 1500);
            LiveWord word = live(MARKET);
            uint256 target = word.liquidationTargetBps();
            if (target != before) targets.push(Move(block.timestamp, _gap(target, before)));
            before = target;
            uint256 lowest = target < liquidationNow() ? target : liquidationNow();
            assertLe((10_000 - lowest) * (10_000 + word.bonusBps()), 1e8, "INV-05");
            assertGe(word.haircutBps(), target, "INV-04");
            assertGe(word.haircutBps(), liquidationNow(), "INV-04 on the ramp");
        }
        _checkWindows(targets, 1 days, 100);
        _checkWindows(targets, 14 days, 300);
        assertGt(targets.length, 8, "it did move");
    }

    function _checkWindows(Move[] storage moves, uint256 window, uint256 budget) private view {
        for (uint256 i; i < moves.length; ++i) {
            uint256 total;
            for (uint256 j = i; j < moves.length && moves[j].time <= moves[i].time + window; ++j) {
                total += moves[j].bps;
            }
            assertLe(total, budget);
        }
    }

    /// @dev What loans feel in a day, sampled hourly over a month of moves as quick as they come.
    /// forge-config: default.fuzz.runs = 64
    function test_LoansFeelNoMoreThanTheBudgetOfADay(uint256 seed, uint32 ramp) public {
        _start(uint32(bound(ramp, 1, 5 days)), 2000, 500);
        uint256[] memory path = new uint256[](500);
        for (uint256 hour; hour < path.length; ++hour) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 4 != 0) _pull(5000, 500);
            path[hour] = liquidationNow();
            if (hour >= 24) assertLe(path[hour] - path[hour - 24], 100);
            if (hour >= 336) assertLe(path[hour] - path[hour - 336], 300);
            passTime(1 hours);
        }
        assertGt(path[499], 2200);
    }

    /// @dev A group that was broken before (no route here leads to one) is repaired by a tightening: the bonus comes down
    /// to what the lowest threshold of the ramp leaves, rounded down.
    function test_ATighteningRepairsABrokenGroupByItsBonus(uint16 haircut_, uint16 bonus) public {
        haircut_ = uint16(bound(haircut_, 0, 5000));
        uint256 most = 1e8 / (10_000 - uint256(haircut_)) - 10_000;
        bonus = uint16(bound(bonus, most + 60, 16_383));
        _start(3 days, haircut_, bonus);
        _pull(haircut_ + 50, bonus);
        assertEq(live(MARKET).bonusBps(), most);
        assertEq(live(MARKET).liquidationTargetBps(), haircut_ + 50);
        assertLe((10_000 - uint256(haircut_)) * (10_000 + most), 1e8);
        assertGt((10_000 - uint256(haircut_)) * (10_000 + most + 1), 1e8, "no lower than it must");
    }

    /// @dev Bounds of the law wide open, and values put in place without a ramp.
    function _start(uint32 ramp, uint256 liquidation, uint256 bonus) private {
        Limits memory values = boundedLimits();
        (values.rampSeconds, values.liquidationFloorBps, values.liquidationCapBps) = (ramp, 0, 9999);
        values.bonusCapBps = 10_000;
        setLimits(BOUNDED, values);
        // Haircut, both ends of the ramp, bonus: the lowest 56 bits.
        uint256 word = parameters.liveWord(MARKET) >> 56 << 56;
        word |= (liquidation + 100) | (liquidation << 14) | (liquidation << 28) | (bonus << 42);
        vm.store(address(parameters), _slot(0), bytes32(word));
    }

    /// @dev Move towards these as if they had been proposed by fresh reports and disputed by nobody.
    function _pull(uint256 liquidation, uint256 bonus) private {
        uint256 state = _with(lens.liquidationWord(MARKET), 0, 14, liquidation);
        state = _with(_with(state, 14, 14, bonus), 28, 32, block.timestamp - 6 hours);
        vm.store(address(parameters), _slot(2), bytes32(state));
        // Observed just now, and with a liquidation word (flag 4).
        uint256 word = _with(parameters.liveWord(MARKET), 124, 32, block.timestamp) | (4 << 253);
        vm.store(address(parameters), _slot(0), bytes32(word));
        try parameters.activateLiquidation(MARKET) {} catch {}
    }

    function _with(uint256 word, uint256 shift, uint256 width, uint256 value) private pure returns (uint256) {
        uint256 mask = ((1 << width) - 1) << shift;
        return (word & ~mask) | (value << shift);
    }

    function _slot(uint256 offset) private pure returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode(MARKET, uint256(0)))) + offset);
    }

    function _gap(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }
}
