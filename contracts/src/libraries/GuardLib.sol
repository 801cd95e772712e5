// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters, Refusal} from "../interfaces/ICollateralParameters.sol";
import {Aux} from "../types/AuxWord.sol";
import {Ceiling} from "../types/Ceiling.sol";
import {LawWord} from "../types/LawWord.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {LiveWord, LiveWordLib} from "../types/LiveWord.sol";
import {Report} from "../types/Report.sol";

/// @dev What a batch says about every report in it.
struct Observation {
    uint256 observedBlock;
    uint256 observedTime;
    uint256 batchIndex;
    bool routine;
}

/// @title The clamp: what a report, a stage and a pending may do to what binds new borrowing.
/// @dev Haircut, premium and ceiling. Pure functions of words and time; twin: keeper/risk/limits.py, held equal bit for
/// bit by tests/chain/test_limits_twin.py. No function here can write the liquidation haircut or the bonus.
library GuardLib {
    uint256 internal constant MAX_CORE_BYTES = 192;
    /// @dev `drained` counts bps times this, so that a refill per second is exact.
    uint256 private constant DAY = 86_400;
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_CRUNCH_PERMILLE = 1000;

    // ------------------------------------------------------------------------------------------------------ reports

    /// @dev Whether a listed market takes the report; then its targets are inside the limits. Order of the checks is
    /// part of the twin.
    /// @return refusal Why not.
    /// @return got What the report asked for; meaningful for a refusal.
    /// @return limit What would have passed; meaningful for a refusal.
    function check(LiveWord live, LimitsWord limits, LawWord law, Report memory report, Observation memory seen)
        internal
        view
        returns (Refusal refusal, uint256 got, uint256 limit)
    {
        if (seen.observedBlock <= live.observedBlock()) {
            return (Refusal.NotNewer, seen.observedBlock, live.observedBlock());
        }
        if (seen.observedTime < live.observedTime()) {
            return (Refusal.TimeBehind, seen.observedTime, live.observedTime());
        }
        if (report.ceiling >> 20 != 0) return (Refusal.CeilingTooWide, report.ceiling, (1 << 20) - 1);
        if (report.regime > 3) return (Refusal.UnknownRegime, report.regime, 3);
        if (report.coreLength > MAX_CORE_BYTES) return (Refusal.CoreTooLong, report.coreLength, MAX_CORE_BYTES);
        if (report.decay > LiveWordLib.MAX_DECAY) return (Refusal.DecayTooLarge, report.decay, LiveWordLib.MAX_DECAY);
        uint256 asked = report.haircutBps;
        _clampAll(live, limits, law, report);
        if (!seen.routine) {
            if (report.coreLength != 0) return (Refusal.CoreForbidden, report.coreLength, 0);
            if (!tightens(live, report)) return (Refusal.NotTighter, asked, live.haircutBps());
        } else if (report.baseSequence != live.sequence() && !tightens(live, report) && _loosens(live, report)) {
            return (Refusal.WrongBase, report.baseSequence, live.sequence());
        }
    }

    /// @dev Apply a report that `check` passed. `aux` is changed in place.
    function applyReport(
        LiveWord live,
        Aux memory aux,
        LimitsWord limits,
        Report memory report,
        Observation memory seen
    ) internal view returns (LiveWord next) {
        next = _applyTargets(live, aux, limits, report, seen.routine);
        next = next.withRegime(report.regime, block.timestamp + limits.regimeSeconds(), block.timestamp);
        // The emergency lane may not slow the decay down either: that would loosen the value readers see.
        uint256 decay = seen.routine ? report.decay : Math.max(report.decay, live.decay());
        next = next.withOutlook(report.crunchPermille, decay);
        next = next.withReport(seen.observedTime, seen.observedBlock, seen.batchIndex);
    }

    function _applyTargets(LiveWord live, Aux memory aux, LimitsWord limits, Report memory report, bool routine)
        private
        view
        returns (LiveWord)
    {
        uint256 haircut = live.haircutBps();
        if (report.haircutBps > haircut) haircut = _tighten(aux, limits, report.haircutBps, haircut, routine);
        else if (routine) _clearStage(aux);

        if (!tightens(live, report)) {
            if (_loosens(live, report)) _openPending(live, aux, limits, report);
            else _clearPending(aux);
            return live;
        }
        _clearPending(aux);
        if (!routine) aux.tightenedTime = block.timestamp;
        uint256 ceiling = Ceiling.isLower(report.ceiling, live.ceiling()) ? report.ceiling : live.ceiling();
        return live.withLoosened(haircut, Math.max(live.premiumBps(), report.premiumBps), ceiling);
    }

    /// @dev Every target inside the limits.
    function _clampAll(LiveWord live, LimitsWord limits, LawWord law, Report memory report) private pure {
        report.haircutBps = clamp(live, limits, report.haircutBps);
        if (report.premiumBps != 0) report.premiumBps = Math.min(report.premiumBps, law.premiumCapBps());
        report.crunchPermille = Math.min(report.crunchPermille, MAX_CRUNCH_PERMILLE);
        report.decay = Math.max(report.decay, limits.decayFloor());
        if (report.ceiling == 0) {
            report.ceiling = live.ceiling();
        } else {
            if (Ceiling.isLower(law.ceilingCap(), report.ceiling)) report.ceiling = law.ceilingCap();
            if (Ceiling.isLower(report.ceiling, law.ceilingFloor())) {
                // A floor of 0 means that there is none.
                if (law.ceilingFloor() != 0) report.ceiling = law.ceilingFloor();
            }
        }
    }

    /// @dev A wished haircut inside the limits, never below the liquidation haircut (which wins over the cap), wherever
    /// that is on its ramp.
    function clamp(LiveWord live, LimitsWord limits, uint256 wishBps) internal pure returns (uint256) {
        uint256 inside = Math.min(Math.max(wishBps, limits.floorBps()), limits.capBps());
        return Math.max(inside, leastBps(live));
    }

    /// @dev Lowest haircut that the liquidation haircut leaves.
    function leastBps(LiveWord live) internal pure returns (uint256) {
        return Math.max(live.liquidationTargetBps(), live.rampFromBps());
    }

    /// @dev Whether a clamped report asks for more safety in anything.
    function tightens(LiveWord live, Report memory report) internal view returns (bool) {
        return report.haircutBps > live.haircutBps() || report.premiumBps > live.premiumBps()
            || Ceiling.isLower(report.ceiling, live.ceiling()) || report.regime > live.regimeAt(block.timestamp);
    }

    function _loosens(LiveWord live, Report memory report) private pure returns (bool) {
        return report.haircutBps < live.haircutBps() || report.premiumBps < live.premiumBps()
            || Ceiling.isLower(live.ceiling(), report.ceiling);
    }

    /// @dev One step at once, the rest staged. The newest routine report replaces the stage; an emergency report only
    /// widens it.
    function _tighten(Aux memory aux, LimitsWord limits, uint256 target, uint256 current, bool routine)
        private
        view
        returns (uint256 next)
    {
        next = Math.min(target, current + limits.stepUpBps());
        _stage(aux, routine ? target : Math.max(target, aux.stagedBps), next);
    }

    /// @dev A pending keeps the tightest targets asked since it opened; an expired one opens anew.
    function _openPending(LiveWord live, Aux memory aux, LimitsWord limits, Report memory report) private view {
        uint256 goal = Math.min(live.haircutBps(), report.haircutBps);
        uint256 goalPremium = Math.min(live.premiumBps(), report.premiumBps);
        uint256 goalCeiling = Ceiling.isLower(live.ceiling(), report.ceiling) ? report.ceiling : live.ceiling();
        if (aux.pendingTime != 0 && block.timestamp <= expiryTime(aux, limits)) {
            goal = Math.max(goal, aux.pendingBps);
            goalPremium = Math.max(goalPremium, aux.pendingPremiumBps);
            if (Ceiling.isLower(aux.pendingCeiling, goalCeiling)) goalCeiling = aux.pendingCeiling;
        } else {
            aux.pendingTime = block.timestamp;
        }
        aux.pendingBps = goal;
        aux.pendingPremiumBps = goalPremium;
        aux.pendingCeiling = goalCeiling;
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
        return live.withHaircut(next);
    }

    /// @dev Loosen by a matured pending as far as the bucket allows; what is left waits on. One bucket for all three:
    /// each moves by what is spent of it, the ceiling by that times the stretch.
    function activate(bytes32 market, LiveWord live, Aux memory aux, LimitsWord limits, LawWord law)
        internal
        view
        returns (LiveWord)
    {
        _checkPending(market, aux, limits);
        uint256 goal = Math.max(Math.max(aux.pendingBps, limits.floorBps()), leastBps(live));
        uint256 dHaircut = Math.saturatingSub(live.haircutBps(), goal);
        uint256 dPremium = Math.saturatingSub(live.premiumBps(), aux.pendingPremiumBps);
        uint256 dCeiling = _ceilingNeed(live.ceiling(), aux.pendingCeiling, law);
        uint256 need = Math.max(Math.max(dHaircut, dPremium), dCeiling);
        uint256 spent = Math.min(need, availableBps(aux, limits));
        // Not by crumbs: every activation is an entry of the history, and anybody may call.
        if (spent == 0 || spent < Math.min(need, limits.bucketBps() / 4)) {
            revert ICollateralParameters.LooseningExhausted(market, live.haircutBps(), goal, availableBps(aux, limits));
        }

        uint256 ceiling = _raised(live.ceiling(), aux.pendingCeiling, dCeiling, spent, law);
        aux.drained = drainedNow(aux, limits) + spent * DAY;
        aux.drainedTime = block.timestamp;
        if (spent == need) _clearPending(aux);
        return live.withLoosened(
            live.haircutBps() - Math.min(dHaircut, spent), live.premiumBps() - Math.min(dPremium, spent), ceiling
        );
    }

    /// @dev What raising a ceiling costs of the bucket, bps; 0 when it is not to rise or may not.
    function _ceilingNeed(uint256 ceiling, uint256 goal, LawWord law) private pure returns (uint256) {
        uint256 from = Ceiling.decode(ceiling);
        if (from == 0 || goal == 0 || law.ceilingStretch() == 0 || !Ceiling.isLower(ceiling, goal)) return 0;
        return Math.ceilDiv((Ceiling.decode(goal) - from) * BPS, from * law.ceilingStretch());
    }

    function _raised(uint256 ceiling, uint256 goal, uint256 need, uint256 spent, LawWord law)
        private
        pure
        returns (uint256)
    {
        if (need == 0) return ceiling;
        if (spent >= need) return goal;
        uint256 from = Ceiling.decode(ceiling);
        return Ceiling.encodeDown(from + from * spent * law.ceilingStretch() / BPS);
    }

    function _checkPending(bytes32 market, Aux memory aux, LimitsWord limits) private view {
        if (aux.pendingTime == 0) revert ICollateralParameters.NothingPending(market);
        uint256 mature = aux.pendingTime + limits.disputeSeconds();
        if (block.timestamp < mature) revert ICollateralParameters.PendingNotMature(market, mature, block.timestamp);
        uint256 expiry = expiryTime(aux, limits);
        if (block.timestamp > expiry) revert ICollateralParameters.PendingExpired(market, expiry, block.timestamp);
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

    // ------------------------------------------------------------------------------------------------------ helpers

    /// @dev Whatever waits is void; the spent bucket is not.
    function forget(Aux memory aux) internal pure {
        _clearStage(aux);
        _clearPending(aux);
    }

    /// @dev A dispute voids what would loosen; a stage only tightens, so it stays.
    function voidPending(Aux memory aux) internal pure {
        _clearPending(aux);
    }

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
        aux.pendingPremiumBps = 0;
        aux.pendingCeiling = 0;
    }
}
