// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRiskOracle} from "../../src/interfaces/IRiskOracle.sol";
import {IBaseAgent} from "./AgentHub.sol";

/// @dev A lending protocol's eMode categories with the checks that Aave makes (interfaces.md 4).
contract EModePool {
    struct Category {
        uint256 ltv;
        uint256 threshold;
        /// @dev 10,000 + bonus, as Aave keeps it.
        uint256 bonusFactor;
    }

    error InvalidCategory(uint256 ltv, uint256 threshold, uint256 bonusFactor);

    mapping(uint8 id => Category) public categories;
    uint256 public writes;

    function setEModeCategory(uint8 id, uint256 ltv, uint256 threshold, uint256 bonusFactor) external {
        bool valid = ltv != 0 && threshold != 0 && ltv <= threshold && bonusFactor > 10_000
            && (threshold * bonusFactor + 5000) / 10_000 <= 10_000;
        if (!valid) revert InvalidCategory(ltv, threshold, bonusFactor);
        categories[id] = Category(ltv, threshold, bonusFactor);
        ++writes;
    }
}

/// @dev An agent as interfaces.md 3 wants ours: takes no more than a step at a time, nothing that holds already, and
/// catches the target's revert.
contract EModeAgent is IBaseAgent {
    event InjectionFailed(address indexed market, uint256 updateId, bytes reason);

    address public immutable AGENT_HUB;
    EModePool public immutable pool;
    /// @dev Largest change of the loan-to-value in one injection, bps.
    uint256 public immutable maxChange;
    address[] private _markets;

    constructor(address hub, EModePool pool_, uint256 maxChange_, address[] memory markets) {
        AGENT_HUB = hub;
        pool = pool_;
        maxChange = maxChange_;
        _markets = markets;
    }

    function getMarkets(uint256) external view returns (address[] memory) {
        return _markets;
    }

    function validate(uint256, bytes calldata, IRiskOracle.RiskParameterUpdate calldata update)
        external
        view
        returns (bool)
    {
        (uint256 ltv, uint256 threshold, uint256 bonus) = abi.decode(update.newValue, (uint256, uint256, uint256));
        (uint256 oldLtv, uint256 oldThreshold, uint256 factor) = pool.categories(uint8(uint160(update.market)));
        if (ltv == oldLtv && threshold == oldThreshold && bonus + 10_000 == factor) return false;
        return (ltv > oldLtv ? ltv - oldLtv : oldLtv - ltv) <= maxChange;
    }

    function inject(uint256, bytes calldata, IRiskOracle.RiskParameterUpdate calldata update) external {
        if (msg.sender != AGENT_HUB) revert OnlyAgentHub(msg.sender);
        (uint256 ltv, uint256 threshold, uint256 bonus) = abi.decode(update.newValue, (uint256, uint256, uint256));
        try pool.setEModeCategory(uint8(uint160(update.market)), ltv, threshold, bonus + 10_000) {}
        catch (bytes memory reason) {
            emit InjectionFailed(update.market, update.updateId, reason);
        }
    }
}
