// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICollateralParameters} from "./interfaces/ICollateralParameters.sol";
import {ArmedWire, IPriceFeed, ITripwire, IUniswapV3PoolState, Wire} from "./interfaces/ITripwire.sol";
import {DeviationLib} from "./libraries/DeviationLib.sol";

/// @title Lets anybody raise a market to GUARDED with a proof that its oracle overvalues the collateral.
///
/// The proof is a Uniswap v3 pool that has been cheaper than the feed for longer than one transaction, and is so still:
/// either its mean tick over each of two adjacent windows, or its price at the end of two blocks at least three blocks
/// apart, when the pool's ring of observations does not reach back that far (or the wire names no window).
///
/// Warning: no price is ever taken from `slot0`. A swap moves it within a transaction, flash-loaned or inside a callback.
/// The price of the last second before this block's cannot be moved by this block, and needs no lock to be read: the
/// pool writes its observation before it moves its tick. So whoever wants to forge a proof must leave the price moved,
/// twice, across the end of a block, where arbitrage takes it from him.
///
/// Only a collateral that is cheaper than the feed says trips; one that is dearer hurts no lender. The pause that a false
/// trip could cause is bounded by the parameters' own budget and cool-down. Governance, through the authority, sets wires.
contract Tripwire is ITripwire, AccessManaged {
    // ---------------------------------------------------------------------------------------------------- constants

    /// @dev Seconds. Two windows of 10 minutes outlast any stretch of blocks that a proposer has been seen to hold.
    uint32 internal constant MIN_WINDOW = 10 minutes;
    uint32 internal constant MAX_WINDOW = 1 days;
    /// @dev Feeds beat at least once a day; older is no price.
    uint32 internal constant MAX_FEED_AGE = 2 days;
    /// @dev Below 1 %, a pool's fee and a feed's own deviation threshold would trip.
    uint16 internal constant MIN_THRESHOLD_BPS = 100;
    uint16 internal constant MAX_THRESHOLD_BPS = 5000;
    /// @dev Blocks between a witness and the trip that rests on it (design.md 5.9); an older one proves nothing any more.
    uint256 internal constant WITNESS_MIN_BLOCKS = 3;
    uint256 internal constant WITNESS_MAX_BLOCKS = 256;

    /// @inheritdoc ITripwire
    ICollateralParameters public immutable parameters;

    // ------------------------------------------------------------------------------------------------------ storage

    mapping(bytes32 market => ArmedWire) private _wires;
    mapping(bytes32 market => uint256) private _witnessBlocks;

    // -------------------------------------------------------------------------------------------------- constructor

    constructor(address authority_, ICollateralParameters parameters_) AccessManaged(authority_) {
        parameters = parameters_;
    }

    // ------------------------------------------------------------------------------------------------------ anybody

    /// @inheritdoc ITripwire
    function witness(bytes32 market) external {
        ArmedWire memory wire = _armed(market);
        uint256 witnessed = _witnessBlocks[market];
        // One that stands is never replaced, or its clock could be turned back for ever.
        if (witnessed != 0 && block.number <= witnessed + WITNESS_MAX_BLOCKS) revert WitnessStands(market, witnessed);
        int256 bar = _bar(market, wire);
        int256 tick = _requireBelow(market, wire, bar, 1, 0);
        _witnessBlocks[market] = block.number;
        emit Witnessed(market, msg.sender, tick, bar);
    }

    /// @inheritdoc ITripwire
    function trip(bytes32 market) external {
        ArmedWire memory wire = _armed(market);
        int256 bar = _bar(market, wire);
        bool byMeans = _reachesBack(wire);
        if (byMeans) {
            _requireBelow(market, wire, bar, 2 * wire.windowSeconds, wire.windowSeconds);
            _requireBelow(market, wire, bar, wire.windowSeconds, 0);
        } else {
            _requireWitness(market);
        }
        // After a rise the means lag behind a feed that is right: the price itself must be low still.
        int256 tick = _requireBelow(market, wire, bar, 1, 0);
        delete _witnessBlocks[market];
        emit Tripped(market, msg.sender, byMeans, tick, bar);
        parameters.trip(market);
    }

    /// @dev Where the collateral's price must lie below: the feed less the threshold, as a tick.
    function _bar(bytes32 market, ArmedWire memory wire) private view returns (int256) {
        (, int256 answer,, uint256 updatedAt,) = IPriceFeed(wire.feed).latestRoundData();
        if (answer <= 0) revert FeedNotPositive(market, answer);
        if (updatedAt > block.timestamp || block.timestamp - updatedAt > wire.maxFeedAge) {
            revert FeedStale(market, updatedAt, block.timestamp, wire.maxFeedAge);
        }
        return DeviationLib.feedTickDown(answer, wire.exponent) - int256(uint256(wire.thresholdTicks));
    }

    function _requireBelow(bytes32 market, ArmedWire memory wire, int256 bar, uint32 fromAgo, uint32 toAgo)
        private
        view
        returns (int256 tick)
    {
        uint256 liquidity;
        (tick, liquidity) = _mean(wire, fromAgo, toAgo);
        if (tick >= bar) revert NotBelow(market, tick, bar, fromAgo, toAgo);
        if (liquidity < wire.minLiquidity) revert TooThin(market, liquidity, wire.minLiquidity, fromAgo, toAgo);
    }

    /// @dev Mean tick of the collateral, at least, and mean liquidity of the pool between two times, in seconds ago.
    function _mean(ArmedWire memory wire, uint32 fromAgo, uint32 toAgo)
        private
        view
        returns (int256 tick, uint256 liquidity)
    {
        uint32[] memory ago = new uint32[](2);
        (ago[0], ago[1]) = (fromAgo, toAgo);
        (int56[] memory ticks, uint160[] memory perLiquidity) = IUniswapV3PoolState(wire.pool).observe(ago);
        // Both cumulatives of the pool wrap.
        unchecked {
            uint256 span = fromAgo - toAgo;
            tick = DeviationLib.meanTickUp(ticks[1] - ticks[0], span, wire.collateralIsToken0);
            liquidity = DeviationLib.meanLiquidity(perLiquidity[1] - perLiquidity[0], span);
        }
    }

    /// @dev Whether the pool remembers both windows. Asked of the ring and not by a failing `observe`, which a caller
    /// could bring about by giving too little gas.
    function _reachesBack(ArmedWire memory wire) private view returns (bool) {
        if (wire.windowSeconds == 0) return false;
        IUniswapV3PoolState pool = IUniswapV3PoolState(wire.pool);
        (,, uint16 index, uint16 cardinality,,,) = pool.slot0();
        (uint32 oldest,,, bool initialized) = pool.observations((uint256(index) + 1) % cardinality);
        if (!initialized) (oldest,,,) = pool.observations(0);
        // The pool's clock is the lower 32 bits of time; ages survive its overflow.
        unchecked {
            return uint32(block.timestamp) - oldest >= 2 * wire.windowSeconds;
        }
    }

    function _requireWitness(bytes32 market) private view {
        uint256 witnessed = _witnessBlocks[market];
        if (witnessed == 0) revert NoWitness(market);
        if (block.number < witnessed + WITNESS_MIN_BLOCKS) {
            revert WitnessTooYoung(market, witnessed, witnessed + WITNESS_MIN_BLOCKS);
        }
        if (block.number > witnessed + WITNESS_MAX_BLOCKS) {
            revert WitnessTooOld(market, witnessed, witnessed + WITNESS_MAX_BLOCKS);
        }
    }

    // --------------------------------------------------------------------------------------------------- governance

    /// @inheritdoc ITripwire
    function setWire(bytes32 market, Wire calldata asked) external restricted {
        _checkRanges(asked);
        ArmedWire memory wire = _arm(asked);
        // A wire that cannot be read now, or whose two prices disagree by more than the threshold either way (as with a
        // feed of the other direction or of other units), is refused.
        int256 bar = _bar(market, wire);
        (int256 tick,) = _mean(wire, 1, 0);
        int256 feedTick = bar + int256(uint256(wire.thresholdTicks));
        if (tick < bar || tick > feedTick + int256(uint256(wire.thresholdTicks))) {
            revert PricesDisagree(market, tick, feedTick, wire.thresholdTicks);
        }
        _wires[market] = wire;
        delete _witnessBlocks[market];
        emit WireSet(market, asked, wire);
    }

    /// @inheritdoc ITripwire
    function removeWire(bytes32 market) external restricted {
        _armed(market);
        delete _wires[market];
        delete _witnessBlocks[market];
        emit WireRemoved(market);
    }

    function _checkRanges(Wire calldata asked) private pure {
        uint32 window = asked.windowSeconds;
        if (window != 0 && (window < MIN_WINDOW || window > MAX_WINDOW)) {
            revert WindowOutOfRange(window, MIN_WINDOW, MAX_WINDOW);
        }
        if (asked.maxFeedAge == 0 || asked.maxFeedAge > MAX_FEED_AGE) {
            revert FeedAgeOutOfRange(asked.maxFeedAge, MAX_FEED_AGE);
        }
        if (asked.thresholdBps < MIN_THRESHOLD_BPS || asked.thresholdBps > MAX_THRESHOLD_BPS) {
            revert ThresholdOutOfRange(asked.thresholdBps, MIN_THRESHOLD_BPS, MAX_THRESHOLD_BPS);
        }
    }

    /// @dev Token order, decimals and threshold, read and computed once.
    function _arm(Wire calldata asked) private view returns (ArmedWire memory) {
        address token0 = address(uint160(_ask(asked.pool, IUniswapV3PoolState.token0.selector)));
        address token1 = address(uint160(_ask(asked.pool, IUniswapV3PoolState.token1.selector)));
        bool isToken0 = asked.collateral == token0;
        if (!isToken0 && asked.collateral != token1) revert NotInPool(asked.pool, asked.collateral);
        _ask(asked.pool, IUniswapV3PoolState.slot0.selector);
        // With a single observation, a swap earlier in the block would hide the price before it.
        (,,,, uint16 cardinality,,) = IUniswapV3PoolState(asked.pool).slot0();
        if (cardinality < 2) revert TooFewObservations(asked.pool, cardinality);
        return ArmedWire({
            pool: asked.pool,
            windowSeconds: asked.windowSeconds,
            maxFeedAge: asked.maxFeedAge,
            // A fall by 50 % is 6,932 ticks.
            thresholdTicks: uint24(DeviationLib.fallTicksUp(asked.thresholdBps)),
            collateralIsToken0: isToken0,
            feed: asked.feed,
            exponent: DeviationLib.exponentOf(
                _decimals(asked.collateral), _decimals(isToken0 ? token1 : token0), _decimals(asked.feed)
            ),
            minLiquidity: asked.minLiquidity
        });
    }

    function _decimals(address target) private view returns (uint8) {
        uint256 value = _ask(target, IPriceFeed.decimals.selector);
        if (value > 77) revert DecimalsOutOfRange(target, value, 77);
        return uint8(value);
    }

    /// @dev One word by name, or an error that says who did not answer.
    function _ask(address target, bytes4 selector) private view returns (uint256) {
        (bool ok, bytes memory answer) = target.staticcall(abi.encodePacked(selector));
        if (!ok || answer.length < 32) revert DoesNotAnswer(target, selector);
        return abi.decode(answer, (uint256));
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ITripwire
    function wireOf(bytes32 market) external view returns (ArmedWire memory) {
        return _wires[market];
    }

    /// @inheritdoc ITripwire
    function witnessBlock(bytes32 market) external view returns (uint256) {
        return _witnessBlocks[market];
    }

    function _armed(bytes32 market) private view returns (ArmedWire memory wire) {
        wire = _wires[market];
        if (wire.pool == address(0)) revert NoWire(market);
    }
}
