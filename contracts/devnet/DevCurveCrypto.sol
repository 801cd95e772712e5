// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A pool of a local chain with the views and quotes of Curve's CryptoSwap, written from the published formulas.
/// @dev As `DevCurve`: a second writing of the arithmetic, holding no tokens. `first` is the first tricrypto (A in parts of
/// 100, told by `A_precise`).
contract DevCurveCrypto {
    struct Setup {
        address[] coins;
        uint256[] balances;
        uint256[] precisions;
        uint256[] prices;
        uint256 ann;
        uint256 gamma;
        uint256 d;
        uint256 midFee;
        uint256 outFee;
        uint256 feeGamma;
        uint256 rampTime;
        bool first;
    }

    Setup internal _pool;

    error NotTold();
    error Unsafe(string what);

    constructor(Setup memory pool) {
        _pool = pool;
    }

    function set(uint256[] calldata balances_, uint256 d, uint256 rampTime) external {
        (_pool.balances, _pool.d, _pool.rampTime) = (balances_, d, rampTime);
    }

    /// @notice Quotes for rows of sold coin, bought coin, amount; 0 where the quote reverts.
    function quotes(uint256[] calldata words) external view returns (uint256[] memory results) {
        results = new uint256[](words.length / 3);
        for (uint256 k; k < results.length; ++k) {
            try this.get_dy(words[3 * k], words[3 * k + 1], words[3 * k + 2]) returns (uint256 out) {
                results[k] = out;
            } catch {}
        }
    }

    function get_dy(uint256 i, uint256 j, uint256 dx) external view returns (uint256) {
        Setup memory pool = _pool;
        if (pool.rampTime > 0) pool.d = _invariant(pool, _scaled(pool));
        pool.balances[i] += dx;
        uint256[] memory xp = _scaled(pool);
        uint256 y = _solve(pool, xp, j);
        uint256 out = xp[j] - y - 1;
        xp[j] = y;
        if (j > 0) out = out * 1e18 / pool.prices[j - 1];
        out /= pool.precisions[j];
        return out - _fee(pool, xp) * out / 1e10;
    }

    /// @notice D of each row of balances; 0 where it reverts.
    function invariants(uint256[][] calldata rows) external view returns (uint256[] memory results) {
        results = new uint256[](rows.length);
        for (uint256 k; k < rows.length; ++k) {
            try this.invariantOf(rows[k]) returns (uint256 d) {
                results[k] = d;
            } catch {}
        }
    }

    function invariantOf(uint256[] calldata row) external view returns (uint256) {
        Setup memory pool = _pool;
        pool.balances = row;
        return _invariant(pool, _scaled(pool));
    }

    function coins(uint256 k) external view returns (address) {
        return _pool.coins[k];
    }

    function balances(uint256 k) external view returns (uint256) {
        return _pool.balances[k];
    }

    function price_scale() external view returns (uint256) {
        require(_pool.prices.length == 1, NotTold());
        return _pool.prices[0];
    }

    function price_scale(uint256 k) external view returns (uint256) {
        require(_pool.prices.length == 2, NotTold());
        return _pool.prices[k];
    }

    function A() external view returns (uint256) {
        return _pool.ann / (_pool.first ? 100 : 1);
    }

    function A_precise() external view returns (uint256) {
        require(_pool.first, NotTold());
        return _pool.ann;
    }

    function gamma() external view returns (uint256) {
        return _pool.gamma;
    }

    function D() external view returns (uint256) {
        return _pool.d;
    }

    function mid_fee() external view returns (uint256) {
        return _pool.midFee;
    }

    function out_fee() external view returns (uint256) {
        return _pool.outFee;
    }

    function fee_gamma() external view returns (uint256) {
        return _pool.feeGamma;
    }

    function future_A_gamma_time() external view returns (uint256) {
        return _pool.rampTime;
    }

    function _scaled(Setup memory pool) internal pure returns (uint256[] memory xp) {
        xp = new uint256[](pool.balances.length);
        for (uint256 k; k < xp.length; ++k) {
            uint256 price = k == 0 ? 1e18 : pool.prices[k - 1];
            xp[k] = pool.balances[k] * pool.precisions[k] * price / 1e18;
        }
    }

    function _fee(Setup memory pool, uint256[] memory xp) internal pure returns (uint256) {
        uint256 sum;
        for (uint256 k; k < xp.length; ++k) {
            sum += xp[k];
        }
        uint256 near = xp.length == 2 ? 4e18 * xp[0] / sum * xp[1] / sum : 1e18;
        for (uint256 k; xp.length == 3 && k < 3; ++k) {
            near = near * 3 * xp[k] / sum;
        }
        uint256 share = pool.feeGamma * 1e18 / (pool.feeGamma + 1e18 - near);
        return (pool.midFee * share + pool.outFee * (1e18 - share)) / 1e18;
    }

    function _solve(Setup memory pool, uint256[] memory xp, uint256 j) internal pure returns (uint256 y) {
        _refuseUnsafe(pool, xp.length);
        uint256 d = pool.d;
        require(d >= 1e17 && d <= 1e33, Unsafe("D"));
        uint256 k0;
        uint256 sum;
        uint256 enough;
        (y, k0, sum, enough) = xp.length == 2 ? _start2(xp[1 - j], d) : _start3(xp, j, d);
        for (uint256 round; round < 255; ++round) {
            (uint256 next, bool halved) = _step(pool, y, sum, k0 * y * xp.length / d);
            uint256 moved = next > y ? next - y : y - next;
            y = next;
            if (!halved && moved < _max(enough, y / 1e14)) {
                _refuseShare(y, d);
                return y;
            }
        }
        revert Unsafe("no convergence");
    }

    function _start2(uint256 x, uint256 d) internal pure returns (uint256, uint256, uint256, uint256) {
        uint256 k0 = 2e18 * x / d;
        require(k0 >= 2e16 && k0 <= 2e20, Unsafe("share"));
        return (d * d / (x * 4), k0, x, _max(_max(x / 1e14, d / 1e14), 100));
    }

    function _start3(uint256[] memory xp, uint256 j, uint256 d)
        internal
        pure
        returns (uint256 y, uint256 k0, uint256 sum, uint256 enough)
    {
        (uint256 a, uint256 b) = (xp[(j + 1) % 3], xp[(j + 2) % 3]);
        _refuseShare(a, d);
        _refuseShare(b, d);
        (uint256 high, uint256 low) = a > b ? (a, b) : (b, a);
        y = d / 3 * d / (low * 3);
        y = y * d / (high * 3);
        k0 = 1e18 * high * 3 / d;
        k0 = k0 * low * 3 / d;
        return (y, k0, a + b, _max(_max(high / 1e14, d / 1e14), 100));
    }

    function _step(Setup memory pool, uint256 y, uint256 sum, uint256 k0) internal pure returns (uint256, bool) {
        uint256 g = _distance(pool, k0);
        uint256 mul1 = 1e18 * pool.d / pool.gamma * g / pool.gamma * g * (pool.first ? 100 : 10_000) / pool.ann;
        uint256 mul2 = 1e18 + 2e18 * k0 / g;
        uint256 rise = 1e18 * y + (sum + y) * mul2 + mul1;
        if (rise < pool.d * mul2) return (y / 2, true);
        rise -= pool.d * mul2;
        uint256 slope = rise / y;
        uint256 minus = mul1 / slope;
        uint256 plus = (rise + 1e18 * pool.d) / slope + minus * 1e18 / k0;
        minus += 1e18 * (sum + y) / slope;
        return (plus < minus ? y / 2 : plus - minus, false);
    }

    function _invariant(Setup memory pool, uint256[] memory xp) internal pure returns (uint256 d) {
        _refuseUnsafe(pool, xp.length);
        _sortDown(xp);
        uint256 n = xp.length;
        require(xp[0] >= 1e9 && xp[0] <= 1e33, Unsafe("x[0]"));
        for (uint256 k = 1; k < n; ++k) {
            require(xp[k] * 1e18 / xp[0] >= (n == 2 ? 1e14 : 1e11), Unsafe("x[i]"));
        }
        d = n * _geometricMean(xp);
        for (uint256 round; round < 255; ++round) {
            uint256 last = d;
            d = _stepInvariant(pool, xp, d);
            if ((d > last ? d - last : last - d) * 1e14 < _max(1e16, d)) {
                for (uint256 k; k < n; ++k) {
                    _refuseShare(xp[k], d);
                }
                return d;
            }
        }
        revert Unsafe("no convergence");
    }

    function _stepInvariant(Setup memory pool, uint256[] memory xp, uint256 d) internal pure returns (uint256) {
        uint256 n = xp.length;
        uint256 sum = xp[0] + xp[1] + (n == 3 ? xp[2] : 0);
        uint256 k0 = n == 2 ? 4e18 * xp[0] / d * xp[1] / d : 1e18;
        for (uint256 k; n == 3 && k < 3; ++k) {
            k0 = k0 * xp[k] * 3 / d;
        }
        uint256 g = _distance(pool, k0);
        uint256 mul1 = 1e18 * d / pool.gamma * g / pool.gamma * g * (pool.first ? 100 : 10_000) / pool.ann;
        uint256 mul2 = 2e18 * n * k0 / g;
        uint256 fall = (sum + sum * mul2 / 1e18) + mul1 * n / k0 - mul2 * d / 1e18;
        uint256 plus = d * (fall + sum) / fall;
        uint256 minus = d * d / fall;
        if (1e18 > k0) minus += d * (mul1 / fall) / 1e18 * (1e18 - k0) / k0;
        else minus -= d * (mul1 / fall) / 1e18 * (k0 - 1e18) / k0;
        return plus > minus ? plus - minus : (minus - plus) / 2;
    }

    function _geometricMean(uint256[] memory xp) internal pure returns (uint256 d) {
        d = xp[0];
        for (uint256 round; round < 255; ++round) {
            uint256 last = d;
            if (xp.length == 2) {
                d = (d + xp[0] * xp[1] / d) / 2;
            } else {
                uint256 share = 1e18 * xp[0] / d;
                share = share * xp[1] / d;
                share = share * xp[2] / d;
                d = d * (2e18 + share) / 3e18;
            }
            uint256 moved = d > last ? d - last : last - d;
            if (moved <= 1 || moved * 1e18 < d) return d;
        }
        revert Unsafe("no convergence");
    }

    function _sortDown(uint256[] memory xp) internal pure {
        for (uint256 a; a < xp.length; ++a) {
            for (uint256 b = a + 1; b < xp.length; ++b) {
                if (xp[b] > xp[a]) (xp[a], xp[b]) = (xp[b], xp[a]);
            }
        }
    }

    function _distance(Setup memory pool, uint256 k0) internal pure returns (uint256) {
        uint256 top = pool.gamma + 1e18;
        return (top > k0 ? top - k0 : k0 - top) + 1;
    }

    function _refuseUnsafe(Setup memory pool, uint256 n) internal pure {
        uint256 whole = n ** n * (pool.first ? 100 : 10_000);
        (uint256 low, uint256 high) = n == 2 ? (whole / 10, whole * 100_000) : (whole / 100, whole * 1_000);
        require(pool.ann >= low && pool.ann <= high, Unsafe("A"));
        require(pool.gamma >= 1e10 && pool.gamma <= (n == 2 ? 2e16 : 5e16), Unsafe("gamma"));
    }

    function _refuseShare(uint256 x, uint256 d) internal pure {
        uint256 share = x * 1e18 / d;
        require(share >= 1e16 && share <= 1e20, Unsafe("share"));
    }

    function _max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }
}
