// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Wish} from "./Base.t.sol";
import {Witness} from "./handlers/Witness.sol";
import {ICollateralParameters, Limits, Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {LiveWordLib} from "../src/types/LiveWord.sol";
import {ParametersLens} from "../src/views/ParametersLens.sol";

/// @dev The history against a reader who never looked away (handlers/Witness.sol).
contract HistoryTest is Witness {
    // ---------------------------------------------------------------------------------------------- ids, pages, times

    function test_EveryEntryIsReadByItsIdAsLongAsTheRingsHoldIt() public {
        for (uint256 i; i < 900; ++i) {
            pass(60);
            _write(uint256(keccak256(abi.encode("entries", i))));
        }
        uint256 oldest = _oldestHeld();
        uint256 newest = entries.length - 1;
        assertGt(oldest, 0, "the rings have wrapped");
        (uint256 low, uint256 high) = lens.historyRange(_watched());
        assertEq(low, oldest);
        assertEq(high, newest);
        for (uint256 id = oldest; id <= newest; ++id) {
            assertEq(lens.historyWord(_watched(), id), entries[id], "entry");
        }
        _truncated(oldest - 1, oldest, newest);
        _truncated(newest + 1, oldest, newest);
        _truncated(type(uint256).max, oldest, newest);
    }

    function test_PagesJoinToTheWholeAndStopAtTheNewest() public {
        for (uint256 i; i < 60; ++i) {
            pass(60);
            _write(uint256(keccak256(abi.encode("pages", i))));
        }
        uint256 newest = entries.length - 1;
        uint256 id;
        while (id <= newest) {
            uint256[] memory page = lens.historyPage(_watched(), id, 7);
            assertEq(page.length, newest + 1 - id < 7 ? newest + 1 - id : 7);
            for (uint256 i; i < page.length; ++i) {
                assertEq(page[i], entries[id + i]);
            }
            id += page.length;
        }
        assertEq(lens.historyPage(_watched(), newest, type(uint256).max).length, 1);
        assertEq(lens.historyPage(_watched(), 0, 0).length, 0);
        bytes memory truncated =
            abi.encodeWithSelector(ICollateralParameters.HistoryTruncated.selector, _watched(), newest + 1, 0, newest);
        vm.expectRevert(truncated);
        lens.historyPage(_watched(), newest + 1, 1);
    }

    function test_RevertWhen_TheTimeIsBeforeTheFirstEntryOrHasNotCome() public {
        uint256 listed = block.timestamp;
        pass(10);
        assertEq(lens.parametersAt(_watched(), listed).updateId, 0);
        _outOfRange(listed - 1, listed);
        _outOfRange(block.timestamp + 1, listed);
        _outOfRange(0, listed);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        lens.parametersAt(keccak256("x"), block.timestamp);
    }

    /// forge-config: default.fuzz.runs = 100
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_ParametersAtAnswersWhatParametersAnsweredThen(uint256 seed) public {
        for (uint256 i; i < 12; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            _passLooking(_gap(draw >> 128));
            _write(draw);
        }
        _passLooking(2 hours);
        for (uint256 i; i < sights.length; ++i) {
            Parameters memory expected = sights[i].values;
            // What waited is not part of the history.
            (expected.stagedBps, expected.pendingBps, expected.pendingAt) = (0, 0, 0);
            (expected.pendingLiquidationBps, expected.pendingLiquidationAt) = (0, 0);
            Parameters memory found = lens.parametersAt(_watched(), sights[i].time);
            assertEq(found.updateId, expected.updateId, "update id");
            assertEq(found.haircutBps, expected.haircutBps, "effective haircut");
            assertEq(found.liquidationHaircutBps, expected.liquidationHaircutBps, "ramp");
            assertEq(abi.encode(found), abi.encode(expected), "the rest");
        }
    }

    function test_AtBeforeAndAfterEachStepOfARamp() public {
        passTime(1 hours);
        _write(14 | (80 << 8));
        uint256 start = block.timestamp;
        passTime(3 days);
        assertEq(lens.parametersAt(_watched(), start - 1).liquidationTargetBps, 2000);
        assertEq(lens.parametersAt(_watched(), start).liquidationHaircutBps, 2000);
        assertEq(lens.parametersAt(_watched(), start).liquidationTargetBps, 2030);
        // 30 bps in 3 days: one every 8,640 s.
        assertEq(lens.parametersAt(_watched(), start + 8639).liquidationHaircutBps, 2000);
        assertEq(lens.parametersAt(_watched(), start + 8640).liquidationHaircutBps, 2001);
        assertEq(lens.parametersAt(_watched(), start + 3 days - 1).liquidationHaircutBps, 2029);
        assertEq(lens.parametersAt(_watched(), start + 3 days).liquidationHaircutBps, 2030);
        assertEq(parameters.parameters(_watched()).liquidationHaircutBps, 2030);
    }

    function test_AnEntryOfLaterThan97DaysAfterItsReportIsKeptAsOf97Days() public {
        pass(60);
        report(_watched(), 3000);
        uint256 observed = live(_watched()).observedTime();
        passTime(120 days);
        vm.prank(governance);
        parameters.raiseRegime(_watched(), 1, 1 hours);
        assertEq(LiveWordLib.writtenTime(lens.historyWord(_watched(), 2)), observed + (1 << 23) - 1);
    }

    // ---------------------------------------------------------------------------------------------- the day's highest

    /// forge-config: default.fuzz.runs = 100
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_TheDaysHighestIsTheHighestThatAnybodySawInTheDay(uint256 seed) public {
        for (uint256 i; i < 16; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            _passLooking(_gap(draw >> 128));
            _write(draw);
        }
        _passLooking(1 hours);
        _compareDays();
    }

    function test_TheDaysHighestOverSilentMonths() public {
        _write(12 | (uint256(1) << 8) | (uint256(1 days) << 16));
        _passLooking(63 days);
        _compareDays();
        pass(60);
        _write(0 | (5000 << 8) | (uint256(1) << 200));
        _compareDays();
        _passLooking(70 days);
        pass(60);
        _write(0 | (6000 << 8) | (uint256(1) << 200));
        _compareDays();
    }

    /// @dev A lane names its round of 64 days in two bits, so that of 256 days ago looks like this one's.
    function test_TheDaysHighestOfAYearAgoIsNotTakenForThisYears() public {
        pass(60);
        _write(12 | (uint256(2) << 8) | (uint256(1 hours) << 16));
        _passLooking(1 days);
        _write(12 | (uint256(0) << 8) | (uint256(1 hours) << 16));
        uint256 day = block.timestamp / 1 days;
        assertEq(lens.dayHighest(_watched(), day - 1), 10_000);
        _passLooking(265 days);
        pass(60);
        _write(0 | (3000 << 8) | (uint256(1) << 200));
        assertLe(lens.dayHighest(_watched(), day - 1 + 256), 9000);
        _compareDays();
    }

    function test_ARaiseAfterMidnightDoesNotTouchTheDayBefore() public {
        pass(60);
        _write(0 | (3000 << 8) | (uint256(1) << 200));
        _passLooking(1 days - block.timestamp % 1 days + 2 hours);
        _write(12 | (uint256(2) << 8) | (uint256(1 hours) << 16));
        assertEq(parameters.parameters(_watched()).haircutBps, 10_000);
        uint256 today = block.timestamp / 1 days;
        uint256 before = haircut(_watched());
        assertEq(lens.dayHighest(_watched(), today), 10_000);
        assertEq(lens.dayHighest(_watched(), today - 1), before, "nobody saw it halted then");
        _passLooking(1 days);
        pass(60);
        _write(0 | (3000 << 8) | (uint256(1) << 200));
        assertEq(lens.dayHighest(_watched(), today - 1), before, "nor does it become so later");
    }

    function test_TheDaysHighestOutlivesADelisting() public {
        vm.startPrank(governance);
        parameters.raiseRegime(_watched(), 3, 600);
        parameters.delistMarket(_watched());
        passTime(3 hours);
        parameters.listMarket(_watched(), 1, 3000, 2000, 500);
        assertEq(lens.dayHighest(_watched(), block.timestamp / 1 days), 10_000, "same day");
        uint256 day = block.timestamp / 1 days;
        parameters.delistMarket(_watched());
        passTime(3 days);
        parameters.listMarket(_watched(), 1, 3000, 2000, 500);
        assertEq(lens.dayHighest(_watched(), day), 10_000, "days later");
    }

    function test_RevertWhen_TheDayIsOlderThan64OrHasNotCome() public {
        uint256 today = block.timestamp / 1 days;
        _dayOutOfRange(today - 64, today);
        _dayOutOfRange(today + 1, today);
        assertEq(lens.dayHighest(_watched(), today - 63), 0, "before the listing nothing was seen");
        assertEq(lens.dayHighest(_watched(), today), 3000);
    }

    // --------------------------------------------------------------------------------------------------- not flushable

    /// @dev Hourly reports keep everything open that anybody could call on, who calls every ten minutes.
    function test_AnybodyMakesFewEntriesADayHoweverOftenHeCalls() public {
        // Loosening and the liquidation law: one each at maturity, one each for the quarter that is back 12 h later.
        // Trips: of the half of a week's 12 h that is there at once two, one more after 24 h, then one in 2.7 days.
        Limits memory limits = defaultLimits();
        limits.bounded = true;
        vm.prank(governance);
        parameters.setLimits(1, limits);
        assertEq(_hammer(1 days), 6, "first day");
        uint256 worst;
        for (uint256 day; day < 20; ++day) {
            uint256 made = _hammer(1 days);
            if (made > worst) worst = made;
        }
        assertLe(worst, 6, "then refills only");
        emit log_named_uint("entries in 21 days", aux(_watched()).extraUpdates);
        (uint256 oldest,) = lens.historyRange(_watched());
        assertLt(aux(_watched()).extraUpdates, 128, "no change was pushed out in 21 days");
        assertEq(live(_watched()).sequence(), 21 * 24);
        assertLe(oldest, live(_watched()).sequence() - 255 + aux(_watched()).extraUpdates, "nor a report by them");
    }

    /// @return made Entries that were not reports.
    function _hammer(uint256 duration) private returns (uint256 made) {
        uint256 before = aux(_watched()).extraUpdates;
        for (uint256 i; i < duration / 600; ++i) {
            pass(50);
            if (i % 6 == 0) _reportEverythingLooser();
            bytes32 market = _watched();
            vm.startPrank(stranger);
            try parameters.advance(market) {} catch {}
            try parameters.activate(market) {} catch {}
            try parameters.activateLiquidation(market) {} catch {}
            vm.stopPrank();
            vm.prank(governance);
            try parameters.trip(market) {} catch {}
        }
        made = aux(_watched()).extraUpdates - before;
    }

    function _reportEverythingLooser() private {
        Wish memory w = wish(_watched(), 0);
        (w.liquidationHaircutBps, w.bonusBps) = (9000, 0);
        publish(newestSample(), pack(w));
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _compareDays() private view {
        uint256 today = block.timestamp / 1 days;
        for (uint256 day = startDay > today - 63 ? startDay : today - 63; day <= today; ++day) {
            assertEq(lens.dayHighest(_watched(), day), highest[day], "highest of a day");
        }
    }

    /// @dev Seconds to days, rarely months.
    function _gap(uint256 draw) private pure returns (uint256) {
        uint256 scale = draw % 16;
        if (scale < 4) return 720 + (draw >> 8) % 720;
        if (scale < 12) return 720 + (draw >> 8) % 12 hours;
        return 720 + (draw >> 8) % (scale == 15 ? 70 days : 3 days);
    }

    function _truncated(uint256 id, uint256 oldest, uint256 newest) private {
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.HistoryTruncated.selector, _watched(), id, oldest, newest)
        );
        lens.historyWord(_watched(), id);
    }

    function _outOfRange(uint256 time, uint256 oldest) private {
        vm.expectRevert(
            abi.encodeWithSelector(ParametersLens.TimeOutOfRange.selector, _watched(), time, oldest, block.timestamp)
        );
        lens.parametersAt(_watched(), time);
    }

    function _dayOutOfRange(uint256 day, uint256 today) private {
        vm.expectRevert(
            abi.encodeWithSelector(ParametersLens.DayOutOfRange.selector, _watched(), day, today - 63, today)
        );
        lens.dayHighest(_watched(), day);
    }
}
