// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Wish} from "./Base.t.sol";
import {LawBase} from "./LawBase.t.sol";
import {ICollateralParameters, Limits} from "../src/interfaces/ICollateralParameters.sol";

/// @dev INV-18, T27: what does not move the liquidation haircut, route by route; in an `advisory` market, in a `bounded`
/// one at rest, and in one whose ramp is under way. What does move it is in LiquidationMoves.t.sol.
contract LiquidationLawTest is LawBase {
    /// @dev Runs a route and compares before and after, in words and as readers see it.
    modifier movesNothing() {
        Guarded memory bounded = guarded(MARKET);
        Guarded memory advisory = guarded(OTHER);
        _;
        assertSame(guarded(MARKET), bounded);
        assertSame(guarded(OTHER), advisory);
    }

    // -------------------------------------------------------------------------------------------------- advisory mode

    function test_AnAdvisoryMarketTakesNoProposal(uint16 liquidation, uint16 bonus, uint32 wait) public movesNothing {
        Wish memory w = wish(OTHER, 4000);
        (w.liquidationHaircutBps, w.bonusBps) = (liquidation, bonus);
        _publishRoutine(w);
        assertEq(lens.liquidationWord(OTHER), 0);
        assertFalse(live(OTHER).hasLiquidation());
        passTime(bound(wait, 0, 24 hours));
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, OTHER));
        parameters.activateLiquidation(OTHER);
    }

    // --------------------------------------------------------------------------------------------------------- routes

    function test_ARoutineReportAloneMovesNothing(uint16 target, uint16 liquidation, uint16 bonus) public movesNothing {
        _publishRoutine(_wish(MARKET, target, liquidation, bonus));
        _publishRoutine(_wish(OTHER, target, liquidation, bonus));
    }

    function test_TheEmergencyLaneMovesNothing(uint16 target, uint16 liquidation, uint16 bonus) public movesNothing {
        _publishEmergency(_wish(MARKET, target, liquidation, bonus));
        _publishEmergency(_wish(OTHER, target, liquidation, bonus));
        assertEq(law().pendingTime, 0, "and proposes nothing");
    }

    function test_ARegimeRaisedByReportsMovesNothing(uint8 level) public movesNothing {
        level = uint8(bound(level, 1, 3));
        Wish memory w = _wish(MARKET, 3000, 2000, 500);
        w.regime = level;
        _publishRoutine(w);
        assertEq(parameters.parameters(MARKET).regime, level);
        w.regime = 3;
        w.market = OTHER;
        _publishEmergency(w);
        assertEq(parameters.parameters(OTHER).haircutBps, 10_000, "HALTED binds new borrowing only");
        assertEq(parameters.parameters(OTHER).liquidationHaircutBps, 2000);
    }

    function test_TheGuardiansRaiseMovesNothing(uint8 level, uint32 duration) public movesNothing {
        level = uint8(bound(level, 1, 3));
        vm.startPrank(governance);
        parameters.raiseRegime(MARKET, level, uint32(bound(duration, 1, 7 days)));
        parameters.raiseRegime(OTHER, level, uint32(bound(duration, 1, 7 days)));
        vm.stopPrank();
        assertEq(parameters.parameters(MARKET).regime, level);
    }

    function test_TheGuardiansHoldMovesNothing(uint32 duration) public movesNothing {
        vm.prank(governance);
        parameters.holdLoosening(MARKET, uint32(bound(duration, 1, 30 days)));
        passTime(31 days);
    }

    function test_DecayOverAYearOfSilenceMovesNothing() public movesNothing {
        passTime(365 days);
        assertEq(parameters.parameters(MARKET).haircutBps, 3711, "while the haircut has widened");
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralParameters.ReportNotFresh.selector, MARKET, live(MARKET).observedTime(), 25 hours
            )
        );
        parameters.activateLiquidation(MARKET);
    }

    function test_ATripMovesNothing() public movesNothing {
        vm.startPrank(governance);
        parameters.trip(MARKET);
        parameters.trip(OTHER);
        vm.stopPrank();
        assertEq(parameters.parameters(MARKET).haircutBps, 3300);
    }

    function test_AForecastMovesNothing(uint16 crunch) public movesNothing {
        Wish memory w = _wish(MARKET, 3000, 2000, 500);
        w.crunchPermille = crunch;
        _publishRoutine(w);
        assertEq(parameters.parameters(MARKET).crunchPermille, crunch < 1000 ? crunch : 1000);
        assertEq(haircut(MARKET), 3000, "it moves nothing at all");
        assertEq(parameters.auxWord(MARKET), aux(MARKET).extraUpdates << 196, "and nothing waits");
    }

    function test_APremiumMovesNothing(uint16 premium) public movesNothing {
        Wish memory w = _wish(MARKET, 3000, 2000, 500);
        w.premiumBps = premium;
        _publishRoutine(w);
        assertEq(live(MARKET).premiumBps(), premium < 2000 ? premium : 2000);
    }

    function test_ACeilingMovesNothing(uint24 ceiling) public movesNothing {
        Wish memory w = _wish(MARKET, 3000, 2000, 500);
        w.ceiling = uint24(bound(ceiling, 1, (1 << 20) - 1));
        _publishRoutine(w);
        assertEq(live(MARKET).ceiling(), w.ceiling);
    }

    function test_AStageMovesNothing() public movesNothing {
        _publishRoutine(_wish(MARKET, 6500, 2000, 500));
        for (uint256 i; i < 3; ++i) {
            passTime(300);
            parameters.advance(MARKET);
        }
        assertEq(haircut(MARKET), 6500);
    }

    function test_APendingLooseningMovesNothing() public movesNothing {
        _publishRoutine(_wish(MARKET, 500, 2000, 500));
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(haircut(MARKET), 2900);
        for (uint256 i; i < 40; ++i) {
            passTime(12 hours);
            _publishRoutine(_wish(MARKET, 500, 2000, 500));
            try parameters.activate(MARKET) {} catch {}
        }
        assertEq(haircut(MARKET), 2000, "it ends at the liquidation haircut, which does not give way");
    }

    function test_SunsetMovesNothing() public movesNothing {
        vm.prank(governance);
        parameters.sunset(stranger);
        passTime(365 days);
    }

    function test_ADisputeMovesNothingAtRest() public movesNothing {
        vm.startPrank(governance);
        parameters.stop(MARKET);
        parameters.stop(OTHER);
        vm.stopPrank();
    }

    function test_ChangedLimitsMoveNothingAtRest(uint16 floor, uint16 cap, uint32 ramp) public movesNothing {
        (cap, floor) = (uint16(bound(cap, 0, 9999)), uint16(bound(floor, 0, 9999)));
        if (floor > cap) (floor, cap) = (cap, floor);
        for (uint8 profile; profile < 2; ++profile) {
            Limits memory values = profile == 0 ? defaultLimits() : boundedLimits();
            (values.liquidationFloorBps, values.liquidationCapBps) = (floor, cap);
            values.rampSeconds = uint32(bound(ramp, 1, (1 << 22) - 1));
            setLimits(profile, values);
        }
    }

    // ------------------------------------------------------------------------------------------------- during a ramp

    /// @dev Every route at once, in the middle of a ramp: the ramp goes on as if nothing had happened.
    function test_NoRouteHurriesOrHoldsBackARamp(uint16 wild, uint32 wait) public {
        move(2300, 400);
        uint256 start = block.timestamp;
        assertEq(live(MARKET).bonusBps(), 450);
        agree();
        Wish memory w = _wish(MARKET, wild, 2050, 450);
        (w.premiumBps, w.crunchPermille, w.ceiling, w.regime) = (wild, wild, wild, 1);
        _publishRoutine(w);
        w.regime = 3;
        w.liquidationHaircutBps = wild;
        _publishEmergency(w);
        vm.startPrank(governance);
        parameters.raiseRegime(MARKET, 3, 7 days);
        parameters.holdLoosening(MARKET, 30 days);
        vm.stopPrank();
        try parameters.advance(MARKET) {} catch {}
        passTime(bound(wait, 0, 5 days));
        uint256 elapsed = block.timestamp - start;
        assertEq(liquidationNow(), elapsed >= 3 days ? 2050 : 2000 + 50 * elapsed / 3 days);
        assertEq(live(MARKET).liquidationTargetBps(), 2050);
        assertEq(live(MARKET).rampFromBps(), 2000);
        assertEq(live(MARKET).bonusBps(), 450);
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    function _wish(bytes32 market, uint16 target, uint16 liquidation, uint16 bonus)
        private
        view
        returns (Wish memory w)
    {
        w = wish(market, target);
        (w.liquidationHaircutBps, w.bonusBps) = (liquidation, bonus);
    }

    function _publishRoutine(Wish memory w) private {
        pass(CADENCE);
        w.baseSequence = uint32(live(w.market).sequence());
        publish(newestSample(), pack(w));
    }

    function _publishEmergency(Wish memory w) private {
        pass(CADENCE);
        w.core = "";
        publish(newestOther(), pack(w));
    }
}
