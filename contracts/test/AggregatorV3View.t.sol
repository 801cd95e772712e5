// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {ICollateralParameters, Limits, Values} from "../src/interfaces/ICollateralParameters.sol";
import {IAggregatorV3} from "../src/interfaces/IAggregatorV3.sol";
import {IDelayedValue} from "../src/interfaces/IDelayedValue.sol";
import {AggregatorV3View, Quantity} from "../src/views/AggregatorV3View.sol";

contract AggregatorV3ViewTest is Base {
    string private constant NO_DATA = "No data present";

    AggregatorV3View private factor;

    function setUp() public override {
        super.setUp();
        factor = _view(MARKET, Quantity.CollateralFactor);
    }

    // ------------------------------------------------------------------------------------------------------- rounds

    function test_TheLatestRoundIsTheEffectiveFactorWithTheTimeOfItsWrite() public {
        report(MARKET, 3500);
        uint256 written = block.timestamp;
        uint256 observed = live(MARKET).observedTime();
        assertLt(observed, written);
        _round(2, 6500, observed, written);
        passTime(40 hours);
        uint256 effective = parameters.parameters(MARKET).haircutBps;
        assertGt(effective, 3500);
        _round(2, 10_000 - effective, observed, written);
    }

    function test_RoundsAreDenseFromOneAndKeepWhatHeldAtTheirWrite() public {
        uint256[6] memory answers = [uint256(7000), 6000, 5000, 4700, 4500, 4500];
        uint256[6] memory times;
        times[0] = START_TIME;
        report(MARKET, 5500);
        times[1] = block.timestamp;
        passTime(300);
        parameters.advance(MARKET);
        times[2] = block.timestamp;
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        times[3] = block.timestamp;
        passTime(2 hours);
        parameters.advance(MARKET);
        times[4] = block.timestamp;
        report(MARKET, 5500);
        times[5] = block.timestamp;
        assertEq(factor.latestRound(), 6);
        for (uint80 i; i < 6; ++i) {
            (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) =
                factor.getRoundData(i + 1);
            assertEq(id, i + 1);
            assertEq(answeredIn, i + 1);
            assertEq(answer, int256(answers[i]));
            assertEq(updatedAt, times[i]);
            assertLe(startedAt, updatedAt);
        }
    }

    function test_TheLatestRoundIsTheSameByItsNumber() public {
        report(MARKET, 3500);
        passTime(40 hours);
        assertEq(
            _bytesOf(abi.encodeCall(factor.getRoundData, (2))), _bytesOf(abi.encodeCall(factor.latestRoundData, ()))
        );
    }

    function test_TheOlderFunctionsAnswerTheSame() public {
        report(MARKET, 3500);
        uint256 written = block.timestamp;
        assertEq(factor.latestAnswer(), 6500);
        assertEq(factor.latestTimestamp(), written);
        assertEq(factor.latestRound(), 2);
        assertEq(factor.getAnswer(2), 6500);
        assertEq(factor.getAnswer(1), 7000);
        assertEq(factor.getTimestamp(2), written);
        assertEq(factor.getTimestamp(1), START_TIME);
    }

    function test_RevertWhen_TheRoundIsNone(uint256 round) public {
        report(MARKET, 3500);
        _noRound(0);
        _noRound(3);
        _noRound(uint80(bound(round, 3, type(uint80).max)));
        round = bound(round, 3, type(uint256).max);
        vm.expectRevert(bytes(NO_DATA));
        factor.getAnswer(round);
        vm.expectRevert(bytes(NO_DATA));
        factor.getTimestamp(round);
        // Not the first round, although its lowest 80 bits are.
        vm.expectRevert(bytes(NO_DATA));
        factor.getAnswer((1 << 80) + 1);
    }

    function test_RevertWhen_TheRingHoldsTheRoundNoMore() public {
        for (uint256 i; i < 260; ++i) {
            report(MARKET, 3000 + i);
        }
        (uint256 oldest,) = lens.historyRange(MARKET);
        assertEq(oldest, 5);
        _noRound(uint80(oldest));
        assertEq(factor.getAnswer(oldest + 1), 10_000 - 3004);
        assertEq(factor.latestRound(), 261);
    }

    function test_RevertWhen_TheMarketIsUnknown() public {
        _silent(_view(keccak256("x"), Quantity.CollateralFactor));
    }

    function test_ADelistedMarketAnswersItsPastAndNothingElse() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        _silent(factor);
        passTime(40 hours);
        assertEq(factor.getAnswer(2), 6500, "as written");
        assertEq(factor.getAnswer(1), 7000);
    }

    function test_AHaltedMarketHasAFactorOfZero() public {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(factor.latestAnswer(), 0);
        (bytes32 word, bool any) = factor.peek();
        assertEq(word, 0);
        assertTrue(any);
        assertEq(_view(MARKET, Quantity.LiquidationThreshold).latestAnswer(), 8000, "open loans stay as they are");
    }

    // --------------------------------------------------------------------------------------------------- quantities

    function test_EveryQuantityHasItsValueItsNameAndFourDecimals() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4000, 2000, 700, 150, 0));
        pass(CADENCE);
        Wish memory w = wish(MARKET, 4100);
        w.crunchPermille = 37;
        w.premiumBps = 160;
        publish(newestSample(), pack(w));
        _serves(Quantity.CollateralFactor, 5900, "WETH/USDC collateral factor");
        _serves(Quantity.LiquidationThreshold, 8000, "WETH/USDC liquidation threshold");
        _serves(Quantity.LiquidationBonus, 700, "WETH/USDC liquidation bonus");
        _serves(Quantity.Premium, 160, "WETH/USDC premium");
        _serves(Quantity.CrunchProbability, 370, "WETH/USDC crunch probability");
    }

    function test_TheViewSaysWhatItReads() public view {
        assertEq(address(factor.lens()), address(lens));
        assertEq(address(factor.source()), address(parameters));
        assertEq(factor.market(), MARKET);
        assertEq(uint8(factor.quantity()), uint8(Quantity.CollateralFactor));
    }

    // ------------------------------------------------------------------------------------------------- Maker's form

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

    // ---------------------------------------------------------------------------------------------------- selectors

    function test_SelectorsAndTopicAreTheOriginals() public pure {
        assertEq(IAggregatorV3.decimals.selector, bytes4(0x313ce567));
        assertEq(IAggregatorV3.description.selector, bytes4(0x7284e416));
        assertEq(IAggregatorV3.version.selector, bytes4(0x54fd4d50));
        assertEq(IAggregatorV3.getRoundData.selector, bytes4(0x9a6fc8f5));
        assertEq(IAggregatorV3.latestRoundData.selector, bytes4(0xfeaf968c));
        assertEq(IAggregatorV3.latestAnswer.selector, bytes4(0x50d25bcd));
        assertEq(IAggregatorV3.latestTimestamp.selector, bytes4(0x8205bf6a));
        assertEq(IAggregatorV3.latestRound.selector, bytes4(0x668a0f02));
        assertEq(IAggregatorV3.getAnswer.selector, bytes4(0xb5ab58dc));
        assertEq(IAggregatorV3.getTimestamp.selector, bytes4(0xb633620c));
        assertEq(
            IAggregatorV3.AnswerUpdated.selector, 0x0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f
        );
        assertEq(IDelayedValue.peek.selector, bytes4(0x59e02dd7));
        assertEq(IDelayedValue.peep.selector, bytes4(0x0e5a6c70));
        assertEq(IDelayedValue.read.selector, bytes4(0x57de26a4));
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _view(bytes32 market, Quantity quantity) private returns (AggregatorV3View) {
        return new AggregatorV3View(lens, market, quantity, "WETH/USDC");
    }

    function _round(uint80 id, uint256 answer, uint256 startedAt, uint256 updatedAt) private view {
        bytes memory expected = abi.encode(id, answer, startedAt, updatedAt, id);
        assertEq(_bytesOf(abi.encodeCall(factor.latestRoundData, ())), expected);
    }

    function _bytesOf(bytes memory call) private view returns (bytes memory answer) {
        bool ok;
        (ok, answer) = address(factor).staticcall(call);
        assertTrue(ok);
    }

    function _noRound(uint80 id) private {
        vm.expectRevert(bytes(NO_DATA));
        factor.getRoundData(id);
    }

    function _silent(AggregatorV3View feed) private {
        vm.expectRevert(bytes(NO_DATA));
        feed.latestRoundData();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestAnswer();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestTimestamp();
        vm.expectRevert(bytes(NO_DATA));
        feed.latestRound();
        vm.expectRevert(bytes(NO_DATA));
        feed.read();
        (bytes32 word, bool any) = feed.peek();
        assertFalse(any);
        assertEq(word, 0);
        _waitsNot(feed);
    }

    function _serves(Quantity quantity, int256 answer, string memory name) private {
        AggregatorV3View feed = _view(MARKET, quantity);
        assertEq(feed.latestAnswer(), answer);
        assertEq(feed.description(), name);
        assertEq(feed.decimals(), 4);
        assertEq(feed.version(), 1);
    }

    function _waits(AggregatorV3View feed, uint256 value) private view {
        (bytes32 word, bool any) = feed.peep();
        assertTrue(any);
        assertEq(uint256(word), value);
    }

    function _waitsNot(AggregatorV3View feed) private view {
        (bytes32 word, bool any) = feed.peep();
        assertFalse(any);
        assertEq(word, 0);
    }

    function _setLimits(Limits memory limits) private {
        vm.prank(governance);
        parameters.setLimits(0, limits);
    }

    function _bound() private {
        Limits memory bounded = defaultLimits();
        bounded.bounded = true;
        _setLimits(bounded);
    }

    function _propose(uint16 liquidation, uint16 bonus) private {
        pass(CADENCE);
        Wish memory w = wish(MARKET, 3000);
        w.liquidationHaircutBps = liquidation;
        w.bonusBps = bonus;
        publish(newestSample(), pack(w));
    }
}
