// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {AgentHub, IBaseAgent} from "./consumers/AgentHub.sol";
import {EModeAgent, EModePool} from "./consumers/EModeAgent.sol";
import {IRiskOracle} from "../src/interfaces/IRiskOracle.sol";
import {Key, RiskOracleView} from "../src/views/RiskOracleView.sol";
import {Encoding} from "../src/views/UpdateEncoding.sol";

/// @dev An unchanged hub reads the view: publish, check, execute, and the pool holds the new value.
contract AgentHubTest is Base {
    address private constant CATEGORY = address(uint160(1));
    address private constant SECOND = address(uint160(2));
    string private constant TYPE = "EModeCategoryUpdate";
    uint256 private constant DELAY = 300;
    uint256 private constant EXPIRATION = 6 hours;

    RiskOracleView private oracle;
    AgentHub private hub;
    EModePool private pool;
    EModeAgent private agent;
    uint256[] private ids;

    function setUp() public override {
        super.setUp();
        Key[] memory list = new Key[](2);
        list[0] = Key(CATEGORY, MARKET, TYPE, Encoding.EMode, 0);
        list[1] = Key(SECOND, OTHER, TYPE, Encoding.EMode, 0);
        oracle = new RiskOracleView(lens, "Bulkhead", 1, list);
        hub = new AgentHub();
        pool = new EModePool();
        pool.setEModeCategory(1, 7000, 8000, 10_500);
        pool.setEModeCategory(2, 6000, 8000, 10_500);
        // The third category is one that the oracle knows nothing about.
        address[] memory markets = new address[](3);
        (markets[0], markets[1], markets[2]) = (CATEGORY, SECOND, address(uint160(3)));
        agent = new EModeAgent(address(hub), pool, 1000, markets);
        ids.push(hub.register(AgentHub.Agent(agent, oracle, TYPE, EXPIRATION, DELAY, "")));
    }

    function test_AReportReachesThePoolThroughAnUnchangedHub() public {
        (bool any,) = hub.check(ids);
        assertFalse(any, "what holds already is not injected");
        report(MARKET, 3500);

        AgentHub.ActionData[] memory actions;
        (any, actions) = hub.check(ids);
        assertTrue(any);
        assertEq(actions.length, 1);
        assertEq(actions[0].markets.length, 1, "the other market did not move, the third has no update");
        assertEq(actions[0].markets[0], CATEGORY);

        uint256 updateId = oracle.latestUpdateIdByMarketAndType(CATEGORY, TYPE);
        vm.expectEmit(address(hub));
        emit AgentHub.UpdateInjected(0, CATEGORY, TYPE, updateId, abi.encode(6500, 8000, 500));
        vm.prank(stranger);
        hub.execute(actions);
        _holds(1, 6500, 8000);
        (uint48 time, uint208 id) = hub.lastInjected(0, CATEGORY);
        assertEq(time, block.timestamp);
        assertEq(id, updateId);

        passTime(DELAY);
        (any,) = hub.check(ids);
        assertFalse(any, "once injected, an id is done");
        vm.expectRevert(AgentHub.NoActionCanBePerformed.selector);
        hub.execute(actions);
    }

    function test_AnOverlargeReportIsClampedSoThatTheHubTakesItAndNoLaterOneIsHidden() public {
        report(MARKET, 9000);
        _run();
        _holds(1, 6000, 8000);
        // A later, smaller target replaces the stage, and is injected in its turn.
        report(MARKET, 4200);
        _run();
        _holds(1, 5800, 8000);
        assertEq(pool.writes(), 4);
    }

    function test_AStagedStepGetsANewIdAndIsInjectedToo() public {
        report(MARKET, 5500);
        uint256 first = oracle.latestUpdateIdByMarketAndType(CATEGORY, TYPE);
        _run();
        _holds(1, 6000, 8000);

        passTime(300);
        parameters.advance(MARKET);
        assertGt(oracle.latestUpdateIdByMarketAndType(CATEGORY, TYPE), first);
        _run();
        _holds(1, 5000, 8000);

        passTime(300);
        parameters.advance(MARKET);
        _run();
        _holds(1, 4500, 8000);
        assertEq(aux(MARKET).stagedBps, 0);
    }

    function test_WhatIsInjectedIsTheEffectiveValueWithTheWideningSinceTheWrite() public {
        // Two steps' worth of silence, longer than the grace, within what this agent lets an update age.
        ids.push(hub.register(AgentHub.Agent(agent, oracle, TYPE, 3 days, DELAY, "")));
        report(MARKET, 3100);
        passTime(30 hours);
        uint256 effective = parameters.parameters(MARKET).haircutBps;
        assertGt(effective, 3100);
        (, AgentHub.ActionData[] memory actions) = hub.check(ids);
        assertEq(actions.length, 1, "for the first agent it has expired");
        assertEq(actions[0].agentId, 1);
        hub.execute(actions);
        _holds(1, 10_000 - effective, 8000);
    }

    function test_AnUpdateExpiresAfterItsPeriodAndNotBefore() public {
        report(MARKET, 3500);
        uint256 last = block.timestamp + EXPIRATION;
        vm.warp(last);
        (bool any, AgentHub.ActionData[] memory actions) = hub.check(ids);
        assertTrue(any);
        vm.warp(last + 1);
        (any,) = hub.check(ids);
        assertFalse(any);
        vm.expectRevert(AgentHub.NoActionCanBePerformed.selector);
        hub.execute(actions);
    }

    function test_AnUnchangedValueDoesNotStartTheMinimumDelayAgain() public {
        report(MARKET, 3500);
        _run();
        report(MARKET, 3500);
        (bool any,) = hub.check(ids);
        assertFalse(any, "the agent refuses what holds already");
        report(MARKET, 3600);
        _run();
        _holds(1, 6400, 8000);
    }

    function test_TheMinimumDelayHoldsBackButLosesNothing() public {
        ids[0] = hub.register(AgentHub.Agent(agent, oracle, TYPE, EXPIRATION, 1 hours, ""));
        report(MARKET, 3500);
        _run();
        uint256 injected = block.timestamp;
        report(MARKET, 3700);
        report(OTHER, 4500);
        (, AgentHub.ActionData[] memory actions) = hub.check(ids);
        assertEq(actions[0].markets.length, 1);
        assertEq(actions[0].markets[0], SECOND);
        vm.warp(injected + 1 hours - 1);
        (, actions) = hub.check(ids);
        assertEq(actions[0].markets.length, 1);
        vm.warp(injected + 1 hours);
        _run();
        _holds(1, 6300, 8000);
        _holds(2, 5500, 8000);
    }

    function test_AHaltReachesThePoolAsTheLeastLoanToValueThatItTakes() public {
        uint256 wide = hub.register(
            AgentHub.Agent(
                new EModeAgent(address(hub), pool, 10_000, agent.getMarkets(0)), oracle, TYPE, EXPIRATION, DELAY, ""
            )
        );
        ids[0] = wide;
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        _run();
        _holds(1, 1, 8000);
    }

    function test_ADelistedMarketReachesNobody() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        (bool any,) = hub.check(ids);
        assertFalse(any);
    }

    function test_AutomationCallsTheSameTwo() public {
        report(MARKET, 3500);
        (bool any, bytes memory data) = hub.checkUpkeep(abi.encode(ids));
        assertTrue(any);
        hub.performUpkeep(data);
        _holds(1, 6500, 8000);
    }

    function test_OnlyTheHubInjects() public {
        report(MARKET, 3500);
        IRiskOracle.RiskParameterUpdate memory update = oracle.getLatestUpdateByParameterAndMarket(TYPE, CATEGORY);
        vm.expectRevert(abi.encodeWithSelector(IBaseAgent.OnlyAgentHub.selector, address(this)));
        agent.inject(0, "", update);
    }

    function test_ThePoolsRefusalIsEmittedAndTheBatchStands() public {
        report(MARKET, 3500);
        report(OTHER, 4500);
        (, AgentHub.ActionData[] memory actions) = hub.check(ids);
        assertEq(actions[0].markets.length, 2);
        vm.mockCallRevert(
            address(pool), abi.encodeCall(EModePool.setEModeCategory, (1, 6500, 8000, 10_500)), "no longer risk admin"
        );
        uint256 id = oracle.latestUpdateIdByMarketAndType(CATEGORY, TYPE);
        vm.expectEmit(address(agent));
        emit EModeAgent.InjectionFailed(CATEGORY, id, "no longer risk admin");
        hub.execute(actions);
        _holds(1, 7000, 8000);
        _holds(2, 5500, 8000);
    }

    function test_SelectorsAndTopicsAreTheHubs() public pure {
        assertEq(AgentHub.check.selector, bytes4(0x1b365701));
        assertEq(AgentHub.execute.selector, bytes4(0x292762a1));
        assertEq(AgentHub.checkUpkeep.selector, bytes4(0x6e04ff0d));
        assertEq(AgentHub.performUpkeep.selector, bytes4(0x4585e33b));
        assertEq(IBaseAgent.AGENT_HUB.selector, bytes4(0x625cbff2));
        assertEq(IBaseAgent.getMarkets.selector, bytes4(0x333c8403));
        assertEq(IBaseAgent.validate.selector, bytes4(0x041b01b3));
        assertEq(IBaseAgent.inject.selector, bytes4(0x96e17302));
        assertEq(IBaseAgent.OnlyAgentHub.selector, bytes4(0x6d063770));
    }

    function _run() private {
        (bool any, AgentHub.ActionData[] memory actions) = hub.check(ids);
        assertTrue(any);
        hub.execute(actions);
    }

    function _holds(uint8 id, uint256 ltv, uint256 threshold) private view {
        (uint256 gotLtv, uint256 gotThreshold, uint256 factor) = pool.categories(id);
        assertEq(gotLtv, ltv);
        assertEq(gotThreshold, threshold);
        assertEq(factor, 10_500);
    }
}
