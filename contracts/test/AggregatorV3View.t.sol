// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Wish} from "./Base.t.sol";
import {AggregatorBase} from "./AggregatorBase.t.sol";
import {Values} from "../src/interfaces/ICollateralParameters.sol";
import {IAggregatorV3} from "../src/interfaces/IAggregatorV3.sol";
import {IDelayedValue} from "../src/interfaces/IDelayedValue.sol";
import {Quantity} from "../src/views/AggregatorV3View.sol";

contract AggregatorV3ViewTest is AggregatorBase {
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
}
