// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base, Wish} from "./Base.t.sol";
import {LiveWord} from "../src/types/LiveWord.sol";

/// @dev What anybody, and a quorum that says anything it likes, can do in any order at any time.
contract Handler is Base {
    bytes32[2] internal markets = [MARKET, OTHER];
    uint256 internal constant BUDGET = 150;

    struct Loosening {
        uint256 time;
        uint256 bps;
    }

    mapping(bytes32 => Loosening[]) internal loosenings;
    mapping(bytes32 => uint256) public reports;
    mapping(bytes32 => bool) public brokenBudget;
    mapping(bytes32 => bool) public brokenOrder;
    uint256 public applied;
    uint256 public activated;
    uint256 public advanced;

    function reportRoutine(uint256 seed, uint16 target, uint32 base, bool honestBase) external {
        bytes32 market = markets[seed % 2];
        pass(CADENCE);
        Wish memory w = wish(market, target % 12_000);
        if (!honestBase) w.baseSequence = base;
        _publish(market, newestSample(), w);
    }

    function reportEmergencyLane(uint256 seed, uint16 target) external {
        bytes32 market = markets[seed % 2];
        pass(3);
        Wish memory w = wish(market, target % 12_000);
        w.core = "";
        _publish(market, newestOther(), w);
    }

    function advanceStage(uint256 seed) external {
        bytes32 market = markets[seed % 2];
        uint256 before = haircut(market);
        try parameters.advance(market) {
            ++advanced;
            if (haircut(market) <= before) brokenOrder[market] = true;
        } catch {}
    }

    function activatePending(uint256 seed) external {
        bytes32 market = markets[seed % 2];
        uint256 before = haircut(market);
        try parameters.activate(market) {
            ++activated;
            loosenings[market].push(Loosening(block.timestamp, before - haircut(market)));
            _checkBudget(market);
        } catch {}
    }

    function wait(uint16 time) external {
        passTime(time);
    }

    function waitLong(uint256 hours_) external {
        passTime(bound(hours_, 1, 12) * 1 hours);
    }

    function _publish(bytes32 market, uint256 observed, Wish memory w) private {
        uint256 before = haircut(market);
        uint256 sequence = live(market).sequence();
        publish(observed, pack(w));
        if (haircut(market) < before || haircut(market) > before + 1000) brokenOrder[market] = true;
        if (live(market).sequence() == sequence) return;
        ++applied;
        ++reports[market];
        if (live(market).sequence() != sequence + 1) brokenOrder[market] = true;
    }

    /// @dev Everything loosened in the 24 h that end now.
    function _checkBudget(bytes32 market) private {
        uint256 total;
        for (uint256 i = loosenings[market].length; i > 0; --i) {
            Loosening storage row = loosenings[market][i - 1];
            if (row.time + 24 hours < block.timestamp) break;
            total += row.bps;
        }
        if (total > BUDGET) brokenBudget[market] = true;
    }

    function liveOf(bytes32 market) external view returns (LiveWord) {
        return live(market);
    }

    function marketAt(uint256 i) external view returns (bytes32) {
        return markets[i];
    }
}

contract InvariantsTest is Base {
    Handler internal handler;

    function setUp() public override {
        handler = new Handler();
        handler.setUp();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = Handler.reportRoutine.selector;
        selectors[1] = Handler.reportEmergencyLane.selector;
        selectors[2] = Handler.advanceStage.selector;
        selectors[3] = Handler.activatePending.selector;
        selectors[4] = Handler.wait.selector;
        selectors[5] = Handler.waitLong.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    function invariant_ValuesStayInsideTheLimitsAndEachOther() public view {
        for (uint256 i; i < 2; ++i) {
            bytes32 market = handler.marketAt(i);
            LiveWord word = handler.liveOf(market);
            assertGe(word.haircutBps(), 500, "INV-01 floor");
            assertLe(word.haircutBps(), 9000, "INV-01 cap");
            assertGe(word.haircutBps(), word.liquidationTargetBps(), "INV-04");
            assertEq(word.liquidationTargetBps(), 2000, "INV-18");
            assertEq(word.bonusBps(), 500, "INV-18 bonus");
            assertEq(word.sequence(), handler.reports(market), "INV-06");
            assertLt(word.observedBlock(), block.number, "INV-07");
            assertFalse(handler.brokenOrder(market), "INV-02, INV-14: one step up at most, never down by a report");
            assertFalse(handler.brokenBudget(market), "INV-03");
        }
    }

    /// @dev Handlers that never get anywhere would prove nothing.
    function test_TheHandlersReachEveryTransition() public {
        handler.reportRoutine(0, 6000, 0, true);
        handler.waitLong(1);
        handler.advanceStage(0);
        handler.reportRoutine(0, 2500, 0, true);
        handler.waitLong(7);
        handler.activatePending(0);
        handler.reportEmergencyLane(0, 8000);
        assertEq(handler.applied(), 3);
        assertEq(handler.advanced(), 1);
        assertEq(handler.activated(), 1);
    }
}
