// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Rate provider of a local chain in the shape of Balancer's IRateProvider; anybody may move it or break it.
contract DevRate {
    error RateUnknown();

    uint256 private _rate;

    /// @param rate Value of one token, 18 decimals; 0 = `getRate` reverts.
    constructor(uint256 rate) {
        _rate = rate;
    }

    /// @notice Set the rate; 0 makes `getRate` revert.
    function set(uint256 rate) external {
        _rate = rate;
    }

    function getRate() external view returns (uint256) {
        if (_rate == 0) revert RateUnknown();
        return _rate;
    }
}
