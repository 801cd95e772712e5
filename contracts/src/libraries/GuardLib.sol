// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters, Refusal} from "../interfaces/ICollateralParameters.sol";
import {LiveWord, LiveWordLib} from "../types/LiveWord.sol";
import {Aux} from "../types/AuxWord.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {Report} from "../types/Report.sol";

/// @dev What a batch says about every report in it.
struct Observation {
    uint256 observedBlock;
    uint256 observedTime;
    uint256 batchIndex;
    bool routine;
}

/// @title The clamp: what a report, a stage and a pending may do to a market's haircut.
/// @dev Pure functions of words and time; twin: keeper/risk/limits.py, held equal bit for bit by
/// tests/chain/test_limits_twin.py. No function here can write the liquidation haircut or the bonus.
library GuardLib {
    uint256 internal constant MAX_CORE_BYTES = 192;
    /// @dev `drained` counts bps times this, so that a refill per second is exact.
    uint256 private constant DAY = 86_400;
    uint256 private constant BPS = 10_000;

    // ------------------------------------------------------------------------------------------------------ reports

    /// @dev Whether a listed market takes the report. Order of the checks is part of the twin.
    /// @return refusal Why not.
    /// @return got What the report asked for; the clamped target when nothing is refused.
    /// @return limit What would have passed; meaningful for a refusal.
    function check(LiveWord live, LimitsWord limits, Report memory report, Observation memory seen)
        internal
        pure
        returns (Refusal refusal, uint256 got, uint256 limit)
    {
        if (seen.observedBlock <= live.observedBlock()) {
            return (Refusal.NotNewer, seen.observedBlock, live.observedBlock());
        }
        if (report.reserved != 0) return (Refusal.NotEnabled, report.reserved, 0);
        if (report.coreLength > MAX_CORE_BYTES) return (Refusal.CoreTooLong, report.coreLength, MAX_CORE_BYTES);
        if (report.decay > LiveWordLib.MAX_DECAY) return (Refusal.DecayTooLarge, report.decay, LiveWordLib.MAX_DECAY);
        uint256 target = clamp(live, limits, report.haircutBps);
        if (!seen.routine) {
            if (report.coreLength != 0) return (Refusal.CoreForbidden, report.coreLength, 0);
            if (target <= live.haircutBps()) return (Refusal.NotTighter, target, live.haircutBps());
        } else if (target < live.haircutBps() && report.baseSequence != live.sequence()) {
            return (Refusal.WrongBase, report.baseSequence, live.sequence());
        }
        got = target;
    }

    /// @dev Apply a report that `check` passed with this `target`. `aux` is changed in place.
    function applyReport(
        LiveWord live,
        Aux memory aux,
        LimitsWord limits,
        uint256 target,
        uint256 reportedDecay,
        Observation memory seen
    ) internal view returns (LiveWord) {
        uint256 current = live.haircutBps();
        if (target > current) {
            live = live.withHaircut(_tighten(aux, limits, target, current, seen.routine));
        } else {
            _clearStage(aux);
            if (target == current) _clearPending(aux);
            else _openPending(aux, limits, target);
        }
        // The emergency lane may not slow the decay down either: that would loosen the value readers see.
        uint256 decay = seen.routine ? reportedDecay : Math.max(reportedDecay, live.decay());
        return live.withReport(seen.observedTime, seen.observedBlock, decay, seen.batchIndex);
    }

    /// @dev A wished haircut inside the limits, never below the liquidation haircut (which wins over the cap).
    function clamp(LiveWord live, LimitsWord limits, uint256 wishBps) internal pure returns (uint256) {
        uint256 inside = Math.min(Math.max(wishBps, limits.floorBps()), limits.capBps());
        return Math.max(inside, live.liquidationHaircutBps());
    }

    /// @dev One step at once, the rest staged. The newest routine report replaces the stage; an emergency report only
    /// widens it. An accepted tightening clears the pending.
    function _tighten(Aux memory aux, LimitsWord limits, uint256 target, uint256 current, bool routine)
        private
        view
        returns (uint256 next)
    {
        next = Math.min(target, current + limits.stepUpBps());
        uint256 rest = routine ? target : Math.max(target, aux.stagedBps);
        _stage(aux, rest, next);
        _clearPending(aux);
        if (!routine) aux.tightenedTime = block.timestamp;
    }

    /// @dev A pending keeps the tightest target asked since it opened; an expired one opens anew.
    function _openPending(Aux memory aux, LimitsWord limits, uint256 target) private view {
        if (aux.pendingTime != 0 && block.timestamp <= expiryTime(aux, limits)) {
            aux.pendingBps = Math.max(aux.pendingBps, target);
        } else {
            aux.pendingBps = target;
            aux.pendingTime = block.timestamp;
        }
    }

    // ---------------------------------------------------------------------------------------- stage and pending

    /// @dev The next step of a stage.
    function advance(bytes32 market, LiveWord live, Aux memory aux, LimitsWord limits)
        internal
        view
        returns (LiveWord)
    {
        // Governance may have lowered the cap since the stage was set.
        uint256 goal = Math.min(aux.stagedBps, limits.capBps());
        if (goal <= live.haircutBps()) revert ICollateralParameters.NothingStaged(market);
        uint256 due = aux.stagedTime + limits.stageSeconds();
        if (block.timestamp < due) revert ICollateralParameters.StageNotDue(market, due, block.timestamp);

        uint256 next = Math.min(goal, live.haircutBps() + limits.stepUpBps());
        _stage(aux, goal, next);
        ++aux.extraUpdates;
        return live.withHaircut(next);
    }

    /// @dev Loosen by a matured pending as far as the bucket allows; what is left waits on.
    function activate(bytes32 market, LiveWord live, Aux memory aux, LimitsWord limits)
        internal
        view
        returns (LiveWord)
    {
        _checkPending(market, live, aux, limits);
        uint256 current = live.haircutBps();
        uint256 goal = Math.max(Math.max(aux.pendingBps, limits.floorBps()), live.liquidationHaircutBps());
        uint256 available = availableBps(aux, limits);
        if (goal >= current || available == 0) {
            revert ICollateralParameters.LooseningExhausted(market, current, goal, available);
        }

        uint256 next = current - Math.min(current - goal, available);
        aux.drained = drainedNow(aux, limits) + (current - next) * DAY;
        aux.drainedTime = block.timestamp;
        if (next == goal) _clearPending(aux);
        ++aux.extraUpdates;
        return live.withHaircut(next);
    }

    function _checkPending(bytes32 market, LiveWord live, Aux memory aux, LimitsWord limits) private view {
        if (aux.pendingTime == 0) revert ICollateralParameters.NothingPending(market);
        uint256 mature = aux.pendingTime + limits.disputeSeconds();
        if (block.timestamp < mature) revert ICollateralParameters.PendingNotMature(market, mature, block.timestamp);
        uint256 expiry = expiryTime(aux, limits);
        if (block.timestamp > expiry) revert ICollateralParameters.PendingExpired(market, expiry, block.timestamp);
        if (block.timestamp > live.observedTime() + limits.freshSeconds()) {
            revert ICollateralParameters.ReportNotFresh(market, live.observedTime(), limits.freshSeconds());
        }
        if (live.regime() != 0) revert ICollateralParameters.RegimeNotNormal(market, live.regime());
    }

    /// @dev Last second at which the pending may be activated.
    function expiryTime(Aux memory aux, LimitsWord limits) internal pure returns (uint256) {
        return aux.pendingTime + limits.disputeSeconds() + limits.pendingExpirySeconds();
    }

    /// @dev What may loosen now, rounded down.
    function availableBps(Aux memory aux, LimitsWord limits) internal view returns (uint256) {
        return Math.saturatingSub(limits.bucketBps() * DAY, drainedNow(aux, limits)) / DAY;
    }

    /// @dev What is still spent of the bucket, in bps x 86,400.
    function drainedNow(Aux memory aux, LimitsWord limits) internal view returns (uint256) {
        if (aux.drained == 0) return 0;
        return Math.saturatingSub(aux.drained, limits.refillBpsPerDay() * (block.timestamp - aux.drainedTime));
    }

    // ------------------------------------------------------------------------------------------------------ listing

    /// @dev First values lie inside the limits, and agree with each other: liquidation haircut <= haircut,
    /// threshold x (1 + bonus) <= 1.
    function checkFirstValues(LimitsWord limits, uint256 haircut, uint256 liquidationHaircut, uint256 bonus)
        internal
        pure
    {
        bool inside = haircut >= limits.floorBps() && haircut <= limits.capBps();
        bool coupled = liquidationHaircut <= haircut && liquidationHaircut < BPS
            && (BPS - liquidationHaircut) * (BPS + bonus) <= BPS * BPS;
        if (!inside || !coupled) revert ICollateralParameters.BadFirstValues(haircut, liquidationHaircut, bonus);
    }

    /// @dev Aux word of a market that is listed, perhaps again: whatever waited is void, the spent bucket is not.
    function relist(Aux memory aux, bool again) internal pure returns (Aux memory) {
        _clearStage(aux);
        _clearPending(aux);
        if (again) ++aux.extraUpdates;
        return aux;
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _stage(Aux memory aux, uint256 goal, uint256 reached) private view {
        if (goal > reached) {
            aux.stagedBps = goal;
            aux.stagedTime = block.timestamp;
        } else {
            _clearStage(aux);
        }
    }

    function _clearStage(Aux memory aux) private pure {
        aux.stagedBps = 0;
        aux.stagedTime = 0;
    }

    function _clearPending(Aux memory aux) private pure {
        aux.pendingBps = 0;
        aux.pendingTime = 0;
    }
}
