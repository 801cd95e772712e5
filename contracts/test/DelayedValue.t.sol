// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorBase} from "./AggregatorBase.t.sol";
import {ICollateralParameters, Limits, Values} from "../src/interfaces/ICollateralParameters.sol";
import {AggregatorV3View, Quantity} from "../src/views/AggregatorV3View.sol";

/// @dev Maker's form: peek, peep, read.
contract DelayedValueTest is AggregatorBase {
    function test_PeekAndReadAreWhatHoldsNow() public {
        report(MARKET, 3500);
        passTime(40 hours);
        uint256 effective = parameters.parameters(MARKET).haircutBps;
        (bytes32 word, bool any) = factor.peek();
        assertTrue(any);
        assertEq(uint256(word), 10_000 - effective);
        assertEq(factor.read(), word);
    }

    function test_PeepIsNothingWhileNothingWaits() public {
        for (uint8 i; i <= uint8(type(Quantity).max); ++i) {
            _waitsNot(_view(MARKET, Quantity(i)));
        }
    }

    function test_PeepIsWhereTheStageLeadsTo() public {
        report(MARKET, 5500);
        assertEq(haircut(MARKET), 4000);
        _waits(factor, 4500);
        // Seen through the same regime as the value that holds: never a loosening that is none.
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        assertEq(factor.latestAnswer(), 5000);
        _waits(factor, 3500);
        passTime(300);
        parameters.advance(MARKET);
        passTime(300);
        parameters.advance(MARKET);
        _waitsNot(factor);
    }

    function test_PeepFollowsALoweredCap() public {
        report(MARKET, 5500);
        Limits memory lower = defaultLimits();
        lower.capBps = 4200;
        _setLimits(lower);
        _waits(factor, 5800);
        lower.capBps = 4000;
        _setLimits(lower);
        _waitsNot(factor);
    }

    function test_PeepIsThePendingLooseningUntilItExpires() public {
        report(MARKET, 2500);
        uint256 opened = block.timestamp;
        _waits(factor, 7500);
        vm.warp(opened + 24 hours);
        (bytes32 word, bool any) = factor.peep();
        assertTrue(any);
        assertLt(uint256(word), 7500, "widened as what holds is");
        assertEq(uint256(word), 10_000 - lens.haircutIf(MARKET, 2500));
        vm.warp(opened + 30 hours);
        (, any) = factor.peep();
        assertTrue(any);
        vm.warp(opened + 30 hours + 1);
        _waitsNot(factor);
    }

    function test_PeepFollowsARaisedFloor() public {
        report(MARKET, 2500);
        Limits memory raised = defaultLimits();
        raised.floorBps = 2900;
        _setLimits(raised);
        _waits(factor, 7100);
        raised.floorBps = 3000;
        _setLimits(raised);
        _waitsNot(factor);
    }

    function test_PeepStopsAtTheRampUntilThatHasArrived() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 1500, 500, 0, 0));
        report(MARKET, 1600);
        _waits(factor, 8000);
        passTime(3 days);
        report(MARKET, 1600);
        _waits(factor, 8400);
    }

    function test_PeepOfThePremiumIsThePendingOne() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 150, 0));
        AggregatorV3View premium = _view(MARKET, Quantity.Premium);
        _waitsNot(premium);
        report(MARKET, 3000);
        assertEq(premium.latestAnswer(), 150);
        _waits(premium, 0);
        _waitsNot(factor);
        passTime(30 hours + 1);
        _waitsNot(premium);
    }

    function test_PeepOfTheThresholdIsTheProposalThenTheRampsEnd() public {
        _bound();
        AggregatorV3View threshold = _view(MARKET, Quantity.LiquidationThreshold);
        AggregatorV3View bonus = _view(MARKET, Quantity.LiquidationBonus);
        _propose(2040, 480);
        assertEq(threshold.latestAnswer(), 8000);
        _waits(threshold, 7960);
        _waits(bonus, 480);
        passTime(6 hours);
        parameters.activateLiquidation(MARKET);
        _waitsNot(bonus);
        assertEq(bonus.latestAnswer(), 480);
        assertEq(threshold.latestAnswer(), 8000, "the ramp has only begun");
        _waits(threshold, 7960);
        passTime(36 hours);
        assertEq(threshold.latestAnswer(), 7980);
        _waits(threshold, 7960);
        passTime(36 hours);
        assertEq(threshold.latestAnswer(), 7960);
        _waitsNot(threshold);
    }

    function test_PeepOfAProposalFollowsTheLawAndItsExpiry() public {
        _bound();
        AggregatorV3View threshold = _view(MARKET, Quantity.LiquidationThreshold);
        AggregatorV3View bonus = _view(MARKET, Quantity.LiquidationBonus);
        _propose(2500, 600);
        Limits memory narrower = defaultLimits();
        narrower.bounded = true;
        narrower.liquidationCapBps = 2100;
        narrower.bonusCapBps = 550;
        _setLimits(narrower);
        _waits(threshold, 7900);
        _waits(bonus, 550);
        narrower.liquidationCapBps = 3000;
        narrower.liquidationFloorBps = 2600;
        _setLimits(narrower);
        _waits(threshold, 7400);
        narrower.liquidationFloorBps = 500;
        _setLimits(narrower);
        passTime(30 hours + 1);
        _waitsNot(threshold);
        _waitsNot(bonus);
    }

    function test_AProposalEndsWhenTheProfileTurnsAdvisory() public {
        _bound();
        AggregatorV3View threshold = _view(MARKET, Quantity.LiquidationThreshold);
        AggregatorV3View bonus = _view(MARKET, Quantity.LiquidationBonus);
        _propose(2040, 480);
        _setLimits(defaultLimits());
        _waitsNot(threshold);
        _waitsNot(bonus);
        passTime(6 hours);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.NothingPending.selector, MARKET));
        parameters.activateLiquidation(MARKET);
        assertEq(live(MARKET).liquidationTargetBps(), 2000);
    }

    function test_AProposalOfTheBonusAloneIsNoneOfTheThreshold() public {
        _bound();
        _propose(2000, 480);
        _waitsNot(_view(MARKET, Quantity.LiquidationThreshold));
        _waits(_view(MARKET, Quantity.LiquidationBonus), 480);
    }

    function test_NothingWaitsOnceTheContractHasEnded() public {
        report(MARKET, 5500);
        _waits(factor, 4500);
        vm.prank(governance);
        parameters.sunset(address(1));
        _waitsNot(factor);
        assertEq(factor.latestAnswer(), 6000, "values hold");
    }
}
