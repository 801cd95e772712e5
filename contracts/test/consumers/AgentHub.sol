// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRiskOracle} from "../../src/interfaces/IRiskOracle.sol";

interface IBaseAgent {
    error OnlyAgentHub(address account);

    function AGENT_HUB() external returns (address);
    function getMarkets(uint256 agentId) external view returns (address[] memory);
    function validate(uint256 agentId, bytes calldata agentContext, IRiskOracle.RiskParameterUpdate calldata update)
        external
        view
        returns (bool);
    function inject(uint256 agentId, bytes calldata agentContext, IRiskOracle.RiskParameterUpdate calldata update)
        external;
}

/// @dev The rules by which the real hub consumes a risk oracle (interfaces.md 3), written anew for tests: which updates
/// it takes and when. Who may configure and call it is left out.
contract AgentHub {
    struct Agent {
        IBaseAgent target;
        IRiskOracle oracle;
        string updateType;
        uint256 expirationPeriod;
        uint256 minimumDelay;
        bytes context;
    }

    struct ActionData {
        uint256 agentId;
        address[] markets;
    }

    struct LastInjectedUpdate {
        uint48 timestamp;
        uint208 id;
    }

    error NoActionCanBePerformed();

    event UpdateInjected(
        uint256 indexed agentId, address indexed market, string indexed updateType, uint256 updateId, bytes newValue
    );

    mapping(uint256 agentId => mapping(address market => LastInjectedUpdate)) public lastInjected;
    Agent[] private _agents;

    function register(Agent memory agent) external returns (uint256 agentId) {
        _agents.push(agent);
        return _agents.length - 1;
    }

    function check(uint256[] memory agentIds) public view returns (bool, ActionData[] memory actions) {
        actions = new ActionData[](agentIds.length);
        uint256 count;
        for (uint256 i; i < agentIds.length; ++i) {
            address[] memory due = _due(agentIds[i]);
            if (due.length != 0) actions[count++] = ActionData(agentIds[i], due);
        }
        _shorten(actions, count);
        return (count != 0, actions);
    }

    function _due(uint256 agentId) private view returns (address[] memory due) {
        Agent storage agent = _agents[agentId];
        address[] memory markets = agent.target.getMarkets(agentId);
        due = new address[](markets.length);
        uint256 count;
        for (uint256 i; i < markets.length; ++i) {
            // A missing update reverts; the market is skipped.
            try agent.oracle.getLatestUpdateByParameterAndMarket(agent.updateType, markets[i]) returns (
                IRiskOracle.RiskParameterUpdate memory update
            ) {
                if (_passes(agentId, update)) due[count++] = update.market;
            } catch {}
        }
        assembly ("memory-safe") {
            mstore(due, count)
        }
    }

    function execute(ActionData[] memory actions) public {
        bool any;
        for (uint256 i; i < actions.length; ++i) {
            for (uint256 j; j < actions[i].markets.length; ++j) {
                if (_execute(actions[i].agentId, actions[i].markets[j])) any = true;
            }
        }
        if (!any) revert NoActionCanBePerformed();
    }

    function _execute(uint256 agentId, address market) private returns (bool) {
        Agent storage agent = _agents[agentId];
        try agent.oracle.getLatestUpdateByParameterAndMarket(agent.updateType, market) returns (
            IRiskOracle.RiskParameterUpdate memory update
        ) {
            if (!_passes(agentId, update) || !_isConfigured(agentId, update.market)) return false;
            lastInjected[agentId][update.market] = LastInjectedUpdate(uint48(block.timestamp), uint208(update.updateId));
            emit UpdateInjected(agentId, update.market, agent.updateType, update.updateId, update.newValue);
            // Not in a try: one reverting target undoes the batch.
            agent.target.inject(agentId, agent.context, update);
            return true;
        } catch {
            return false;
        }
    }

    function _passes(uint256 agentId, IRiskOracle.RiskParameterUpdate memory update) private view returns (bool) {
        Agent storage agent = _agents[agentId];
        LastInjectedUpdate memory last = lastInjected[agentId][update.market];
        if (update.timestamp + agent.expirationPeriod < block.timestamp) return false;
        if (update.updateId <= last.id) return false;
        if (block.timestamp - last.timestamp < agent.minimumDelay) return false;
        return agent.target.validate(agentId, agent.context, update);
    }

    function _isConfigured(uint256 agentId, address market) private view returns (bool) {
        address[] memory markets = _agents[agentId].target.getMarkets(agentId);
        for (uint256 i; i < markets.length; ++i) {
            if (markets[i] == market) return true;
        }
        return false;
    }

    // Automation's names for the same two.

    function checkUpkeep(bytes memory agentIds) external view returns (bool, bytes memory) {
        (bool any, ActionData[] memory actions) = check(abi.decode(agentIds, (uint256[])));
        return (any, abi.encode(actions));
    }

    function performUpkeep(bytes memory actions) external {
        execute(abi.decode(actions, (ActionData[])));
    }

    function _shorten(ActionData[] memory actions, uint256 count) private pure {
        assembly ("memory-safe") {
            mstore(actions, count)
        }
    }
}
