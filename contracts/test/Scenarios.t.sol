// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Wish} from "./Base.t.sol";
import {LawBase} from "./LawBase.t.sol";
import {Batch, ICollateralParameters, Limits, Refusal, Signature} from "../src/interfaces/ICollateralParameters.sol";
import {HaircutMath} from "../src/libraries/HaircutMath.sol";

/// @dev Public incidents and the cases that reliability.md G names, played against the contract.
contract ScenariosTest is LawBase {
    /// @dev S2. Loan-to-value 80 % -> 60 % asked in one request, in four steps of 5 %.
    function test_EmergencyCut80To60() public {
        bytes32 market = keccak256("80");
        Limits memory values = defaultLimits();
        values.stepUpBps = 500;
        setLimits(2, values);
        vm.prank(governance);
        parameters.listMarket(market, 2, 2000, 1500, 500);
        pass(CADENCE);
        report(market, 4000);
        uint256 start = block.timestamp;
        assertEq(haircut(market), 2500, "largest step at once");
        assertEq(aux(market).stagedBps, 4000, "the rest is queued");
        for (uint256 step = 1; step <= 3; ++step) {
            vm.warp(start + step * 300 - 1);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ICollateralParameters.StageNotDue.selector, market, start + step * 300, block.timestamp
                )
            );
            parameters.advance(market);
            vm.warp(start + step * 300);
            vm.prank(stranger);
            parameters.advance(market);
            assertEq(haircut(market), 2500 + step * 500);
        }
        assertEq(block.timestamp - start, 900, "complete in three stage times");
        assertEq(parameters.parameters(market).haircutBps, 4000);
        assertEq(parameters.parameters(market).stagedBps, 0);
        assertEq(parameters.parameters(market).liquidationHaircutBps, 1500, "nobody is liquidated by it");
    }

    /// @dev S3. A small valid request, then an over-large one: the value still moves.
    function test_DisplacedUpdate() public {
        report(MARKET, 3100);
        assertEq(haircut(MARKET), 3100);
        report(MARKET, 65_535);
        assertEq(haircut(MARKET), 4100, "clamped, not refused");
        assertEq(aux(MARKET).stagedBps, 9000);
        report(MARKET, 4200);
        assertEq(haircut(MARKET), 4200);
        assertEq(aux(MARKET).stagedBps, 0, "the newest report replaces the stage");
    }

    /// @dev S4. Ten markets, one report that is refused: nine apply, the refusal is emitted, its market keeps every word.
    function test_PoisonedBatch() public {
        bytes32[] memory markets = new bytes32[](10);
        vm.startPrank(governance);
        for (uint256 i; i < 10; ++i) {
            markets[i] = keccak256(abi.encode("ten", i));
            parameters.listMarket(markets[i], 0, 3000, 2000, 500);
        }
        vm.stopPrank();
        pass(2 * CADENCE);
        bytes memory reports;
        for (uint256 i; i < 10; ++i) {
            Wish memory w = wish(markets[i], 3100 + 10 * i);
            if (i == 4) w.regime = 9;
            reports = bytes.concat(reports, pack(w));
        }
        bytes32 poisoned = _everything(markets[4]);
        uint256 observed = newestSample();
        vm.recordLogs();
        publish(observed, reports);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 refusals;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != ICollateralParameters.ReportRefused.selector) continue;
            ++refusals;
            assertEq(logs[i].topics[1], markets[4]);
            assertEq(logs[i].data, abi.encode(observed, uint256(Refusal.UnknownRegime), 9, 3));
        }
        assertEq(refusals, 1);
        for (uint256 i; i < 10; ++i) {
            assertEq(haircut(markets[i]), i == 4 ? 3000 : 3100 + 10 * i);
            assertEq(live(markets[i]).sequence(), i == 4 ? 0 : 1);
        }
        assertEq(_everything(markets[4]), poisoned, "INV-13: a refused report changes no slot");
    }

    /// @dev All 264 slots of a market.
    function _everything(bytes32 market) private view returns (bytes32) {
        uint256 base = uint256(keccak256(abi.encode(market, uint256(0))));
        bytes32[] memory words = new bytes32[](264);
        for (uint256 i; i < words.length; ++i) {
            words[i] = parameters.extsload(bytes32(base + i));
        }
        return keccak256(abi.encode(words));
    }

    /// @dev S5. Thirty reports, three hours apart, each as loose as it can be: 3.8 days, so 100 + 50 x 3.8 = 292 bps at most.
    function test_ThirtyMaximalStepsMeetTheBudget() public {
        uint256 start = block.timestamp;
        for (uint256 i; i < 30; ++i) {
            report(MARKET, 0);
            vm.prank(stranger);
            try parameters.activate(MARKET) {} catch {}
            passTime(3 hours);
        }
        uint256 budget = 100 + 50 * (block.timestamp - start) / 1 days;
        assertEq(budget, 292);
        assertGe(haircut(MARKET), 3000 - budget);
        assertLe(haircut(MARKET), 3000 - (budget - 50), "the budget was used");
    }

    /// @dev models.md 6.1: sigma 80 %, k 3, grace 1 h, 24 h of silence: 25.00 % becomes 34.23 %. The live word holds k
    /// sigma = 2.4 as 615 / 256, rounded up, which is 2.4023: one bp more, 34.24 %.
    function test_SilentKeeper24hPastTheGrace() public {
        assertEq(HaircutMath.widenedBps(2500, 2.4e18, 24 hours, 1 hours, 9000), 3423, "the text's number");
        assertEq(uint256(24 * 256 + 9) / 10, 615);
        Limits memory values = defaultLimits();
        values.graceSeconds = 1 hours;
        setLimits(0, values);
        setMarket(OTHER, 0, 2500, 2000, 500);
        pass(CADENCE);
        Wish memory w = wish(OTHER, 2500);
        w.decay = 615;
        publish(newestSample(), pack(w));
        uint256 observed = live(OTHER).observedTime();

        vm.warp(observed + 1 hours);
        assertEq(parameters.parameters(OTHER).haircutBps, 2500);
        assertFalse(parameters.parameters(OTHER).stale);
        vm.warp(observed + 24 hours);
        assertEq(parameters.parameters(OTHER).haircutBps, 3424);
        assertEq(parameters.parameters(OTHER).storedHaircutBps, 2500);
        assertEq(parameters.parameters(OTHER).liquidationHaircutBps, 2000, "nobody is liquidated by silence");
        assertTrue(parameters.parameters(OTHER).stale);
        assertEq(parameters.parameters(OTHER).ageSeconds, 24 hours);
        // A whole day beyond the grace.
        vm.warp(observed + 25 hours);
        assertEq(parameters.parameters(OTHER).haircutBps, 3444);
        vm.warp(observed + 365 days);
        assertEq(parameters.parameters(OTHER).haircutBps, 9000, "the cap");
        assertEq(parameters.parameters(OTHER).liquidationHaircutBps, 2000);
    }

    /// @dev S1, R1, T13. The CAPO oracle of March 2026: a ratio of 1.1919 was to become 1.2282; its clamp held the ratio
    /// back while the value coupled to it moved whole. Here the pair is threshold and bonus: at 1 / threshold = 1.1919 the
    /// largest bonus is 19.19 %. A wish for 1.2282 in both takes a budget's step of each, which would pay out more than the
    /// collateral while the ramp starts: refused whole.
    function test_CoupledClampTheCapoNumbers() public {
        Limits memory values = boundedLimits();
        values.bonusCapBps = 10_000;
        setLimits(BOUNDED, values);
        setMarket(MARKET, BOUNDED, 3000, 1611, 1919);
        passTime(3 days);
        assertEq(liquidationNow(), 1611);
        propose(1859, 2282);
        ripen();
        Guarded memory before = guarded(MARKET);
        uint256 word = parameters.liveWord(MARKET);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.GroupBroken.selector, MARKET, 1611, 1969));
        parameters.activateLiquidation(MARKET);
        assertSame(guarded(MARKET), before);
        assertEq(parameters.liveWord(MARKET), word);

        // The same threshold with the bonus that holds is a tightening: the ratio moves a clamped step, the bonus stays.
        agree();
        move(1859, 1919);
        assertEq(live(MARKET).liquidationTargetBps(), 1661);
        assertEq(live(MARKET).bonusBps(), 1919);
        passTime(3 days);
        assertLe((10_000 - liquidationNow()) * (10_000 + live(MARKET).bonusBps()), 1e8, "INV-05");
    }

    /// @dev S1, the other half: the haircut follows a liquidation haircut that rises above it. The group is repaired toward
    /// safety in the same write, never one value without the other.
    function test_CoupledClampRepairsATightening() public {
        setMarket(MARKET, BOUNDED, 2000, 2000, 500);
        move(2300, 500);
        assertEq(live(MARKET).liquidationTargetBps(), 2050);
        assertEq(haircut(MARKET), 2050);
        assertEq(parameters.parameters(MARKET).haircutBps, 2050);
        assertEq(liquidationNow(), 2000);
    }

    /// @dev T4. The older loosening dies whether it comes after the tightening or just before it.
    function test_KeptBackLooseningDoesNotBlockATightening() public {
        pass(CADENCE);
        uint256 loosenBlock = newestSample();
        bytes memory loosening = pack(wish(MARKET, 2500));
        bytes memory tightening = pack(wish(MARKET, 3500));
        pass(CADENCE);
        uint256 tightenBlock = newestSample();
        Batch memory kept = batchOf(loosenBlock, loosening);
        Batch memory urgent = batchOf(tightenBlock, tightening);
        Signature[] memory keptSignatures = signedBy(2, kept);
        Signature[] memory signatures = signedBy(2, urgent);

        uint256 state = vm.snapshotState();
        // Sent just before, it takes the sequence that the tightening was based on; a tightening needs none.
        _publish(kept, loosening, keptSignatures);
        assertEq(aux(MARKET).pendingBps, 2500);
        assertEq(live(MARKET).sequence(), 1);
        _publish(urgent, tightening, signatures);
        assertEq(haircut(MARKET), 3500);
        assertEq(aux(MARKET).pendingTime, 0, "and voids what it would have loosened");
        vm.revertToState(state);

        _publish(urgent, tightening, signatures);
        assertEq(haircut(MARKET), 3500);
        expectRefusal(MARKET, loosenBlock, Refusal.NotNewer, loosenBlock, tightenBlock);
        _publish(kept, loosening, keptSignatures);
        assertEq(haircut(MARKET), 3500);
        assertEq(aux(MARKET).pendingTime, 0);
        assertEq(live(MARKET).sequence(), 1);
    }
}
