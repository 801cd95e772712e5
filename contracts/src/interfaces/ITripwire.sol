// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralParameters} from "./ICollateralParameters.sol";

/// @dev What the tripwire reads of a Uniswap v3 pool or a fork of one.
interface IUniswapV3PoolState {
    function token0() external view returns (address);
    function token1() external view returns (address);
    /// @dev Forks keep wider protocol fees than the original's uint8.
    function slot0()
        external
        view
        returns (
            uint160 sqrtPriceX96,
            int24 tick,
            uint16 observationIndex,
            uint16 observationCardinality,
            uint16 observationCardinalityNext,
            uint256 feeProtocol,
            bool unlocked
        );
    function observations(uint256 index)
        external
        view
        returns (
            uint32 blockTimestamp,
            int56 tickCumulative,
            uint160 secondsPerLiquidityCumulativeX128,
            bool initialized
        );
    function observe(uint32[] calldata secondsAgos)
        external
        view
        returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);
}

/// @dev What the tripwire reads of a Chainlink feed.
interface IPriceFeed {
    function decimals() external view returns (uint8);
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// @dev A wire as governance sets it.
struct Wire {
    /// @dev Uniswap v3 pool of the collateral and the debt asset.
    address pool;
    /// @dev Which of the pool's tokens is the collateral; the other counts as the debt asset.
    address collateral;
    /// @dev Chainlink feed of the price of one whole collateral in whole debt assets.
    address feed;
    /// @dev Length of each of the two windows; 0 = this pool proves by witness only.
    uint32 windowSeconds;
    /// @dev A feed's answer older than this is no price, seconds.
    uint32 maxFeedAge;
    /// @dev How far below the feed the pool must lie, bps.
    uint16 thresholdBps;
    /// @dev Least harmonic-mean liquidity of a stretch that proves anything, as the pool counts it; 0 = none.
    uint128 minLiquidity;
}

/// @dev A wire as it is kept, with what was read and computed when it was set.
///   slot     fields (bits)
///   0        pool 160 | windowSeconds 32 | maxFeedAge 32 | thresholdTicks 24 | collateralIsToken0 8 = 256
///   1        feed 160 | exponent 16 = 176
///   2        minLiquidity 128
struct ArmedWire {
    address pool;
    uint32 windowSeconds;
    uint32 maxFeedAge;
    /// @dev The threshold in ticks, rounded up.
    uint24 thresholdTicks;
    bool collateralIsToken0;
    address feed;
    /// @dev Power of ten from the feed's answer to raw units (libraries/DeviationLib.sol).
    int16 exponent;
    uint128 minLiquidity;
}

/// @title Permissionless trips with a proof from a pool (design.md 5.9).
/// @dev Ticks in errors and events are of the collateral's price in the debt asset, whatever the pool's token order.
interface ITripwire {
    // -------------------------------------------------------------------------------------------------- errors: proof

    error NoWire(bytes32 market);
    error FeedNotPositive(bytes32 market, int256 answer);
    error FeedStale(bytes32 market, uint256 updatedAt, uint256 blockTime, uint256 maxAgeSeconds);
    /// @dev The pool's price between two times (seconds ago) does not lie below the bar: feed less threshold.
    error NotBelow(bytes32 market, int256 tick, int256 bar, uint32 fromAgo, uint32 toAgo);
    error TooThin(bytes32 market, uint256 liquidity, uint256 minLiquidity, uint32 fromAgo, uint32 toAgo);
    error NoWitness(bytes32 market);
    error WitnessStands(bytes32 market, uint256 witnessBlock);
    error WitnessTooYoung(bytes32 market, uint256 witnessBlock, uint256 firstBlock);
    error WitnessTooOld(bytes32 market, uint256 witnessBlock, uint256 lastBlock);

    // -------------------------------------------------------------------------------------------------- errors: wires

    error WindowOutOfRange(uint256 window, uint256 least, uint256 most);
    error FeedAgeOutOfRange(uint256 maxFeedAge, uint256 most);
    error ThresholdOutOfRange(uint256 thresholdBps, uint256 least, uint256 most);
    error NotInPool(address pool, address collateral);
    error TooFewObservations(address pool, uint256 cardinality);
    error DoesNotAnswer(address target, bytes4 selector);
    error DecimalsOutOfRange(address target, uint256 decimals, uint256 most);
    error PricesDisagree(bytes32 market, int256 tick, int256 feedTick, uint256 thresholdTicks);

    // --------------------------------------------------------------------------------------------------------- events

    event WireSet(bytes32 indexed market, Wire wire, ArmedWire armed);
    event WireRemoved(bytes32 indexed market);
    event Witnessed(bytes32 indexed market, address indexed by, int256 tick, int256 bar);
    event Tripped(bytes32 indexed market, address indexed by, bool byMeans, int256 tick, int256 bar);

    // -------------------------------------------------------------------------------------------------------- anybody

    /// @notice Record that the pool closed the last block below the bar. A trip may rest on it from 3 to 256 blocks on.
    function witness(bytes32 market) external;

    /// @notice Raise a market to GUARDED. The pool must have closed the last block below the bar, and either both mean
    /// windows lie below it or, where the pool does not remember them, a witness does.
    function trip(bytes32 market) external;

    // ----------------------------------------------------------------------------------------------------- governance

    /// @notice Set a market's wire. The pool and the feed must agree within the threshold when it is set.
    function setWire(bytes32 market, Wire calldata wire) external;

    /// @notice Take a market's wire away.
    function removeWire(bytes32 market) external;

    // ---------------------------------------------------------------------------------------------------------- views

    /// @notice The contract whose markets are tripped.
    function parameters() external view returns (ICollateralParameters);

    /// @notice A market's wire; zeros when there is none.
    function wireOf(bytes32 market) external view returns (ArmedWire memory);

    /// @notice Block of the witness that stands; 0 = none.
    function witnessBlock(bytes32 market) external view returns (uint256);
}
