// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface IMintable {
    function mint(address to, uint256 amount) external;
}

interface IPoolManagerLike {
    struct PoolKey {
        address currency0;
        address currency1;
        uint24 fee;
        int24 tickSpacing;
        address hooks;
    }

    struct ModifyLiquidityParams {
        int24 tickLower;
        int24 tickUpper;
        int256 liquidityDelta;
        bytes32 salt;
    }

    struct SwapParams {
        bool zeroForOne;
        int256 amountSpecified;
        uint160 sqrtPriceLimitX96;
    }

    function unlock(bytes calldata data) external returns (bytes memory);
    function modifyLiquidity(PoolKey memory key, ModifyLiquidityParams memory params, bytes calldata hookData)
        external
        returns (int256 callerDelta, int256 feesAccrued);
    function swap(PoolKey memory key, SwapParams memory params, bytes calldata hookData)
        external
        returns (int256 swapDelta);
    function sync(address currency) external;
    function settle() external payable returns (uint256 paid);
    function take(address currency, address to, uint256 amount) external;
}

/// @title Liquidity provider and trader of a local Uniswap v4: opens and closes many positions in one transaction.
/// @dev Pays with tokens it mints, so the currencies must be `DevToken`s or the chain's own, of which it must hold
/// enough. What it is given stays here. Holds nothing of worth.
contract DevUnlocker {
    struct Position {
        int24 tickLower;
        int24 tickUpper;
        uint128 liquidity;
    }

    receive() external payable {}

    /// @notice Open every position in the pool.
    function open(IPoolManagerLike manager, IPoolManagerLike.PoolKey calldata key, Position[] calldata positions)
        external
    {
        manager.unlock(abi.encodeCall(this.moveAll, (manager, key, positions, int256(1))));
    }

    /// @notice Take the liquidity out of every position in the pool.
    function close(IPoolManagerLike manager, IPoolManagerLike.PoolKey calldata key, Position[] calldata positions)
        external
    {
        manager.unlock(abi.encodeCall(this.moveAll, (manager, key, positions, int256(-1))));
    }

    /// @notice Swap; a negative amount is exact input, a positive one exact output.
    function swap(
        IPoolManagerLike manager,
        IPoolManagerLike.PoolKey calldata key,
        IPoolManagerLike.SwapParams calldata params
    ) external {
        manager.unlock(abi.encodeCall(this.swapOne, (manager, key, params)));
    }

    /// @dev The manager's call inside `unlock`: what to do is this contract's own calldata.
    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        (bool ok, bytes memory answer) = address(this).delegatecall(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }

    function moveAll(
        IPoolManagerLike manager,
        IPoolManagerLike.PoolKey calldata key,
        Position[] calldata positions,
        int256 sign
    ) external {
        int256 sum0;
        int256 sum1;
        for (uint256 i; i < positions.length; ++i) {
            Position calldata position = positions[i];
            (int256 delta,) = manager.modifyLiquidity(
                key,
                IPoolManagerLike.ModifyLiquidityParams(
                    position.tickLower, position.tickUpper, sign * int256(uint256(position.liquidity)), 0
                ),
                ""
            );
            sum0 += delta >> 128;
            sum1 += int128(delta);
        }
        _settle(manager, key.currency0, sum0);
        _settle(manager, key.currency1, sum1);
    }

    function swapOne(
        IPoolManagerLike manager,
        IPoolManagerLike.PoolKey calldata key,
        IPoolManagerLike.SwapParams calldata params
    ) external {
        int256 delta = manager.swap(key, params, "");
        _settle(manager, key.currency0, delta >> 128);
        _settle(manager, key.currency1, int128(delta));
    }

    function _settle(IPoolManagerLike manager, address currency, int256 delta) private {
        if (delta > 0) {
            manager.take(currency, address(this), uint256(delta));
        } else if (delta < 0 && currency == address(0)) {
            manager.settle{value: uint256(-delta)}();
        } else if (delta < 0) {
            manager.sync(currency);
            IMintable(currency).mint(address(manager), uint256(-delta));
            manager.settle();
        }
    }
}
