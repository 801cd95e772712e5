// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title StableSwap's arithmetic from its published formulas, with the roundings of each generation.
abstract contract DevCurveStableMaths {
    struct Pool {
        uint256[] balances;
        uint256[] rates;
        uint256 amp;
        uint256 factor;
        uint256 fee;
        uint256 offpeg;
        bool atTheEnd;
        bool feeLast;
    }

    error DoesNotConverge();

    function _quote(Pool memory pool, uint256 i, uint256 j, uint256 dx) internal pure returns (uint256) {
        uint256[] memory xp = _scaled(pool);
        return _traded(pool, xp, i, j, xp[i] + dx * pool.rates[i] / 1e18);
    }

    /// @dev Output where the scaled balance of `i` becomes `pushed`.
    function _traded(Pool memory pool, uint256[] memory xp, uint256 i, uint256 j, uint256 pushed)
        internal
        pure
        returns (uint256)
    {
        uint256 left = _left(pool, xp, i, j, pushed);
        uint256 fee = _fee(pool, (xp[i] + pushed) / 2, (xp[j] + left) / 2);
        return _net(pool, j, xp[j] - left - 1, fee);
    }

    function _left(Pool memory pool, uint256[] memory xp, uint256 i, uint256 j, uint256 pushed)
        internal
        pure
        returns (uint256)
    {
        uint256[] memory moved = _copy(xp);
        moved[i] = pushed;
        return _solve(pool, moved, j, _invariant(pool));
    }

    function _net(Pool memory pool, uint256 j, uint256 gross, uint256 fee) internal pure returns (uint256) {
        if (!pool.feeLast) return (gross - fee * gross / 1e10) * 1e18 / pool.rates[j];
        uint256 raw = gross * 1e18 / pool.rates[j];
        return raw - fee * raw / 1e10;
    }

    function _fee(Pool memory pool, uint256 x, uint256 y) internal pure returns (uint256) {
        if (pool.offpeg <= 1e10) return pool.fee;
        uint256 nearness = (pool.offpeg - 1e10) * 4 * x * y / ((x + y) * (x + y));
        return pool.offpeg * pool.fee / (nearness + 1e10);
    }

    function _scaled(Pool memory pool) internal pure returns (uint256[] memory xp) {
        xp = new uint256[](pool.balances.length);
        for (uint256 k; k < xp.length; ++k) {
            xp[k] = pool.rates[k] * pool.balances[k] / 1e18;
        }
    }

    function _invariant(Pool memory pool) internal pure returns (uint256 d) {
        uint256[] memory xp = _scaled(pool);
        uint256 n = xp.length;
        uint256 sum;
        for (uint256 k; k < n; ++k) {
            sum += xp[k];
        }
        if (sum == 0) return 0;
        d = sum;
        uint256 ann = pool.amp * n;
        for (uint256 round; round < 255; ++round) {
            uint256 p = d;
            for (uint256 k; k < n; ++k) {
                p = pool.atTheEnd ? p * d / xp[k] : p * d / (xp[k] * n);
            }
            if (pool.atTheEnd) p /= n ** n;
            uint256 last = d;
            d = (ann * sum / pool.factor + p * n) * d / ((ann - pool.factor) * d / pool.factor + (n + 1) * p);
            if (_near(d, last)) return d;
        }
        if (pool.factor != 1) revert DoesNotConverge();
    }

    function _solve(Pool memory pool, uint256[] memory xp, uint256 j, uint256 d) internal pure returns (uint256 y) {
        uint256 ann = pool.amp * xp.length;
        uint256 c = d;
        uint256 sum;
        for (uint256 k; k < xp.length; ++k) {
            if (k == j) continue;
            sum += xp[k];
            c = c * d / (xp[k] * xp.length);
        }
        c = c * d * pool.factor / (ann * xp.length);
        uint256 b = sum + d * pool.factor / ann;
        y = d;
        for (uint256 round; round < 255; ++round) {
            uint256 last = y;
            y = (y * y + c) / (2 * y + b - d);
            if (_near(y, last)) return y;
        }
        if (pool.factor != 1) revert DoesNotConverge();
    }

    function _withdrawn(Pool memory pool, uint256 supply, uint256 tokens, uint256 i) internal pure returns (uint256) {
        uint256[] memory xp = _scaled(pool);
        uint256 before = _invariant(pool);
        uint256 d = before - tokens * before / supply;
        uint256 target = _solve(pool, xp, i, d);
        uint256 fee = pool.fee * xp.length / (4 * (xp.length - 1));
        uint256[] memory reduced = _copy(xp);
        for (uint256 k; k < xp.length; ++k) {
            uint256 moved = k == i ? xp[k] * d / before - target : xp[k] - xp[k] * d / before;
            reduced[k] -= fee * moved / 1e10;
        }
        return (reduced[i] - _solve(pool, reduced, i, d) - 1) * 1e18 / pool.rates[i];
    }

    function _near(uint256 a, uint256 b) internal pure returns (bool) {
        return a > b ? a - b <= 1 : b - a <= 1;
    }

    function _copy(uint256[] memory from) internal pure returns (uint256[] memory to) {
        to = new uint256[](from.length);
        for (uint256 k; k < from.length; ++k) {
            to[k] = from[k];
        }
    }
}

/// @title A pool of a local chain with the views and quotes of Curve's StableSwap, written from the published formulas.
/// @dev Curve's own contracts are on no registry. This one is a second writing of the same arithmetic, to compare the
/// keeper's with; it holds no tokens. All generations in one: `precise` false is the first one (A without a factor, fee
/// after the conversion, balances by int128), `told` true the one that tells its rates and multiplies its fee off peg.
contract DevCurve is DevCurveStableMaths {
    struct Setup {
        address[] coins;
        uint256[] rates;
        uint256[] balances;
        uint256 initialA;
        uint256 futureA;
        uint256 initialTime;
        uint256 futureTime;
        uint256 fee;
        uint256 offpeg;
        bool precise;
        bool told;
    }

    Setup internal _pool;
    bool public is_killed;
    uint256 public totalSupply;

    error NotTold();

    constructor(Setup memory pool, uint256 supply) {
        _pool = pool;
        totalSupply = supply;
    }

    function set(uint256[] calldata balances_, bool killed) external {
        _pool.balances = balances_;
        is_killed = killed;
    }

    /// @notice Quotes for rows of sold coin, bought coin, amount; 0 where the quote reverts.
    function quotes(uint256[] calldata words) external view returns (uint256[] memory results) {
        results = new uint256[](words.length / 3);
        for (uint256 k; k < results.length; ++k) {
            try this.get_dy(int128(int256(words[3 * k])), int128(int256(words[3 * k + 1])), words[3 * k + 2]) returns (
                uint256 out
            ) {
                results[k] = out;
            } catch {}
        }
    }

    function get_dy(int128 i, int128 j, uint256 dx) external view virtual returns (uint256) {
        return _quote(_snapshot(), uint256(int256(i)), uint256(int256(j)), dx);
    }

    function coins(uint256 k) external view returns (address) {
        return _pool.coins[k];
    }

    function balances(uint256 k) external view returns (uint256) {
        require(_pool.precise, NotTold());
        return _pool.balances[k];
    }

    function balances(int128 k) external view returns (uint256) {
        require(!_pool.precise, NotTold());
        return _pool.balances[uint256(int256(k))];
    }

    function fee() external view returns (uint256) {
        return _pool.fee;
    }

    function A() external view returns (uint256) {
        return _a() / (_pool.precise ? 100 : 1);
    }

    function A_precise() external view returns (uint256) {
        require(_pool.precise, NotTold());
        return _a();
    }

    function initial_A() external view returns (uint256) {
        return _pool.initialA;
    }

    function future_A() external view returns (uint256) {
        return _pool.futureA;
    }

    function initial_A_time() external view returns (uint256) {
        return _pool.initialTime;
    }

    function future_A_time() external view returns (uint256) {
        return _pool.futureTime;
    }

    function stored_rates() external view returns (uint256[] memory) {
        require(_pool.told, NotTold());
        return _pool.rates;
    }

    function offpeg_fee_multiplier() external view returns (uint256) {
        require(_pool.told, NotTold());
        return _pool.offpeg;
    }

    function get_virtual_price() external view returns (uint256) {
        return _invariant(_snapshot()) * 1e18 / totalSupply;
    }

    /// @notice LP tokens for a deposit, without a fee.
    function calc_token_amount(uint256[] memory amounts, bool) external view returns (uint256) {
        Pool memory pool = _snapshot();
        uint256 before = _invariant(pool);
        for (uint256 k; k < amounts.length; ++k) {
            pool.balances[k] += amounts[k];
        }
        return (_invariant(pool) - before) * totalSupply / before;
    }

    function calc_withdraw_one_coin(uint256 tokens, int128 i) external view returns (uint256) {
        return _withdrawn(_snapshot(), totalSupply, tokens, uint256(int256(i)));
    }

    function _snapshot() internal view returns (Pool memory pool) {
        pool.balances = _pool.balances;
        pool.rates = _pool.rates;
        pool.amp = _a();
        pool.factor = _pool.precise ? 100 : 1;
        pool.fee = _pool.fee;
        pool.offpeg = _pool.offpeg;
        pool.atTheEnd = _pool.told;
        pool.feeLast = !_pool.precise;
    }

    function _a() internal view returns (uint256) {
        (uint256 a0, uint256 a1) = (_pool.initialA, _pool.futureA);
        if (block.timestamp >= _pool.futureTime) return a1;
        uint256 gone = block.timestamp - _pool.initialTime;
        uint256 whole = _pool.futureTime - _pool.initialTime;
        return a1 > a0 ? a0 + (a1 - a0) * gone / whole : a0 - (a0 - a1) * gone / whole;
    }
}
