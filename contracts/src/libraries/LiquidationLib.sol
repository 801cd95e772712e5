// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICollateralParameters} from "../interfaces/ICollateralParameters.sol";
import {LawWord} from "../types/LawWord.sol";
import {LimitsWord} from "../types/LimitsWord.sol";
import {Liquidation} from "../types/LiquidationWord.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {Report} from "../types/Report.sol";
import {EffectiveLib} from "./EffectiveLib.sol";

/// @title The liquidation haircut's own law (design.md 5.4), for profiles that are `bounded`.
/// @dev A routine report proposes; the proposal waits for the dispute window, keeps what is nearest to the live values
/// of all that was asked since, and then moves them inside two buckets along a ramp. No emergency lane, regime, guardian,
/// decay or trip comes here. That proposals rest on settled samples follows from the wait: it is far longer than a
/// reorganisation, and a chain without the sampled block has no proposal either. Twin: keeper/risk/liquidation.py.
library LiquidationLib {
    uint256 private constant BPS = 10_000;
    uint256 private constant DAY = 86_400;
    uint256 private constant FORTNIGHT = 1_209_600;

    /// @dev Take a routine report's wish. One that does not name the sequence that holds wishes for no move.
    function propose(LiveWord live, Liquidation memory state, LimitsWord limits, LawWord law, Report memory report)
        internal
        view
    {
        // An expired proposal is none.
        if (state.pendingTime != 0 && block.timestamp > expiryTime(state, limits)) clear(state);
        uint256 target = live.liquidationTargetBps();
        uint256 bonus = live.bonusBps();
        uint256 wish = target;
        uint256 wishBonus = bonus;
        if (report.baseSequence == live.sequence()) {
            wish = Math.max(report.liquidationHaircutBps, law.liquidationFloorBps());
            wish = Math.min(wish, law.liquidationCapBps());
            wishBonus = Math.min(report.bonusBps, law.bonusCapBps());
        }
        if (state.pendingTime != 0) {
            wish = _nearest(target, state.pendingBps, wish);
            wishBonus = _nearest(bonus, state.pendingBonusBps, wishBonus);
        }
        if (wish == target && wishBonus == bonus) return clear(state);
        if (state.pendingTime == 0) state.pendingTime = block.timestamp;
        state.pendingBps = wish;
        state.pendingBonusBps = wishBonus;
    }

    /// @dev Of two wishes the one nearer to what holds; what holds, when they lie on different sides of it.
    function _nearest(uint256 held, uint256 a, uint256 b) private pure returns (uint256) {
        if (a >= held && b >= held) return Math.min(a, b);
        if (a <= held && b <= held) return Math.max(a, b);
        return held;
    }

    /// @dev Move by a matured proposal as far as both buckets allow. The caller has checked freshness, regime and hold.
    /// @return live_ With the ramp started, and the haircut raised where it would lie below.
    function activate(bytes32 market, LiveWord live, Liquidation memory state, LimitsWord limits, LawWord law)
        internal
        view
        returns (LiveWord live_)
    {
        // Governance may have turned the profile advisory since the proposal.
        if (!limits.isBounded()) revert ICollateralParameters.NothingPending(market);
        _checkTime(market, state, limits);
        uint256 from = nowBps(live, state);
        // Governance may have narrowed the law since the proposal.
        uint256 next = Math.max(Math.min(state.pendingBps, law.liquidationCapBps()), law.liquidationFloorBps());
        uint256 nextBonus = Math.min(state.pendingBonusBps, law.bonusCapBps());
        uint256 target = live.liquidationTargetBps();
        uint256 bonus = live.bonusBps();
        uint256 need = Math.max(_distance(target, next), _distance(bonus, nextBonus));
        uint256 available = availableBps(state, law);
        // Not by crumbs: every move is an entry of the history, and anybody may call.
        if (need == 0 || available == 0 || available < Math.min(need, law.dayBudgetBps() / 4)) {
            revert ICollateralParameters.MoveExhausted(market, target, next, available);
        }

        uint256 spent = Math.min(need, available);
        next = _towards(target, next, spent);
        nextBonus = _towards(bonus, nextBonus, spent);
        nextBonus = _couple(market, Math.min(from, next), nextBonus, next < target || nextBonus > bonus);
        _drain(state, law, spent);
        if (spent == need) clear(state);
        live_ = startRamp(live, state, law, from, next, nextBonus);
        uint256 least = Math.max(from, next);
        if (live_.haircutBps() < least) live_ = live_.withHaircut(least);
    }

    /// @dev threshold x (1 + bonus) <= 1: repaired by a lower bonus, unless the move loosens; then it is refused whole.
    function _couple(bytes32 market, uint256 lowest, uint256 bonus, bool loosens) private pure returns (uint256) {
        if (isCoupled(lowest, bonus)) return bonus;
        if (loosens) revert ICollateralParameters.GroupBroken(market, lowest, bonus);
        return BPS * BPS / (BPS - lowest) - BPS;
    }

    /// @return Whether threshold x (1 + bonus) <= 1.
    function isCoupled(uint256 liquidationHaircut, uint256 bonus) internal pure returns (bool) {
        return (BPS - liquidationHaircut) * (BPS + bonus) <= BPS * BPS;
    }

    /// @dev The liquidation haircut where its ramp is, bps.
    function nowBps(LiveWord live, Liquidation memory state) internal view returns (uint256) {
        return EffectiveLib.liquidationBps(live, state.rampTime, state.rampSeconds, block.timestamp);
    }

    /// @dev A ramp keeps the length it started with: a later change of the limits cannot call back what has arrived.
    function startRamp(LiveWord live, Liquidation memory state, LawWord law, uint256 from, uint256 to, uint256 bonus)
        internal
        view
        returns (LiveWord)
    {
        state.rampTime = from == to ? 0 : block.timestamp;
        state.rampSeconds = from == to ? 0 : law.rampSeconds();
        return live.withLiquidation(from, to, bonus);
    }

    /// @dev Once a ramp has arrived, where it started binds nothing any more.
    function settle(LiveWord live, Liquidation memory state) internal view returns (LiveWord) {
        uint256 target = live.liquidationTargetBps();
        if (live.rampFromBps() == target || nowBps(live, state) != target) return live;
        state.rampTime = 0;
        state.rampSeconds = 0;
        return live.withLiquidation(target, target, live.bonusBps());
    }

    /// @dev Forget the proposal and stand still where the ramp is now.
    function stop(LiveWord live, Liquidation memory state) internal view returns (LiveWord) {
        uint256 now_ = nowBps(live, state);
        clear(state);
        state.rampTime = 0;
        state.rampSeconds = 0;
        return live.withLiquidation(now_, now_, live.bonusBps());
    }

    function clear(Liquidation memory state) internal pure {
        state.pendingBps = 0;
        state.pendingBonusBps = 0;
        state.pendingTime = 0;
    }

    /// @dev What may move now, bps, rounded down: each bucket holds half of its budget and gets the other half back in
    /// its period, so that no period sees more than the budget.
    function availableBps(Liquidation memory state, LawWord law) internal view returns (uint256) {
        (uint256 day, uint256 fortnight) = _drainedNow(state, law);
        uint256 forDay = Math.saturatingSub((law.dayBudgetBps() / 2) * DAY, day) / DAY;
        uint256 forFortnight = Math.saturatingSub((law.fortnightBudgetBps() / 2) * FORTNIGHT, fortnight) / FORTNIGHT;
        return Math.min(forDay, forFortnight);
    }

    function _drain(Liquidation memory state, LawWord law, uint256 bps) private view {
        (uint256 day, uint256 fortnight) = _drainedNow(state, law);
        state.drainedDay = day + bps * DAY;
        state.drainedFortnight = fortnight + bps * FORTNIGHT;
        state.drainedTime = block.timestamp;
    }

    function _drainedNow(Liquidation memory state, LawWord law) private view returns (uint256, uint256) {
        uint256 elapsed = block.timestamp - state.drainedTime;
        return (
            Math.saturatingSub(state.drainedDay, (law.dayBudgetBps() / 2) * elapsed),
            Math.saturatingSub(state.drainedFortnight, (law.fortnightBudgetBps() / 2) * elapsed)
        );
    }

    function _checkTime(bytes32 market, Liquidation memory state, LimitsWord limits) private view {
        if (state.pendingTime == 0) revert ICollateralParameters.NothingPending(market);
        uint256 mature = state.pendingTime + limits.disputeSeconds();
        if (block.timestamp < mature) revert ICollateralParameters.PendingNotMature(market, mature, block.timestamp);
        uint256 expiry = expiryTime(state, limits);
        if (block.timestamp > expiry) revert ICollateralParameters.PendingExpired(market, expiry, block.timestamp);
    }

    function expiryTime(Liquidation memory state, LimitsWord limits) internal pure returns (uint256) {
        return state.pendingTime + limits.disputeSeconds() + limits.pendingExpirySeconds();
    }

    function _distance(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }

    function _towards(uint256 from, uint256 to, uint256 step) private pure returns (uint256) {
        return from < to ? Math.min(to, from + step) : Math.max(to, Math.saturatingSub(from, step));
    }
}
