// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface IMintable {
    function mint(address to, uint256 amount) external;
}

interface IUniswapV3PoolLike {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function mint(address recipient, int24 tickLower, int24 tickUpper, uint128 amount, bytes calldata data)
        external
        returns (uint256 amount0, uint256 amount1);
    function burn(int24 tickLower, int24 tickUpper, uint128 amount) external returns (uint256 amount0, uint256 amount1);
    function collect(
        address recipient,
        int24 tickLower,
        int24 tickUpper,
        uint128 amount0Requested,
        uint128 amount1Requested
    ) external returns (uint128 amount0, uint128 amount1);
}

/// @title Liquidity provider of a local chain: opens and closes many Uniswap v3 positions in one transaction.
/// @dev Pays with tokens it mints in the callback, so the pool's tokens must be `DevToken`s. Holds nothing of worth.
contract DevLiquidity {
    struct Position {
        int24 tickLower;
        int24 tickUpper;
        uint128 liquidity;
    }

    /// @notice Open every position in `pool`.
    function open(IUniswapV3PoolLike pool, Position[] calldata positions) external {
        bytes memory tokens = abi.encode(pool.token0(), pool.token1());
        for (uint256 i; i < positions.length; ++i) {
            Position calldata position = positions[i];
            pool.mint(address(this), position.tickLower, position.tickUpper, position.liquidity, tokens);
        }
    }

    /// @notice Take `liquidity` out of every position in `pool` and collect what it is worth.
    function close(IUniswapV3PoolLike pool, Position[] calldata positions) external {
        for (uint256 i; i < positions.length; ++i) {
            Position calldata position = positions[i];
            pool.burn(position.tickLower, position.tickUpper, position.liquidity);
            pool.collect(address(this), position.tickLower, position.tickUpper, type(uint128).max, type(uint128).max);
        }
    }

    /// @dev The pool asks to be paid what a position costs.
    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata data) external {
        (address token0, address token1) = abi.decode(data, (address, address));
        if (amount0 != 0) IMintable(token0).mint(msg.sender, amount0);
        if (amount1 != 0) IMintable(token1).mint(msg.sender, amount1);
    }
}
