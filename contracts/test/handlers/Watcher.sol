// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Recorder} from "./Recorder.sol";
import {Limits, Parameters} from "../../src/interfaces/ICollateralParameters.sol";
import {Aux, AuxLib} from "../../src/types/AuxWord.sol";
import {Ceiling} from "../../src/types/Ceiling.sol";
import {GuardWordLib} from "../../src/types/GuardWord.sol";
import {LiveWord} from "../../src/types/LiveWord.sol";

enum Actor {
    Time,
    Quorum,
    Advance,
    Activate,
    Move,
    Guardian,
    Tripper,
    Disputes,
    Governance
}

/// @dev Compares every market before and after every call with what its author may change. Ids as in
/// reliability.md F; the assertion prints them. Nothing here repeats the contract's arithmetic: it only bounds it.
abstract contract Watcher is Recorder {
    /// @dev Level and expiry in the live word.
    uint256 private constant REGIME = ((1 << 24) - 1) << 100;

    // ------------------------------------------------------------------------------------------------------- acting

    /// @dev The one way in which handlers touch one market. What reverts changes nothing, so nothing is compared then.
    function _act(Actor actor, address sender, bytes32 market, bytes memory call_) internal returns (bool ok) {
        Seen memory was = _see(market);
        ok = _call(sender, call_);
        if (ok) _compare(actor, market, was, _see(market));
    }

    /// @dev The same for what may touch both.
    function _actOnBoth(Actor actor, address sender, bytes memory call_) internal returns (bool ok) {
        Seen memory first = _see(MARKET);
        Seen memory second = _see(OTHER);
        ok = _call(sender, call_);
        if (!ok) return false;
        _compare(actor, MARKET, first, _see(MARKET));
        _compare(actor, OTHER, second, _see(OTHER));
    }

    function _passWatched(uint256 blocks, uint256 time) internal {
        Seen memory first = _see(MARKET);
        Seen memory second = _see(OTHER);
        pass(blocks);
        passTime(time);
        _compare(Actor.Time, MARKET, first, _see(MARKET));
        _compare(Actor.Time, OTHER, second, _see(OTHER));
    }

    function _call(address sender, bytes memory call_) private returns (bool ok) {
        vm.prank(sender);
        (ok,) = address(parameters).call(call_);
    }

    // ---------------------------------------------------------------------------------------------------- comparing

    function _compare(Actor actor, bytes32 market, Seen memory was, Seen memory is_) private {
        bool same = _isSame(was, is_);
        _checkHistory(actor, market, was, is_);
        if (is_.live.isListed()) _checkState(market, is_);
        if (actor == Actor.Time) {
            assertTrue(same, "INV-11: silence needs no transaction");
            if (is_.live.isListed()) _checkSilence(was, is_);
        } else if (actor == Actor.Governance) {
            if (was.live.raw() != is_.live.raw() && was.live.isListed() && is_.live.isListed()) {
                assertEq(
                    is_.values.liquidationHaircutBps, was.values.liquidationHaircutBps, "INV-18: governance ramps too"
                );
            }
        } else if (!same) {
            _checkChange(actor, market, was, is_);
        }
    }

    function _isSame(Seen memory was, Seen memory is_) private pure returns (bool) {
        return was.live.raw() == is_.live.raw() && was.aux == is_.aux && was.liquidation == is_.liquidation
            && was.guard == is_.guard && was.highest == is_.highest;
    }

    /// @dev What holds in every state, whoever acted.
    function _checkState(bytes32 market, Seen memory seen) private view {
        LiveWord word = seen.live;
        Parameters memory values = seen.values;
        Limits memory limits = _limitsOf(word);
        uint256 lowest = _min(word.liquidationTargetBps(), word.rampFromBps());
        uint256 highest = _max(word.liquidationTargetBps(), word.rampFromBps());
        assertLe(highest, word.haircutBps(), "INV-04: liquidation haircut <= haircut");
        assertLe(values.liquidationHaircutBps, highest, "INV-04: the ramp stays between its ends");
        assertGe(values.liquidationHaircutBps, lowest, "INV-04: the ramp stays between its ends");
        assertLt(highest, 10_000, "INV-04: never 10,000");
        assertLe((10_000 - lowest) * (10_000 + word.bonusBps()), 1e8, "INV-05");
        assertEq(word.sequence(), reports[market], "INV-06");
        assertLt(word.observedBlock(), block.number, "INV-07: not in the future");

        bool isStale = block.timestamp > word.observedTime() + limits.graceSeconds;
        assertEq(values.stale, isStale, "INV-11: the flag says stale");
        assertGe(values.haircutBps, values.storedHaircutBps, "INV-11: effective >= stored");
        if (values.regime != 3) {
            assertLe(values.haircutBps, _max(limits.capBps, values.storedHaircutBps), "INV-11: up to the cap");
        } else {
            assertEq(values.haircutBps, 10_000, "INV-15: HALTED takes no new borrowing");
            assertEq(values.ceiling, 0, "INV-15: HALTED takes no new debt");
        }
        if (!isStale && values.regime == 0) assertEq(values.haircutBps, values.storedHaircutBps, "INV-11: fresh");
        (, uint256 expiry) = word.storedRegime();
        assertLe(expiry, block.timestamp + 7 days + 1024, "INV-15: every raise expires");
    }

    /// @dev Every change of a live word is one more entry, and the entry before it stays.
    function _checkHistory(Actor actor, bytes32 market, Seen memory was, Seen memory is_) private {
        uint256 wasId = was.live.sequence() + AuxLib.unpack(was.aux).extraUpdates;
        uint256 isId = is_.live.sequence() + AuxLib.unpack(is_.aux).extraUpdates;
        uint256 sequence = was.live.sequence();
        if (is_.live.sequence() != sequence) {
            assertTrue(actor == Actor.Quorum, "INV-06: only publish moves the sequence");
            assertEq(is_.live.sequence(), sequence + 1, "INV-06: by one");
            ++reports[market];
            assertGt(is_.live.observedBlock(), was.live.observedBlock(), "INV-07: strictly rises");
            assertGe(is_.live.observedTime(), was.live.observedTime(), "INV-07: no earlier");
        }
        if (actor == Actor.Time || isId == wasId) {
            uint256 unlisted = ~(uint256(2) << 253);
            assertEq(is_.live.raw() & unlisted, was.live.raw() & unlisted, "INV-08: no change without an entry");
            return;
        }
        assertEq(isId, wasId + 1, "INV-08: one entry a change");
        assertEq(lens.historyWord(market, isId), is_.entry, "INV-08: the newest entry is what holds");
        uint256 shown = (1 << 233) - 1;
        assertEq(lens.historyWord(market, wasId) & shown, was.live.raw() & shown, "INV-08: the entry before it stays");
    }

    // ------------------------------------------------------------------------------------------------------- silence

    function _checkSilence(Seen memory was, Seen memory is_) private {
        if (is_.values.regime == was.values.regime) {
            assertGe(is_.values.haircutBps, was.values.haircutBps, "INV-11: silence only widens");
        } else {
            assertEq(is_.values.regime, 0, "INV-15: a regime ends, it does not change by itself");
            ++counts["regime expired"];
        }
        if (is_.values.stale && !was.values.stale) ++counts["stale"];
        uint256 from = was.values.liquidationHaircutBps;
        uint256 goal = is_.live.liquidationTargetBps();
        uint256 value = is_.values.liquidationHaircutBps;
        bool onTheWay = from <= goal ? (from <= value && value <= goal) : (goal <= value && value <= from);
        assertTrue(onTheWay, "INV-18: a ramp goes one way");
    }

    // ------------------------------------------------------------------------------------------- changes by an actor

    function _checkChange(Actor actor, bytes32 market, Seen memory was, Seen memory is_) private {
        _checkBounds(actor, was, is_);
        if (actor != Actor.Move && actor != Actor.Disputes) {
            assertEq(is_.values.liquidationHaircutBps, was.values.liquidationHaircutBps, "INV-18: it moved");
            assertEq(is_.live.liquidationTargetBps(), was.live.liquidationTargetBps(), "INV-18: it is to move");
            assertEq(is_.live.bonusBps(), was.live.bonusBps(), "INV-18: the bonus moved");
            // A ramp that has arrived may be forgotten; no other start may change.
            uint256 from = is_.live.rampFromBps();
            bool kept = from == was.live.rampFromBps() || from == is_.values.liquidationHaircutBps;
            assertTrue(kept, "INV-18: the ramp changed");
        }
        if (actor != Actor.Activate) _checkNothingLoosens(was, is_);
        if (actor == Actor.Quorum) _checkReport(was, is_);
        else if (actor == Actor.Activate) _checkLoosening(market, was, is_);
        else if (actor == Actor.Move) _checkMove(market, was, is_);
        else if (actor == Actor.Advance) _checkAdvance(was, is_);
        else if (actor == Actor.Disputes) _checkStop(was, is_);
        else _checkRaise(actor, market, was, is_);
    }

    function _checkBounds(Actor actor, Seen memory was, Seen memory is_) private view {
        Limits memory limits = _limitsOf(was.live);
        uint256 before = was.live.haircutBps();
        uint256 now_ = is_.live.haircutBps();
        uint256 least = _max(is_.live.liquidationTargetBps(), is_.live.rampFromBps());
        // Governance may have moved the bounds past the value; then nobody moves it further out.
        if (now_ < before) assertGe(now_, _min(before, limits.floorBps), "INV-01: floor");
        if (now_ > before) assertLe(now_, _max(limits.capBps, least), "INV-01: cap");
        if (actor == Actor.Move) assertLe(now_, _max(before, least), "INV-02: repaired, no more");
        else assertLe(now_, before + limits.stepUpBps, "INV-02: one step up at most");
        assertLe(is_.live.premiumBps(), _max(was.live.premiumBps(), limits.premiumCapBps), "INV-01: premium");
        if (is_.live.ceiling() != was.live.ceiling() && limits.ceilingCap != 0) {
            assertFalse(Ceiling.isLower(limits.ceilingCap, is_.live.ceiling()), "INV-01: ceiling");
        }
    }

    function _checkNothingLoosens(Seen memory was, Seen memory is_) private pure {
        assertGe(is_.live.haircutBps(), was.live.haircutBps(), "INV-14: only an activation loosens the haircut");
        assertGe(is_.live.premiumBps(), was.live.premiumBps(), "INV-14: only an activation loosens the premium");
        assertFalse(Ceiling.isLower(was.live.ceiling(), is_.live.ceiling()), "INV-14: or raises the ceiling");
        assertGe(is_.values.regime, was.values.regime, "INV-15: nobody lowers a regime");
        if (was.values.regime != 0) {
            assertGe(is_.values.regimeExpiry, was.values.regimeExpiry, "INV-15: or shortens one");
        }
    }

    function _checkReport(Seen memory was, Seen memory is_) private {
        assertEq(is_.live.sequence(), was.live.sequence() + 1, "INV-13: a refused report changed a slot");
        assertGe(is_.values.haircutBps, was.values.storedHaircutBps, "INV-16: looser than the last stored value");
        assertGe(is_.live.decay(), _limitsOf(was.live).decayFloor, "INV-11: the decay cannot be signed away");
        Aux memory aux_ = AuxLib.unpack(is_.aux);
        if (aux_.stagedBps != 0 && aux_.stagedBps > is_.live.haircutBps()) ++counts["staged"];
        if (aux_.pendingTime != 0) {
            ++counts["pending"];
            assertLe(aux_.pendingBps, is_.live.haircutBps(), "INV-14: a pending is no tightening");
            assertLe(aux_.pendingPremiumBps, is_.live.premiumBps(), "INV-14: a pending is no tightening");
        }
        if (is_.values.pendingLiquidationAt != 0) ++counts["proposal"];
        if (is_.values.regime > was.values.regime) ++counts["raised by the quorum"];
        if (was.values.stale) ++counts["recovered"];
        ++counts["applied"];
    }

    function _checkAdvance(Seen memory was, Seen memory is_) private {
        assertGt(is_.live.haircutBps(), was.live.haircutBps(), "INV-14: staging never loosens");
        assertEq(
            _withoutRamp(is_.live) >> 14 & ~(REGIME >> 14),
            _withoutRamp(was.live) >> 14 & ~(REGIME >> 14),
            "INV-14: a stage moves the haircut only"
        );
        ++counts["advanced"];
    }

    function _checkLoosening(bytes32 market, Seen memory was, Seen memory is_) private {
        Limits memory limits = _limitsOf(was.live);
        _checkCalm(was, limits);
        uint256 dHaircut = was.live.haircutBps() - is_.live.haircutBps();
        uint256 dPremium = was.live.premiumBps() - is_.live.premiumBps();
        uint256 from = Ceiling.decode(was.live.ceiling());
        uint256 growth = Ceiling.decode(is_.live.ceiling()) - from;
        uint256 dCeiling = growth == 0 ? 0 : (growth * 10_000 - 1) / (from * limits.ceilingStretch) + 1;
        if (dHaircut != 0) ++counts["haircut loosened"];
        if (dPremium != 0) ++counts["premium loosened"];
        if (dCeiling != 0) ++counts["ceiling raised"];
        loosened[market].push(Step(block.timestamp, _max(_max(dHaircut, dPremium), dCeiling)));
        uint256 day = uint256(limits.bucketBps) + limits.refillBpsPerDay;
        assertLe(_within(loosened[market], 24 hours), day, "INV-03: 24 h");
        assertLe(_within(loosened[market], 14 days), day + 13 * uint256(limits.refillBpsPerDay), "INV-03: 14 days");
    }

    function _checkMove(bytes32 market, Seen memory was, Seen memory is_) private {
        Limits memory limits = _limitsOf(was.live);
        _checkCalm(was, limits);
        assertTrue(limits.bounded, "INV-18: advisory");
        assertEq(
            is_.values.liquidationHaircutBps, was.values.liquidationHaircutBps, "INV-18: a move starts where it is"
        );
        (uint256 before, uint256 now_) = (was.live.liquidationTargetBps(), is_.live.liquidationTargetBps());
        // A bonus may be lowered further than the budget, by repair; it is never raised so.
        uint256 raised = is_.live.bonusBps() > was.live.bonusBps() ? is_.live.bonusBps() - was.live.bonusBps() : 0;
        if (now_ > before) ++counts["moved up"];
        if (now_ < before) ++counts["moved down"];
        if (raised != 0) ++counts["bonus raised"];
        moved[market].push(Step(block.timestamp, _max(now_ > before ? now_ - before : before - now_, raised)));
        assertLe(_within(moved[market], 24 hours), limits.dayBudgetBps, "INV-18: 24 h");
        assertLe(_within(moved[market], 14 days), limits.fortnightBudgetBps, "INV-18: 14 days");
    }

    function _checkCalm(Seen memory was, Limits memory limits) private view {
        assertEq(was.values.regime, 0, "INV-10: raised, and something loosened");
        assertLe(GuardWordLib.unpack(was.guard).heldUntil, block.timestamp, "INV-10: held, and something loosened");
        assertLe(was.values.ageSeconds, limits.freshSeconds, "INV-10: not watched, and something loosened");
    }

    function _checkStop(Seen memory was, Seen memory is_) private {
        assertEq(is_.values.liquidationHaircutBps, was.values.liquidationHaircutBps, "INV-18: a stop moves nothing");
        assertEq(is_.live.rampFromBps(), is_.live.liquidationTargetBps(), "INV-18: a stop stands still");
        assertEq(is_.values.pendingAt, 0, "INV-10: a stop voids what waits");
        assertEq(is_.values.pendingLiquidationAt, 0, "INV-10: a stop voids what waits");
        if (was.values.pendingAt != 0) ++counts["pending stopped"];
        if (was.live.rampFromBps() != was.live.liquidationTargetBps()) ++counts["ramp stopped"];
    }

    function _checkRaise(Actor actor, bytes32 market, Seen memory was, Seen memory is_) private {
        assertEq(
            _withoutRamp(is_.live) & ~REGIME, _withoutRamp(was.live) & ~REGIME, "INV-15: the last good value stays"
        );
        if (actor != Actor.Tripper) return;
        Limits memory limits = _limitsOf(was.live);
        assertEq(is_.values.regime, 1, "INV-15: a trip raises to GUARDED, no higher");
        assertLe(is_.values.regimeExpiry, block.timestamp + limits.tripSeconds + 1024, "INV-15: a trip ends");
        tripped[market].push(Step(block.timestamp, is_.values.regimeExpiry - block.timestamp));
        assertLe(_within(tripped[market], 7 days), limits.tripBudgetSeconds, "INV-15: the week's hours of trips");
        ++counts["tripped"];
    }
}
