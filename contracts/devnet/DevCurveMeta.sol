// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DevCurve} from "./DevCurve.sol";

/// @title A metapool of a local chain: coin 0 against the LP token of a `DevCurve`, quotes through it included.
contract DevCurveMeta is DevCurve {
    DevCurve public immutable base_pool;
    uint256 public immutable baseCoins;
    /// @notice 0: nothing is ever stored, the live price is used.
    uint256 public immutable storedAt;
    uint256 internal immutable _storedPrice;

    constructor(Setup memory pool, DevCurve base, uint256 coinsOfBase, uint256 price, uint256 at) DevCurve(pool, 1e18) {
        base_pool = base;
        baseCoins = coinsOfBase;
        _storedPrice = price;
        storedAt = at;
    }

    function base_virtual_price() external view returns (uint256) {
        require(storedAt != 0, NotTold());
        return _storedPrice;
    }

    function base_cache_updated() external view returns (uint256) {
        require(storedAt != 0, NotTold());
        return storedAt;
    }

    function get_dy(int128 i, int128 j, uint256 dx) external view override returns (uint256) {
        return _quote(_priced(), uint256(int256(i)), uint256(int256(j)), dx);
    }

    /// @notice As `quotes`, through the base pool.
    function underlyingQuotes(uint256[] calldata words) external view returns (uint256[] memory results) {
        results = new uint256[](words.length / 3);
        for (uint256 k; k < results.length; ++k) {
            try this.get_dy_underlying(
                int128(int256(words[3 * k])), int128(int256(words[3 * k + 1])), words[3 * k + 2]
            ) returns (
                uint256 out
            ) {
                results[k] = out;
            } catch {}
        }
    }

    function get_dy_underlying(int128 i, int128 j, uint256 dx) external view returns (uint256) {
        if (i > 0 && j > 0) return base_pool.get_dy(i - 1, j - 1, dx);
        Pool memory pool = _priced();
        uint256[] memory xp = _scaled(pool);
        (uint256 from, uint256 to) = i == 0 ? (0, 1) : (1, 0);
        uint256 pushed = i == 0 ? xp[0] + dx * pool.rates[0] / 1e18 : xp[1] + _deposited(uint256(int256(i - 1)), dx);
        uint256 out = _traded(pool, xp, from, to, pushed);
        return j == 0 ? out : base_pool.calc_withdraw_one_coin(out, j - 1);
    }

    function _deposited(uint256 coin, uint256 dx) internal view returns (uint256 worth) {
        uint256[] memory amounts = new uint256[](baseCoins);
        amounts[coin] = dx;
        worth = base_pool.calc_token_amount(amounts, true) * _price() / 1e18;
        worth -= worth * base_pool.fee() / 2e10;
    }

    function _priced() internal view returns (Pool memory pool) {
        pool = _snapshot();
        pool.rates[1] = _price();
    }

    function _price() internal view returns (uint256) {
        return block.timestamp > storedAt + 600 ? base_pool.get_virtual_price() : _storedPrice;
    }
}
