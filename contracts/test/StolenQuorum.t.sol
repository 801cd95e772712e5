// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Values} from "../src/interfaces/ICollateralParameters.sol";
import {Ceiling} from "../src/types/Ceiling.sol";

/// @dev What a stolen quorum can loosen at most, as `keeper limits` prints it, and that it can do so much: hourly reports
/// that ask for everything, activated as soon as anything may be.
contract StolenQuorumTest is Base {
    struct Reach {
        uint256 haircut;
        uint256 premium;
        uint256 ceiling;
        uint256 liquidation;
        uint256 effective;
    }

    Reach[] private hourly;

    function setUp() public override {
        super.setUp();
        Limits memory limits = defaultLimits();
        limits.bounded = true;
        vm.startPrank(governance);
        parameters.setLimits(1, limits);
        parameters.setMarket(MARKET, 1, Values(6000, 3000, 500, 2000, uint24(Ceiling.encodeDown(1e24))));
        vm.stopPrank();
        // Until governance's own ramp has passed.
        pass(4 days / 12);
    }

    function test_ADayLoosensBucketAndRefillAndFourteenDaysFourteenRefills() public {
        _attack(15, 0);
        // 100 bps of bucket and 50 a day. Whole quarters of the bucket are taken, so the last one may not be reached.
        assertEq(_worst(24, _haircut), 150, "INV-03: haircut in 24 h");
        assertEq(_worst(24, _premium), 150, "INV-03: premium in 24 h");
        uint256 fortnight = _worst(14 * 24, _haircut);
        assertLe(fortnight, 100 + 14 * 50, "INV-03: haircut in 14 days");
        assertGe(fortnight, 100 + 14 * 50 - 25, "and the bound is reached but for a quarter of the bucket");
        assertEq(_worst(14 * 24, _premium), fortnight, "one bucket pays for all three");
    }

    function test_TheCeilingGrowsByTheStretchOfTheSameBudget() public {
        _attack(15, 0);
        uint256 from = hourly[0].ceiling;
        uint256 to = hourly[14 * 24].ceiling;
        // 10 bps of growth for 1 bps of the bucket: 800 bps in 14 days are 80 %, compounded below e^0.8.
        assertGt(to, from * 180 / 100 * 98 / 100);
        assertLt(to, from * 2226 / 1000);
    }

    function test_TheLiquidationHaircutMovesInsideBothBudgetsDown() public {
        _attack(15, 0);
        _checkLiquidation();
    }

    function test_TheLiquidationHaircutMovesInsideBothBudgetsUp() public {
        _attack(15, 9999);
        _checkLiquidation();
    }

    /// @dev A proposal that has expired opens anew, as a pending does; otherwise a wish that lasts would never come true.
    function test_AWishThatOutlivesItsExpiryIsProposedAnew() public {
        _ask(2000);
        uint256 first = parameters.parameters(MARKET).pendingLiquidationAt;
        passTime(31 hours);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralParameters.ReportNotFresh.selector, MARKET, live(MARKET).observedTime(), 25 hours
            )
        );
        parameters.activateLiquidation(MARKET);
        _ask(2000);
        assertEq(parameters.parameters(MARKET).pendingLiquidationAt, block.timestamp + 6 hours);
        assertGt(parameters.parameters(MARKET).pendingLiquidationAt, first);
        passTime(6 hours);
        parameters.activateLiquidation(MARKET);
        assertEq(parameters.parameters(MARKET).liquidationTargetBps, 2950);
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _checkLiquidation() private view {
        uint256 day = _worst(24, _liquidation);
        assertLe(day, 100, "INV-18: 24 h");
        assertGe(day, 75, "and the bound is nearly reached");
        uint256 fortnight = _worst(14 * 24, _liquidation);
        assertLe(fortnight, 300, "INV-18: 14 days");
        assertGe(fortnight, 270, "and nearly reached");
        assertLe(_worst(24, _effective), 100, "INV-18: nor do the loans feel more in 24 h");
        assertLe(_worst(14 * 24, _effective), 300, "INV-18: nor in 14 days");
    }

    /// @dev `wish_` is what the reports ask of the liquidation haircut; of all else they ask the loosest.
    function _attack(uint256 days_, uint16 wish_) private {
        for (uint256 i; i < days_ * 24; ++i) {
            hourly.push(_reach());
            vm.roll(block.number + 300 - CADENCE);
            passTime(12 * (300 - CADENCE));
            _ask(wish_);
            try parameters.activate(MARKET) {} catch {}
            try parameters.activateLiquidation(MARKET) {} catch {}
        }
        hourly.push(_reach());
    }

    function _ask(uint16 wish_) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 0);
        (w.liquidationHaircutBps, w.bonusBps, w.ceiling) = (wish_, 500, (1 << 20) - 1);
        publish(newestSample(), pack(w));
    }

    function _reach() private view returns (Reach memory) {
        return Reach({
            haircut: live(MARKET).haircutBps(),
            premium: live(MARKET).premiumBps(),
            ceiling: Ceiling.decode(live(MARKET).ceiling()),
            liquidation: live(MARKET).liquidationTargetBps(),
            effective: parameters.parameters(MARKET).liquidationHaircutBps
        });
    }

    /// @dev Largest change over any so many hours, with what was done in the first and in the last second of them;
    /// everything goes one way here.
    function _worst(uint256 hours_, function(Reach storage) view returns (uint256) pick)
        private
        view
        returns (uint256 worst)
    {
        for (uint256 i; i + hours_ + 1 < hourly.length; ++i) {
            (uint256 a, uint256 b) = (pick(hourly[i]), pick(hourly[i + hours_ + 1]));
            uint256 change = a > b ? a - b : b - a;
            if (change > worst) worst = change;
        }
    }

    function _haircut(Reach storage reach) private view returns (uint256) {
        return reach.haircut;
    }

    function _premium(Reach storage reach) private view returns (uint256) {
        return reach.premium;
    }

    function _liquidation(Reach storage reach) private view returns (uint256) {
        return reach.liquidation;
    }

    function _effective(Reach storage reach) private view returns (uint256) {
        return reach.effective;
    }
}
