// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Aux, AuxLib} from "../src/types/AuxWord.sol";
import {Bits} from "../src/types/Bits.sol";
import {Guard, GuardWordLib} from "../src/types/GuardWord.sol";
import {LawWord} from "../src/types/LawWord.sol";
import {LimitsWord} from "../src/types/LimitsWord.sol";
import {Liquidation, LiquidationWordLib} from "../src/types/LiquidationWord.sol";
import {LiveWord, LiveWordLib} from "../src/types/LiveWord.sol";

/// @dev The packed words bit by bit, as the table above each type draws them: readers on and off chain rest on it.
contract WordsTest is Test {
    uint256 private _at;

    /// @dev The next field of a word in the order of its table; fields follow each other without a gap.
    function _next(uint256 word, uint256 width) private returns (uint256 value) {
        value = (word >> _at) % (2 ** width);
        _at += width;
    }

    // -------------------------------------------------------------------------------------------------------- live

    function testFuzz_TheLiveWordsFieldsLieAsDrawn(uint256 word) public {
        LiveWord live = LiveWord.wrap(word);
        assertEq(live.haircutBps(), _next(word, 14), "haircut");
        assertEq(live.liquidationTargetBps(), _next(word, 14), "liquidation target");
        assertEq(live.rampFromBps(), _next(word, 14), "ramp from");
        assertEq(live.bonusBps(), _next(word, 14), "bonus");
        assertEq(live.premiumBps(), _next(word, 14), "premium");
        assertEq(live.ceiling(), _next(word, 20), "ceiling");
        assertEq(live.crunchPermille(), _next(word, 10), "crunch");
        (uint256 level, uint256 expiry) = live.storedRegime();
        assertEq(level, _next(word, 2), "regime");
        assertEq(expiry, _next(word, 22) * 1024, "regime expiry");
        assertEq(live.observedTime(), _next(word, 32), "observed time");
        assertEq(live.observedBlock(), _next(word, 32), "observed block");
        assertEq(live.sequence(), _next(word, 24), "sequence");
        assertEq(live.decay(), _next(word, 14), "decay");
        assertEq(live.batchIndex(), _next(word, 7), "batch index");
        assertEq(live.profile(), _next(word, 6), "profile");
        assertEq(live.dayHighestBps(), _next(word, 14), "day's highest");
        assertEq(live.hasAux(), _next(word, 1) == 1, "open aux word");
        assertEq(live.isListed(), _next(word, 1) == 1, "listed");
        assertEq(live.hasLiquidation(), _next(word, 1) == 1, "liquidation word");
        assertEq(_at, 256);
    }

    /// @dev Each writer changes its own fields and no other bit.
    function testFuzz_WritersOfTheLiveWordLeaveTheRest(uint256 word, uint256 seed) public pure {
        LiveWord live = LiveWord.wrap(word);
        uint256 bps = seed % 10_001;
        assertEq(live.withHaircut(bps).raw(), _put(word, 0, 14, bps));
        uint256 expected = _put(_put(_put(word, 0, 14, bps), 56, 14, bps / 2), 70, 20, seed % (1 << 20));
        assertEq(live.withLoosened(bps, bps / 2, seed % (1 << 20)).raw(), expected);
        expected = _put(_put(_put(word, 28, 14, bps), 14, 14, bps / 2), 42, 14, bps / 3);
        assertEq(live.withLiquidation(bps, bps / 2, bps / 3).raw(), expected);
        assertEq(live.withOutlook(bps / 10, bps).raw(), _put(_put(word, 90, 10, bps / 10), 212, 14, bps));
        assertEq(live.withListing(uint8(seed % 64)).raw(), _put(_put(word, 233, 6, seed % 64), 254, 1, 1));
        assertEq(live.withoutListing().raw(), _put(word, 254, 1, 0));
        expected = _put(_put(_put(word, 124, 32, seed % (1 << 32)), 156, 32, bps), 212, 14, bps / 2);
        assertEq(live.withClock(seed % (1 << 32), bps, bps / 2).raw(), expected);
        expected = _put(_put(_put(word, 239, 14, bps), 253, 1, seed & 1), 255, 1, (seed >> 1) & 1);
        assertEq(live.withSeal(bps, seed & 1 == 1, (seed >> 1) & 1 == 1).raw(), expected);
    }

    function testFuzz_AReportCountsTheSequenceOn(uint256 word, uint32 time, uint32 blockNumber, uint8 index)
        public
        pure
    {
        uint256 sequence = word % ((1 << 24) - 1);
        index %= 128;
        word = _put(word, 188, 24, sequence);
        uint256 expected = _put(_put(_put(word, 124, 32, time), 156, 32, blockNumber), 188, 24, sequence + 1);
        expected = _put(expected, 226, 7, index);
        assertEq(LiveWord.wrap(word).withReport(time, blockNumber, index).raw(), expected);
    }

    function test_RevertWhen_AReportDoesNotFitTheLiveWord() public {
        uint256 lastSequence = ((1 << 24) - 1) << 188;
        _overflows(1);
        this.withReport(0, 1 << 32, 0, 0);
        _overflows(1);
        this.withReport(0, 0, 1 << 32, 0);
        _overflows(1);
        this.withReport(0, 0, 0, 1 << 7);
        _overflows(1);
        this.withReport(lastSequence, 0, 0, 0);
        // All at once: what spills is told together.
        _overflows(7);
        this.withReport(lastSequence, 1 << 33, 4 << 32, 0);
    }

    /// @dev A call of its own, as a revert ends one.
    function withReport(uint256 word, uint256 time, uint256 blockNumber, uint256 index)
        external
        pure
        returns (uint256)
    {
        return LiveWord.wrap(word).withReport(time, blockNumber, index).raw();
    }

    function testFuzz_AnEntryOfTheHistoryKeepsTheWordAndItsDelay(uint256 word, uint256 delay) public pure {
        delay %= 1 << 24;
        uint256 time = (word >> 124) % (1 << 32);
        uint256 kept = delay < 1 << 23 ? delay : (1 << 23) - 1;
        uint256 entry = LiveWord.wrap(word).toHistory(time + delay);
        assertEq(entry, word % (1 << 233) + (kept << 233));
        assertEq(LiveWordLib.writtenTime(entry), time + kept);
    }

    // -------------------------------------------------------------------------------------------------- other words

    function testFuzz_TheAuxWordsFieldsLieAsDrawn(uint256 word) public {
        word %= 1 << 254;
        Aux memory aux = AuxLib.unpack(word);
        uint256 staged = _next(word, 14);
        assertEq(aux.stagedBps, staged, "staged");
        assertEq(aux.stagedTime, _next(word, 32), "stage's time");
        assertEq(aux.pendingBps, _next(word, 14), "pending");
        uint256 opened = _next(word, 32);
        assertEq(aux.pendingTime, opened, "pending's time");
        assertEq(aux.tightenedTime, _next(word, 32), "last emergency tightening");
        assertEq(aux.drained, _next(word, 40), "drained");
        assertEq(aux.drainedTime, _next(word, 32), "drained at");
        assertEq(aux.extraUpdates, _next(word, 24), "other changes");
        assertEq(AuxLib.extraUpdatesOf(word), aux.extraUpdates);
        assertEq(aux.pendingPremiumBps, _next(word, 14), "pending premium");
        assertEq(aux.pendingCeiling, _next(word, 20), "pending ceiling");
        assertEq(aux.pack(), word);
        assertEq(aux.isOpen(), staged != 0 || opened != 0);
        (uint16 stagedBps, uint16 pendingBps, uint256 pendingTime) = AuxLib.waitingOf(word);
        assertEq(stagedBps, aux.stagedBps);
        assertEq(pendingBps, aux.pendingBps);
        assertEq(pendingTime, opened);
    }

    function test_RevertWhen_AnAuxFieldDoesNotFit() public {
        uint8[10] memory widths = [14, 32, 14, 32, 32, 40, 32, 24, 14, 20];
        for (uint256 i; i < widths.length; ++i) {
            Aux memory aux;
            // Fields of a struct in memory lie one word each.
            assembly ("memory-safe") {
                mstore(add(aux, mul(32, i)), shl(mload(add(widths, mul(32, i))), 1))
            }
            _overflows(1);
            this.packAux(aux);
            assembly ("memory-safe") {
                mstore(add(aux, mul(32, i)), sub(shl(mload(add(widths, mul(32, i))), 1), 1))
            }
            assertEq(abi.encode(AuxLib.unpack(aux.pack())), abi.encode(aux), "the largest fits");
        }
    }

    function packAux(Aux memory aux) external pure returns (uint256) {
        return aux.pack();
    }

    function testFuzz_TheLiquidationWordsFieldsLieAsDrawn(uint256 word) public {
        word %= 1 << 214;
        Liquidation memory state = LiquidationWordLib.unpack(word);
        assertEq(state.pendingBps, _next(word, 14), "pending");
        assertEq(state.pendingBonusBps, _next(word, 14), "pending bonus");
        assertEq(state.pendingTime, _next(word, 32), "pending's time");
        assertEq(state.rampTime, _next(word, 32), "ramp's time");
        assertEq(state.drainedDay, _next(word, 32), "day");
        assertEq(state.drainedFortnight, _next(word, 36), "fortnight");
        assertEq(state.drainedTime, _next(word, 32), "drained at");
        assertEq(state.rampSeconds, _next(word, 22), "ramp's length");
        assertEq(state.pack(), word);
        (uint256 time, uint256 length) = LiquidationWordLib.rampOf(word);
        assertEq(time, state.rampTime);
        assertEq(length, state.rampSeconds);
        (uint16 pendingBps, uint256 pendingTime) = LiquidationWordLib.pendingOf(word);
        assertEq(pendingBps, state.pendingBps);
        assertEq(pendingTime, state.pendingTime);
    }

    function test_RevertWhen_AGuardOrALiquidationFieldDoesNotFit() public {
        uint8[4] memory guard = [48, 32, 32, 32];
        for (uint256 i; i < guard.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 1 << guard[i], guard[i]));
            this.packGuard(i, 1 << guard[i]);
        }
        uint8[8] memory liquidation = [14, 14, 32, 32, 32, 36, 32, 22];
        for (uint256 i; i < liquidation.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, 1 << liquidation[i], liquidation[i]));
            this.packLiquidation(i, 1 << liquidation[i]);
        }
    }

    function packGuard(uint256 index, uint256 value) external pure returns (uint256) {
        Guard memory guard;
        assembly ("memory-safe") {
            mstore(add(guard, mul(32, index)), value)
        }
        return guard.pack();
    }

    function packLiquidation(uint256 index, uint256 value) external pure returns (uint256) {
        Liquidation memory state;
        assembly ("memory-safe") {
            mstore(add(state, mul(32, index)), value)
        }
        return state.pack();
    }

    function testFuzz_TheGuardWordsFieldsLieAsDrawn(uint256 word) public {
        word %= 1 << 144;
        Guard memory guard = GuardWordLib.unpack(word);
        assertEq(guard.drained, _next(word, 48), "drained");
        assertEq(guard.drainedTime, _next(word, 32), "drained at");
        assertEq(guard.tripEnd, _next(word, 32), "trip's end");
        assertEq(guard.heldUntil, _next(word, 32), "held until");
        assertEq(guard.pack(), word);
    }

    function testFuzz_TheLimitsWordsFieldsLieAsDrawn(uint256 word) public {
        LimitsWord limits = LimitsWord.wrap(word);
        assertEq(limits.floorBps(), _next(word, 14), "floor");
        assertEq(limits.capBps(), _next(word, 14), "cap");
        assertEq(limits.stepUpBps(), _next(word, 14), "step");
        assertEq(limits.stageSeconds(), _next(word, 22), "stage");
        assertEq(limits.bucketBps(), _next(word, 14), "bucket");
        assertEq(limits.refillBpsPerDay(), _next(word, 14), "refill");
        assertEq(limits.disputeSeconds(), _next(word, 22), "dispute");
        assertEq(limits.pendingExpirySeconds(), _next(word, 22), "expiry");
        assertEq(limits.freshSeconds(), _next(word, 22), "fresh");
        assertEq(limits.graceSeconds(), _next(word, 22), "grace");
        assertEq(limits.decayFloor(), _next(word, 14), "decay floor");
        assertEq(limits.regimeAddBps(1), _next(word, 14), "guarded");
        assertEq(limits.regimeAddBps(2), _next(word, 14), "stressed");
        assertEq(limits.regimeSeconds(), _next(word, 22), "regime");
        assertEq(limits.isBounded(), _next(word, 1) == 1, "bounded");
        assertEq(limits.isSet(), word != 0);
    }

    function testFuzz_TheLawWordsFieldsLieAsDrawn(uint256 word) public {
        LawWord law = LawWord.wrap(word);
        assertEq(law.liquidationFloorBps(), _next(word, 14), "floor");
        assertEq(law.liquidationCapBps(), _next(word, 14), "cap");
        assertEq(law.bonusCapBps(), _next(word, 14), "bonus cap");
        assertEq(law.dayBudgetBps(), _next(word, 14), "day");
        assertEq(law.fortnightBudgetBps(), _next(word, 14), "fortnight");
        assertEq(law.rampSeconds(), _next(word, 22), "ramp");
        assertEq(law.premiumCapBps(), _next(word, 14), "premium cap");
        assertEq(law.ceilingFloor(), _next(word, 20), "ceiling floor");
        assertEq(law.ceilingCap(), _next(word, 20), "ceiling cap");
        assertEq(law.ceilingStretch(), _next(word, 10), "stretch");
        assertEq(law.sigmaFloorBps(), _next(word, 16), "sigma floor");
        assertEq(law.kFloor(), _next(word, 10), "k floor");
        assertEq(law.tripSeconds(), _next(word, 22), "trip");
        assertEq(law.tripBudgetSeconds(), _next(word, 22), "trip budget");
        assertEq(law.tripCooldownSeconds(), _next(word, 22), "trip cool-down");
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    /// @dev A word with one field replaced, written without the library under test.
    function _put(uint256 word, uint256 shift, uint256 width, uint256 value) private pure returns (uint256) {
        uint256 above = shift + width == 256 ? 0 : (word >> (shift + width)) << (shift + width);
        return above + value * 2 ** shift + word % 2 ** shift;
    }

    function _overflows(uint256 spill) private {
        vm.expectRevert(abi.encodeWithSelector(Bits.FieldOverflow.selector, spill, 0));
    }
}
