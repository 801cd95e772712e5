// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DevFeed} from "./DevFeed.sol";

/// @title Proxy of a local chain that counts rounds as Chainlink's does: the phase from bit 64, the aggregator's below.
/// @dev Rounds can be made to revert, as an aggregator does whose history has a hole.
contract DevFeedProxy {
    error NoData(uint80 id);

    mapping(uint16 phase => DevFeed) public aggregators;
    uint16 public phase;
    mapping(uint80 id => bool) private _holes;

    /// @notice Go on with another aggregator.
    function change(DevFeed aggregator) external {
        aggregators[++phase] = aggregator;
    }

    /// @notice Let a round revert from now on.
    function tear(uint80 id) external {
        _holes[id] = true;
    }

    function decimals() external view returns (uint8) {
        return aggregators[phase].decimals();
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 id,,,,) = aggregators[phase].latestRoundData();
        return getRoundData((uint80(phase) << 64) | id);
    }

    function getRoundData(uint80 id) public view returns (uint80, int256, uint256, uint256, uint80) {
        if (_holes[id]) revert NoData(id);
        (, int256 answer, uint256 startedAt, uint256 updatedAt,) =
            aggregators[uint16(id >> 64)].getRoundData(uint80(uint64(id)));
        if (updatedAt == 0) revert NoData(id);
        return (id, answer, startedAt, updatedAt, id);
    }
}
