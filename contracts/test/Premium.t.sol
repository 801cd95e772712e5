// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Refusal, Values} from "../src/interfaces/ICollateralParameters.sol";

/// @dev The funding premium: up at once and whole, down through the bucket it shares with haircut and ceiling.
contract PremiumTest is Base {
    function test_APremiumRisesWholeAndAtOnceUpToItsCap(uint16 asked) public {
        _report(3000, asked);
        assertEq(live(MARKET).premiumBps(), asked < 2000 ? asked : 2000);
        assertEq(parameters.parameters(MARKET).premiumBps, live(MARKET).premiumBps());
        assertEq(haircut(MARKET), 3000);
    }

    function test_APremiumIsLoweredByAMaturedPendingInsideTheBucket() public {
        _report(3000, 500);
        _report(3000, 300);
        assertEq(live(MARKET).premiumBps(), 500, "nothing loosens at once");
        assertEq(aux(MARKET).pendingPremiumBps, 300);
        assertEq(aux(MARKET).pendingBps, 3000);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).premiumBps(), 400);
        assertEq(haircut(MARKET), 3000);
        assertEq(aux(MARKET).drained, 100 * 86_400);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralParameters.LooseningExhausted.selector, MARKET, 3000, 3000, 0)
        );
        parameters.activate(MARKET);
        passTime(12 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).premiumBps(), 375);
    }

    function test_OneBucketPaysForBothByTheLargerNeed() public {
        _report(3000, 500);
        _report(2970, 440);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).premiumBps(), 440);
        assertEq(haircut(MARKET), 2970);
        assertEq(aux(MARKET).drained, 60 * 86_400);
        assertEq(aux(MARKET).pendingTime, 0, "reached");
        assertEq(aux(MARKET).pendingPremiumBps, 0);
    }

    function test_AHigherPremiumVoidsAPendingOfTheHaircut() public {
        _report(2500, 0);
        assertEq(aux(MARKET).pendingBps, 2500);
        _report(2500, 1);
        assertEq(live(MARKET).premiumBps(), 1);
        assertEq(haircut(MARKET), 3000, "a report that tightens loosens nothing");
        assertEq(aux(MARKET).pendingTime, 0);
    }

    function test_APendingKeepsTheHighestPremiumAskedSinceItOpened() public {
        _report(3000, 500);
        _report(3000, 300);
        uint256 opened = aux(MARKET).pendingTime;
        _report(3000, 450);
        _report(3000, 100);
        assertEq(aux(MARKET).pendingPremiumBps, 450);
        assertEq(aux(MARKET).pendingTime, opened);
        _report(3000, 500);
        assertEq(aux(MARKET).pendingTime, 0, "a report that asks for no loosening ends it");
    }

    function test_TheEmergencyLaneRaisesAPremiumAndNeverLowersIt() public {
        _report(3000, 500);
        _reportEmergency(0, 600);
        assertEq(live(MARKET).premiumBps(), 600);
        assertEq(haircut(MARKET), 3000);
        assertEq(aux(MARKET).tightenedTime, block.timestamp);
        // What it asks for below the live value is not taken along with a tightening either.
        _reportEmergency(3100, 0);
        assertEq(live(MARKET).premiumBps(), 600);
        assertEq(haircut(MARKET), 3100);
        pass(CADENCE);
        expectRefusal(MARKET, newestOther(), Refusal.NotTighter, 3100, 3100);
        Wish memory w = _wish(3100, 600);
        w.core = "";
        publish(newestOther(), pack(w));
    }

    function test_ALoweredPremiumCapIsReachedThroughTheBucket() public {
        _report(3000, 500);
        Limits memory values = defaultLimits();
        values.premiumCapBps = 450;
        vm.prank(governance);
        parameters.setLimits(0, values);
        _report(3000, 500);
        assertEq(live(MARKET).premiumBps(), 500);
        assertEq(aux(MARKET).pendingPremiumBps, 450);
        vm.warp(aux(MARKET).pendingTime + 6 hours);
        parameters.activate(MARKET);
        assertEq(live(MARKET).premiumBps(), 450);
    }

    function test_GovernanceSetsAPremiumBothWaysAtOnce() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 900, 0));
        assertEq(parameters.parameters(MARKET).premiumBps, 900);
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, 0));
        assertEq(parameters.parameters(MARKET).premiumBps, 0);
    }

    /// @dev Whatever is asked in whatever order: up at once to what was asked, down only by activations, never by more
    /// than the bucket gives in the time.
    function test_APremiumNeverFallsFasterThanTheBucket(uint16[12] memory asked, uint16[12] memory waits) public {
        _report(3000, 2000);
        uint256 start = block.timestamp;
        uint256 fallen;
        for (uint256 i; i < asked.length; ++i) {
            uint256 before = live(MARKET).premiumBps();
            uint256 wished = asked[i] % 2500;
            _report(3000, wished);
            uint256 capped = wished < 2000 ? wished : 2000;
            assertEq(live(MARKET).premiumBps(), capped > before ? capped : before);
            passTime(waits[i] % 12 hours);
            before = live(MARKET).premiumBps();
            try parameters.activate(MARKET) {} catch {}
            fallen += before - live(MARKET).premiumBps();
            assertLe(fallen, 100 + 50 * (block.timestamp - start) / 1 days);
        }
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _wish(uint256 target, uint256 premium) private view returns (Wish memory w) {
        w = wish(MARKET, target);
        w.premiumBps = uint16(premium);
    }

    function _report(uint256 target, uint256 premium) private {
        pass(CADENCE);
        publish(newestSample(), pack(_wish(target, premium)));
    }

    function _reportEmergency(uint256 target, uint256 premium) private {
        pass(CADENCE);
        Wish memory w = _wish(target, premium);
        w.core = "";
        publish(newestOther(), pack(w));
    }
}
