// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Base, Wish} from "./Base.t.sol";
import {Limits, Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {LiveWord} from "../src/types/LiveWord.sol";

/// @dev What readers get: stored, widened by silence, raised by the regime.
contract EffectiveTest is Base {
    uint256 private constant YEAR = 31_536_000;
    uint256 private constant MARKETS_SLOT = 0;
    uint256 private constant LIMITS_SLOT = 1;

    // ------------------------------------------------------------------------------------------------------- silence

    function test_NothingWidensUpToTheGraceAndItDoesOneSecondLater() public {
        uint256 graceEnds = _reported(3000) + 19 hours;
        vm.warp(graceEnds - 1);
        _expect(3000, false);
        vm.warp(graceEnds);
        _expect(3000, false);
        vm.warp(graceEnds + 1);
        // 40/256 * sqrt(1 s / 1 year) of 7,000 bps is 0.19 bps, rounded up.
        _expect(3001, true);
    }

    function test_ADayOfSilenceBeyondTheGrace() public {
        vm.warp(_reported(3000) + 19 hours + 1 days);
        // 40/256 * sqrt(1/365) of 7,000 bps is 57.25 bps.
        _expect(3058, true);
        assertEq(parameters.parameters(MARKET).storedHaircutBps, 3000);
        assertEq(parameters.parameters(MARKET).ageSeconds, 19 hours + 1 days);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000, "silence liquidates nobody");
    }

    function test_SilenceWidensUpToTheCapAndNoFurther() public {
        _reportedWithDecay(3000, 16_383);
        passTime(30 days);
        _expect(9000, true);
        passTime(1000 days);
        _expect(9000, true);
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000);
    }

    function test_AValueAboveTheCapStaysAsItIs() public {
        _reported(3000);
        _setLimits(2500, 19 hours, 26);
        passTime(30 days);
        _expect(3000, true);
        _raise(1, 1 hours);
        _expect(3000, true);
        _raise(3, 1 hours);
        _expect(10_000, true);
    }

    function test_ARaisedDecayFloorCountsAtOnce() public {
        vm.warp(_reported(3000) + 19 hours + 1 days);
        _setLimits(9000, 19 hours, 80);
        // Twice the 57.25 bps that the signed decay of 40 gives.
        _expect(3115, true);
        _setLimits(9000, 19 hours, 1);
        _expect(3058, true);
    }

    function test_AReportMakesItFreshAgain() public {
        vm.warp(_reported(3000) + 40 hours);
        assertGt(parameters.parameters(MARKET).haircutBps, 3000);
        report(MARKET, 3000);
        _expect(3000, false);
    }

    /// @dev The live word carries it too, so that the next report of the day can go without the words of the days.
    function test_TheFirstReportOfADayCarriesTheDaysHighestOn() public {
        report(MARKET, 3500);
        passTime(1 days - block.timestamp % 1 days + 20 hours);
        uint256 widened = parameters.parameters(MARKET).haircutBps;
        assertGt(widened, 3540, "silence");
        report(MARKET, 3510);
        uint256 today = block.timestamp / 1 days;
        assertEq(haircut(MARKET), 3510);
        assertGe(live(MARKET).dayHighestBps(), widened);
        assertEq(live(MARKET).dayHighestBps(), lens.dayHighest(MARKET, today));
        report(MARKET, 3520);
        assertEq(live(MARKET).dayHighestBps(), lens.dayHighest(MARKET, today));
    }

    /// @dev The grace ends with a day's last second, and the first second after it widens by far.
    function test_ADaysHighestEndsWithItsLastSecond() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.decay = (1 << 14) - 1;
        publish(newestSample(), pack(w));
        uint256 day = block.timestamp / 1 days;
        Limits memory values = defaultLimits();
        values.graceSeconds = uint32((day + 1) * 1 days - 1 - live(MARKET).observedTime());
        vm.prank(governance);
        parameters.setLimits(0, values);
        vm.warp((day + 1) * 1 days);
        uint256 widened = parameters.parameters(MARKET).haircutBps;
        assertGt(widened, 3520);
        assertEq(lens.dayHighest(MARKET, day), 3500);
        assertEq(lens.dayHighest(MARKET, day + 1), widened);
        passTime(1 hours);
        assertEq(lens.dayHighest(MARKET, day), 3500);
        report(MARKET, 3600);
        assertEq(lens.dayHighest(MARKET, day), 3500, "written down");
    }

    /// @dev A raise counts up to its last second, with the age of that second: the grace ends with it.
    function test_ADaysHighestTakesARaiseInItsLastSecond() public {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3500);
        w.decay = (1 << 14) - 1;
        publish(newestSample(), pack(w));
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        uint256 expiry = parameters.parameters(MARKET).regimeExpiry;
        Limits memory values = defaultLimits();
        values.graceSeconds = uint32(expiry - 1 - live(MARKET).observedTime());
        vm.prank(governance);
        parameters.setLimits(0, values);
        uint256 day = block.timestamp / 1 days;
        vm.warp(expiry - 1);
        assertEq(parameters.parameters(MARKET).haircutBps, 3800);
        vm.warp(expiry + 1);
        assertGt(parameters.parameters(MARKET).haircutBps, 3500);
        assertLt(parameters.parameters(MARKET).haircutBps, 3800);
        assertEq(expiry / 1 days, day);
        assertEq(lens.dayHighest(MARKET, day), 3800);
    }

    function testFuzz_TheWideningIsTheFormulaOfTheModels(uint256 bps, uint256 decay, uint256 age) public {
        bps = bound(bps, 2000, 4000);
        decay = bound(decay, 0, 16_383);
        uint256 observed = _reportedWithDecay(bps, decay);
        vm.warp(observed + bound(age, 0, 400 days) + (block.timestamp - observed));
        uint256 stored = haircut(MARKET);
        uint256 expected = _widened(stored, Math.max(decay, 26), block.timestamp - observed, 9000);
        _expect(expected, block.timestamp > observed + 19 hours);
    }

    function testFuzz_SilenceOnlyWidens(uint256 decay, uint256 first, uint256 second, uint256 level) public {
        _reportedWithDecay(3000, bound(decay, 0, 16_383));
        level = bound(level, 0, 3);
        if (level != 0) _raise(uint8(level), 7 days);
        passTime(bound(first, 0, 3 days));
        uint256 before = parameters.parameters(MARKET).haircutBps;
        passTime(bound(second, 0, 3 days));
        assertGe(parameters.parameters(MARKET).haircutBps, before);
        assertGe(before, 3000);
    }

    // ------------------------------------------------------------------------------------------------------- regimes

    function test_RegimesAddToTheHaircutAndHaltedTakesNothing() public {
        _reported(3000);
        _raise(1, 1 hours);
        _expect(3300, false);
        _raise(2, 1 hours);
        _expect(4000, false);
        assertEq(parameters.parameters(MARKET).ceiling, type(uint256).max, "none set");
        _raise(3, 1 hours);
        _expect(10_000, false);
        assertEq(parameters.parameters(MARKET).ceiling, 0, "no new debt");
        assertEq(parameters.parameters(MARKET).liquidationHaircutBps, 2000, "no alarm liquidates anybody");
        assertEq(parameters.parameters(MARKET).bonusBps, 500);
    }

    function test_ARegimeAddsOnTopOfTheWideningUpToTheCap() public {
        vm.warp(_reported(3000) + 19 hours + 1 days);
        _raise(2, 1 hours);
        _expect(4058, true);
        _setLimits(4000, 19 hours, 26);
        _expect(4000, true);
    }

    function testFuzz_ARegimeEndsByItselfAtItsRoundedExpiry(uint256 start, uint256 duration) public {
        _reported(3000);
        passTime(bound(start, 0, 1 hours));
        duration = bound(duration, 1, 10 hours);
        uint256 until = block.timestamp + duration;
        _raise(1, uint32(duration));
        uint256 expiry = parameters.parameters(MARKET).regimeExpiry;
        assertGe(expiry, until);
        assertLt(expiry, until + 1024, "rounded up to 1,024 s");
        assertEq(expiry % 1024, 0);
        vm.warp(expiry - 1);
        _expect(3300, false);
        vm.warp(expiry);
        _expect(3000, false);
        assertEq(parameters.parameters(MARKET).regime, 0);
        assertEq(parameters.parameters(MARKET).regimeExpiry, 0);
    }

    // -------------------------------------------------------------------------------------------------- any words

    /// @dev Whatever the slots hold, a listed market answers and says how fresh it is.
    function testFuzz_ParametersNeverRevertsForAListedMarket(
        uint256 word,
        uint256[3] memory rest,
        uint256 limits,
        uint256 law,
        uint256 time,
        bool ended
    ) public {
        if (ended) {
            vm.prank(governance);
            parameters.sunset(stranger);
        }
        word |= uint256(2) << 253;
        uint256 base = uint256(keccak256(abi.encode(MARKET, MARKETS_SLOT)));
        vm.store(address(parameters), bytes32(base), bytes32(word));
        for (uint256 i; i < 3; ++i) {
            vm.store(address(parameters), bytes32(base + 1 + i), bytes32(rest[i]));
        }
        uint256 profile = uint256(keccak256(abi.encode(uint256(LiveWord.wrap(word).profile()), LIMITS_SLOT)));
        vm.store(address(parameters), bytes32(profile), bytes32(limits));
        vm.store(address(parameters), bytes32(profile + 1), bytes32(law));
        vm.warp(bound(time, block.timestamp, type(uint32).max));

        Parameters memory values = parameters.parameters(MARKET);
        uint256 observed = LiveWord.wrap(word).observedTime();
        assertEq(values.ageSeconds, block.timestamp > observed ? block.timestamp - observed : 0);
        assertEq(values.observedTime, observed);
        assertEq(values.storedHaircutBps, word & 0x3fff);
        if (!ended) assertEq(values.stale, values.ageSeconds > (limits >> 158) & 0x3fffff);
        if (values.regime == 3) assertEq(values.haircutBps, 10_000);
        else assertGe(values.haircutBps, values.storedHaircutBps);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _expect(uint256 bps, bool stale) private view {
        assertEq(parameters.parameters(MARKET).haircutBps, bps, "effective haircut");
        assertEq(parameters.parameters(MARKET).stale, stale, "stale");
    }

    /// @return Observed time of a report that sets this haircut.
    function _reported(uint256 bps) private returns (uint256) {
        return _reportedWithDecay(bps, 40);
    }

    function _reportedWithDecay(uint256 bps, uint256 decay) private returns (uint256) {
        pass(CADENCE);
        Wish memory w = wish(MARKET, bps);
        w.decay = uint16(decay);
        publish(newestSample(), pack(w));
        assertEq(live(MARKET).sequence(), 1);
        return live(MARKET).observedTime();
    }

    function _raise(uint8 level, uint32 duration) private {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, level, duration);
    }

    function _setLimits(uint16 cap, uint32 grace, uint16 decayFloor) private {
        Limits memory values = defaultLimits();
        (values.capBps, values.graceSeconds, values.decayFloor) = (cap, grace, decayFloor);
        (values.sigmaFloorBps, values.kFloor) = (0, 0);
        vm.prank(governance);
        parameters.setLimits(0, values);
    }

    /// @dev models.md 6.1, written anew.
    function _widened(uint256 bps, uint256 decay, uint256 age, uint256 cap) private pure returns (uint256) {
        if (age <= 19 hours || bps >= cap) return bps;
        uint256 root = Math.sqrt(Math.ceilDiv((age - 19 hours) * 1e36, YEAR), Math.Rounding.Ceil);
        uint256 x = Math.ceilDiv(decay * 1e18 / 256 * root, 1e18);
        return Math.min(cap, bps + Math.ceilDiv((10_000 - bps) * x, 1e18));
    }
}
